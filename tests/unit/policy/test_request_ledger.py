"""The life of a request: every way it can end frees the peer's slot exactly once, and every byte falls in one bucket."""

from __future__ import annotations

from typing import Any

import pytest
from jstorrent._core import lab

BLOCK = 16384
INF = float("inf")


def key(n: int) -> int:
    return 1 << 32 | n


A, B, C = key(0), key(1), key(2)


def ledger(pieces: int = 4, blocks: int = 4, tail: int = 0) -> Any:
    length = blocks * BLOCK
    made = lab.RequestLedger(lab.Geometry(pieces, length, pieces * length - tail))
    for i, peer in enumerate((A, B, C)):
        made.on_join(peer, f"10.0.0.{i + 1}")
        made.on_unchoke(peer)
    return made


def block(piece: int, number: int, length: int = BLOCK) -> tuple[int, int, int]:
    return (piece, number * BLOCK, length)


def ask(made: Any, peer: int, piece: int, n: int, now: float = 0.0) -> list[tuple[int, int, int]]:
    made.start(piece, now)
    blocks: list[tuple[int, int, int]] = made.request_missing(piece, peer, n, False, now)
    return blocks


def test_a_piece_is_asked_for_block_by_block_and_completes() -> None:
    made = ledger()
    assert ask(made, A, 1, 3) == [block(1, 0), block(1, 1), block(1, 2)]
    assert ask(made, B, 1, 9) == [block(1, 3)]
    assert ask(made, C, 1, 9) == []
    assert made.status(1)["pending"] == 4 and made.open == []
    for peer, number in ((A, 0), (A, 1), (B, 3)):
        got = made.on_block(peer, block(1, number), False, 1.5)
        assert (got["verdict"], got["bucket"], got["complete"], got["waited"]) == ("accepted", "partial", False, 1.5)
    assert made.on_block(A, block(1, 2), False, 1.0)["complete"]
    assert made.status(1)["progress"] == "verifying" and made.partial_bytes == 4 * BLOCK
    assert [(b, p) for b, p, _ in made.contributions(1)] == [
        (block(1, 0), A), (block(1, 1), A), (block(1, 2), A), (block(1, 3), B)
    ]  # fmt: skip
    assert made.on_verified(1) == 4 * BLOCK
    assert made.active == [] and made.partial_bytes == 0
    made.check()


def test_the_last_block_of_the_torrent_is_shorter() -> None:
    made = ledger(pieces=2, blocks=2, tail=BLOCK - 7)
    assert ask(made, A, 1, 9) == [block(1, 0), block(1, 1, 7)]
    assert made.on_block(A, block(1, 1, BLOCK), False, 0)["verdict"] == "wrong_shape"
    assert made.on_block(A, block(1, 1, 7), False, 0)["verdict"] == "accepted"
    made.on_block(A, block(1, 0), False, 0)
    assert made.on_hash_failed(1) == BLOCK + 7


def test_the_same_block_five_times_counts_once() -> None:
    made = ledger()
    ask(made, A, 0, 1)
    verdicts = [made.on_block(A, block(0, 0), False, 0) for _ in range(5)]
    assert [v["verdict"] for v in verdicts] == ["accepted"] + ["duplicate"] * 4
    assert [v["bucket"] for v in verdicts] == ["partial"] + ["redundant"] * 4
    assert [v["asked"] for v in verdicts] == [True] + [False] * 4
    assert made.status(0)["received"] == 1 and made.partial_bytes == BLOCK


def test_what_was_never_asked_for_is_discarded_and_reserves_nothing() -> None:
    made = ledger()
    for strange in [block(2, 0), block(99, 0), (0, 1000, BLOCK), (0, 2**31, BLOCK), (0, 0, 2**20), (0, 0, 0)]:
        assert made.on_block(A, strange, False, 0)["bucket"] == "discarded", strange
    assert made.on_block(key(7), block(0, 0), False, 0)["verdict"] == "unrequested"
    assert made.active == [] and made.partial_bytes == 0


def test_an_answer_with_another_piece_leaves_the_real_request_outstanding() -> None:
    made = ledger()
    ask(made, A, 1, 1)
    assert made.on_block(A, block(0, 0), False, 0)["verdict"] == "unrequested"
    assert made.outstanding(A) == [block(1, 0)]


