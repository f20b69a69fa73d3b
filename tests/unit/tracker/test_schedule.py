"""Who is asked when, and with which event; tiers; back-off; a slow model of what each tracker has heard."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from jstorrent._core import lab

LIMITS = lab.tracker_limits
A, B, C = "http://a/announce", "udp://b:1", "https://c/announce"
NEVER = float("inf")


def running(*tiers: list[str], complete: bool = False, now: float = 0.0, seed: int = 0) -> Any:
    schedule = lab.TrackerSchedule(seed)
    schedule.set_trackers([list(t) for t in tiers], now)
    schedule.start(complete, now)
    return schedule


def facts(schedule: Any, url: str) -> dict[str, Any]:
    return next(t for t in schedule.trackers if t["url"] == url)


# -- rounds and tiers -------------------------------------------------------------------------------------------------


def test_the_first_announce_is_at_once_and_the_next_after_the_interval() -> None:
    s = running([A])
    assert s.deadline == 0.0 and s.next(0.0) == (A, "started")
    assert s.next(0.0) is None and s.deadline == NEVER  # one at a time
    s.on_reply(2.0, interval=100.0)
    assert s.deadline == 102.0 and s.next(101.9) is None
    assert s.next(102.0) == (A, "")


def test_nothing_is_asked_before_the_start_or_without_trackers() -> None:
    s = lab.TrackerSchedule()
    s.set_trackers([[A]], 0.0)
    assert s.next(0.0) is None and s.deadline == NEVER
    s = running()
    assert s.next(0.0) is None and s.deadline == NEVER


def test_a_question_that_never_left_us_is_as_if_nobody_had_been_asked() -> None:
    s = running([A])
    assert s.next(0.0) == (A, "started")
    s.withdraw()
    assert not s.asking and s.next(1.0) == (A, "started")
    s.withdraw()
    assert s.stop() == [], "it never heard of us"


def test_tiers_are_tried_in_order_until_one_answers() -> None:
    s = running([A], [B], [C])
    assert s.next(0.0)[0] == A
    s.on_failure(1.0)
    assert s.deadline == 0.0 and s.next(1.0)[0] == B
    s.on_reply(2.0, interval=1000.0)
    assert s.deadline == 1002.0
    assert s.next(1002.0) == (A, "started")  # the first tier again


def test_all_of_a_tier_come_before_the_next_tier() -> None:
    first = [f"http://t{i}/announce" for i in range(5)]
    s = running(first, [B])
    asked = []
    for _ in range(5):
        asked.append(s.next(0.0)[0])
        s.on_failure(0.0)
    assert sorted(asked) == first and s.next(0.0)[0] == B


def test_a_tier_is_shuffled_by_the_seed_and_whoever_answers_moves_to_its_front() -> None:
    tier = [f"http://t{i}/announce" for i in range(6)]
    orders = {tuple(t["url"] for t in running(tier, seed=seed).trackers) for seed in range(10)}
    assert len(orders) > 5
    assert [t["url"] for t in running(tier, seed=3).trackers] == [t["url"] for t in running(tier, seed=3).trackers]
    s = running(tier, [B])
    order = [t["url"] for t in s.trackers]
    for _ in range(3):
        s.next(0.0)
        s.on_failure(0.0)
    assert s.next(0.0)[0] == order[3]
    s.on_reply(0.0)
    assert [t["url"] for t in s.trackers] == [order[3], *order[:3], *order[4:]]


# -- failures ---------------------------------------------------------------------------------------------------------


def test_failures_wait_twice_as_long_each_time_up_to_an_hour() -> None:
    s = running([A])
    now, expected = 0.0, LIMITS["first_retry"]
    for n in range(1, 14):
        assert s.next(now)[0] == A
        wait = s.on_failure(now)
        assert expected <= wait <= expected * 1.25, n
        assert facts(s, A)["failures"] == n and facts(s, A)["next"] == pytest.approx(now + wait)
        assert s.next(now + wait - 0.01) is None
        now += wait + 0.01
        expected = min(expected * 2, LIMITS["longest_retry"])
    assert expected == LIMITS["longest_retry"]
    s.next(now)
    s.on_reply(now)
    assert facts(s, A)["failures"] == 0


def test_who_failed_is_not_asked_again_before_all_others_were() -> None:
    """Ten silent trackers of half a minute each: the first would be due again when the second has failed."""
    tiers = [[f"http://t{i}/announce"] for i in range(10)]
    s = running(*tiers)
    now, asked = 0.0, []
    for _ in range(20):
        asked.append([s.next(now)[0]])
        now += 30.0
        s.on_failure(now)
    assert asked == tiers + tiers
    assert s.next(now)[0] == tiers[0][0]
    s.on_reply(now, interval=1000.0)
    assert s.next(now + 1000.0)[0] == tiers[0][0], "an answer ends the round: the next begins with the first tier"


def test_after_so_many_failures_in_a_row_the_others_are_asked_one_a_second() -> None:
    haste, step = LIMITS["most_in_haste"], LIMITS["slow_step"]
    s = running([f"http://victim/{i}/announce" for i in range(1024)])
    for _ in range(haste):
        assert s.next(0.0) and s.on_failure(0.0)
    assert s.deadline == 0.0 and s.next(0.0)
    s.on_failure(0.0)
    for now in (step, 2 * step):
        s.request(now - 0.01)
        assert s.deadline == now and s.next(now - 0.01) is None and s.next(now)
        s.on_failure(now)
    s.next(3 * step)
    s.on_reply(3 * step, interval=100.0)
    assert s.deadline == 3 * step + 100.0 and s.next(s.deadline) and s.on_failure(500.0)
    assert s.next(500.0), "an answer ends it"


def test_retry_in_replaces_the_back_off_also_for_the_user() -> None:
    s = running([A])
    s.next(0.0)
    assert s.on_failure(0.0, retry_in=600.0) == 600.0
    s.request(1.0)
    assert s.next(599.0) is None and s.next(600.0) == (A, "started")


def test_never_is_never_until_the_user_asks() -> None:
    s = running([A], [B])
    s.next(0.0)
    assert s.on_failure(0.0, never=True) is None
    assert s.next(0.0)[0] == B
    s.on_failure(0.0, never=True)
    assert s.next(1e9) is None and s.deadline == NEVER
    s.request(1e9)
    assert s.next(1e9)[0] == A


def test_a_stop_and_a_start_reset_no_back_off() -> None:
    s = running([A])
    s.next(0.0)
    wait = s.on_failure(0.0)
    s.stop()
    s.start(False, 1.0)
    assert s.next(1.0) is None and s.deadline == wait


def test_the_user_may_ask_sooner_but_not_sooner_than_the_tracker_allows() -> None:
    s = running([A])
    s.next(0.0)
    s.on_reply(0.0, interval=1800.0, min_interval=300.0)
    s.request(10.0)
    assert s.deadline == 300.0 and s.next(299.0) is None and s.next(300.0) == (A, "")
    s.on_reply(300.0, interval=1800.0)
    s.request(301.0)
    assert s.deadline == 300.0 + LIMITS["least_interval"]


def test_what_we_can_not_speak_to_is_listed_and_never_asked() -> None:
    s = running(["ws://x/announce", "http://bad url/"], [A])
    assert s.next(0.0)[0] == A
    assert [t["supported"] for t in s.trackers] == [False, False, True]
    assert facts(s, "ws://x/announce")["message"] == "not supported"


# -- events -----------------------------------------------------------------------------------------------------------


def test_completed_is_said_at_once_and_once() -> None:
    s = running([A])
    s.next(0.0)
    s.on_reply(0.0)
    s.on_complete()
    assert s.deadline <= 5.0 and s.next(5.0) == (A, "completed")
    s.on_reply(5.0)
    assert s.next(5.0) is None and s.next(5.0 + 1800) == (A, "")


def test_completed_is_said_again_when_it_was_not_heard() -> None:
    s = running([A])
    s.next(0.0)
    s.on_reply(0.0)
    s.on_complete()
    assert s.next(5.0) == (A, "completed")
    wait = s.on_failure(5.0)
    assert s.deadline == 5.0 + wait and s.next(5.0 + wait) == (A, "completed")


def test_who_starts_complete_never_completes() -> None:
    s = running([A], complete=True)
    assert s.next(0.0) == (A, "started")
    s.on_reply(0.0)
    s.on_complete()
    assert s.next(1.0) is None and s.next(1800.0) == (A, "")


def test_a_download_that_ends_while_started_is_on_its_way_is_completed_after_it() -> None:
    s = running([A])
    assert s.next(0.0) == (A, "started")
    s.on_complete()
    s.on_reply(1.0)
    assert s.next(1.0) == (A, "completed")


def test_everybody_who_heard_that_we_were_not_hears_completed() -> None:
    s = running([A], [B])
    s.next(0.0)
    s.on_failure(0.0)
    assert s.next(0.0) == (B, "started")
    s.on_reply(0.0, interval=1000.0)
    assert s.next(1000.0) == (A, "started")
    s.on_reply(1000.0)
    s.on_complete()
    assert s.next(1001.0) == (A, "completed")
    s.on_reply(1001.0)
    assert s.next(1001.0) == (B, "completed")
    s.on_reply(1001.0)
    assert s.next(1001.0) is None


def test_stop_names_those_who_know_us_or_may() -> None:
    s = running([A], [B])
    assert s.stop() == []
    s.start(False, 0.0)
    s.next(0.0)
    s.on_failure(0.0)
    s.next(0.0)
    assert s.stop() == [B]  # on its way: it may have heard us
    assert s.stop() == []
    s.start(False, 10.0)
    assert s.next(10.0) == (B, "started")
    s.on_reply(10.0)
    assert s.stop() == [B]
    s.start(True, 11.0)
    assert s.next(11.0) == (B, "started")  # no min interval between a stop and a start


# -- changes of the list ----------------------------------------------------------------------------------------------


def test_what_is_known_of_a_url_that_stays_is_kept_and_who_goes_is_named() -> None:
    s = running([A], [B])
    s.next(0.0)
    s.on_reply(0.0, interval=500.0)
    assert s.set_trackers([[B, A]], 10.0) == []
    assert s.next(10.0) is None and s.deadline == 500.0 and facts(s, A)["knows_us"]
    assert s.set_trackers([[C]], 20.0) == [A]
    assert s.next(20.0) == (C, "started")


def test_the_one_being_asked_may_go() -> None:
    s = running([A])
    s.next(0.0)
    assert s.set_trackers([[B]], 1.0) == [A]
    assert not s.asking and s.next(1.0) == (B, "started")


def test_a_url_counts_once_and_one_more_than_max_trackers_is_left_out() -> None:
    s = running([A, A], [A, B], [B])
    assert [(t["url"], t["tier"]) for t in s.trackers] == [(A, 0), (B, 1)]
    most = LIMITS["max_trackers"]
    s.set_trackers([[f"http://t{i}/announce" for i in range(most + 1)]], 0.0)
    assert len(s.trackers) == most


# -- a slow model -----------------------------------------------------------------------------------------------------


class ScheduleMachine(RuleBasedStateMachine):
    """What each tracker has heard, kept by hand: the schedule must never say anything twice or out of order."""

    @initialize(seed=st.integers(0, 9), trackers=st.integers(1, 4), complete=st.booleans())
    def begin(self, seed: int, trackers: int, complete: bool) -> None:
        self.now = 0.0
        self.urls = [f"http://t{i}/announce" for i in range(trackers)]
        self.s = running(*[[u] for u in self.urls], complete=complete, seed=seed)
        self.complete = complete
        self.heard: dict[str, str] = {}  # url -> "downloading" or "complete"
        self.may_again: dict[str, float] = {}
        self.asked: tuple[str, str, bool] | None = None
        self.runs = True

    @precondition(lambda self: self.asked is None)
    @rule(wait=st.floats(0, 4000))
    def ask(self, wait: float) -> None:
        self.now += wait
        ask = self.s.next(self.now)
        if ask is None:
            assert not self.runs or self.s.deadline > self.now
            return
        assert self.runs
        url, event = ask
        if url not in self.heard:
            assert event == "started"
        elif self.complete and self.heard[url] == "downloading":
            assert event == "completed"
        else:
            assert event == "" and self.now >= self.may_again[url]
        self.asked = (url, event, self.complete)

    @precondition(lambda self: self.asked is not None)
    @rule(interval=st.floats(60, 4000))
    def reply(self, interval: float) -> None:
        assert self.asked is not None
        url, _, complete = self.asked
        self.s.on_reply(self.now, interval=interval, min_interval=60.0)
        if self.heard.get(url) != "complete":
            self.heard[url] = "complete" if complete else "downloading"
        self.may_again[url] = self.now + 60.0
        self.asked = None

    @precondition(lambda self: self.asked is not None)
    @rule(retry_in=st.one_of(st.none(), st.floats(60, 1000)))
    def failure(self, retry_in: float | None) -> None:
        wait = self.s.on_failure(self.now, retry_in=retry_in)
        if retry_in is None:
            assert wait >= LIMITS["first_retry"]
        else:
            assert wait == pytest.approx(retry_in)
        self.asked = None

    @rule()
    def finish(self) -> None:
        self.complete = True
        self.s.on_complete()

    @rule()
    def wish(self) -> None:
        self.s.request(self.now)

    @precondition(lambda self: self.runs)
    @rule()
    def stop(self) -> None:
        may_know = set(self.heard) | ({self.asked[0]} if self.asked else set())
        assert sorted(self.s.stop()) == sorted(may_know)
        self.heard, self.asked, self.runs = {}, None, False

    @precondition(lambda self: not self.runs)
    @rule()
    def start(self) -> None:
        self.s.start(self.complete, self.now)
        self.runs = True

    @invariant()
    def somebody_will_be_asked(self) -> None:
        if self.runs and self.asked is None:
            assert self.s.deadline < NEVER


ScheduleMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestSchedule = ScheduleMachine.TestCase


@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_waits_the_same(seed: int) -> None:
    def waits() -> list[float]:
        s, now, out = running([A], seed=seed), 0.0, []
        for _ in range(6):
            s.next(now)
            out.append(s.on_failure(now))
            now += out[-1]
        return out

    assert waits() == waits()
