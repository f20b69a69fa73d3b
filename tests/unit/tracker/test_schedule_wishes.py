"""What is wished of a schedule: announces before their time, also while a question is out."""

from __future__ import annotations

from typing import Any

import pytest
from jstorrent._core import lab

A = "http://a/announce"
NEVER = float("inf")


def running(*tiers: list[str]) -> Any:
    schedule = lab.TrackerSchedule(0)
    schedule.set_trackers([list(t) for t in tiers], 0.0)
    schedule.start(False, 0.0)
    return schedule


def test_what_is_wished_while_a_question_is_out_is_said_after_its_answer() -> None:
    s = running([A])
    s.next(0.0)
    s.on_worded()
    s.request(1.0)
    assert s.next(1.0) is None and s.deadline == NEVER
    s.on_reply(2.0, interval=1800.0, min_interval=300.0)
    assert s.deadline == 302.0 and s.next(302.0) == (A, "")
    s.on_reply(302.0, interval=1800.0)
    assert s.deadline == 302.0 + 1800.0, "once"


@pytest.mark.parametrize("end", ["worded", "withdrawn", "failed", "stopped"])
def test_a_wish_is_not_followed_twice(end: str) -> None:
    s = running([A])
    s.next(0.0)
    s.request(1.0)
    if end == "worded":
        s.on_worded()  # the question waited for its turn
    elif end == "withdrawn":
        s.withdraw()
    elif end == "failed":
        s.on_failure(1.0)
    else:
        s.stop()
        s.start(False, 1.0)
    if end != "worded":
        assert s.next(100.0) == (A, "started")
    s.on_reply(100.0, interval=1800.0)
    assert s.deadline == 1900.0


def test_who_is_not_the_user_asks_sooner_too_but_beats_no_back_off_and_no_never() -> None:
    s = running([A])
    s.next(0.0)
    s.on_reply(0.0, interval=1800.0, min_interval=300.0)
    s.hasten(10.0)
    assert s.deadline == 300.0 and s.next(300.0) == (A, "")
    for _ in range(3):
        s.on_failure(300.0)
        s.request(400.0)
        assert s.next(400.0)
    wait = s.on_failure(400.0)
    s.hasten(410.0)
    assert s.next(420.0) is None and s.deadline == pytest.approx(400.0 + wait)
    assert s.next(400.0 + wait) and s.on_failure(1000.0, never=True) is None
    s.hasten(2000.0)
    assert s.next(1e6) is None