def test_a_block_of_a_verified_piece_is_redundant() -> None:
    assert ledger().on_block(A, block(0, 0), True, 0)["verdict"] == "duplicate"


def test_disconnecting_releases_everything_at_once() -> None:
    made = ledger()
    ask(made, A, 0, 4)
    made.on_block(A, block(0, 1), False, 0)
    made.on_disconnect(A)
    assert made.status(0) == {
        "progress": "downloading", "total": 4, "received": 1, "missing": 3, "pending": 0, "exclusive": 0
    }  # fmt: skip
    assert ask(made, B, 0, 9) == [block(0, 0), block(0, 2), block(0, 3)]
    made.on_join(A)
    with pytest.raises(Exception, match="joins once"):
        made.on_join(A)
    made.check()


def test_a_choke_without_fast_withdraws_and_late_blocks_are_still_welcome() -> None:
    made = ledger()
    ask(made, A, 0, 3)
    made.on_choke(A)
    assert made.outstanding(A) == [] and made.total_outstanding == 0
    got = made.on_block(A, block(0, 0), False, 1)
    assert (got["verdict"], got["bucket"]) == ("late", "partial")
    assert made.on_block(A, block(0, 0), False, 1)["verdict"] == "duplicate"
    ask(made, B, 0, 1)
    assert made.outstanding(B) == [block(0, 1)]
    late = made.on_block(A, block(0, 1), False, 1)
    assert late["verdict"] == "late" and late["cancels"] == [B]
    assert made.outstanding(B) == []
    made.check()


def test_a_choke_with_fast_keeps_requests_until_rejected_or_expired() -> None:
    made = ledger()
    made.on_disconnect(A)
    made.on_join(A, fast=True)
    ask(made, A, 0, 4, now=0)
    made.on_choke(A)
    assert len(made.outstanding(A)) == 4
    assert made.on_reject(A, block(0, 0), 1) and made.on_reject(A, block(0, 1), 1)
    assert made.on_block(A, block(0, 2), False, 2)["verdict"] == "accepted"
    assert not made.on_reject(A, block(0, 0), 2)
    assert made.expire(100, 60) == [(A, block(0, 3))]
    assert made.total_outstanding == 0


def test_a_reject_answers_the_first_question_of_two() -> None:
    """Asked, cancelled, asked again while the reject was on its way: the second question stands."""
    made = ledger()
    ask(made, A, 0, 1)
    assert made.cancel(A, block(0, 0))
    assert made.on_request(A, block(0, 0), 1)
    assert not made.on_reject(A, block(0, 0), 2)
    assert made.outstanding(A) == [block(0, 0)]
    assert made.on_reject(A, block(0, 0), 3)
    assert made.outstanding(A) == []
    made.check()


def test_a_reject_of_what_was_never_asked_for_changes_nothing() -> None:
    made = ledger()
    assert not made.on_reject(A, block(0, 0), 0)
    assert not made.on_reject(key(9), block(0, 0), 0)


def test_a_silent_peer_loses_all_its_requests_after_one_time_out() -> None:
    made = ledger()
    ask(made, A, 0, 4, now=5)
    assert made.next_deadline(60) == 65 and made.deadline(A, 60) == 65 and made.deadline(B, 60) == INF
    assert made.expire(64.9, 60) == []
    assert made.expire(65, 60) == [(A, block(0, i)) for i in range(4)]
    assert made.status(0)["pending"] == 0 and made.next_deadline(60) == INF


def test_a_deep_queue_of_a_slow_but_steady_peer_never_expires() -> None:
    made = ledger(pieces=1, blocks=64)
    ask(made, A, 0, 64, now=0)
    for i in range(64):
        now = 50.0 * (i + 1)
        assert made.expire(now, 60) == []
        made.on_block(A, block(0, i), False, now)
    assert made.status(0)["progress"] == "verifying"


def test_a_block_left_out_expires_though_others_come() -> None:
    made = ledger(pieces=1, blocks=32)
    ask(made, A, 0, 32, now=0)
    for i in range(1, 12):
        made.on_block(A, block(0, i), False, 5.0 * i)
        assert made.expire(5.0 * i, 60) == []
    assert made.expire(60, 60) == [(A, block(0, 0))]
    # The next oldest is timed from the last answer, not from when it was sent.
    assert made.deadline(A, 60) == 55 + 60


