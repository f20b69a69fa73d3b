"""While the loop has other work, patient hashes wait a little for company in the lanes; never long, never for want of room."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

import pytest
from jstorrent import _core

from tests.conformance.harness import World

CLOSE_TOGETHER, LONGEST_HOLD = 0.008, 0.1
MOST_HELD_BYTES = 16 * 1024 * 1024
MOST_LANES = 16


@pytest.fixture
def world() -> Iterator[World]:
    made = World("asio")
    yield made
    made.host.abandon()


def submit(
    world: World, message: bytes, times: int = 1, *, patient: bool = True, while_busy: bool = False
) -> list[int]:
    ops: list[int] = []
    world.host.command(
        lambda: ops.extend(
            world.host.hash([message], sha1=True, patient=patient, while_busy=while_busy) for _ in range(times)
        )
    )
    return ops


def calls() -> int:
    return int(_core.lab.tally()["hash_calls"])


def test_hashes_of_busy_rounds_share_a_call(world: World) -> None:
    began, before = time.monotonic(), calls()
    ops: list[int] = []
    for _ in range(4):  # each command is a turn, so its round is busy
        ops += submit(world, b"abc")
    in_time = time.monotonic() - began < CLOSE_TOGETHER
    assert calls() == before or not in_time, "a hash ran alone while company could come"
    assert {world.done(op).data["sha1"] for op in ops} == {hashlib.sha1(b"abc").digest()}
    assert calls() == before + 1 or not in_time


def test_with_nothing_else_to_do_one_alone_runs_at_once(world: World) -> None:
    before = calls()
    submit(world, b"abc")
    world.host.round(30.0)  # finds nothing ready, and neither sleeps nor waits any longer
    assert calls() == before + 1


def test_those_that_came_fast_wait_until_the_next_is_late(world: World) -> None:
    waits: list[float] = []
    for _ in range(5):  # one may be held up by others on the machine
        began, before = time.monotonic(), calls()
        ops = submit(world, b"abc") + submit(world, b"abc")
        in_time = time.monotonic() - began < CLOSE_TOGETHER
        while world.host.hash_pending:
            world.host.round(30.0)  # wakes when the hold is over, without any event
        waits.append(time.monotonic() - began)
        assert calls() == before + 1 or not in_time
        assert waits[-1] >= CLOSE_TOGETHER or not in_time
        for op in ops:
            world.done(op)
    assert min(waits) < LONGEST_HOLD


def test_however_many_follow_the_first_waits_no_more_than_the_longest_hold(world: World) -> None:
    before = calls()
    began, submitted = time.monotonic(), 2
    submit(world, b"abc", 2)  # the second shows that more come soon
    last = began
    while calls() == before:
        world.host.round(0)
        if time.monotonic() - last > CLOSE_TOGETHER * 0.92:  # sixteen do not come within the hold
            last = time.monotonic()
            submit(world, b"abc")
            submitted += 1
    assert submitted < MOST_LANES or time.monotonic() - began < LONGEST_HOLD


def test_what_others_wait_for_waits_only_while_there_is_other_work(world: World) -> None:
    before = calls()
    ops = submit(world, b"abc") + submit(world, b"abc", while_busy=True)
    world.host.round(0)  # nothing happens in it, and it does not sleep
    assert world.host.hash_pending == 0 and calls() <= before + 2
    for op in ops:
        world.done(op)


@pytest.mark.parametrize(("size", "times"), [(MOST_HELD_BYTES, 1), (1, MOST_LANES)])
def test_enough_of_them_do_not_wait(world: World, size: int, times: int) -> None:
    before = calls()
    submit(world, bytes(size), times)
    assert calls() == before + 1


def test_one_without_patience_takes_the_others_along(world: World) -> None:
    before = calls()
    ops = submit(world, b"abc") + submit(world, b"abc", patient=False)
    assert before < calls() <= before + 2  # two only where the first had waited for too long
    assert world.host.hash_pending == 0
    for op in ops:
        world.done(op)


def test_an_abandoned_world_hashes_nothing_more(world: World) -> None:
    submit(world, b"abc")
    before = calls()
    world.host.abandon()
    assert not world.host.round(0) and calls() == before
