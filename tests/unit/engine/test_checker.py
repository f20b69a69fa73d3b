"""The checker finds exactly the pieces that are right, in bounded memory (engine/checker, storage/piece_check)."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from jstorrent._core import lab

from tests.unit.engine.torrents import Sample, v1, v2

storage = lab.storage
FILES = [("a", 100_000), ("b", 0), ("c", 1), ("d", 70_000), ("e", 32768)]
KINDS = {
    "v1": lambda files, length: v1(files, length),
    "v2": lambda files, length: v2(files, length),
    "hybrid": lambda files, length: v2(files, length, hybrid=True),
}


def filled(sample: Sample, path: Path) -> Any:
    store = storage.StoreBench(storage.DiskBench(4), sample.torrent, str(path))
    for name, data in sample.files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return store


def good(found: tuple[Any, ...]) -> list[int]:
    outcome, pieces, _ = found
    assert outcome == ("ok", "")
    return sorted(piece for piece, right in pieces if right)


def spoil(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [16384, 65536, 1 << 20])
def test_whole_files_pass_and_a_flipped_bit_fails_its_piece(tmp_path: Path, kind: str, length: int) -> None:
    sample = KINDS[kind](FILES, length)
    store = filled(sample, tmp_path)
    everything = list(range(len(sample.pieces)))
    found = store.check()
    assert good(found) == everything
    assert sorted(p for p, _ in found[1]) == everything
    spoil(tmp_path / "t/d", 69_999)
    bad = [n for n, p in enumerate(sample.pieces) if sample.files["t/d"][69_900:69_999] in p]
    assert good(store.check()) == [n for n in everything if n not in bad]


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_longer_than_a_chunk_are_hashed_in_runs(tmp_path: Path, kind: str) -> None:
    length = storage.check_chunk_bytes * 4
    sample = KINDS[kind]([("a", length + length // 2 + 5), ("b", 3)], length)
    store = filled(sample, tmp_path)
    found = store.check(budget=1)
    assert good(found) == list(range(len(sample.pieces)))
    assert found[2] <= storage.check_chunk_bytes, "one chunk, whatever the budget"
    spoil(tmp_path / "t/a", length - 1)
    assert 0 not in good(store.check())


@pytest.mark.parametrize("more", [-1, 0, 1, 16384])
@pytest.mark.parametrize("lanes", [1, 15, 16, 17, 32, 33])
def test_any_number_of_pieces_is_hashed_side_by_side(tmp_path: Path, more: int, lanes: int) -> None:
    length = 32768 + more
    sample = v1([("a", length * lanes - 7)], length)
    store = filled(sample, tmp_path)
    spoil(tmp_path / "t/a", length * lanes - 8)
    assert good(store.check(budget=32 * 16384)) == list(range(lanes - 1))


def test_buffers_stay_within_the_budget(tmp_path: Path) -> None:
    sample = v1([("a", 40 * 16384)], 16384)
    store = filled(sample, tmp_path)
    for budget in (16383, 16384, 50_000, 31 * 16384, 32 * 16384, 1 << 20):
        found = store.check(budget=budget)
        assert good(found) == list(range(40))
        assert found[2] <= max(budget, 16384)


def test_only_the_pieces_asked_about_are_read(tmp_path: Path) -> None:
    sample = v1(FILES, 16384)
    store = filled(sample, tmp_path)
    assert sorted(store.check([1, 3])[1]) == [(1, True), (3, True)]
    assert store.check([]) == (("ok", ""), [], 0)


def test_missing_and_short_files_are_missing_pieces_and_no_error(tmp_path: Path) -> None:
    sample = v1([("a", 40_000), ("b", 40_000), ("c", 40_000)], 16384)
    store = filled(sample, tmp_path)
    (tmp_path / "t/b").unlink()
    assert good(store.check()) == [0, 1, 5, 6, 7]
    with (tmp_path / "t/c").open("r+b") as file:
        file.truncate(20_000)
    assert good(store.check()) == [0, 1, 5]
    (tmp_path / "t/a").unlink()
    (tmp_path / "t/a").mkdir()
    assert good(store.check()) == [5]


def test_nothing_there_at_all_is_all_missing(tmp_path: Path) -> None:
    sample = v1(FILES, 16384)
    store = storage.StoreBench(storage.DiskBench(), sample.torrent, str(tmp_path / "no such directory"))
    assert good(store.check()) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("zeros", [False, True])
def test_holes_are_judged_by_what_zeros_hash_to(tmp_path: Path, zeros: bool) -> None:
    sample = v1([("a", 3 * 16384 + 5), ("b", 16384)], 16384, zeros=zeros)
    store = storage.StoreBench(storage.DiskBench(), sample.torrent, str(tmp_path))
    (tmp_path / "t").mkdir()
    for name, data in sample.files.items():
        with (tmp_path / name).open("wb") as file:
            file.truncate(len(data))
    _, _, holes, _ = store.stat()
    assert holes == [True, True]
    found = store.check(holes=holes, budget=16384)
    assert sorted(p for p, _ in found[1]) == list(range(5))
    assert good(found) == (list(range(5)) if zeros else [])


def test_many_holes_are_quick(tmp_path: Path) -> None:
    pieces = 100_000
    sample = v1([("a", 1)], 16384)
    # The same shape by hand: hashing 1.6 GB of zeros here would be slow, and so it would be in the checker.
    import hashlib

    from tests.unit.engine.torrents import bencode

    zero = hashlib.sha1(bytes(16384)).digest()
    info = {"name": "t", "piece length": 16384, "length": pieces * 16384, "pieces": zero * pieces}
    sample = Sample(bencode({"info": info}), [], {})
    store = storage.StoreBench(storage.DiskBench(), sample.torrent, str(tmp_path))
    with (tmp_path / "t").open("wb") as file:
        file.truncate(pieces * 16384)
    _, _, holes, _ = store.stat()
    assert len(good(store.check(holes=holes))) == pieces


@pytest.mark.parametrize("length", [16384, 1 << 20])
def test_of_a_hybrid_whose_halves_disagree_the_v1_half_decides(tmp_path: Path, length: int) -> None:
    """It is fetched by that half: what is complete then is complete when it is checked."""
    sample = v2([("a", 3 * length), ("b", 100)], length, hybrid=True)
    changed = [bytes([data[0] ^ 1]) + data[1:] for data in sample.pieces]
    v1_half, other = (b"".join(hashlib.sha1(data).digest() for data in each) for each in (sample.pieces, changed))
    sample.torrent = sample.torrent.replace(v1_half, other)
    store = filled(sample, tmp_path)
    assert good(store.check()) == [], "what the v2 half says"
    (tmp_path / "t/a").write_bytes(b"".join(changed[:3]))
    (tmp_path / "t/b").write_bytes(changed[3])
    assert good(store.check()) == [0, 1, 2, 3], "and what the v1 half says"


def test_a_cancelled_check_ends_soon(tmp_path: Path) -> None:
    sample = v1([("a", 200 * 16384)], 16384)
    store = filled(sample, tmp_path)
    outcome, pieces, _ = store.check(cancel_after=5)
    assert outcome == ("canceled", "")
    assert len(pieces) == 5


def test_a_check_can_be_repeated(tmp_path: Path) -> None:
    sample = v2(FILES, 32768, hybrid=True)
    store = filled(sample, tmp_path)
    for _ in range(3):
        assert good(store.check()) == list(range(len(sample.pieces)))


# ---- where the page cache has the bytes ----

MIB = 1 << 20
#: A look, an open file, the end: what a check of one file costs beside its reads or runs.
AROUND = 4


def in_place(tmp_path: Path, files: list[tuple[str, int]], length: int, **more: Any) -> tuple[Sample, Any]:
    sample = v1(files, length, **more)
    return sample, filled(sample, tmp_path)


@pytest.mark.parametrize("length", [16384, 65536, 3 * 16384, MIB])
@pytest.mark.parametrize("last", [0, 1, 16383])
def test_what_is_cached_is_hashed_without_being_read(tmp_path: Path, length: int, last: int) -> None:
    count = max(2 * MIB // length, 20) * 3
    sample, store = in_place(tmp_path, [("a", count * length + last)], length)
    before = store.operations
    found = store.check()
    assert good(found) == list(range(len(sample.pieces)))
    assert found[2] <= 8 * length, "no buffers but for a few pieces at the end"
    assert store.operations - before <= count // 64 + 8 + AROUND
    for at in (0, length, count * length - 1, count * length + last - 1):
        spoil(tmp_path / "t/a", at)
        bad = min(at // length, len(sample.pieces) - 1)
        assert good(store.check()) == [n for n in range(len(sample.pieces)) if n != bad]
        spoil(tmp_path / "t/a", at)


def test_few_pieces_are_read_and_not_mapped(tmp_path: Path) -> None:
    for count, length in ((7, MIB), (63, 16384), (8, MIB // 8 - 16384)):
        (tmp_path / str(count)).mkdir()
        _, store = in_place(tmp_path / str(count), [("a", count * length)], length)
        found = store.check()
        assert good(found) == list(range(count))
        assert found[2] > 0, "read into buffers"


def test_a_run_ends_with_its_file_and_with_what_is_asked(tmp_path: Path) -> None:
    """Whatever lies across a border is read: pieces of two files, padding, and pieces that nobody asks for between."""
    length = MIB // 8
    files = [("a", 20 * length + 5), ("pad:p", length - 5), ("b", 20 * length - 7), ("c", 21 * length)]
    sample, store = in_place(tmp_path, files, length)
    everything = list(range(len(sample.pieces)))
    assert good(store.check()) == everything
    assert good(store.check(everything[::2])) == everything[::2]
    without = [n for n in everything if n != 12]
    assert good(store.check(without)) == without
    for path in ("t/a", "t/c"):
        spoil(tmp_path / path, 10 * length)
    assert good(store.check()) == [n for n in everything if n not in (10, 50)]


def test_a_file_that_ends_early_or_is_gone_is_judged_piece_by_piece(tmp_path: Path) -> None:
    length = MIB // 4
    _, store = in_place(tmp_path, [("a", 40 * length)], length)
    with (tmp_path / "t/a").open("r+b") as file:
        file.truncate(21 * length - 1)
    assert good(store.check()) == list(range(20))
    (tmp_path / "t/a").unlink()
    assert good(store.check()) == []


def test_what_is_not_cached_is_read(tmp_path: Path) -> None:
    """In the middle of a run: what lies before it keeps its answer."""
    length = MIB
    _, store = in_place(tmp_path, [("a", 40 * length)], length)
    with (tmp_path / "t/a").open("r+b") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 20 * length, 2 * length, os.POSIX_FADV_DONTNEED)
    spoil(tmp_path / "t/a", 15 * length)
    found = store.check()
    assert good(found) == [n for n in range(40) if n != 15]


def test_a_run_stops_reporting_when_the_check_is_canceled(tmp_path: Path) -> None:
    _, store = in_place(tmp_path, [("a", 40 * 65536)], 65536)
    outcome, pieces, _ = store.check(cancel_after=5)
    assert outcome == ("canceled", "") and len(pieces) == 5


def test_parked_bytes_are_read_from_where_they_are(tmp_path: Path) -> None:
    """A skipped file that is not there keeps the bytes of shared pieces in the part file: no run of it exists."""
    length = MIB // 8
    sample, store = in_place(tmp_path, [("a", 10 * length + 9), ("b", 20 * length)], length)
    (tmp_path / "t/b").unlink()
    store.stat()
    store.set_skipped([False, True])
    assert store.parked() == [False, True]
    store.write([(10, 0, sample.pieces[10])])
    assert good(store.check()) == list(range(11))