def test_requests_that_were_passed_over_expire_together() -> None:
    made = ledger(pieces=1, blocks=8)
    ask(made, A, 0, 8, now=0)
    made.on_block(A, block(0, 5), False, 10)
    assert made.expire(60, 60) == [(A, block(0, 0))]
    made.on_block(A, block(0, 6), False, 61)
    assert made.expire(70, 60) == [(A, block(0, i)) for i in (1, 2, 3, 4)]
    assert made.outstanding(A) == [block(0, 7)]


def test_cancelling_gains_a_silent_peer_no_time() -> None:
    made = ledger()
    ask(made, A, 0, 4, now=0)
    assert made.cancel(A, block(0, 0)) and not made.cancel(A, block(0, 0))
    assert made.deadline(A, 60) == 60


def test_a_timed_out_block_goes_to_another_peer_if_there_is_one() -> None:
    made = ledger()
    ask(made, A, 0, 1, now=0)
    made.expire(60, 60)
    assert made.request_missing(0, A, 4, True, 61) == [block(0, i) for i in (1, 2, 3)]
    assert made.request_missing(0, A, 4, True, 119) == []
    assert made.request_missing(0, B, 4, True, 119) == [block(0, 0)]
    made.on_disconnect(B)
    # When nobody else has it, it is asked for again at once; otherwise after another time-out.
    assert made.request_missing(0, A, 4, False, 119) == [block(0, 0)]


def test_a_late_block_after_its_time_out_is_taken_and_the_other_cancelled() -> None:
    made = ledger()
    ask(made, A, 0, 1, now=0)
    made.expire(60, 60)
    ask(made, B, 0, 1, now=60)
    got = made.on_block(A, block(0, 0), False, 61)
    assert got["verdict"] == "late" and got["cancels"] == [B]
    assert made.on_block(B, block(0, 0), False, 62)["bucket"] == "redundant"


def test_an_endgame_copy_wins_and_each_loser_is_cancelled_once() -> None:
    made = ledger(pieces=1, blocks=1)
    ask(made, A, 0, 1)
    assert made.request_copies(0, B, 1, 5, 0) == [block(0, 0)]
    assert made.request_copies(0, B, 1, 5, 0) == made.request_copies(0, B, 2, 5, 0) == []
    assert made.request_copies(0, C, 2, 5, 0) == [block(0, 0)]
    assert made.requested_from(0) == [A, B, C] and made.status(0)["pending"] == 3
    got = made.on_block(B, block(0, 0), False, 1)
    assert sorted(got["cancels"]) == [A, C] and got["complete"]
    assert made.total_outstanding == 0 and made.outstanding(A) == []
    assert not made.on_reject(A, block(0, 0), 2)
    assert made.on_block(C, block(0, 0), False, 2)["verdict"] == "duplicate"
    made.check()


def test_a_block_is_asked_from_at_most_max_copies_peers() -> None:
    made = ledger(pieces=1, blocks=1)
    made.start(0, 0)
    for i in range(3, lab.max_copies + 1):
        made.on_join(key(i))
    asked = [made.on_request(key(i), block(0, 0), 0) for i in range(lab.max_copies + 1)]
    assert asked == [True] * lab.max_copies + [False]
    made.check()


def test_one_more_than_max_withdrawn_forgets_the_oldest_request() -> None:
    n = lab.max_withdrawn + 1
    made = ledger(pieces=1, blocks=n)
    ask(made, A, 0, n)
    for i in range(n):
        assert made.cancel(A, block(0, i))
    assert made.on_block(A, block(0, 0), False, 1)["verdict"] == "unrequested"
    assert made.on_block(A, block(0, 1), False, 1)["verdict"] == "late"
    assert made.on_block(A, block(0, n - 1), False, 1)["verdict"] == "late"


def test_requests_by_hand_are_refused_where_they_make_no_sense() -> None:
    made = ledger()
    assert not made.on_request(A, block(0, 0), 0)
    made.start(0, 0)
    assert made.on_request(A, block(0, 0), 0) and not made.on_request(A, block(0, 0), 0)
    assert not made.on_request(A, block(0, 9), 0) and not made.on_request(key(9), block(0, 1), 0)
    made.on_block(A, block(0, 0), False, 0)
    assert not made.on_request(B, block(0, 0), 0)


