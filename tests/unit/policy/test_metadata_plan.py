"""Whom to ask for metadata (policy/metadata_plan): shared work, refusals, liars, sizes that do not fit together."""

from __future__ import annotations

import heapq
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jstorrent._core import lab

PIECE = 16384
MIB = 1 << 20


def key(n: int) -> int:
    return 1 << 32 | n


def host(n: int) -> str:
    return f"9.0.{n // 250}.{n % 250 + 1}"


def plan_with(*sizes: int, max_size: int = 32 * MIB, timeout: float = 10.0) -> Any:
    plan = lab.MetadataPlan(max_size, timeout)
    for n, size in enumerate(sizes):
        assert plan.on_offer(key(n), host(n), size, 0.0) == "taken"
    return plan


# -- asking


def test_several_peers_share_the_pieces() -> None:
    plan = plan_with(*[8 * PIECE] * 4)
    asks = plan.ask(0.0)
    assert sorted(piece for _, piece in asks)[:8] == [0, 0, 1, 1, 2, 2, 3, 3]  # once all are asked for, a second time
    assert [piece for _, piece in asks][:8] == list(range(8))
    assert {peer for peer, _ in asks[:4]} == {key(n) for n in range(4)}
    assert all(plan.asked_of(key(n)) == 4 for n in range(4))
    assert len(set(asks)) == len(asks) and plan.ask(0.0) == []


def test_a_sole_peer_is_asked_for_four_at_a_time_in_order() -> None:
    plan = plan_with(6 * PIECE + 1)
    assert [piece for _, piece in plan.ask(0.0)] == [0, 1, 2, 3]
    assert plan.on_data(key(0), 1, 6 * PIECE + 1, 1.0)[0] == "stored"
    assert plan.ask(1.0) == [(key(0), 4)]


def test_who_refuses_or_is_late_serves_no_more_until_it_gives() -> None:
    plan = plan_with(PIECE, PIECE, PIECE)
    serving = lambda: [plan.serves(key(n)) for n in range(4)]
    assert len(plan.ask(0.0)) == 2 and serving() == [True, True, True, False], "the third is not asked yet"
    plan.on_reject(key(0), 0, 1.0)
    assert serving() == [False, True, True, False]
    plan.expire(9.9)
    assert serving() == [False, True, True, False]
    plan.expire(10.0)
    assert serving() == [False, False, True, False]
    assert plan.on_data(key(1), 0, PIECE, 11.0)[0] == "whole" and serving() == [False, True, True, False]


def test_who_leaves_gives_its_requests_back_at_once() -> None:
    plan = plan_with(2 * PIECE, 2 * PIECE)
    plan.ask(0.0)
    assert plan.on_data(key(0), 0, 2 * PIECE, 1.0)[0] == "stored"
    plan.on_leave(key(0), 1.0)
    plan.ask(1.0)
    assert plan.on_data(key(1), 1, 2 * PIECE, 2.0)[0] == "whole"


def test_what_was_received_outlives_those_who_gave_it() -> None:
    plan = plan_with(3 * PIECE)
    plan.ask(0.0)
    plan.on_data(key(0), 0, 3 * PIECE, 1.0)
    plan.on_leave(key(0), 1.0)
    assert plan.progress() == (1, 3)
    plan.on_offer(key(1), host(1), 3 * PIECE, 2.0)
    assert [piece for _, piece in plan.ask(2.0)] == [1, 2]


def test_a_rejected_piece_is_asked_of_another_at_once() -> None:
    plan = plan_with(PIECE, PIECE, PIECE)
    first, second = plan.ask(0.0)
    plan.on_reject(first[0], 0, 0.5)
    third = plan.ask(0.5)
    assert len(third) == 1 and third[0][0] not in (first[0], second[0])


def test_who_rejects_again_and_again_is_asked_ever_more_rarely() -> None:
    plan = plan_with(PIECE)
    now, waits = 0.0, []
    for _ in range(8):
        assert plan.ask(now) == [(key(0), 0)]
        plan.on_reject(key(0), 0, now)
        assert plan.ask(now) == []
        due = plan.deadline(now)
        waits.append(due - now)
        now = due
        plan.expire(now)
    assert waits == [10, 20, 40, 80, 160, 320, 320, 320]


def test_silence_times_out_and_the_late_answer_is_still_welcome() -> None:
    plan = plan_with(PIECE)
    plan.ask(0.0)
    assert plan.deadline(0.0) == 10.0
    plan.expire(9.9)
    assert plan.asked_of(key(0)) == 1
    plan.expire(10.0)
    assert plan.asked_of(key(0)) == 0 and plan.ask(10.0) == []
    assert plan.on_data(key(0), 0, PIECE, 12.0)[0] == "whole"


