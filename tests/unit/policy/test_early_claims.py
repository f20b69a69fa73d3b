"""What peers claim before the number of pieces is known (policy/early_claims): remembered, bounded, judged later."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jstorrent._core import lab

MOST = lab.max_early_pieces


def test_who_says_nothing_has_nothing() -> None:
    assert lab.EarlyClaims().judge(10) == []


def test_all_and_none() -> None:
    claims = lab.EarlyClaims()
    claims.on_all(True)
    assert claims.judge(3) == [0, 1, 2]
    claims.on_all(False)
    assert claims.judge(3) == []


@given(st.integers(1, 60), st.data())
def test_a_bitfield_and_haves_add_up(pieces: int, data: st.DataObject) -> None:
    bits = data.draw(st.sets(st.integers(0, pieces - 1)))
    haves = data.draw(st.sets(st.integers(0, pieces - 1)))
    raw = bytearray((pieces + 7) // 8)
    for i in bits:
        raw[i // 8] |= 0x80 >> i % 8
    claims = lab.EarlyClaims()
    assert claims.on_bitfield(bytes(raw)) and all(claims.on_have(i) for i in haves)
    assert claims.judge(pieces) == sorted(bits | haves)
    assert claims.is_within(b"\xff" * len(raw))
    assert claims.is_within(bytes(raw)) == (haves <= bits)


@pytest.mark.parametrize("bits", [b"", b"\x80", b"\x80\0\0", b"\0\x01"])
def test_a_bitfield_of_the_wrong_length_or_with_a_spare_bit_does_not_fit(bits: bytes) -> None:
    claims = lab.EarlyClaims()
    assert claims.on_bitfield(bits)
    assert claims.judge(10) is None


def test_a_have_fits_up_to_the_last_piece() -> None:
    claims = lab.EarlyClaims()
    assert claims.on_have(9)
    assert claims.judge(10) == [9] and claims.judge(9) is None


def test_what_no_torrent_has_is_refused_at_once() -> None:
    claims = lab.EarlyClaims()
    assert claims.on_have(MOST - 1) and not claims.on_have(MOST) and not claims.on_have(2**32 - 1)
    assert claims.on_bitfield(bytes(MOST // 8)) and not claims.on_bitfield(bytes(MOST // 8 + 1))
    assert claims.memory <= 2 * (MOST // 8)


def test_a_single_have_costs_what_it_needs() -> None:
    claims = lab.EarlyClaims()
    claims.on_have(80)
    assert claims.memory <= 16


def test_allowed_fast_is_bounded_and_each_counts_once() -> None:
    claims = lab.EarlyClaims()
    for i in [5, 5, *range(1000)]:
        claims.on_allowed_fast(i)
    assert len(claims.allowed_fast) == len(set(claims.allowed_fast)) == 64 and claims.allowed_fast[0] == 5