def test_the_lease_of_a_block_belongs_to_one_peer_that_was_asked() -> None:
    made = ledger(pieces=1, blocks=2)
    ask(made, A, 0, 1)
    assert not made.lease(B, block(0, 0))
    made.request_copies(0, B, 1, 1, 0)
    assert made.lease(A, block(0, 0)) and made.lease(A, block(0, 0)) and not made.lease(B, block(0, 0))
    assert not made.lease(A, block(0, 1)) and not made.lease(A, block(5, 0))
    got = made.on_block(B, block(0, 0), False, 1)
    assert got["revoked"] == A and got["cancels"] == [A]
    assert not made.lease(A, block(0, 0))
    made.check()


def test_a_lease_ends_with_the_frame_the_link_or_by_hand() -> None:
    made = ledger(pieces=1, blocks=2)
    ask(made, A, 0, 2)
    ask(made, B, 0, 2)
    made.request_copies(0, B, 1, 2, 0)
    assert made.lease(A, block(0, 0)) and made.lease(A, block(0, 1))
    made.release_lease(A, block(0, 1))
    assert made.lease(B, block(0, 1))
    made.release_lease(A, block(0, 1))  # not its own any more
    assert not made.lease(A, block(0, 1))
    made.on_disconnect(A)
    assert made.lease(B, block(0, 0))
    assert made.on_block(B, block(0, 0), False, 1)["revoked"] == 0
    made.check()


def test_after_a_failed_hash_the_piece_starts_afresh() -> None:
    made = ledger(pieces=2, blocks=2)
    for peer, number in ((A, 0), (B, 1)):
        ask(made, peer, 0, 1)
        made.on_block(peer, block(0, number), False, 0)
    assert [host for _, _, host in made.contributions(0)] == ["10.0.0.1", "10.0.0.2"]
    made.on_disconnect(A)
    assert made.contributions(0)[0] == (block(0, 0), A, "10.0.0.1")  # blame outlives the link
    assert made.on_hash_failed(0) == 2 * BLOCK
    assert not made.is_active(0) and made.partial_bytes == 0
    assert made.on_block(B, block(0, 1), False, 1)["verdict"] == "unrequested"
    assert ask(made, C, 0, 9) == [block(0, 0), block(0, 1)]
    made.check()


def test_only_whole_pieces_are_judged() -> None:
    made = ledger()
    ask(made, A, 0, 1)
    for judge in (made.on_verified, made.on_hash_failed):
        with pytest.raises(Exception, match="whole piece"):
            judge(0)


def test_abandoning_cancels_revokes_and_discards() -> None:
    made = ledger(pieces=2, blocks=4)
    ask(made, A, 0, 2)
    ask(made, B, 0, 1)
    made.on_block(A, block(0, 0), False, 0)
    made.lease(B, block(0, 2))
    bytes_lost, cancels, revoked = made.abandon(0)
    assert bytes_lost == BLOCK
    assert cancels == [(A, block(0, 1)), (B, block(0, 2))] and revoked == [(B, block(0, 2))]
    assert made.on_block(A, block(0, 1), False, 1)["verdict"] == "unwanted"
    assert made.abandon(0) == (0, [], [])
    made.check()


def test_an_exclusive_piece_is_asked_of_its_peer_only_until_that_fails() -> None:
    made = ledger()
    made.start(0, 0)
    made.set_exclusive(0, A)
    assert made.request_missing(0, B, 9, False, 0) == []
    assert made.request_missing(0, A, 2, False, 0) == [block(0, 0), block(0, 1)]
    made.on_reject(A, block(0, 0), 0)
    assert made.request_missing(0, B, 1, False, 0) == [block(0, 0)]
    made.start(1, 0)
    made.set_exclusive(1, A)
    made.on_disconnect(A)
    assert made.status(1)["exclusive"] == 0


def test_a_peer_is_proven_by_a_verified_piece_until_it_takes_part_in_a_failed_one() -> None:
    made = ledger(pieces=2, blocks=1)
    assert not made.is_proven(A)
    for piece in (0, 1):
        ask(made, A, piece, 1)
        made.on_block(A, block(piece, 0), False, 0)
    made.on_verified(0)
    assert made.is_proven(A)
    made.on_hash_failed(1)
    assert not made.is_proven(A)


def test_the_geometry_must_be_consistent() -> None:
    with pytest.raises(Exception, match="consistent"):
        lab.RequestLedger(lab.Geometry(1, 10, 11))
