"""Which slow peer makes room: quickly when others wait, never when there is nothing better."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jstorrent._core import lab


def key(n: int) -> int:
    return 1 << 32 | n


def first_replaced(rates: list[int], until: float, **more: Any) -> tuple[float, int] | None:
    facts: dict[str, Any] = {"candidates": 5, "throttled": False, "sole": frozenset()} | more
    policy = lab.Replacement()
    now = 0.0
    while now <= until:
        links = [(key(i), 0.0, rate, i in facts["sole"]) for i, rate in enumerate(rates)]
        chosen = policy.choose(links, facts["candidates"], facts["throttled"], now)
        if chosen is not None:
            return now, chosen & 0xFFFFFFFF
        now += 2.0
    return None


def test_one_slow_peer_of_four_is_replaced_within_thirty_seconds() -> None:
    found = first_replaced([500_000, 450_000, 20_000, 480_000], 60)
    assert found is not None and found[1] == 2 and 18 <= found[0] <= 24


def test_a_sole_slow_seed_is_never_replaced() -> None:
    assert first_replaced([1_000], 3600) is None
    assert first_replaced([0], 3600) is None


def test_nobody_is_replaced_when_nobody_waits_or_we_hold_ourselves_back() -> None:
    rates = [500_000, 0, 500_000]
    assert first_replaced(rates, 3600, candidates=0) is None
    assert first_replaced(rates, 3600, throttled=True) is None
    assert first_replaced(rates, 60) is not None


def test_the_only_source_of_a_wanted_piece_stays() -> None:
    assert first_replaced([500_000, 10, 500_000], 3600, sole={1}) is None
    found = first_replaced([500_000, 10, 20, 500_000], 60, sole={1})
    assert found is not None and found[1] == 2


def test_where_all_are_slow_alike_nobody_goes() -> None:
    assert first_replaced([10, 12, 9, 11], 3600) is None
    assert first_replaced([0, 0, 0], 3600) is None


def test_exactly_a_fifth_of_the_others_mean_is_not_too_slow() -> None:
    assert first_replaced([100, 100, 20], 3600) is None
    assert first_replaced([100, 100, 19], 60) is not None


def test_a_new_peer_has_a_grace_and_a_slow_spell_is_forgiven() -> None:
    policy = lab.Replacement()
    now, slow_since = 0.0, 0.0
    while now < 100:
        rate = 0 if now % 14 < 7 else 1000  # recovers before the patience ends
        assert policy.choose([(key(0), 0.0, 1000, False), (key(1), 0.0, rate, False)], 1, False, now) is None
        now += 1
    slow_since = now
    while (chosen := policy.choose([(key(0), 0.0, 1000, False), (key(1), 0.0, 0, False)], 1, False, now)) is None:
        now += 1
    assert chosen == key(1) and now - slow_since >= 1


def test_one_at_a_time_with_a_pause_between() -> None:
    policy = lab.Replacement()
    links = [(key(i), 0.0, 1000 if i < 6 else i, False) for i in range(8)]
    chosen: list[tuple[float, int]] = []
    for second in range(60):
        if (peer := policy.choose(links, 9, False, float(second))) is not None:
            chosen.append((second, peer & 0xFFFFFFFF))
            links = [link for link in links if link[0] != peer]
    assert [c[1] for c in chosen] == [6, 7] and chosen[1][0] - chosen[0][0] >= 5


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.booleans(), st.floats(0, 50)), max_size=6),
    st.integers(0, 3),
    st.booleans(),
)
def test_who_goes_is_slow_replaceable_and_not_alone(
    links: list[tuple[int, bool, float]], candidates: int, throttled: bool
) -> None:
    policy = lab.Replacement()
    facts = [(key(i), at, rate, sole) for i, (rate, sole, at) in enumerate(links)]
    for second in range(0, 100, 2):
        chosen = policy.choose(facts, candidates, throttled, float(second))
        if chosen is None:
            continue
        assert candidates > 0 and not throttled and len(links) >= 2
        rate, sole, at = links[chosen & 0xFFFFFFFF]
        assert not sole and second - at >= 10 and rate < max(r for r, _, _ in links)


def test_those_idle_for_longest_make_room_as_many_as_wait() -> None:
    peers = [(key(1), 30.0), (key(2), 10.0), (key(3), 20.0), (key(4), 95.0)]
    assert lab.choose_useless(peers, candidates=2, now=100.0) == [key(2), key(3)]
    assert lab.choose_useless(peers, candidates=9, now=100.0) == [key(2), key(3), key(1)]  # 4 was useful just now
    assert lab.choose_useless(peers, candidates=0, now=100.0) == []


def test_at_most_eight_make_room_at_once() -> None:
    assert len(lab.choose_useless([(key(i), 0.0) for i in range(9)], candidates=9, now=100.0)) == 8


def test_where_nobody_gives_anything_who_gave_least_makes_room() -> None:
    peers = [(key(1), 20.0, 5, True), (key(2), 10.0, 9, True), (key(3), 40.0, 5, True)]
    assert lab.choose_silent(peers, last_payload=30.0, now=100.0) == key(1)
    assert lab.choose_silent(peers, last_payload=30.0, now=99.9) is None  # 3 came less than a minute ago
    assert lab.choose_silent(peers, last_payload=41.0, now=100.0) is None  # somebody gave something since
    assert lab.choose_silent([*peers, (key(4), 0.0, 0, False)], last_payload=30.0, now=100.0) is None  # our doing
    assert lab.choose_silent([], last_payload=0.0, now=100.0) is None


def test_links_that_ignore_what_they_are_asked_are_made_anew_when_nothing_comes_from_anybody() -> None:
    peers = [(key(1), 0.0, True), (key(2), 0.0, False), (key(3), 50.0, True)]
    assert lab.choose_deaf(peers, last_payload=10.0, now=309.9) == []
    assert lab.choose_deaf(peers, last_payload=10.0, now=310.0) == [key(1)]
    assert lab.choose_deaf(peers, last_payload=10.0, now=350.0) == [key(1), key(3)]
    assert lab.choose_deaf(peers, last_payload=51.0, now=350.0) == []  # somebody gave something since
