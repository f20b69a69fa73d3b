"""Hashes are the same however many run together, wherever they run."""

from __future__ import annotations

import hashlib

import pytest

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


@pytest.mark.parametrize("bulk", [(False,), (True,), (True, False)])
def test_states_are_fed_in_order_however_many_there_are(world: World, bulk: tuple[bool, ...]) -> None:
    parts = [[data(n, n + salt) for n in (1, 64, 1000, 16384, 0, 63, 65)] for salt in range(20)]
    states = [world.host.new_state() for _ in parts]
    ops: list[int] = []
    last: list[int] = []

    def feed_all() -> None:
        for i in range(len(parts[0])):
            for j, state in enumerate(states):
                part = parts[j][i]
                spans = [part[:j], part[j:]]
                ops.append(world.host.hash_more(state, spans, bulk=bulk[(i + j) % len(bulk)]))
        last.extend(world.host.hash_more(state, [b"end"], last=True, bulk=bulk[0]) for state in states)

    world.host.command(feed_all)
    assert [world.done(op).data for op in last] == [hashlib.sha1(b"".join(p) + b"end").digest() for p in parts]
    assert {world.done(op).error for op in ops} == {"ok"}
    assert all(world.done(op).intact for op in ops)
    assert world.host.hash_pending == 0


def test_an_ended_state_starts_anew(world: World) -> None:
    state = world.host.new_state()
    assert world.done(world.host.hash_more(state, [b"one"], last=True)).data == hashlib.sha1(b"one").digest()
    assert world.done(world.host.hash_more(state, [], last=True)).data == hashlib.sha1(b"").digest()


def test_a_large_message_in_bulk(world: World) -> None:
    blocks = [data(16384, i) for i in range(128)]
    event = world.hash(*blocks, sha1=True, sha256=True, bulk=True)
    assert event.data["sha1"] == hashlib.sha1(b"".join(blocks)).digest()
    assert event.data["sha256"] == hashlib.sha256(b"".join(blocks)).digest()
