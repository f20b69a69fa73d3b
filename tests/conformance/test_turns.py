"""Turns and rounds: what runs when, and what happens when a rule is broken (architecture, section 2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jstorrent import _core

from tests.conformance.harness import WORLDS, World


def test_no_completion_is_ever_inline_and_each_comes_once(world: World, tmp_path: Path) -> None:
    near, far = world.pair()
    host = world.host
    directory = str(tmp_path / "d")
    ops = [
        host.disk("mkdirs", path=directory),
        host.disk("stat", path=directory + "/missing"),
        host.disk("read", file=77, sizes=[1]),
        host.hash([b"abc"], sha1=True),
        host.write(near, [b"x"]),
        host.readable(far),
        host.connect("127.0.0.1:1"),
        host.resolve("127.0.0.1"),
        host.accept(world.listen()),
    ]
    for op in ops[:-1]:
        world.done(op)
    world.quiet_rounds()
    assert [len(world.completions(op)) for op in ops] == [1] * 8 + [0]
    assert not [e for e in world.log if e.is_inline]


def test_an_operation_submitted_in_a_turn_completes_in_a_later_turn(world: World) -> None:
    later: list[int] = []
    first = world.host.hash([b"a"], sha1=True)
    near, _far = world.pair()

    def in_turn(event: Any) -> None:
        later.append(world.host.hash([b"b"], sha1=True))
        later.append(world.host.write(near, [b"b"]))

    outer = world.host.write(near, [b"a"], then=in_turn)
    turn = world.done(outer).turn
    assert [world.done(op).turn > turn for op in later] == [True, True]
    assert not [e for e in world.log if e.is_inline]
    world.done(first)


def test_a_handler_may_submit_the_next_of_its_kind(world: World) -> None:
    near, far = world.pair()
    again: list[int] = []
    world.done(world.host.write(near, [b"1"], then=lambda _: again.append(world.host.write(near, [b"2"]))))
    assert world.done(again[0]).error == "ok"
    assert world.read_exactly(far, 2) == b"12"


def test_a_round_ends_after_its_turns_and_not_without_any(world: World) -> None:
    world.host.round(0)
    world.collect()
    world.log.clear()
    assert not world.host.round(0)
    assert world.collect() == []
    world.done(world.host.hash([b"a"], sha1=True))
    kinds = [e.kind for e in world.log]
    at = kinds.index("hash")
    assert "round_end" in kinds[at:] or any(e.kind == "round_end" for e in world.collect())


def test_turns_see_one_time_that_never_goes_back(world: World) -> None:
    times: list[float] = []

    def in_turn(event: Any) -> None:
        times.extend([event.now, world.host.now, world.host.now])

    world.done(world.host.resolve("127.0.0.1"))
    for _ in range(3):
        listener = world.listen()
        accept = world.host.accept(listener, then=in_turn)
        world.host.connect(world.host.local(listener))
        world.done(accept)
    assert times[0] == times[1] == times[2]
    assert times == sorted(times) and times[0] >= 0


# ---- the wake-up ----


def test_a_wake_up_comes_once_and_not_early(world: World) -> None:
    start = world.host.now
    world.host.wake_after(0.03)
    world.until(lambda: bool(world.events("wake")), "the wake-up")
    assert world.events("wake")[0].now >= start + 0.03
    world.quiet_rounds()
    assert len(world.events("wake")) == 1


def test_a_later_wish_replaces_the_earlier(world: World) -> None:
    world.host.wake_after(0.01)
    start = world.host.now
    world.host.wake_after(0.05)
    world.until(lambda: bool(world.events("wake")), "the wake-up")
    assert world.events("wake")[0].now >= start + 0.05
    world.quiet_rounds()
    assert len(world.events("wake")) == 1


def test_an_earlier_wish_replaces_the_later(world: World) -> None:
    world.host.wake_after(60)
    world.host.wake_after(0.01)
    world.until(lambda: bool(world.events("wake")), "the wake-up")
    assert world.events("wake")[0].now < world.host.now + 59


def test_a_wish_taken_back_gives_no_wake_up(world: World) -> None:
    world.host.wake_after(0.005)
    world.host.wake_after(-1)
    world.quiet_rounds()
    assert world.events("wake") == []


def test_a_wish_for_now_is_granted_in_the_next_round(world: World) -> None:
    world.host.wake_after(0)
    world.until(lambda: bool(world.events("wake")), "the wake-up")
    assert not world.events("wake")[0].is_inline


def test_a_round_waits_for_no_more_than_the_wake_up(world: World) -> None:
    world.host.wake_after(0.02)
    assert world.host.round(30.0) or world.host.round(30.0)
    assert len(world.events("wake")) == 1


# ---- rules broken ----


def test_a_broken_rule_ends_its_turn_and_nothing_else(world: World) -> None:
    broken = world.host.hash([b"a"], sha1=True)
    near, far = world.pair()
    first = world.host.write(near, [b"x"], then=lambda _: _core.lab.broken_rule())
    other = world.host.readable(far)
    world.done(first)
    assert world.done(other).error == "ok"
    told = world.events("broken")
    assert len(told) == 1 and "on purpose" in told[0].data
    assert world.done(broken).error == "ok"


def test_a_broken_rule_in_a_command_is_caught(world: World) -> None:
    world.host.command(_core.lab.broken_rule)
    assert "on purpose" in world.events("broken")[0].data
    assert world.hash(b"a", sha1=True).error == "ok"


@pytest.mark.parametrize("what", ["readable", "write", "accept"])
def test_a_second_operation_of_a_kind_is_a_broken_rule(world: World, what: str) -> None:
    near, _far = world.pair()
    if what == "readable":
        ops = [world.host.readable(near), world.host.readable(near)]
    elif what == "write":
        ops = []
        world.host.command(lambda: ops.extend(world.host.write(near, [b"x"]) for _ in range(2)))
    else:
        listener = world.listen()
        ops = [world.host.accept(listener), world.host.accept(listener)]
    world.quiet_rounds()
    assert len(world.events("broken")) == 1
    assert len(ops) < 2 or world.completions(ops[1]) == []


def test_reading_outside_the_turn_of_its_readable_is_a_broken_rule(world: World) -> None:
    near, far = world.pair()
    world.write_all(near, b"x")
    world.done(world.host.readable(far, sizes=[]))
    world.host.read_now(far, [1])
    assert len(world.events("broken")) == 1


# ---- the end ----


def test_after_abandoning_nothing_completes(world: World, tmp_path: Path) -> None:
    near, far = world.pair()
    file = world.open_in(tmp_path)
    host = world.host
    ops = [
        host.readable(near),
        host.accept(world.listen()),
        host.disk("write", file=file, data=[b"x" * 100]),
        host.disk("sync_file", file=file),
        host.hash([b"a"], sha1=True),
        host.hash([b"a" * 100000], sha1=True, bulk=True),
        host.resolve("127.0.0.1"),
    ]
    world.host.wake_after(0)
    world.collect()
    before = {op: len(world.completions(op)) for op in ops}
    world.host.abandon()
    wakes = len(world.events("wake"))
    world.quiet_rounds(10)
    assert {op: len(world.completions(op)) for op in ops} == before
    assert len(world.events("wake")) == wakes
    world.host.drop(near)
    world.host.drop(far)


# ---- luck ----


@pytest.mark.parametrize("name", WORLDS)
def test_luck_is_named_by_seed_entity_and_purpose(name: str) -> None:
    first, again, other = World(name, seed=5).host, World(name, seed=5).host, World(name, seed=6).host
    assert first.luck(1, "choke", 4) == again.luck(1, "choke", 4)
    assert first.luck(1, "choke", 4) == first.luck(1, "choke", 4)
    assert len({tuple(h.luck(e, p, 4)) for h in (first, other) for e in (1, 2) for p in ("choke", "pick")}) == 8


def test_secret_bytes_differ_each_time(world: World) -> None:
    assert len({world.host.secret(16) for _ in range(4)}) == 4
    assert len(world.host.secret(33)) == 33
