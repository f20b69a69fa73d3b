"""Hashes are the same however many run together, wherever they run."""

from __future__ import annotations

import hashlib

from tests.conformance.harness import World


def data(size: int, salt: int) -> bytes:
    return hashlib.shake_128(salt.to_bytes(4, "big")).digest(size)


def test_one_message_over_several_spans(world: World) -> None:
    event = world.hash(b"a", b"", b"bc", sha1=True, sha256=True)
    assert event.error == "ok" and event.intact
    assert event.data["sha1"] == hashlib.sha1(b"abc").digest()
    assert event.data["sha256"] == hashlib.sha256(b"abc").digest()


def test_the_empty_message(world: World) -> None:
    assert world.hash(sha1=True).data["sha1"] == hashlib.sha1(b"").digest()
    assert world.hash(b"", sha256=True).data["sha256"] == hashlib.sha256(b"").digest()


def test_leaves_are_of_each_span(world: World) -> None:
    spans = [data(16384, 1), data(16384, 2), data(100, 3)]
    event = world.hash(*spans, sha1=True, leaves=True)
    assert event.data["leaves"] == [hashlib.sha256(s).digest() for s in spans]
    assert event.data["sha1"] == hashlib.sha1(b"".join(spans)).digest()


def test_many_of_one_round_with_mixed_lengths(world: World) -> None:
    messages = [data(size, size) for size in (0, 1, 55, 56, 63, 64, 65, 119, 120, 1000, 16384, 16385, 40000)] * 3
    ops: list[int] = []
    world.host.command(
        lambda: ops.extend(
            world.host.hash([m[: i * 7], m[i * 7 :]], sha1=True, sha256=i % 2 == 0, bulk=i % 5 == 0)
            for i, m in enumerate(messages)
        )
    )
    assert world.host.hash_pending <= len(messages)
    for i, (op, message) in enumerate(zip(ops, messages, strict=True)):
        found = world.done(op).data
        assert found["sha1"] == hashlib.sha1(message).digest()
        assert ("sha256" in found) == (i % 2 == 0)
        if i % 2 == 0:
            assert found["sha256"] == hashlib.sha256(message).digest()
    assert world.host.hash_pending == 0


def test_a_state_is_fed_in_order(world: World) -> None:
    parts = [data(n, n) for n in (1, 64, 1000, 16384, 0, 63)]
    first, second = world.host.new_state(), world.host.new_state()
    ops = [world.host.hash_more(first, [part[:10], part[10:]]) for part in parts]
    world.host.hash_more(second, [b"other"])
    last = world.host.hash_more(first, [b"end"], last=True)
    other = world.host.hash_more(second, [], last=True)
    assert world.done(last).data == hashlib.sha1(b"".join(parts) + b"end").digest()
    assert world.done(other).data == hashlib.sha1(b"other").digest()
    assert [world.done(op).error for op in ops] == ["ok"] * len(parts)


def test_a_large_message_in_bulk(world: World) -> None:
    blocks = [data(16384, i) for i in range(128)]
    event = world.hash(*blocks, sha1=True, sha256=True, bulk=True)
    assert event.data["sha1"] == hashlib.sha1(b"".join(blocks)).digest()
    assert event.data["sha256"] == hashlib.sha256(b"".join(blocks)).digest()
