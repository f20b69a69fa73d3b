"""The end of a download: each of its settings alone, and what it never does."""

from __future__ import annotations

from typing import Any

from jstorrent._core import lab

BLOCK = 16384
ALL = 1 << 20


def key(n: int) -> int:
    return 1 << 32 | n


A, B, C, D = (key(i) for i in range(4))


class End:
    """Everybody has everything; A was asked for all `blocks` of one piece after `done` pieces were finished."""

    def __init__(self, blocks: int = 4, done: int = 0, **settings: Any) -> None:
        n = done + 1
        geometry = lab.Geometry(n, blocks * BLOCK, n * blocks * BLOCK)
        self.has = list(range(n))
        self.ledger = lab.RequestLedger(geometry)
        self.picker = lab.PiecePicker(geometry, True)
        self.endgame = lab.Endgame(**settings)
        for peer in (A, B, C, D):
            self.ledger.on_join(peer)
            self.ledger.on_unchoke(peer)
            self.picker.on_join(self.has)
        for piece in range(done):
            for b in self.pick(A, blocks):
                self.ledger.on_block(A, b, False, 0)
            self.ledger.on_verified(piece)
            self.picker.on_verified(piece)

    def pick(self, peer: int, n: int = ALL) -> list[Any]:
        blocks: list[Any] = self.picker.pick(peer, self.has, n, ALL, self.ledger)[0]
        return blocks

    def copies(self, peer: int, n: int = ALL, now: float = 0.0, **more: Any) -> list[int]:
        picked = self.endgame.pick_duplicates(peer, self.has, n, self.picker, self.ledger, now, **more)
        return [b[1] // BLOCK for b in picked]

    def on(self, now: float = 0.0) -> bool:
        return bool(self.endgame.in_endgame(self.picker, self.ledger, now))


def test_it_begins_when_every_missing_block_is_asked_for() -> None:
    e = End()
    assert not e.on()
    e.pick(A, 3)
    assert not e.on() and e.copies(B) == []
    e.pick(A, 1)
    assert e.on() and e.copies(B) == [0, 1, 2, 3]


def test_it_ends_when_a_block_is_missing_again() -> None:
    e = End()
    e.pick(A)
    assert e.on()
    e.ledger.on_disconnect(A)
    assert not e.on() and e.copies(B) == []


def test_by_default_a_block_is_asked_from_two_peers() -> None:
    e = End()
    e.pick(A)
    assert e.copies(B) == [0, 1, 2, 3] and e.copies(C) == []
    assert e.copies(A) == [] and e.copies(B) == []


def test_with_three_copies_the_least_asked_for_come_first() -> None:
    e = End(copies=3)
    e.pick(A)
    assert e.copies(B, 2) == [0, 1]
    assert e.copies(C, 3) == [2, 3, 0]
    assert e.copies(D) == [1, 2, 3]
    assert e.copies(B) == []


def test_one_copy_or_none_means_no_endgame_requests() -> None:
    for copies in (0, 1):
        e = End(copies=copies)
        e.pick(A)
        assert e.copies(B) == []


def test_copies_beyond_the_bound_count_as_the_bound() -> None:
    e = End(blocks=1, copies=lab.max_copies + 5, prefer_proven=False)
    e.pick(A)
    for i in range(4, 4 + lab.max_copies):
        e.ledger.on_join(key(i))
    asked = sum(bool(e.copies(key(i))) for i in range(1, 4 + lab.max_copies))
    assert asked == lab.max_copies - 1


def test_the_fraction_decides_alone() -> None:
    for fraction, expected in ((0.24, False), (0.25, True), (1.0, True), (0.0, False)):
        e = End(blocks=8, done=3, fraction=fraction)
        e.pick(A)
        assert e.on() is expected, fraction


def test_four_blocks_are_near_the_end_of_any_torrent_unless_there_is_no_endgame_at_all() -> None:
    for blocks, fraction, expected in ((4, 0.01, True), (5, 0.01, False), (4, 0.0, False)):
        e = End(blocks=blocks, done=9, fraction=fraction)
        e.pick(A)
        assert e.on() is expected, (blocks, fraction)


def test_the_bytes_decide_alone() -> None:
    for left, expected in ((4 * BLOCK - 1, False), (4 * BLOCK, True), (0, False)):
        e = End(done=3, bytes=left)
        e.pick(A)
        assert e.on() is expected, left


def test_what_arrives_brings_the_end_nearer() -> None:
    e = End(bytes=3 * BLOCK)
    blocks = e.pick(A)
    assert not e.on()
    e.ledger.on_block(A, blocks[0], False, 0)
    assert e.on() and e.copies(B) == [1, 2, 3]


def prove(e: End, peer: int) -> None:
    for b in e.pick(peer, 4):
        e.ledger.on_block(peer, b, False, 0)
    e.ledger.on_verified(0)
    e.picker.on_verified(0)


def test_proven_peers_have_a_head_start() -> None:
    for prefer in (True, False):
        e = End(done=0, prefer_proven=prefer)
        geometry = lab.Geometry(2, 4 * BLOCK, 8 * BLOCK)
        e.ledger, e.picker, e.has = lab.RequestLedger(geometry), lab.PiecePicker(geometry, True), [0, 1]
        for peer in (A, B, C):
            e.ledger.on_join(peer)
            e.ledger.on_unchoke(peer)
            e.picker.on_join(e.has)
        prove(e, B)
        e.pick(A)
        if not prefer:
            assert e.copies(C, 1) == [0]
            continue
        assert e.copies(C, 1, now=10.0) == [] and e.endgame.deadline == 12.0
        assert e.copies(B, 1, now=10.0) == [0]
        assert e.copies(C, 1, now=11.9) == []
        assert e.copies(C, 1, now=12.0) == [1]


def test_unproven_peers_need_not_wait_when_no_proven_one_serves_us() -> None:
    e = End(done=1)
    e.pick(A)  # A is proven, but it is the slow one
    assert e.copies(B, 1) == []
    e.ledger.on_disconnect(A)
    e.pick(C)
    assert e.copies(B, 1) == [0]


def test_a_peer_on_parole_gets_no_copies() -> None:
    e = End()
    e.pick(A)
    assert e.copies(B, on_parole=True) == []
    assert e.copies(B) != []


def test_pieces_that_nobody_has_do_not_hold_it_up() -> None:
    geometry = lab.Geometry(2, BLOCK, 2 * BLOCK)
    ledger, picker, endgame = lab.RequestLedger(geometry), lab.PiecePicker(geometry), lab.Endgame()
    for peer in (A, B):
        ledger.on_join(peer)
        picker.on_join([0])
    picker.pick(A, [0], ALL, ALL, ledger)
    assert endgame.in_endgame(picker, ledger, 0)
    picker.on_have(1)
    assert not endgame.in_endgame(picker, ledger, 0)


def test_nothing_wanted_is_no_endgame() -> None:
    e = End()
    e.pick(A)
    e.picker.set_priority(0, 0)
    assert not e.on() and e.copies(B) == []


def test_slow_peers_cannot_hold_up_every_active_piece() -> None:
    n = 3
    geometry = lab.Geometry(n, 2 * BLOCK, n * 2 * BLOCK)
    ledger, picker, endgame = lab.RequestLedger(geometry), lab.PiecePicker(geometry, True), lab.Endgame()
    has = list(range(n))
    for peer in (A, B):
        ledger.on_join(peer)
        picker.on_join(has)
    picker.pick(A, has, 2, 2, ledger, now=0.0)
    picker.pick(A, has, 1, 2, ledger, now=1.0)
    picker.pick(A, has, 1, 2, ledger, now=2.0)
    assert picker.pick(B, has, 9, 2, ledger) == ([], True)  # two pieces are active: no more may start
    assert not endgame.in_endgame(picker, ledger, 0)
    assert endgame.pick_overdue(B, has, 9, picker, ledger, 4.9) == []
    assert endgame.pick_overdue(B, has, 9, picker, ledger, 6.0) == [(0, 0, BLOCK), (0, BLOCK, BLOCK), (1, 0, BLOCK)]
    assert endgame.pick_overdue(B, has, 9, picker, ledger, 99.0) == [(1, BLOCK, BLOCK)]
    assert ledger.on_block(B, (0, 0, BLOCK), False, 99.0)["cancels"] == [A]
    ledger.check()
    assert lab.Endgame(copies=1).pick_overdue(B, has, 9, picker, ledger, 999.0) == []


def stuck(e: End, peer: int, n: int = ALL, owner: int = A, **more: Any) -> list[int]:
    picked = e.endgame.pick_stuck(peer, owner, e.has, n, e.picker, e.ledger, **more)
    return [b[1] // BLOCK for b in picked]


def test_what_a_silent_peer_owes_goes_to_others_in_the_order_it_was_asked_long_before_the_end() -> None:
    e = End(blocks=6, fraction=0.01)
    e.pick(A, 4)
    assert not e.on()
    assert stuck(e, B, 3) == [0, 1, 2]
    assert stuck(e, C) == [3]  # not what has its second copy
    assert stuck(e, D) == []


def test_nobody_takes_over_from_itself_on_parole_without_the_piece_or_without_endgame() -> None:
    e = End()
    e.pick(A)
    assert stuck(e, A) == [] and stuck(e, B, on_parole=True) == []
    assert e.endgame.pick_stuck(B, A, [], ALL, e.picker, e.ledger) == []
    one = End(copies=1)
    one.pick(A)
    assert stuck(one, B) == []
    e.picker.set_priority(0, 0)
    assert stuck(e, B) == []


def test_a_peer_that_proves_itself_alone_is_left_alone() -> None:
    e = End()
    e.pick(A)
    e.ledger.set_exclusive(0, A)
    assert stuck(e, B) == []
