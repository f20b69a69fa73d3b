"""Runs of piece bytes end up in the right files, and nowhere else (engine/file_store, handle_cache, file_sweeps)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from jstorrent._core import lab

from tests.unit.engine.torrents import Sample, v1, v2

storage = lab.storage

SPANNING = [
    ("a", 10_000),
    ("empty first", 0),
    ("d/b", 40_000),
    ("d/e/c", 7),
    ("d/empty", 0),
    ("pad:.pad/1", 9000),
    ("z", 20_000),
]


def open_store(sample: Sample, path: Path, open_files: int = 16, bench: Any = None) -> Any:
    return storage.StoreBench(bench or storage.DiskBench(open_files), sample.torrent, str(path))


def write_all(store: Any, sample: Sample, span: int = 16384) -> None:
    writes = [(n, 0, piece) for n, piece in enumerate(sample.pieces)]
    assert {word for word, _ in store.write(writes, span=span)} == {"ok"}


def on_disk(path: Path) -> dict[str, bytes]:
    return {str(f.relative_to(path)): f.read_bytes() for f in path.rglob("*") if f.is_file()}


def with_payload(sample: Sample) -> dict[str, bytes]:
    return {name: data for name, data in sample.files.items() if data}


@pytest.mark.parametrize("span", [1000, 16384, 1 << 20])
@pytest.mark.parametrize("open_files", [1, 2, 16])
def test_pieces_that_span_files_are_written_and_read_back(tmp_path: Path, span: int, open_files: int) -> None:
    sample = v1(SPANNING)
    store = open_store(sample, tmp_path, open_files)
    write_all(store, sample, span)
    assert on_disk(tmp_path) == with_payload(sample)
    for n, piece in enumerate(sample.pieces):
        assert store.read([(n, 0, len(piece))], span=span) == [(("ok", ""), piece)]
        assert store.read([(n, 3, 500)], span=span)[0][1] == piece[3:503]


@pytest.mark.parametrize("hybrid", [False, True])
def test_v2_files_start_a_piece_each(tmp_path: Path, hybrid: bool) -> None:
    sample = v2([("a", 1), ("b", 40_000), ("c", 0), ("d", 32768), ("e", 5)], 32768, hybrid=hybrid)
    store = open_store(sample, tmp_path)
    write_all(store, sample)
    assert on_disk(tmp_path) == with_payload(sample)
    for n, piece in enumerate(sample.pieces):
        assert store.read([(n, 0, len(piece))])[0][1] == piece


def test_a_run_may_go_on_over_pieces(tmp_path: Path) -> None:
    sample = v1(SPANNING)
    store = open_store(sample, tmp_path)
    whole = b"".join(sample.pieces)
    assert store.write([(0, 0, whole[:30_000]), (1, 30_000 - 16384, whole[30_000:])]) == [("ok", "")] * 2
    assert store.read([(0, 5, len(whole) - 5)])[0][1] == whole[5:]


def test_a_run_of_padding_alone_is_answered(tmp_path: Path) -> None:
    sample = v1([("a", 16384), ("pad:p", 16384), ("b", 1)])
    store = open_store(sample, tmp_path)
    assert store.write([(1, 0, b"x" * 16384)]) == [("ok", "")]
    assert store.read([(1, 0, 16384)]) == [(("ok", ""), bytes(16384))]
    assert on_disk(tmp_path) == {}


def test_a_run_outside_the_torrent_is_a_broken_rule(tmp_path: Path) -> None:
    store = open_store(v1([("a", 100)]), tmp_path)
    with pytest.raises(RuntimeError, match="outside the torrent"):
        store.write([(0, 50, b"x" * 51)])


@pytest.mark.parametrize("open_files", [1, 3, 8])
def test_no_more_files_are_open_than_allowed(tmp_path: Path, open_files: int) -> None:
    sample = v1([(f"f{n}", 5000) for n in range(60)], 1 << 16)
    bench = storage.DiskBench(open_files)
    store = open_store(sample, tmp_path, bench=bench)
    before = len(os.listdir("/proc/self/fd"))
    write_all(store, sample)
    assert bench.open_files <= open_files
    assert len(os.listdir("/proc/self/fd")) <= before + open_files
    reads = [(n, 0, len(p)) for n, p in enumerate(sample.pieces)] * 3
    assert [data for _, data in store.read(reads)] == sample.pieces * 3
    assert on_disk(tmp_path) == with_payload(sample)
    store.close_files()
    assert bench.open_files == 0


def test_two_torrents_share_the_handles(tmp_path: Path) -> None:
    bench = storage.DiskBench(2)
    one, two = v1([("a", 50_000), ("b", 50_000)], name="one"), v1([("a", 50_000), ("b", 9)], name="two")
    stores = [storage.StoreBench(bench, s.torrent, str(tmp_path), n) for n, s in enumerate((one, two))]
    for store, sample in zip(stores, (one, two), strict=True):
        write_all(store, sample)
    stores[0].close_files()
    assert stores[1].read([(0, 0, 16384)])[0][1] == two.pieces[0]
    assert on_disk(tmp_path) == one.files | two.files


def test_reading_a_file_that_is_not_there_names_it(tmp_path: Path) -> None:
    sample = v1([("d/a", 100), ("b", 16384)])
    store = open_store(sample, tmp_path)
    assert store.read([(0, 0, 200)])[0][0] == ("not_found", str(tmp_path / "t/d/a"))
    assert on_disk(tmp_path) == {}, "reading creates nothing"
    write_all(store, sample)
    (tmp_path / "t/b").write_bytes(b"short")
    assert store.read([(0, 0, 200)])[0][0] == ("short_read", str(tmp_path / "t/b"))


def test_a_file_opened_to_read_can_be_written_next(tmp_path: Path) -> None:
    sample = v1([("a", 40_000)])
    (tmp_path / "t").mkdir()
    (tmp_path / "t/a").write_bytes(bytes(40_000))
    store = open_store(sample, tmp_path)
    assert store.read([(0, 0, 100)])[0] == (("ok", ""), bytes(100))
    write_all(store, sample)
    assert on_disk(tmp_path) == sample.files


def test_a_large_file_has_its_space_reserved_and_a_small_one_does_not(tmp_path: Path) -> None:
    large = storage.reserve_from_bytes
    sample = v1([("large", large), ("small", large - 1)], 1 << 18)
    store = open_store(sample, tmp_path)
    assert store.write([(0, 0, b"x"), (4, 0, b"y")]) == [("ok", "")] * 2
    assert (tmp_path / "t/large").stat().st_size == large
    assert (tmp_path / "t/small").stat().st_size == 1


def test_without_reserving_a_large_file_grows_as_bytes_come(tmp_path: Path) -> None:
    large = storage.reserve_from_bytes
    store = open_store(v1([("large", 2 * large)], 1 << 18), tmp_path)
    store.set_reserving(False)
    assert store.write([(0, 0, b"x")]) == [("ok", "")]
    assert (tmp_path / "t/large").stat().st_size == 1


def test_all_files_are_made_with_their_space(tmp_path: Path) -> None:
    sample = v1([("d/a", 30_000), ("empty", 0), ("pad:p", 2768), ("skipped", 50_000), ("b", 100_000)])
    store = open_store(sample, tmp_path)
    assert store.make_all([True, True, True, False, True]) == ("ok", "")
    sizes = {str(f.relative_to(tmp_path)): f.stat() for f in tmp_path.rglob("*") if f.is_file()}
    assert {name: status.st_size for name, status in sizes.items()} == {"t/d/a": 30_000, "t/empty": 0, "t/b": 100_000}
    assert all(status.st_blocks * 512 >= status.st_size for status in sizes.values())
    write_all(store, sample)
    assert store.make_all([True, True, True, False, True]) == ("ok", "")
    assert on_disk(tmp_path) == sample.files, "what is there is not touched"


def test_no_write_goes_through_a_symbolic_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    save = tmp_path / "save"
    (save / "t").mkdir(parents=True)
    (save / "t/d").symlink_to(outside)
    (save / "t/z").symlink_to(outside / "z")
    sample = v1(SPANNING)
    store = open_store(sample, save)
    words = [word for word, _ in store.write([(n, 0, p) for n, p in enumerate(sample.pieces)])]
    assert set(words) == {"symlink"}
    assert list(outside.iterdir()) == []
    assert store.create_empty()[0] == "symlink"
    assert store.remove()[0] == "ok"
    assert list(outside.iterdir()) == [] and outside.is_dir()


def test_save_path_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    sample = v1(SPANNING)
    write_all(open_store(sample, tmp_path / "link"), sample)
    assert on_disk(tmp_path / "real") == with_payload(sample)


def test_dangerous_names_write_nothing_outside(tmp_path: Path) -> None:
    save = tmp_path / "a/b/save"
    save.mkdir(parents=True)
    names = ["../../up", "/abs", "nul\0l", "con", "..", "d/../../x", "C:\\w", "e.", "E", "link:ln", "ln/under"]
    sample = v1([(name, 0 if name.startswith("link:") else 3000) for name in names], name="../../../root")
    store = open_store(sample, save)
    write_all(store, sample)
    found = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert len(found) == len(names) - 1
    assert all(p.is_relative_to(save) for p in found)
    assert not any(p.is_symlink() for p in tmp_path.rglob("*"))
    assert [data for _, data in store.read([(n, 0, len(p)) for n, p in enumerate(sample.pieces)])] == sample.pieces


@pytest.mark.parametrize("files", [[("e", 0), ("a", 5)], [("a", 5), ("d/e", 0)], [("a", 5), ("x/y/e", 0), ("b", 5)]])
def test_empty_files_are_made_first_middle_and_last(tmp_path: Path, files: list[tuple[str, int]]) -> None:
    sample = v1(files)
    store = open_store(sample, tmp_path)
    assert store.create_empty() == ("ok", "")
    assert on_disk(tmp_path) == {n: d for n, d in sample.files.items() if not d}
    write_all(store, sample)
    assert store.create_empty() == ("ok", "")
    assert on_disk(tmp_path) == sample.files


def test_only_wanted_empty_files_are_made(tmp_path: Path) -> None:
    store = open_store(v1([("e", 0), ("f", 0), ("a", 5)]), tmp_path)
    store.create_empty([False, True, True])
    assert on_disk(tmp_path) == {"t/f": b""}


def test_stamps_tell_what_is_there(tmp_path: Path) -> None:
    sample = v1([("a", 30_000), ("b", 0), ("pad:p", 5), ("link:l", 0), ("hole", 50_000), ("gone", 5)])
    store = open_store(sample, tmp_path)
    outcome, stamps, holes, part = store.stat()
    assert outcome == ("ok", "") and not part
    assert stamps == [(False, 0, 0)] * 6
    store.write([(0, 0, sample.pieces[0])])
    with (tmp_path / "t/hole").open("wb") as file:
        file.truncate(50_000)
    (tmp_path / "t/gone").mkdir()
    outcome, stamps, holes, part = store.stat()
    assert outcome == ("ok", "")
    mtime = (tmp_path / "t/a").stat().st_mtime_ns
    assert stamps[0] == (True, 16384, mtime)
    assert [s[0] for s in stamps] == [True, False, False, False, True, False]
    assert holes == [False, False, False, False, True, False]


def test_removing_deletes_our_files_and_leaves_others(tmp_path: Path) -> None:
    sample = v1(SPANNING)
    store = open_store(sample, tmp_path)
    write_all(store, sample)
    store.create_empty()
    (tmp_path / "t/d/e/keep me").write_bytes(b"mine")
    assert store.remove() == ("ok", "")
    assert on_disk(tmp_path) == {"t/d/e/keep me": b"mine"}
    (tmp_path / "t/d/e/keep me").unlink()
    assert store.remove() == ("ok", "")
    assert list(tmp_path.iterdir()) == []
    assert tmp_path.is_dir()


def test_syncing_covers_what_was_written_once(tmp_path: Path) -> None:
    sample = v1(SPANNING)
    store = open_store(sample, tmp_path)
    write_all(store, sample)
    assert store.sync() == ("ok", "")
    (tmp_path / "t/a").unlink()
    store.write([(0, 0, b"x")])
    assert store.sync() == ("ok", ""), "a file that the user took away is no error"


# -- skipped files


def skipped_sample() -> Sample:
    # piece 0: a, b; piece 1: b; piece 2: b, c
    return v1([("a", 10_000), ("b", 30_000), ("c", 9152)])


def skipping_store(sample: Sample, path: Path) -> Any:
    store = open_store(sample, path)
    store.stat()
    assert store.set_skipped([False, True, False]) is None
    return store


def test_shared_bytes_of_a_skipped_file_stay_out_of_it(tmp_path: Path) -> None:
    sample = skipped_sample()
    store = skipping_store(sample, tmp_path)
    assert store.write([(0, 0, sample.pieces[0]), (2, 0, sample.pieces[2])]) == [("ok", "")] * 2
    found = on_disk(tmp_path)
    (part,) = [name for name in found if name.endswith(".parts")]
    assert set(found) == {"t/a", "t/c", part}
    assert found["t/a"] == sample.files["t/a"] and found["t/c"] == sample.files["t/c"]
    assert store.read([(0, 0, 16384), (2, 0, len(sample.pieces[2]))]) == [
        (("ok", ""), sample.pieces[0]),
        (("ok", ""), sample.pieces[2]),
    ]
    assert store.stat()[3], "the part file is seen"
    assert store.remove() == ("ok", "")
    assert list(tmp_path.iterdir()) == []


def without_parts(path: Path) -> dict[str, bytes]:
    return {name: data for name, data in on_disk(path).items() if not name.endswith(".parts")}


def test_a_skipped_file_that_is_wanted_again_gets_its_bytes(tmp_path: Path) -> None:
    sample = skipped_sample()
    store = skipping_store(sample, tmp_path)
    store.write([(0, 0, sample.pieces[0])])
    assert store.set_skipped([False] * 3) == 1
    # A piece that comes in meanwhile goes straight to the file, and is read from there.
    store.write([(2, 0, sample.pieces[2])])
    assert store.read([(0, 0, 16384), (2, 0, len(sample.pieces[2]))]) == [
        (("ok", ""), sample.pieces[0]),
        (("ok", ""), sample.pieces[2]),
    ]
    assert store.unpark([0, 2]) == ("ok", "")
    assert store.parked() == []
    store.write([(1, 0, sample.pieces[1])])
    assert [d for _, d in store.read([(n, 0, len(p)) for n, p in enumerate(sample.pieces)])] == sample.pieces
    assert without_parts(tmp_path) == sample.files


def test_a_write_to_the_part_file_under_way_is_waited_for(tmp_path: Path) -> None:
    sample = skipped_sample()
    store = skipping_store(sample, tmp_path)
    assert store.unpark([], [(n, 0, p) for n, p in enumerate(sample.pieces)]) == ("ok", "")
    assert without_parts(tmp_path) == sample.files


def test_unparking_without_bytes_is_answered(tmp_path: Path) -> None:
    store = skipping_store(skipped_sample(), tmp_path)
    assert store.set_skipped([False] * 3) == 1
    assert store.unpark([]) == ("ok", "")
    assert store.parked() == []
    assert store.set_skipped([False] * 3) is None


def test_a_part_file_that_is_gone_ends_the_unparking_with_its_path(tmp_path: Path) -> None:
    sample = skipped_sample()
    store = skipping_store(sample, tmp_path)
    store.write([(0, 0, sample.pieces[0])])
    store.close_files()
    (part,) = tmp_path.glob(".*.parts")
    part.unlink()
    assert store.unpark([0]) == ("not_found", str(part))
    assert store.parked() == [False, True, False], "it keeps waiting"


def test_a_file_that_exists_is_never_parked(tmp_path: Path) -> None:
    sample = skipped_sample()
    store = open_store(sample, tmp_path)
    write_all(store, sample)
    store.set_skipped([False, True, False])
    assert store.parked() == []
    again = open_store(sample, tmp_path)
    again.set_skipped([True, True, True])
    assert again.parked() == [], "not before the disk was looked at"
    again.stat()
    assert again.parked() == []
    assert again.read([(0, 0, 16384)])[0][1] == sample.pieces[0]


def test_what_a_record_says_of_parked_files_holds(tmp_path: Path) -> None:
    sample = skipped_sample()
    store = skipping_store(sample, tmp_path)
    store.write([(0, 0, sample.pieces[0])])
    again = storage.StoreBench(storage.DiskBench(), sample.torrent, str(tmp_path))
    again.restore_parked(store.parked())
    again.set_skipped([False] * 3)
    again.stat()
    assert again.read([(0, 0, 16384)])[0][1] == sample.pieces[0]
    assert again.unpark([0]) == ("ok", "")
    assert again.read([(0, 0, 16384)])[0][1] == sample.pieces[0]
    assert (tmp_path / "t/b").read_bytes() == sample.files["t/b"][:6384]


def test_a_piece_of_a_skipped_file_alone_goes_to_the_file(tmp_path: Path) -> None:
    sample = skipped_sample()
    store = skipping_store(sample, tmp_path)
    assert store.write([(1, 0, sample.pieces[1])]) == [("ok", "")]
    assert set(on_disk(tmp_path)) == {"t/b"}
    assert store.read([(1, 0, 16384)])[0][1] == sample.pieces[1]
