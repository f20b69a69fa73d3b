"""Pieces to files and back (storage/file_map, storage/part_file), against a map of every byte."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jstorrent import _errors as jstorrent
from jstorrent._core import lab

storage = lab.storage
Files = list[tuple[int, bool]]


def byte_map(files: Files, piece_length: int, aligned: bool) -> list[list[tuple[int, int]]]:
    """pieces[p][byte] = (file, offset)"""
    pieces: list[list[tuple[int, int]]] = []
    for number, (size, _) in enumerate(files):
        for offset in range(size):
            fresh = not pieces or len(pieces[-1]) == piece_length or (aligned and offset == 0)
            if fresh:
                pieces.append([])
            pieces[-1].append((number, offset))
    return pieces


def expand(slices: list[tuple[int, int, int, bool]]) -> list[tuple[int, int]]:
    return [(file, offset + i) for file, offset, length, _ in slices for i in range(length)]


file_lists = st.lists(st.tuples(st.one_of(st.just(0), st.integers(0, 40)), st.booleans()), min_size=1, max_size=12)
maps = st.tuples(file_lists, st.integers(1, 17), st.booleans())


@settings(max_examples=300)
@given(maps, st.data())
def test_slices_name_each_byte_once(case: tuple[Files, int, bool], data: st.DataObject) -> None:
    files, length, aligned = case
    m = storage.FileMap(files, length, aligned)
    model = byte_map(files, length, aligned)
    assert m.num_pieces == len(model)
    assert m.total_size == sum(size for size, _ in files)
    for p, piece in enumerate(model):
        assert m.piece_size(p) == len(piece)
        whole = m.slices(p, 0, len(piece))
        assert expand(whole) == piece
        assert all(n > 0 and is_pad == files[f][1] for f, _, n, is_pad in whole)
        begin = data.draw(st.integers(0, len(piece) - 1))
        size = data.draw(st.integers(1, len(piece) - begin))
        assert expand(m.slices(p, begin, size)) == piece[begin : begin + size]
        assert m.file_at(p, begin) == piece[begin][0]
        assert m.contains(p, begin, size)
        assert not m.contains(p, begin, len(piece) - begin + 1)
    for f, (size, _) in enumerate(files):
        holding = [p for p, piece in enumerate(model) if any(file == f for file, _ in piece)]
        first, last = m.pieces_of(f)
        assert list(range(first, last)) == holding


@given(file_lists, st.integers(1, 17))
def test_a_run_goes_on_over_pieces(files: Files, length: int) -> None:
    m = storage.FileMap(files, length)
    everything = [byte for piece in byte_map(files, length, False) for byte in piece]
    assert expand(m.slices(0, 0, len(everything))) == everything
    assert m.slices(0, 0, len(everything) + 1) == []
    assert m.slices(0, len(everything), 1) == []


@given(maps)
def test_nothing_is_found_past_the_end(case: tuple[Files, int, bool]) -> None:
    m = storage.FileMap(*case)
    for piece in (m.num_pieces, m.num_pieces + 1, 2**32 - 1):
        assert m.piece_size(piece) == 0
        assert m.slices(piece, 0, 1) == []
        assert not m.contains(piece, 0, 1)
    assert m.slices(0, 0, 0) == []
    assert m.slices(0, 2**64 - 1, 1) == []
    assert m.slices(0, 0, 2**64 - 1) == []


@settings(max_examples=200)
@given(maps, st.data())
def test_priorities_and_progress_follow_the_bytes(case: tuple[Files, int, bool], data: st.DataObject) -> None:
    files, length, aligned = case
    m = storage.FileMap(files, length, aligned)
    model = byte_map(files, length, aligned)
    priorities = data.draw(st.lists(st.integers(0, 9), max_size=len(files)))
    full = [min(p, 7) for p in priorities] + [4] * (len(files) - len(priorities))
    best = max((p for p, (_, pad) in zip(full, files, strict=True) if not pad), default=0)
    expected = []
    for piece in model:
        real = [full[file] for file, _ in piece if not files[file][1]]
        expected.append(max(real) if real else best)
    assert m.piece_priorities(priorities) == expected
    have = data.draw(st.lists(st.booleans(), min_size=len(model), max_size=len(model)))
    verified = [0] * len(files)
    for bit, piece in zip(have, model, strict=True):
        for file, _ in piece:
            verified[file] += bit
    assert m.verified_bytes(have) == verified
    assert m.payload_bytes(have) == sum(v for v, (_, pad) in zip(verified, files, strict=True) if not pad)


@settings(max_examples=200)
@given(maps)
def test_the_part_file_has_one_slot_for_each_shared_piece(case: tuple[Files, int, bool]) -> None:
    files, length, aligned = case
    m = storage.FileMap(files, length, aligned)
    parts = storage.PartFile(m)
    shared = []
    for p, piece in enumerate(byte_map(files, length, aligned)):
        if len({file for file, _ in piece if not files[file][1]}) > 1:
            shared.append(p)
    assert parts.num_slots == len(shared)
    for p in range(m.num_pieces + 1):
        expected = shared.index(p) if p in shared else None
        assert parts.slot(p) == expected
        assert parts.offset(p, 0) == (None if expected is None else expected * length)
        assert parts.offset(p, length) is None


def test_the_part_file_is_named_after_the_torrent() -> None:
    assert storage.PartFile.name(bytes(range(20))) == "." + bytes(range(20)).hex() + ".parts"


def test_five_tebibytes_are_addressed_exactly() -> None:
    tib = 1 << 40
    m = storage.FileMap([(5 * tib - 3, False), (0, False), (7, False)], 1 << 24)
    assert m.num_pieces == 5 * tib // (1 << 24) + 1
    last = m.num_pieces - 1
    assert m.piece_size(last) == 4
    assert m.slices(last - 1, (1 << 24) - 4, 8) == [(0, 5 * tib - 4, 1, False), (2, 0, 7, False)]


def test_a_million_files_are_looked_up_quickly() -> None:
    files = [(1, False)] * 1_000_000
    m = storage.FileMap(files, 16384)
    for piece in range(m.num_pieces):
        assert m.file_at(piece, 0) == piece * 16384
    assert len(storage.FileMap(files, 1 << 20).slices(0, 0, 1_000_000)) == 1_000_000


@pytest.mark.parametrize(
    ("files", "length", "code"),
    [
        ([(1, False)], 0, "bad_piece_length"),
        ([(1, False)], (1 << 30) + 1, "bad_piece_length"),
        ([], 16384, "too_many_files"),
        ([(storage.max_total_size + 1, False)], 1 << 30, "too_large"),
        ([(storage.max_total_size, False), (1, False)], 1 << 30, "too_large"),
        ([(2**64 - 1, False), (2**64 - 1, False)], 1 << 30, "too_large"),
        ([(storage.max_pieces + 1, False)], 1, "too_many_pieces"),
    ],
)
def test_one_step_past_a_limit_is_refused(files: Files, length: int, code: str) -> None:
    with pytest.raises(jstorrent.ParseError) as caught:
        storage.FileMap(files, length)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("files", "length"), [([(storage.max_total_size, False)], 1 << 30), ([(storage.max_pieces, False)], 1)]
)
def test_a_limit_itself_is_accepted(files: Files, length: int) -> None:
    m: Any = storage.FileMap(files, length)
    assert m.total_size == files[0][0]


def test_more_files_than_allowed_are_refused() -> None:
    with pytest.raises(jstorrent.ParseError) as caught:
        storage.FileMap([(0, False)] * (storage.max_files + 1), 16384)
    assert caught.value.code == "too_many_files"
