"""How pieces are cut into blocks, and which blocks exist at all."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from jstorrent._core import lab

BLOCK = 16384


@given(st.integers(1, 5 * BLOCK), st.integers(1, 40 * BLOCK))
def test_the_blocks_of_all_pieces_cover_the_torrent_exactly_once(piece_length: int, total: int) -> None:
    n = -(-total // piece_length)
    g = lab.Geometry(n, piece_length, total)
    assert g.is_consistent()
    covered = 0
    for piece in {0, n // 2, n - 1}:
        size = min(piece_length, total - piece * piece_length)
        assert g.piece_size(piece) == size
        blocks = [g.block(piece, i) for i in range(g.blocks_in(piece))]
        assert [b[1] for b in blocks] == [i * BLOCK for i in range(len(blocks))]
        assert sum(b[2] for b in blocks) == size
        assert all(b[2] == BLOCK for b in blocks[:-1]) and 0 < blocks[-1][2] <= BLOCK
        assert [g.block_number(b) for b in blocks] == list(range(len(blocks)))
        covered += size
    assert g.piece_size(n) == 0 and g.blocks_in(n) == 0 and covered <= total


def test_what_is_not_a_block_has_no_number() -> None:
    g = lab.Geometry(3, 2 * BLOCK, 4 * BLOCK + 5)
    assert g.block_number((2, 0, 5)) == 0
    for wrong in [
        (3, 0, BLOCK),
        (0, 1000, BLOCK),
        (0, 2 * BLOCK, BLOCK),
        (0, 0, BLOCK - 1),
        (0, 0, BLOCK + 1),
        (0, 0, 0),
        (2, 0, BLOCK),
        (2, BLOCK, 5),
        (2**32 - 1, 0, BLOCK),
        (0, 2**32 - BLOCK, BLOCK),
    ]:
        assert g.block_number(wrong) is None, wrong


def test_numbers_that_do_not_fit_are_inconsistent() -> None:
    assert lab.Geometry(0, 0, 0).is_consistent()
    assert lab.Geometry(2, 10, 11).is_consistent()
    for wrong in [(1, 10, 11), (3, 10, 11), (1, 0, 0), (0, 10, 5), (1, 10, 0)]:
        assert not lab.Geometry(*wrong).is_consistent(), wrong
