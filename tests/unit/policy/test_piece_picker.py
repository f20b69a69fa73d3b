"""Which blocks a peer is asked for: priorities, active pieces first, rarest or lowest, and the cap on active pieces."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jstorrent._core import lab

BLOCK = 16384


def key(n: int) -> int:
    return 1 << 32 | n


A, B, C = key(0), key(1), key(2)
ALL = 1 << 20


class Swarm:
    """A picker and its ledger, with peers that have what they are given."""

    def __init__(self, pieces: int, blocks: int = 2, *, sequential: bool = False) -> None:
        geometry = lab.Geometry(pieces, blocks * BLOCK, pieces * blocks * BLOCK)
        self.pieces = pieces
        self.ledger = lab.RequestLedger(geometry)
        self.picker = lab.PiecePicker(geometry, sequential)
        self.has: dict[int, list[int]] = {}

    def join(self, peer: int, has: Any) -> bool:
        self.has[peer] = list(has)
        self.ledger.on_join(peer)
        return bool(self.picker.on_join(self.has[peer]))

    def pick(self, peer: int, n: int = ALL, max_active: int = ALL, **more: Any) -> Any:
        return self.picker.pick(peer, self.has[peer], n, max_active, self.ledger, **more)

    def picked(self, peer: int, n: int = ALL, **more: Any) -> list[int]:
        seen: list[int] = []
        for piece, _, _ in self.pick(peer, n, **more)[0]:
            if piece not in seen:
                seen.append(piece)
        return seen

    def finish(self, peer: int, piece: int) -> None:
        for b in [b for b in self.ledger.outstanding(peer) if b[0] == piece]:
            self.ledger.on_block(peer, b, False, 0)
        self.ledger.on_verified(piece)
        self.picker.on_verified(piece)


def test_rarest_pieces_come_first() -> None:
    s = Swarm(5)
    s.join(A, range(5))
    s.join(B, [0, 1, 3, 4])
    s.join(C, [0, 3])
    assert s.picker.availability() == [3, 2, 1, 3, 2]
    order = s.picked(A)
    assert order[0] == 2 and set(order[1:3]) == {1, 4} and set(order[3:]) == {0, 3}


def test_equally_rare_pieces_are_taken_from_a_random_start() -> None:
    firsts = set()
    for seed in range(40):
        s = Swarm(8)
        s.join(A, range(8))
        firsts.add(s.picked(A, 1, seed=seed)[0])
    assert len(firsts) >= 6
    repeat = [Swarm(8) for _ in range(2)]
    for s in repeat:
        s.join(A, range(8))
    assert repeat[0].pick(A, 5, seed=3) == repeat[1].pick(A, 5, seed=3)


@pytest.mark.parametrize(("sequential", "order"), [(True, [2, 5]), (False, [5, 2])])
def test_of_pieces_under_way_the_oldest_comes_first_and_in_sequence_the_lowest(sequential: bool, order: list[int]) -> None:
    s = Swarm(6, sequential=sequential)
    for peer, piece in ((A, 5), (B, 2)):
        s.join(peer, [piece])
        assert s.picked(peer, 1) == [piece]
    s.join(C, range(6))
    assert s.picked(C, 2) == order


def test_sequential_order_ignores_rarity() -> None:
    s = Swarm(4, sequential=True)
    s.join(A, range(4))
    s.join(B, [0, 1])
    assert s.picked(A) == [0, 1, 2, 3]


def test_the_order_may_change_on_the_way() -> None:
    s = Swarm(6)
    s.join(A, range(6))
    s.join(B, range(5))
    assert s.picked(A, 1) == [5]
    s.picker.set_sequential(True)
    assert s.picked(A, 3) == [5, 0]  # what is begun is finished first
    assert s.picked(A, 2) == [1]


def test_higher_priority_goes_before_active_and_rarer_pieces() -> None:
    s = Swarm(4)
    s.join(A, range(4))
    s.join(B, [3])
    s.pick(A, 1)
    s.picker.set_priority(3, 7)
    s.picker.set_priority(1, 1)
    order = s.picked(A)
    assert order[0] == 3 and order[-1] == 1


def test_first_and_last_piece_can_be_put_in_front() -> None:
    s = Swarm(10)
    s.join(A, range(10))
    for piece in (0, 9):
        s.picker.set_priority(piece, 7)
    assert set(s.picked(A, 4)) == {0, 9}


def test_active_pieces_are_completed_before_new_ones_start() -> None:
    s = Swarm(6, blocks=4)
    s.join(A, range(6))
    s.join(B, range(6))
    first = s.pick(A, 2)[0][0][0]
    assert s.picked(B, 2) == [first]
    assert len(s.ledger.active) == 1


def test_priority_zero_is_skipped_and_above_seven_is_seven() -> None:
    s = Swarm(3)
    s.join(A, range(3))
    s.picker.set_priority(0, 0)
    s.picker.set_priority(2, 8)
    assert s.picker.priority(2) == 7
    assert s.picked(A) == [2, 1]
    assert not s.picker.wants_any([0]) and s.picker.wants_any([0, 1])
    assert s.picker.wanted_bytes == s.picker.wanted_left == 4 * BLOCK
    s.finish(A, 1)
    s.finish(A, 2)
    assert s.picker.is_complete and s.picker.wanted_left == 0
    s.picker.set_priority(0, 1)
    assert not s.picker.is_complete and s.picked(A) == [0]


def test_a_peer_is_only_asked_for_what_it_has() -> None:
    s = Swarm(6)
    s.join(A, [2, 4])
    assert sorted(s.picked(A)) == [2, 4]
    assert s.picked(A) == []
    s.has[A].append(5)
    s.picker.on_have(5)
    assert s.picked(A) == [5]


def test_no_piece_is_started_beyond_max_active() -> None:
    s = Swarm(8)
    s.join(A, range(8))
    blocks, capped = s.pick(A, max_active=3)
    assert len({b[0] for b in blocks}) == len(s.ledger.active) == 3 and capped
    assert s.pick(A, max_active=3) == ([], True)
    blocks, _ = s.pick(A, max_active=4)
    assert len({b[0] for b in blocks}) == 1 and len(s.ledger.active) == 4


def test_at_the_cap_active_pieces_of_lower_priority_are_still_served() -> None:
    s = Swarm(4, blocks=4)
    s.join(A, range(4))
    low = s.pick(A, 1)[0][0][0]
    high = next(i for i in range(4) if i != low)
    s.picker.set_priority(high, 7)
    blocks, capped = s.pick(A, 3, max_active=1)
    assert {b[0] for b in blocks} == {low} and len(blocks) == 3 and capped


def test_pieces_that_nobody_serves_do_not_block_those_that_could_flow() -> None:
    s = Swarm(4)
    s.join(A, [0, 1])
    s.join(B, [2, 3])
    blocks, _ = s.pick(A, max_active=2)
    s.ledger.on_block(A, blocks[0], False, 0)
    assert s.pick(B, max_active=2) == ([], True)
    assert s.picker.stranded(s.ledger, 0) is None  # A is at work
    s.ledger.on_disconnect(A)
    s.picker.on_leave(s.has[A], False)
    stranded = s.picker.stranded(s.ledger, 0)
    assert stranded is not None and stranded != blocks[0][0]  # the one with the least to lose
    s.ledger.abandon(stranded)
    s.picker.on_returned(stranded)
    blocks, _ = s.pick(B, max_active=2)
    assert {b[0] for b in blocks} <= {2, 3} and blocks


def test_an_idle_piece_is_stranded_after_a_while_though_somebody_has_it() -> None:
    s = Swarm(2)
    s.join(A, [0])
    s.pick(A, now=0.0)
    s.ledger.on_choke(A)
    assert s.picker.stranded(s.ledger, 29.9) is None
    assert s.picker.stranded(s.ledger, 30.0) == 0


def test_a_piece_that_is_no_longer_wanted_is_the_first_to_go() -> None:
    s = Swarm(2)
    s.join(A, [0, 1])
    s.pick(A, 4)
    s.picker.set_priority(1, 0)
    s.ledger.cancel_piece(1)
    assert s.picker.stranded(s.ledger, 0) == 1
    assert s.picked(A) == []


def test_a_failed_piece_is_picked_again() -> None:
    s = Swarm(1)
    s.join(A, [0])
    for b in s.pick(A)[0]:
        s.ledger.on_block(A, b, False, 0)
    assert s.pick(A) == ([], False)
    s.ledger.on_hash_failed(0)
    s.picker.on_returned(0)
    assert s.picked(A) == [0]
    s.finish(A, 0)
    s.picker.on_lost(0)
    assert s.picked(A) == [0]


def test_a_peer_on_parole_gets_whole_pieces_alone() -> None:
    s = Swarm(3, blocks=4)
    for peer in (A, B):
        s.join(peer, range(3))
    shared = s.pick(B, 1)[0][0][0]
    alone = s.pick(A, 2, on_parole=True)[0]
    assert len({b[0] for b in alone}) == 1 and alone[0][0] != shared
    assert alone[0][0] not in s.picked(B)
    assert {b[0] for b in s.pick(A, on_parole=True)[0]} == {alone[0][0]}


def test_allowed_fast_pieces_are_asked_in_their_order_only() -> None:
    s = Swarm(6)
    s.join(A, [0, 2, 4])
    blocks, capped = s.picker.pick_among([4, 3, 9999, 0, 4], A, s.has[A], ALL, ALL, s.ledger, 0)
    assert [b[0] for b in blocks] == [4, 4, 0, 0] and not capped
    assert s.picker.pick_among([2], A, s.has[A], ALL, 2, s.ledger, 0) == ([], True)


def test_a_peer_that_the_ledger_does_not_know_gets_nothing_and_starts_nothing() -> None:
    s = Swarm(3)
    assert s.picker.pick(C, [0, 1, 2], ALL, ALL, s.ledger) == ([], False)
    assert s.picker.pick_among([1], C, [0, 1, 2], ALL, ALL, s.ledger, 0) == ([], False)
    assert s.ledger.active == []


def test_who_alone_has_a_wanted_piece_is_a_sole_source() -> None:
    s = Swarm(4)
    for peer, has in ((A, range(4)), (B, [0, 1]), (C, [2])):
        s.join(peer, has)
    assert s.picker.is_sole_source(range(4), s.ledger)
    assert not s.picker.is_sole_source([0, 1], s.ledger)
    s.pick(A)
    assert s.picker.is_sole_source(range(4), s.ledger)  # also while the piece is active
    s.picker.set_priority(3, 0)
    assert not s.picker.is_sole_source(range(4), s.ledger)


@pytest.mark.parametrize("seeds", [0, 1, 20])
def test_reachable_candidates_are_those_that_a_connected_peer_has(seeds: int) -> None:
    s = Swarm(4)
    for i in range(seeds):
        s.join(key(i), [0, 1, 2])
    assert s.picker.has_reachable_candidate() == (seeds > 0)
    s.picker.reset([0, 1, 2])
    assert not s.picker.has_reachable_candidate()
    s.join(key(99), [3])
    assert s.picker.has_reachable_candidate()


def test_near_seeds_are_counted_by_what_they_lack() -> None:
    s = Swarm(9)
    assert s.join(A, range(9)) and s.join(B, range(5)) and not s.join(C, range(4))
    s.picker.on_have(8)
    s.has[C].append(8)
    assert s.picker.availability() == [3, 3, 3, 3, 2, 1, 1, 1, 2]
    s.picker.on_leave(s.has[C], False)
    s.picker.on_leave(s.has[B], True)
    assert s.picker.availability() == [1] * 9


def test_a_reset_keeps_the_priorities_and_forgets_what_was_active() -> None:
    s = Swarm(3)
    for piece, priority in enumerate([9, 0, 1]):
        s.picker.set_priority(piece, priority)
    s.join(A, range(3))
    assert s.picked(A, 1) == [0]
    s.picker.reset([2])
    assert [s.picker.priority(i) for i in range(4)] == [7, 0, 1, 0]
    assert (s.picker.wanted_bytes, s.picker.wanted_left) == (4 * BLOCK, 2 * BLOCK)
    s.ledger = lab.RequestLedger(lab.Geometry(3, 2 * BLOCK, 6 * BLOCK))
    s.ledger.on_join(A)
    assert s.picked(A) == [0]


def test_a_million_pieces_cost_at_most_fourteen_bytes_each_and_no_scan_for_each_pick() -> None:
    n = 1_000_000
    geometry = lab.Geometry(n, BLOCK, n * BLOCK)
    picker, ledger = lab.PiecePicker(geometry), lab.RequestLedger(geometry)
    picker.on_join([])
    assert 12 * n < picker.memory <= 14 * n
    # Rare pieces that this peer lacks fill the first buckets: still it gets pieces that it has.
    ledger.on_join(A)
    has = list(range(999_000, n))
    picker.on_join(has)
    picker.on_join(has)
    blocks, _ = picker.pick(A, has, 100, ALL, ledger)
    assert len(blocks) == 100 and all(b[0] >= 999_000 for b in blocks)


def test_before_its_first_peer_a_picker_has_no_tables_and_knows_all_the_same_what_it_wants() -> None:
    n = 1000
    picker, ledger = lab.PiecePicker(lab.Geometry(n, BLOCK, n * BLOCK)), lab.RequestLedger(lab.Geometry(n, BLOCK, n * BLOCK))
    assert picker.memory == 2 * n / 8, "what is there and what is wanted; each piece has the same priority"
    picker.set_priority(7, 4)
    assert picker.memory == 2 * n / 8
    picker.set_priority(7, 7)
    assert picker.memory == n + 2 * n / 8
    picker.on_verified(3)
    assert picker.availability() == [0] * n and not picker.has_reachable_candidate()
    assert picker.wanted_left == (n - 1) * BLOCK
    for _ in range(2):  # a second peer finds the tables of the first
        way = picker.on_join([3, 7, 9])
        assert picker.memory > 12 * n and picker.availability()[9] == 1
        ledger.on_join(A)
        assert picker.pick(A, [3, 7, 9], 1, ALL, ledger)[0] == [(7, 0, BLOCK)]
        ledger.cancel_piece(7)
        ledger.abandon(7)
        picker.on_returned(7)
        ledger.on_disconnect(A)
        picker.on_leave([3, 7, 9], way)
        assert picker.availability() == [0] * n
        assert picker.memory > 12 * n, "they are not made anew for each that comes"


def test_beyond_its_probes_the_picker_still_respects_priorities() -> None:
    n = lab.picker_probes * 2 + 2
    s = Swarm(n, blocks=1)
    s.join(A, [n - 2, n - 1])
    s.join(B, [n - 2, n - 1])
    assert sorted(s.picked(A)) == [n - 2, n - 1]
    s = Swarm(n, blocks=1)
    s.join(A, [3, n - 2, n - 1])
    s.join(B, [3, n - 2, n - 1])
    s.join(C, [3])
    s.picker.set_priority(3, 7)
    assert s.picked(A, 1) == [3] and s.picked(A, 1)[0] in (n - 2, n - 1)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_availability_is_exact_for_any_order_of_facts(data: Any) -> None:
    n = data.draw(st.integers(1, 40))
    picker = lab.PiecePicker(lab.Geometry(n, BLOCK, n * BLOCK))
    peers: list[tuple[set[int], bool]] = []
    for _ in range(data.draw(st.integers(1, 25))):
        what = data.draw(st.sampled_from(["join", "join", "have", "leave", "priority"]))
        if what == "join":
            has = data.draw(st.sets(st.integers(0, n - 1)))
            peers.append((has, picker.on_join(sorted(has))))
        elif what == "priority":
            picker.set_priority(data.draw(st.integers(0, n - 1)), data.draw(st.integers(0, 7)))
        elif peers:
            i = data.draw(st.integers(0, len(peers) - 1))
            has, way = peers[i]
            if what == "leave":
                picker.on_leave(sorted(has), way)
                peers.pop(i)
            elif len(has) < n:
                piece = data.draw(st.sampled_from(sorted(set(range(n)) - has)))
                has.add(piece)
                picker.on_have(piece)
    assert picker.availability() == [sum(i in has for has, _ in peers) for i in range(n)]
    wanted = {i for i in range(n) if picker.priority(i) > 0}
    for has, _ in peers:
        assert picker.count_wanted(sorted(has)) == len(has & wanted)
        assert picker.wants_any(sorted(has)) == bool(has & wanted)
    reachable = any(i in has for has, _ in peers for i in wanted)
    assert picker.has_reachable_candidate() == reachable
