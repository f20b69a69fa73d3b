"""What calls cost decides who makes them and how: hiccups are waited for, slow devices are not; long writes where they are cheap."""

from __future__ import annotations

import pytest
from jstorrent import _core

SLOW_CALL, TIMES, IN_ADVANCE, LEAST, MOST = 0.002, 50, 10, 0.1, 5.0
LONG, MIB = 1 << 20, 1 << 20
Runs = _core.lab.WriteRuns
FIRST_TRY, LAST_TRY, TRIES = Runs.first_try, Runs.last_try, Runs.tries
SHORT_PRICE = 0.25 / 1024  # seconds for a MiB


def device() -> _core.lab.SlowDevice:
    return _core.lab.SlowDevice(SLOW_CALL)


def test_a_hiccup_is_waited_for() -> None:
    one = device()
    one.on_call(SLOW_CALL * IN_ADVANCE, 1000.0)
    assert not one.is_slow(1000.0)
    one.on_call(SLOW_CALL * 1.001, 1000.0)  # one step beyond what is granted in advance
    assert one.is_slow(1000.0 + LEAST * 0.99)
    assert not one.is_slow(1000.0 + LEAST + 0.01)


def test_calls_that_are_not_slow_cost_nothing() -> None:
    one = device()
    for call in range(1000):
        one.on_call(SLOW_CALL, 1000.0 + call * SLOW_CALL)
    assert not one.is_slow(1002.0)


@pytest.mark.parametrize("took", [0.003, 0.01, 0.05])
def test_the_engine_waits_for_a_fiftieth_of_its_time(took: float) -> None:
    one, now, waited = device(), 1000.0, 0.0
    while now < 1100.0:
        if one.is_slow(now):
            now += 0.01
            continue
        now += took
        waited += took
        one.on_call(took, now)
    granted = SLOW_CALL * IN_ADVANCE
    assert 100.0 / TIMES * 0.9 < waited < 100.0 / TIMES + granted + took


def test_no_call_keeps_a_device_away_for_long() -> None:
    one = device()
    one.on_call(3600.0, 5000.0)
    assert one.is_slow(5000.0 + MOST - 0.01)
    assert not one.is_slow(5000.0 + MOST)


def write_short(runs: Runs, until_long: int) -> int:
    """Writes in short runs until long ones are tried; how many bytes that took."""
    written = 0
    while not runs.are_long and written <= until_long:
        runs.on_write(MIB, SHORT_PRICE)
        written += MIB
    return written


def test_cheap_long_runs_are_found_and_kept() -> None:
    runs = Runs()
    assert write_short(runs, LAST_TRY) == FIRST_TRY
    for _ in range(1000):
        runs.on_write(LONG, SHORT_PRICE / 2)
        assert runs.are_long


def test_long_runs_that_cost_more_are_given_up_after_a_few() -> None:
    runs = Runs()
    write_short(runs, LAST_TRY)
    for _ in range(TRIES):
        assert runs.are_long
        runs.on_write(LONG, SHORT_PRICE * 1.01)
    assert not runs.are_long


def test_one_write_that_is_much_too_dear_ends_them_at_once() -> None:
    runs = Runs()
    write_short(runs, LAST_TRY)
    for _ in range(TRIES * 10):
        runs.on_write(LONG, SHORT_PRICE / 2)
    assert runs.are_long
    runs.on_write(LONG, SHORT_PRICE * (TRIES + 0.1))
    assert not runs.are_long


def test_what_was_dear_is_tried_ever_more_rarely() -> None:
    runs, waits = Runs(), []
    for _ in range(12):
        waits.append(write_short(runs, 2 * LAST_TRY))
        runs.on_write(LONG, 1.0)
    assert waits == [min(FIRST_TRY << attempt, LAST_TRY) for attempt in range(12)]
    # Memory came back: who was cheap for as long as was waited is tried soon again.
    waited = write_short(runs, 2 * LAST_TRY)
    for _ in range(waited // LONG + TRIES):
        runs.on_write(LONG, SHORT_PRICE / 2)
    runs.on_write(LONG, 1.0)
    assert write_short(runs, LAST_TRY) <= 2 * FIRST_TRY
