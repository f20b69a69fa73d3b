"""Who sent bad data: proof and parole."""

from __future__ import annotations

from typing import Any

from jstorrent._core import lab

A, B, C, D = ("9.0.0.1", "9.0.0.2", "9.0.0.3", "9.0.0.4")


def blocks(*parts: tuple[str, int]) -> list[tuple[int, str, int]]:
    return [(i * 16384, who, digest) for i, (who, digest) in enumerate(parts)]


def verdict(judgement: dict[str, Any], **expected: Any) -> None:
    empty: dict[str, Any] = {"guilty": [], "paroled": [], "cleared": []}
    assert judgement == empty | expected


def test_a_sole_contributor_is_guilty_at_once() -> None:
    blame = lab.Blame()
    verdict(blame.on_failed(0, blocks((A, 1), (A, 2))), guilty=[A])
    assert blame.failures(A) == 1 and not blame.is_on_parole(A)


def test_several_contributors_are_suspects_and_nobody_is_guilty() -> None:
    blame = lab.Blame()
    verdict(blame.on_failed(0, blocks((A, 1), (B, 2))), paroled=[A, B])
    verdict(blame.on_failed(1, blocks((B, 1), (C, 2))), paroled=[C])
    assert all(blame.is_on_parole(h) for h in (A, B, C)) and not blame.is_on_parole(D)


def test_parole_proves_guilt_with_the_next_failure() -> None:
    blame = lab.Blame()
    blame.on_failed(0, blocks((A, 1), (B, 2)))
    verdict(blame.on_failed(1, blocks((B, 3), (B, 4))), guilty=[B])


def test_the_same_piece_verified_later_proves_who_lied_and_clears_the_others() -> None:
    blame = lab.Blame()
    blame.on_failed(7, blocks((A, 1), (B, 66)))
    assert blame.has_failed(7) and not blame.has_failed(8)
    verdict(blame.on_verified(7, blocks((C, 1), (C, 2))), guilty=[B], cleared=[A])
    assert not blame.has_failed(7)


def test_a_whole_piece_given_alone_clears_a_suspect_of_an_earlier_one() -> None:
    blame = lab.Blame()
    blame.on_failed(0, blocks((A, 1), (B, 66)))
    verdict(blame.on_verified(5, blocks((A, 9), (A, 9))))  # piece 0 may still prove it guilty
    verdict(blame.on_verified(0, blocks((C, 1), (C, 2))), guilty=[B], cleared=[A])
    blame.on_failed(0, blocks((A, 1), (D, 66)))
    verdict(blame.on_verified(6, blocks((A, 9), (D, 9))))  # not alone: proves nothing
    assert blame.is_on_parole(A) and blame.is_on_parole(D)


def test_who_sent_bad_and_later_good_data_is_still_guilty() -> None:
    blame = lab.Blame()
    blame.on_failed(0, blocks((A, 66), (B, 2)))
    verdict(blame.on_verified(0, blocks((A, 1), (B, 2))), guilty=[A], cleared=[B])


def test_a_corrupter_of_one_piece_in_twenty_is_not_banned_on_suspicion() -> None:
    blame = lab.Blame()
    for piece in range(40):
        if piece % 20 == 0:
            assert blame.on_failed(piece, blocks((A, 1), (B, 2)))["guilty"] == []
        else:
            assert blame.on_verified(piece, blocks((A, 1), (B, 2)))["guilty"] == []


def test_any_number_of_hosts_that_fail_a_piece_alone_are_guilty() -> None:
    blame = lab.Blame()
    for number, host in enumerate((A, B, C, D)):
        verdict(blame.on_failed(0, blocks((host, number))), guilty=[host])
        verdict(blame.on_failed(0, blocks((host, number))), guilty=[host])
    verdict(blame.on_failed(0, blocks((A, 4), (D, 4))), paroled=[A, D])
    verdict(blame.on_verified(0, blocks((B, 9), (B, 4))), guilty=[A], cleared=[D])


def test_who_failed_a_piece_alone_is_not_judged_for_it_twice() -> None:
    blame = lab.Blame()
    verdict(blame.on_failed(0, blocks((A, 1))), guilty=[A])
    assert not blame.has_failed(0)
    verdict(blame.on_verified(0, blocks((B, 9))))


def test_forgetting_a_host_closes_its_record() -> None:
    blame = lab.Blame()
    blame.on_failed(0, blocks((A, 1), (B, 66)))
    blame.forget(B)
    assert not blame.is_on_parole(B) and blame.failures(B) == 0
    verdict(blame.on_verified(0, blocks((C, 1), (C, 2))), cleared=[A])


def test_trust_takes_so_many_good_pieces_in_a_row_and_one_bad_one_ends_it() -> None:
    blame = lab.Blame()
    for _ in range(2):
        for _ in range(lab.trust_after):
            assert not blame.is_trusting
            blame.on_verdict(True)
        assert blame.is_trusting
        blame.on_verdict(False)
    assert not blame.is_trusting


def test_one_more_than_each_bound_drops_the_oldest() -> None:
    blame = lab.Blame()
    for piece in range(lab.max_failed_pieces + 1):
        blame.on_failed(piece, blocks((A, 1), (B, 66)))
    assert blame.num_failed_pieces == lab.max_failed_pieces
    assert not blame.has_failed(0) and blame.has_failed(1)
    for i in range(lab.max_suspects + 1):
        blame.on_failed(lab.max_failed_pieces, blocks((f"9.1.{i >> 8}.{i & 255}", 1)))
    assert blame.num_suspects == lab.max_suspects
    assert blame.is_on_parole(A)  # those on parole are kept before others


def test_digests_of_one_piece_are_bounded() -> None:
    blame = lab.Blame()
    n = lab.max_failed_blocks + 1
    many = [(i * 16384, A if i < n - 1 else B, i) for i in range(n)]
    blame.on_failed(0, many)
    good = [(i * 16384, C, i + 1) for i in range(n)]
    verdict(blame.on_verified(0, good), guilty=[A])
