"""Who may wait at the door: everybody while there are places; then those who only hold theirs make room."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from jstorrent._core import lab

PATIENCE, DOUBT = lab.Doorkeeper.patience, lab.Doorkeeper.doubt
INF = float("inf")


def key(n: int) -> int:
    return 1 << 32 | n


def host(n: int) -> str:
    return f"10.0.{n // 250}.{n % 250 + 1}"


def filled(hosts: list[str], now: float = 0.0) -> Any:
    door = lab.Doorkeeper()
    for n, one in enumerate(hosts):
        door.on_let_in(key(n), one, now)
    return door


@pytest.mark.parametrize("most", [1, 2, 5])
def test_places_are_given_while_there_are_any(most: int) -> None:
    door = filled([host(n) for n in range(most - 1)])
    assert door.judge(host(99), most, None, 0.0) == ("come_in", None, INF)
    door.on_let_in(key(99), host(99), 0.0)
    assert door.judge(host(100), most, None, 0.0)[0] == "wait"
    assert door.judge(host(100), None, None, 0.0)[0] == "come_in"


def test_the_longest_wait_ends_for_a_newcomer_once_patience_is_over() -> None:
    door = lab.Doorkeeper()
    for n in range(3):
        door.on_let_in(key(n), host(n), n / 10)
    assert door.judge(host(9), 3, None, PATIENCE - 0.001) == ("wait", None, PATIENCE)
    assert door.judge(host(9), 3, None, PATIENCE) == ("come_in", key(0), INF)


def test_the_host_with_most_places_loses_first() -> None:
    door = lab.Doorkeeper()
    for n, one in enumerate([7, 1, 1, 2, 1]):
        door.on_let_in(key(n), host(one), n / 10)
    assert door.judge(host(9), 5, None, 10.0) == ("come_in", key(1), INF)
    door.on_lapsed(key(1), 10.0)
    assert len(door) == 4 and door.size_of(host(1)) == 2


def test_a_newcomer_of_the_largest_host_takes_a_place_of_its_own() -> None:
    door = filled([host(1), host(2), host(1), host(2)])
    assert door.judge(host(2), 4, None, 10.0) == ("come_in", key(1), INF)


def test_a_host_at_its_cap_changes_places_with_itself_or_is_turned_away() -> None:
    door = filled([host(1), host(2), host(1)])
    assert door.judge(host(1), 9, 2, PATIENCE / 2) == ("turn_away", None, INF)
    assert door.judge(host(1), 9, 2, PATIENCE) == ("come_in", key(0), INF)
    assert door.judge(host(3), 9, 2, PATIENCE / 2) == ("come_in", None, INF)


def test_a_host_whose_place_lapsed_takes_nobodys_and_loses_its_own_at_once() -> None:
    door = filled([host(1), host(2)])
    door.on_lapsed(key(0), 5.0)
    assert door.is_doubted(host(1), 5.0) and not door.is_doubted(host(2), 5.0)
    assert door.judge(host(1), 2, None, 5.0)[0] == "come_in"  # there is a free place
    door.on_let_in(key(3), host(1), 5.0)
    assert door.judge(host(1), 2, None, 50.0) == ("turn_away", None, INF)
    assert door.judge(host(4), 2, None, 5.0) == ("come_in", key(3), INF)
    assert not door.is_doubted(host(1), 5.0 + DOUBT)


def test_a_handshake_ends_the_doubt_and_leaving_does_not_begin_it() -> None:
    door = filled([host(1), host(2)])
    door.on_lapsed(key(0), 0.0)
    door.on_let_in(key(5), host(1), 1.0)
    door.on_identified(key(5))
    door.on_left(key(1))
    assert door.num_doubted == 0 and len(door) == 0


def test_addresses_of_one_ipv6_network_are_one_host() -> None:
    door = filled(["2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1"])
    assert door.size_of("2001:db8:0:1:8000::9") == 2 and door.size_of("2001:db8:0:2::9") == 1
    assert door.judge("2001:db8:0:1::3", 9, 2, 0.0)[0] == "turn_away"
    assert door.judge("2001:db8:0:3::3", 9, 2, 0.0)[0] == "come_in"


@pytest.mark.parametrize("beyond", [0, 1])
def test_so_many_hosts_are_remembered_and_no_more(beyond: int) -> None:
    door, most = lab.Doorkeeper(), lab.Doorkeeper.max_doubted
    for n in range(most + beyond):
        door.on_let_in(key(n), host(n), 0.0)
        door.on_lapsed(key(n), n / 1000)
    assert door.num_doubted == most
    assert door.is_doubted(host(0), 5.0) == (beyond == 0)  # the oldest doubt gives way
    assert door.is_doubted(host(most + beyond - 1), 5.0)


def test_where_dials_hold_all_places_a_newcomer_waits_for_one_to_end() -> None:
    assert lab.Doorkeeper().judge(host(1), 0, None, 0.0) == ("wait", None, INF)


def test_a_lowered_cap_names_who_has_to_go() -> None:
    door = filled([host(1), host(2), host(2), host(3)])
    assert door.excess(4, 2, 0.0) is None
    assert door.excess(4, 1, 0.0) == key(1)
    assert door.excess(3, None, 0.0) == key(1)
    door.on_left(key(1))
    assert door.excess(2, None, 0.0) == key(0)


def test_of_idle_links_the_mute_go_soon_and_first_and_others_after_ten_seconds() -> None:
    choose = lab.choose_for_newcomer
    assert choose([], 99.0) is None
    assert choose([(key(1), 0.0, True)], 0.999) is None and choose([(key(1), 0.0, True)], 1.0) == key(1)
    assert choose([(key(1), 0.0, False)], 9.999) is None and choose([(key(1), 0.0, False)], 10.0) == key(1)
    links = [(key(3), 2.0, False), (key(4), 1.0, False), (key(6), 5.0, True), (key(5), 5.0, True)]
    assert choose(links, 30.0) == key(5)
    assert choose(links[:2], 30.0) == key(4)


class Model(RuleBasedStateMachine):
    """Against the words of the header, said slowly."""

    def __init__(self) -> None:
        super().__init__()
        self.door = lab.Doorkeeper()
        self.now = 0.0
        self.waiting: list[tuple[int, str, float]] = []
        self.doubt: dict[str, float] = {}
        self.count = 0
        self.most, self.per_host = 4, 3

    def doubted(self, one: str) -> bool:
        return self.doubt.get(one, -1.0) > self.now

    def held(self, one: str) -> int:
        return sum(other == one for _, other, _ in self.waiting)

    def expected(self, one: str) -> tuple[str, int | None]:
        full_host = self.held(one) >= self.per_host
        if not full_host and len(self.waiting) < self.most:
            return "come_in", None
        if self.doubted(one):
            return "turn_away", None
        may = [
            (self.doubted(h), self.held(h) + (h == one), -since, -n)
            for n, h, since in self.waiting
            if (h == one or not full_host) and (self.doubted(h) or self.now - since >= PATIENCE)
        ]
        if may:
            return "come_in", -max(may)[3]
        return ("turn_away" if full_host else "wait"), None

    @rule(n=st.integers(0, 5))
    def somebody_comes(self, n: int) -> None:
        verdict, instead, again = self.door.judge(host(n), self.most, self.per_host, self.now)
        wanted, who = self.expected(host(n))
        assert (verdict, instead) == (wanted, None if who is None else key(who))
        if verdict == "wait":
            assert again == min(since for _, _, since in self.waiting) + PATIENCE > self.now
        if who is not None:
            self.lapse(who)
        if verdict == "come_in":
            self.door.on_let_in(key(self.count), host(n), self.now)
            self.waiting.append((self.count, host(n), self.now))
            self.count += 1

    def lapse(self, who: int) -> None:
        (entry,) = [w for w in self.waiting if w[0] == who]
        self.waiting.remove(entry)
        self.doubt[entry[1]] = self.now + DOUBT
        self.door.on_lapsed(key(who), self.now)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), how=st.sampled_from(["lapsed", "left", "identified"]))
    def somebody_goes(self, data: st.DataObject, how: str) -> None:
        who, one, since = data.draw(st.sampled_from(self.waiting))
        if how == "lapsed":
            return self.lapse(who)
        self.waiting.remove((who, one, since))
        getattr(self.door, f"on_{how}")(key(who))
        if how == "identified":
            self.doubt.pop(one, None)

    @rule(by=st.sampled_from([0.125, PATIENCE / 2, PATIENCE, 20.0, DOUBT]))
    def time_passes(self, by: float) -> None:  # in eighths, which add up exactly
        self.now += by

    @invariant()
    def caps_hold(self) -> None:
        assert len(self.door) == len(self.waiting) <= self.most
        assert all(self.door.size_of(host(n)) == self.held(host(n)) <= self.per_host for n in range(6))


Model.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestModel = Model.TestCase


@given(
    links=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=12),
    excess=st.integers(0, 14),
)
def test_beyond_a_lowered_limit_the_slowest_go_and_of_equals_the_newest(links: list[tuple[int, int]], excess: int) -> None:
    facts = [(key(n), rate, float(at)) for n, (rate, at) in enumerate(links)]
    gone = lab.choose_excess(facts, excess)
    assert gone == [k for k, _, _ in sorted(facts, key=lambda f: (f[1], -f[2], -f[0]))][:excess]
