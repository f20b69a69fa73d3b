"""Rate limits are kept exactly and change at once; count limits are exact at n and n+1."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jstorrent._core import lab

INF = float("inf")
UNLIMITED = 2**64 - 1


def test_no_limit_grants_everything_and_sets_no_deadline() -> None:
    limit = lab.RateLimit(None)
    assert limit.take(10**15, 0.0) == 10**15 and limit.available(0.0) == UNLIMITED
    assert limit.deadline(10**15, 5.0) == 5.0
    limit.charge(10**15, 5.0)
    limit.give_back(5)
    assert limit.take(1, 5.0) == 1


def test_the_bucket_starts_empty_and_holds_half_a_second() -> None:
    limit = lab.RateLimit(1000)
    assert limit.take(10, 0.0) == 0
    assert limit.take(1000, 0.1) == 100
    assert limit.burst == 500 and limit.take(10_000, 100.0) == 500


def test_one_byte_per_second_works() -> None:
    limit = lab.RateLimit(1)
    got = [sum(limit.take(100, t + i / 10) for i in range(10)) for t in range(1, 11)]
    assert sum(got) == 10 and limit.deadline(100, 11.0) <= 12.0


def test_zero_lets_nothing_pass() -> None:
    limit = lab.RateLimit(0)
    assert limit.take(1, 1e6) == 0 and limit.deadline(1, 1e6) == INF and limit.deadline(0, 1e6) == 1e6
    limit.set_rate(10, 1e6)
    assert limit.deadline(1, 1e6) == pytest.approx(1e6 + 0.1)


def test_the_deadline_is_when_the_bytes_are_there() -> None:
    limit = lab.RateLimit(1000)
    at = limit.deadline(250, 0.0)
    assert at == 0.25
    assert limit.available(at - 1e-5) < 250 <= limit.available(at)
    assert limit.deadline(10**9, 0.25) == 0.5  # no more than a burst is waited for


def test_asking_often_loses_nothing() -> None:
    often, once = lab.RateLimit(3), lab.RateLimit(3)
    got = sum(often.take(5, i / 1000) for i in range(1, 100_001))
    assert got == 300
    assert once.take(5, 100.0) == 1


def test_a_new_rate_takes_effect_at_once() -> None:
    limit = lab.RateLimit(1)
    limit.set_rate(None, 1.0)
    assert limit.take(10**6, 1.0) == 10**6
    limit.set_rate(10_240, 1.0)
    assert limit.take(10**6, 1.0) == 0
    assert sum(limit.take(10**6, 1.0 + i / 10) for i in range(1, 21)) == 20_480


def test_what_could_not_be_held_back_is_paid_for() -> None:
    limit = lab.RateLimit(1000)
    limit.charge(2000, 0.0)
    assert limit.take(1, 1.9) == 0 and limit.deadline(100, 1.9) == pytest.approx(2.1)
    limit.charge(2**63, 3.0)
    assert limit.available(3.0) == 0
    limit.set_rate(500, 4.0)
    assert limit.take(9, 5.0) == 9  # a new rate begins without debts


def test_what_was_not_used_comes_back() -> None:
    limit = lab.RateLimit(1000)
    assert limit.take(400, 0.4) == 400
    limit.give_back(150)
    assert limit.available(0.4) == 150
    limit.give_back(2**63)
    assert limit.available(0.4) == 500


def test_faster_than_the_fastest_is_no_limit() -> None:
    assert lab.RateLimit(10**12).take(10**15, 1.0) == 5 * 10**11
    assert lab.RateLimit(10**12 + 1).take(10**15, 1.0) == 10**15


def test_two_limits_grant_what_both_allow() -> None:
    torrent, session = lab.RateLimit(1000), lab.RateLimit(400)
    assert lab.take_both(torrent, session, 10**6, 0.25) == 100
    assert (torrent.available(0.25), session.available(0.25)) == (150, 0)
    assert lab.deadline_both(torrent, session, 200, 0.25) == 0.75
    assert lab.take_both(lab.RateLimit(None), session, 7, 0.75) == 7


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 10**9),
    st.lists(st.tuples(st.integers(1, 3_000_000), st.integers(0, 10**10)), min_size=1, max_size=40),
)
def test_over_any_time_no_more_than_burst_and_rate(rate: int, steps: list[tuple[int, int]]) -> None:
    limit: Any = lab.RateLimit(rate)
    grants: list[tuple[int, int]] = []
    us = 0
    for wait, n in steps:
        us += wait
        grants.append((us, limit.take(n, us / 1e6)))
    for i in range(len(grants)):
        total = 0
        for at, granted in grants[i:]:
            total += granted
            assert total <= limit.burst + rate * (at - grants[i][0] + 2) // 1_000_000 + 1


@pytest.mark.parametrize("n", [0, 1, 5, 2**40])
def test_a_count_limit_is_exact(n: int) -> None:
    limit = lab.CountLimit(n)
    assert limit.admits_one_more(n - 1) if n else True
    assert not limit.admits_one_more(n) and not limit.admits_one_more(n + 1)
    assert limit.room(n) == limit.room(n + 1) == 0 and limit.room(0) == n
    assert limit.excess(n) == 0 and limit.excess(n + 1) == 1


def test_no_count_limit_admits_any_number() -> None:
    limit = lab.CountLimit(None)
    assert limit.admits_one_more(2**63) and limit.room(5) == UNLIMITED and limit.excess(2**63) == 0


def test_a_peer_is_asked_for_what_passes_a_limit_soon() -> None:
    block = 16384
    assert lab.RateLimit(None).blocks_within(2.0) == 2**32 - 1, "no bound"
    for rate, within in ((0, 1), (1, 1), (block // 2, 1), (block - 1, 1), (block, 2), (2 * block - 1, 3), (2 * block, 4)):
        assert lab.RateLimit(rate).blocks_within(2.0) == within


def test_who_has_waited_for_longer_comes_first_within_a_millisecond() -> None:
    later = [lab.behind_others(waited) for waited in (-1.0, 0.0, 0.001, 0.002, 1.0, 59.0, 60.0, 61.0)]
    assert later[0] == later[1] == 0.001 and later[-1] == later[-2] == 0.0
    assert later[1:-1] == sorted(set(later), reverse=True), "no two wait alike"