def test_each_piece_has_a_time_out_of_its_own() -> None:
    plan = plan_with(9 * PIECE)
    plan.ask(0.0)
    plan.on_data(key(0), 0, 9 * PIECE, 6.0)
    plan.ask(6.0)
    plan.expire(10.0)
    assert plan.asked_of(key(0)) == 1  # of the piece asked for at 6


# -- what is not believed


@pytest.mark.parametrize("size", [0, 32 * MIB + 1, 2**32 - 1])
def test_a_size_that_cannot_be_is_not_asked_for(size: int) -> None:
    plan = lab.MetadataPlan()
    assert plan.on_offer(key(0), host(0), size, 0.0) == "too_large"
    assert plan.ask(0.0) == []
    assert plan.on_offer(key(1), host(1), 32 * MIB, 0.0) == "taken"


def test_a_peer_that_changes_its_size_is_told_apart() -> None:
    plan = plan_with(PIECE)
    assert plan.on_offer(key(0), host(0), PIECE, 1.0) == "known"
    assert plan.on_offer(key(0), host(0), PIECE + 1, 1.0) == "changed"


def test_data_that_nobody_asked_for_is_dropped() -> None:
    plan = plan_with(9 * PIECE)
    plan.ask(0.0)
    for peer, piece in [(0, 4), (0, 10**6), (5, 0)]:
        assert plan.on_data(key(peer), piece, 9 * PIECE, 1.0)[0] == "unasked"
    assert plan.on_data(key(0), 0, 9 * PIECE, 1.0)[0] == "stored"
    assert plan.on_data(key(0), 0, 9 * PIECE, 1.0)[0] == "unasked"
    assert plan.held() == PIECE


def test_another_total_size_than_claimed_is_a_lie() -> None:
    plan = plan_with(2 * PIECE)
    plan.ask(0.0)
    assert plan.on_data(key(0), 0, 2 * PIECE + 1, 1.0)[0] == "lie"
    assert plan.held() == 0


def test_a_sole_contributor_of_false_metadata_is_guilty() -> None:
    plan = plan_with(PIECE)
    plan.ask(0.0)
    verdict, attempt = plan.on_data(key(0), 0, PIECE, 1.0)
    assert verdict == "whole"
    assert plan.on_false(attempt, 1.0) == [host(0)]
    assert plan.num_sources == 0 and plan.ask(2.0) == [] and plan.take_dropped() == [attempt]


def test_of_several_nobody_is_guilty_and_each_makes_it_alone() -> None:
    plan = plan_with(2 * PIECE, 2 * PIECE)
    plan.ask(0.0)
    plan.on_data(key(0), 0, 2 * PIECE, 1.0)
    verdict, attempt = plan.on_data(key(1), 1, 2 * PIECE, 1.0)
    assert (verdict, plan.on_false(attempt, 1.0)) == ("whole", [])
    asks = {*plan.ask(1.0), (key(0), 1), (key(1), 0)}  # the copies were out already
    assert asks == {(key(n), piece) for n in (0, 1) for piece in (0, 1)}
    plan.on_data(key(0), 0, 2 * PIECE, 2.0)
    verdict, attempt = plan.on_data(key(0), 1, 2 * PIECE, 2.0)
    assert (verdict, plan.on_false(attempt, 2.0)) == ("whole", [host(0)])
    plan.on_data(key(1), 0, 2 * PIECE, 2.0)
    assert plan.on_data(key(1), 1, 2 * PIECE, 2.0)[0] == "whole"


def test_so_many_make_it_alone_at_a_time_and_no_more() -> None:
    plan = plan_with(*[2 * PIECE] * 10)
    plan.ask(0.0)
    plan.on_data(key(0), 0, 2 * PIECE, 0.0)
    _, attempt = plan.on_data(key(1), 1, 2 * PIECE, 0.0)
    plan.on_false(attempt, 0.0)
    for n in range(10):
        plan.on_reject(key(n), 0, 0.0)  # what was out for the shared one
        plan.on_reject(key(n), 1, 0.0)
    plan.expire(400.0)
    assert len({peer for peer, _ in plan.ask(400.0)}) == 4


# -- sizes


def test_sizes_that_do_not_fit_together_are_tried_in_turn_the_smallest_first() -> None:
    plan = plan_with(3 * MIB, 2 * MIB, PIECE, max_size=4 * MIB)
    assert {peer for peer, _ in plan.ask(0.0)} == {key(1), key(2)}
    now, order = 0.0, []
    for _ in range(30):
        now += 5.0
        plan.expire(now)
        plan.ask(now)
        for n in range(3):
            if plan.asked_of(key(n)) and n not in order:
                order.append(n)
        for n, size in ((0, 3 * MIB), (1, 2 * MIB)):  # both dribble, one piece each five seconds
            for piece in range(200):
                if plan.on_data(key(n), piece, size, now)[0] in ("stored", "whole"):
                    break
    assert 0 in order  # it had its turn although the other never stopped to answer


