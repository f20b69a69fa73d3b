"""When a torrent that failed at its disk tries again by itself, and which failures are news."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jstorrent._core import lab

Retry = lab.DiskRetry


def test_the_wait_doubles_from_five_seconds_to_five_minutes_and_only_the_first_is_news() -> None:
    retry, now = Retry(), 100.0
    waits, news = [], []
    for _ in range(9):
        at, is_news = retry.on_failure("disk_full", now)
        waits.append(at - now)
        news.append(is_news)
        retry.on_running(at)
        now = at + 1
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert news == [True] + [False] * 8
    assert (Retry.first_wait, Retry.longest_wait, Retry.calm) == (5, 300, 60)


@pytest.mark.parametrize(("ran", "wait", "is_news"), [(59.999, 10, False), (60.0, 5, True)])
def test_a_minute_without_failure_ends_the_trouble(ran: float, wait: float, is_news: bool) -> None:
    retry = Retry()
    at, _ = retry.on_failure("disk_io", 0)
    retry.on_running(at)
    assert retry.on_failure("disk_io", at + ran) == (at + ran + wait, is_news)


def test_a_check_that_fails_after_hours_is_no_minute_of_running() -> None:
    retry = Retry()
    retry.on_failure("disk_io", 0)
    assert retry.on_failure("disk_io", 7200) == (7210, False)


def test_what_the_user_starts_and_does_not_get_is_news() -> None:
    retry = Retry()
    retry.on_failure("disk_full", 0)
    retry.on_failure("disk_full", 5)
    retry.on_user()
    assert retry.on_failure("disk_full", 6) == (11, True)


PASSING = {
    "disk_full", "disk_quota", "disk_io", "disk_timeout", "short_write", "short_read", "read_only", "not_found", "too_many_open",
}  # fmt: skip
LASTING = {
    "symlink", "is_directory", "not_directory", "not_a_file", "name_too_long", "file_too_large", "permission", "exists",
    "internal", "bad_path",
}  # fmt: skip


@pytest.mark.parametrize("error", sorted(PASSING | LASTING))
def test_only_what_time_may_mend_is_tried_again(error: str) -> None:
    assert Retry.may_pass(error) == (error in PASSING)
    at, is_news = Retry().on_failure(error, 1)
    assert (at == 6) if error in PASSING else math.isinf(at)
    assert is_news


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from(["fail", "run", "user"]), st.integers(0, 400)), max_size=40))
def test_a_wait_is_always_within_its_bounds(deeds: list[tuple[str, int]]) -> None:
    retry, now = Retry(), 0.0
    for deed, passed in deeds:
        now += passed
        if deed == "run":
            retry.on_running(now)
        elif deed == "user":
            retry.on_user()
        else:
            at, is_news = retry.on_failure("disk_full", now)
            assert 5 <= at - now <= 300
            assert not is_news or at - now == 5
