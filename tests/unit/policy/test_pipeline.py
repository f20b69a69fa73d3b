"""The request window finds the rate of a line, and never spirals down."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from jstorrent._core import lab

BLOCK = 16384


def run(rate: float, rtt: float, seconds: float, *, p: Any = None, begin: float = 0.0) -> tuple[float, int, float]:
    """A peer that answers in order over a line: the used share of the line, the last window, the last wait."""
    p = p or lab.Pipeline()
    now = line_free = begin
    outstanding = received = 0
    waited = 0.0
    arrivals: deque[tuple[float, float]] = deque()
    while True:
        for _ in range(p.refill(outstanding, now)):
            line_free = max(line_free, now + rtt / 2) + BLOCK / rate
            arrivals.append((line_free + rtt / 2, now))
            outstanding += 1
        at, sent = arrivals.popleft()
        if at > begin + seconds:
            return received / (rate * seconds), p.window, waited
        now, waited = at, at - sent
        outstanding -= 1
        received += BLOCK
        p.on_block(BLOCK, waited, now)


@pytest.mark.parametrize(
    ("rate", "rtt", "seconds", "share"),
    [
        (20e3, 0.5, 300, 0.95),
        (100e6, 0.1, 20, 0.90),
        (1e6, 0.2, 60, 0.95),
        (10e6, 0.01, 20, 0.95),
        (1e3, 2.0, 2000, 0.95),
        (30e6, 0.4, 40, 0.90),
    ],
)
def test_the_line_is_used(rate: float, rtt: float, seconds: float, share: float) -> None:
    used, _, _ = run(rate, rtt, seconds)
    assert used >= share


def test_a_slow_peer_is_asked_for_a_few_seconds_of_work() -> None:
    _, window, waited = run(20e3, 0.5, 300)
    assert window <= 8 and waited <= 8.0


def test_a_fast_near_peer_is_not_asked_for_seconds_of_work() -> None:
    _, window, _ = run(500e6, 0.0005, 5)
    assert 64 <= window <= 600


def test_a_window_that_a_slow_spell_shrank_grows_again_with_the_line() -> None:
    p = lab.Pipeline()
    run(20e3, 0.1, 120, p=p)
    small = p.window
    used, window, _ = run(10e6, 0.1, 60, p=p, begin=120)
    assert small <= 8 and window > 100 and used > 0.9


def test_it_starts_with_sixty_four_blocks_and_grows_with_each() -> None:
    p = lab.Pipeline()
    assert p.refill(0, 0) == p.window == 64 and p.is_probing
    for i in range(10):
        p.on_block(BLOCK, 0.1, 0.001 * i)
    assert p.window == 74


def test_it_refills_only_when_a_quarter_is_free() -> None:
    p = lab.Pipeline()
    assert p.refill(49, 0) == 0 and p.refill(48, 0) == 16 and p.refill(64, 0) == 0 and p.refill(999, 0) == 0


@pytest.mark.parametrize(
    ("reqq", "window"),
    [(1, 1), (0, 1), (-1, 1), (10, 10), (64, 64), (65, 64), (2**31, 64), (-(2**63), 1), (2**63 - 1, 64)],
)
def test_what_the_peer_can_queue_is_clamped(reqq: int, window: int) -> None:
    p = lab.Pipeline()
    p.on_reqq(reqq)
    assert p.window == p.refill(0, 0) == window


def test_the_limit_is_never_exceeded() -> None:
    p = lab.Pipeline(100)
    for i in range(1000):
        p.on_block(BLOCK, 0.5, 0.0001 * i)
        assert p.window <= 100
    assert p.window == 100
    p.set_limit(7)
    assert p.window == 7
    p.set_limit(0)
    assert p.window == 1


def test_a_time_out_begins_small_again_and_probes() -> None:
    p = lab.Pipeline()
    run(1e6, 0.1, 30, p=p)
    assert not p.is_probing
    p.on_timeout(100.0, 15.0)
    assert p.window == 4 and p.is_probing and p.best_rate == 0


def test_silence_pauses_for_a_time_out_twice_as_long_each_time_until_a_block_comes() -> None:
    p = lab.Pipeline()
    now, pauses = 15.0, []
    for _ in range(5):
        p.on_timeout(now, 15.0)
        assert p.is_silent and p.refill(0, now) == 0
        pauses.append(p.paused_until - now)
        now = p.paused_until + 15.0
    assert pauses == [15, 30, 60, 64, 64]
    p.on_late_block(now)
    assert not p.is_silent and p.refill(0, now) == p.window


def test_a_peer_that_gives_others_of_its_blocks_is_not_silent() -> None:
    p = lab.Pipeline()
    p.on_block(BLOCK, 1.0, 10.0)
    p.on_timeout(20.0, 15.0)
    assert not p.is_silent and p.refill(0, 20.0) > 0
    p.on_timeout(25.0, 15.0)
    assert p.is_silent


def test_an_unchoke_is_a_new_promise() -> None:
    p = lab.Pipeline()
    p.on_timeout(15.0, 15.0)
    p.on_unchoke()
    assert p.refill(0, 15.0) > 0


def test_what_timed_out_fills_the_window_until_it_was_answered() -> None:
    p = lab.Pipeline()
    p.on_block(BLOCK, 1.0, 99)
    p.on_timeout(100, 15, 10)
    assert p.patient_until == 115 and p.refill(0, 101) == 0
    for i in range(6):
        p.on_late_block(101 + i)
        assert p.refill(0, 101 + i) == 0
    p.on_late_block(110)
    assert p.refill(0, 110) == 1 and p.patient_until == 125
    for _ in range(5):
        p.on_late_block(111)
    assert p.refill(0, 111) == 4 and p.patient_until == 0


def test_what_comes_after_it_was_given_up_was_given_up_too_early() -> None:
    p = lab.Pipeline()
    assert p.time_limit(1) == 1
    limits = []
    for i in range(7):
        p.on_timeout(10 + i, 1, 3)
        p.on_late_block(10.5 + i)
        p.on_late_block(10.6 + i)  # once for each time that some expired
        limits.append(p.time_limit(1))
    assert limits == [2, 4, 8, 16, 30, 30, 30]
    assert p.time_limit(60) == 60  # who has that much time has enough
    p = lab.Pipeline()
    p.on_timeout(10, 1, 3)
    p.on_block(BLOCK, 0.5, 11)  # asked for since, or in time
    assert p.time_limit(1) == 1


def test_what_was_not_answered_within_a_time_out_is_lost() -> None:
    p = lab.Pipeline()
    p.on_block(BLOCK, 1.0, 99)
    p.on_timeout(100, 15, 10)
    assert p.refill(0, 114.9) == 0 and p.refill(0, 115) == 4
    p.on_timeout(115, 15, 3)
    p.on_block(BLOCK, 1.0, 116)
    assert p.patient_until == 0 and p.refill(0, 116) > 0


def test_a_choke_makes_the_peer_forget_what_it_owed() -> None:
    p = lab.Pipeline()
    p.on_block(BLOCK, 1.0, 99)
    p.on_timeout(100, 15, 64)
    assert p.refill(0, 101) == 0
    p.on_choke(101)
    assert p.refill(0, 101) == 4


def test_rejects_pause_twice_as_long_each_time_until_a_block_comes() -> None:
    p = lab.Pipeline()
    now, pauses = 0.0, []
    for _ in range(9):
        p.on_reject(now)
        p.on_reject(now)  # of the same burst
        assert p.refill(0, now) == 0
        pauses.append(p.paused_until - now)
        now = p.paused_until
        assert p.refill(0, now) == p.window
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 64, 64]
    p.on_block(BLOCK, 0.1, now)
    p.on_reject(now)
    assert p.paused_until - now == 1


def test_chokes_before_anything_came_halve_the_window_and_after_ten_they_pause() -> None:
    p = lab.Pipeline()
    windows, pauses, now = [], [], 0.0
    for _ in range(18):
        p.on_unchoke()
        now = max(now, p.paused_until)
        windows.append(p.refill(0, now))
        p.on_asked()
        p.on_choke(now)
        pauses.append(max(0, p.paused_until - now))
        p.on_unchoke()  # and again, without a question between them: that is nothing new
        p.on_choke(now)
    assert windows[:6] == [64, 32, 16, 8, 4, 4] and set(windows[6:]) == {4}
    assert pauses == [0] * 10 + [1, 2, 4, 8, 16, 32, 64, 64]
    p.on_unchoke()
    p.on_asked()
    p.on_block(BLOCK, 0.1, now + 64)
    p.on_choke(now + 64)
    p.on_unchoke()
    assert p.refill(0, now + 64) == p.window == 5


def test_a_late_block_tells_nothing_of_the_round_trip() -> None:
    p = lab.Pipeline()
    for i in range(200):
        p.on_block(BLOCK, 0.0, i * 0.1)
    assert p.window == 10  # one second's worth, without a round trip


@pytest.mark.parametrize(
    ("rate", "rtt", "least", "most"),
    [
        (100e6, 0.0005, 0.02, 0.02),  # the least patience
        (100e6, 0.1, 0.8, 0.81),  # 8 round trips
        (1e6, 0.001, 0.25, 0.30),  # 16 blocks
        (1e3, 1.0, 5.0, 5.0),  # the most
    ],
)
def test_patience_with_silence_follows_the_line(rate: float, rtt: float, least: float, most: float) -> None:
    p = lab.Pipeline()
    run(rate, rtt, 3 * max(1.0, BLOCK / rate), p=p)
    assert least <= p.stuck_after <= most


def steady(gaps: list[float], waited: float = 0.001) -> Any:
    """A peer on a short line whose blocks came in such intervals."""
    p = lab.Pipeline()
    now = 0.0
    p.on_block(BLOCK, waited, now)
    for gap in gaps:
        now += gap
        p.on_block(BLOCK, max(waited, gap), now)
    return p


def test_a_steady_peer_is_missed_sooner() -> None:
    assert steady([0.001] * 63).stuck_after == 0.05  # not known well enough
    assert steady([0.001] * 64).stuck_after == 0.02
    assert steady([0.001] * 32 + [0.01] + [0.001] * 31).stuck_after == pytest.approx(0.04)
    assert steady([0.001] * 32 + [0.03] + [0.001] * 31).stuck_after == 0.05


def test_an_old_gap_is_forgotten_by_and_by() -> None:
    assert steady([0.001] * 32 + [0.03] + [0.001] * 300).stuck_after == 0.02


def test_what_was_not_owed_for_long_is_no_gap() -> None:
    p = steady([0.001] * 300)
    p.on_block(BLOCK, 0.001, 10.0)
    assert p.stuck_after == 0.02


def test_a_peer_that_never_gave_anything_is_not_stuck_soon() -> None:
    assert lab.Pipeline().stuck_after == 5.0


def test_less_than_the_window_is_asked_for_where_others_need_the_room() -> None:
    p = lab.Pipeline()
    assert [p.refill(n, 0.0, most=32) for n in (0, 23, 24, 25, 32, 64)] == [32, 9, 8, 0, 0, 0]
    assert p.refill(0, 0.0, most=65) == 64