def test_a_smaller_size_pushes_a_larger_one_out_that_has_nothing_yet() -> None:
    plan = plan_with(4 * MIB, max_size=4 * MIB)
    plan.ask(0.0)
    plan.on_offer(key(1), host(1), PIECE, 2.0)
    assert plan.ask(2.0) == [(key(1), 0)]


def test_what_some_gave_is_not_lost_because_another_claims_a_smaller_size() -> None:
    """Until its time is over; then the other has a turn."""
    plan = plan_with(4 * MIB, max_size=4 * MIB)
    plan.ask(0.0)
    _, attempt = plan.on_data(key(0), 0, 4 * MIB, 1.0)
    for n in range(1, 9):
        plan.on_offer(key(n), host(n), 9 * PIECE - n, 2.0)
    assert plan.take_dropped() == [] and plan.held() == PIECE
    assert plan.ask(2.0) == [(key(0), 4)]
    plan.expire(59.0)
    assert plan.held() == PIECE and plan.deadline(59.0) <= 60.0
    plan.expire(60.0)
    assert plan.take_dropped() == [attempt] and plan.held() == 0
    assert (key(8), 0) in plan.ask(60.0)


def test_who_needs_long_has_twice_the_time_at_each_try() -> None:
    """Two sizes that never fit together, one of them a lie that dribbles: the other comes to its end."""
    true, lie = 200, 201
    plan = plan_with(true * PIECE, lie * PIECE, max_size=300 * PIECE)
    now = 0.0
    while now < 1200:
        asks = plan.ask(now)
        now += 1.0
        plan.expire(now)
        for piece in range(true):
            verdict = plan.on_data(key(0), piece, true * PIECE, now)[0]
            if verdict == "whole":
                return
            if verdict == "stored":
                break
        else:
            for peer, piece in asks[:1]:
                plan.on_data(peer, piece, lie * PIECE, now)
    raise AssertionError("it never came to its end")


# -- all of it together

PEERS = st.lists(st.sampled_from(["liar", "other size", "huge", "silent", "rejects", "dribbles", "dies"]), max_size=9)


@settings(max_examples=150, deadline=None)
@given(PEERS, st.integers(1, 5 * PIECE), st.integers(0, 9), st.sampled_from([64 * PIECE, 2 * MIB]))
def test_one_honest_peer_among_any_others_is_enough(kinds: list[str], true: int, at: int, most: int) -> None:
    kinds = [*kinds[:at], "honest", *kinds[at:]]
    plan = lab.MetadataPlan(most, 10.0)
    size_of = {"other size": true % (5 * PIECE) + 1 + PIECE, "huge": most}
    sizes = [size_of.get(kind, true) for kind in kinds]
    alive = set(range(len(kinds)))
    events: list[tuple[float, int, int, int]] = []  # time, order, peer, piece
    bytes_of: dict[int, dict[int, bool]] = {}
    order, asked, failures, now = 0, 0, 0, 0.0
    latency = {"dribbles": 9.9}
    for n in range(len(kinds)):
        plan.on_offer(key(n), host(n), sizes[n], 0.0)
    while True:
        for peer, piece in plan.ask(now):
            n = peer - key(0)
            assert n in alive and piece * PIECE < sizes[n]
            order, asked = order + 1, asked + 1
            if kinds[n] != "silent":
                heapq.heappush(events, (now + latency.get(kinds[n], 0.1), order, n, piece))
        for gone in plan.take_dropped():
            bytes_of.pop(gone, None)
        assert sum(len(pieces) for pieces in bytes_of.values()) * PIECE <= most + PIECE
        assert all(plan.asked_of(key(n)) <= 4 for n in range(len(kinds)))
        due = plan.deadline(now)
        assert events or due < float("inf"), "nothing will ever happen again"
        if not events or due < events[0][0]:
            now = due
            plan.expire(now)
            continue
        now, _, n, piece = heapq.heappop(events)
        assert now < 7200 and failures <= len(kinds) + 1 and asked < 20_000
        if n not in alive:
            continue
        if kinds[n] == "rejects":
            plan.on_reject(key(n), piece, now)
            continue
        if kinds[n] == "dies" and piece == 1:
            alive.discard(n)
            plan.on_leave(key(n), now)
            continue
        verdict, attempt = plan.on_data(key(n), piece, sizes[n], now)
        if verdict in ("stored", "whole"):
            bytes_of.setdefault(attempt, {})[piece] = kinds[n] in ("honest", "dribbles", "dies")
        if verdict != "whole":
            continue
        pieces = bytes_of.pop(attempt)
        assert len(pieces) == -(-sizes[n] // PIECE)
        if sizes[n] == true and all(pieces.values()):
            return
        failures += 1
        for guilty in plan.on_false(attempt, now):
            liar = next(i for i in range(len(kinds)) if host(i) == guilty)
            assert kinds[liar] in ("liar", "other size", "huge"), "nobody honest is blamed"
            alive.discard(liar)
