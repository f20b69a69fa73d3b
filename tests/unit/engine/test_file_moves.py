"""Moving a torrent and renaming a file loses no byte, and overwrites nobody (engine/file_moves)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from jstorrent import _errors
from jstorrent._core import lab

from tests.unit.engine.torrents import Sample, v1

storage = lab.storage
FILES = [("a", 10_000), ("d/b", 40_000), ("d/e/c", 700_000), ("empty", 0), ("never", 5)]


def filled(path: Path) -> tuple[Sample, Any]:
    sample = v1(FILES)
    store = storage.StoreBench(storage.DiskBench(4), sample.torrent, str(path))
    write = [(n, 0, p) for n, p in enumerate(sample.pieces)]
    assert {word for word, _ in store.write(write)} == {"ok"}
    store.create_empty()
    (path / "t/never").unlink()
    del sample.files["t/never"]
    return sample, store


def on_disk(path: Path) -> dict[str, bytes]:
    return {str(f.relative_to(path)): f.read_bytes() for f in path.rglob("*") if f.is_file()}


def test_all_files_move_and_empty_directories_go(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "deep/new"
    sample, store = filled(old)
    (old / "mine").write_bytes(b"mine")
    assert store.move(str(new)) == ("ok", "")
    assert on_disk(new) == sample.files
    assert on_disk(old) == {"mine": b"mine"}
    assert not (old / "t").exists()
    assert store.read([(0, 0, 16384)])[0][1] == sample.pieces[0]


def test_moving_to_where_it_is_does_nothing(tmp_path: Path) -> None:
    sample, store = filled(tmp_path)
    assert store.move(str(tmp_path) + "/") == ("ok", "")
    assert on_disk(tmp_path) == sample.files


def test_a_move_onto_somebody_elses_file_is_undone(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    sample, store = filled(old)
    (new / "t/d/e").mkdir(parents=True)
    (new / "t/d/e/c").write_bytes(b"theirs")
    assert store.move(str(new)) == ("exists", str(new / "t/d/e/c"))
    assert on_disk(old) == sample.files
    assert on_disk(new) == {"t/d/e/c": b"theirs"}
    assert store.read([(0, 0, 16384)])[0][1] == sample.pieces[0]


@pytest.mark.parametrize("again", [False, True], ids=["first", "after-a-crash"])
@pytest.mark.parametrize("link", ["new", "up"])
def test_a_link_to_where_the_files_are_is_no_second_copy(tmp_path: Path, again: bool, link: str) -> None:
    old, new = tmp_path / "old", tmp_path / ("new" if link == "new" else "up/old")
    sample, store = filled(old)
    (old / "a second name").hardlink_to(old / "t/a")  # how many names a file has says nothing
    sample.files["a second name"] = sample.files["t/a"]
    (tmp_path / link).symlink_to(old if link == "new" else tmp_path)
    assert store.move(str(new), again) == ("ok", "")
    assert on_disk(old) == sample.files
    assert store.read([(0, 0, 16384)])[0][1] == sample.pieces[0]
    assert store.move(str(old), again) == ("ok", "")
    assert on_disk(old) == sample.files


def test_a_second_name_of_a_file_is_in_the_way_and_goes_after_a_crash(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    sample, store = filled(old)
    (new / "t").mkdir(parents=True)
    (new / "t/a").hardlink_to(old / "t/a")
    assert store.move(str(new)) == ("exists", str(new / "t/a"))
    assert on_disk(old) == sample.files
    assert store.move(str(new), again=True) == ("ok", "")
    assert (on_disk(old), on_disk(new)) == ({}, sample.files)


def test_a_move_that_a_crash_cut_short_is_done_again(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    sample, store = filled(old)
    (new / "t/d").mkdir(parents=True)
    (new / "t/d/b").write_bytes(sample.files["t/d/b"])
    (old / "t/a").rename(new / "t/a")
    assert store.move(str(new), again=True) == ("ok", "")
    assert on_disk(new) == sample.files
    assert on_disk(old) == {}


def test_a_move_to_a_place_that_cannot_be_is_undone(tmp_path: Path) -> None:
    old = tmp_path / "old"
    sample, store = filled(old)
    (tmp_path / "file").write_bytes(b"")
    word, path = store.move(str(tmp_path / "file"))
    assert word == "not_directory"
    assert path.startswith(str(tmp_path / "file"))
    assert on_disk(old) == sample.files


@pytest.mark.skipif(
    not os.access("/dev/shm", os.W_OK) or os.stat("/dev/shm").st_dev == os.stat("/tmp").st_dev,
    reason="no second file system",
)
def test_a_move_to_another_disk_copies(tmp_path: Path) -> None:
    import shutil
    import tempfile

    other = Path(tempfile.mkdtemp(dir="/dev/shm"))
    try:
        old = tmp_path / "old"
        sample, store = filled(old)
        assert store.move(str(other)) == ("ok", "")
        assert on_disk(other) == sample.files
        assert on_disk(old) == {}
        (old / "t").mkdir(parents=True)
        (old / "t/empty").write_bytes(b"in the way")
        assert store.move(str(old)) == ("exists", str(old / "t/empty"))
        assert on_disk(other) == sample.files
        assert on_disk(old) == {"t/empty": b"in the way"}
    finally:
        shutil.rmtree(other)


def test_a_file_gets_another_name(tmp_path: Path) -> None:
    sample, store = filled(tmp_path)
    assert store.rename(1, "new dir/é".encode()) == ("ok", "")
    assert (tmp_path / "new dir/é").read_bytes() == sample.files["t/d/b"]
    assert not (tmp_path / "t/d/b").exists()
    assert (tmp_path / "t/d/e/c").exists(), "a directory that is in use stays"
    assert store.read([(0, 0, 16384)])[0][1] == sample.pieces[0]
    store.remove()
    assert on_disk(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_the_rename_of_a_file_that_is_gone_fails(tmp_path: Path) -> None:
    _, store = filled(tmp_path)
    assert store.rename(4, b"later") == ("not_found", str(tmp_path / "t/never"))


@pytest.mark.parametrize("name", [b"../x", b"/x", b"", b"a/../../x", b"t\\x", b"con"])
def test_a_name_that_leads_outside_is_refused(tmp_path: Path, name: bytes) -> None:
    sample, store = filled(tmp_path)
    with pytest.raises(_errors.ParseError) as caught:
        store.rename(0, name)
    assert caught.value.code == "bad_path"
    assert on_disk(tmp_path) == sample.files


@pytest.mark.parametrize("name", [b"t/d/b", b"T/D/B", b"t/d", b"t/empty/x"])
def test_the_name_of_another_file_or_directory_is_refused(tmp_path: Path, name: bytes) -> None:
    sample, store = filled(tmp_path)
    with pytest.raises(_errors.DiskError) as caught:
        store.rename(0, name)
    assert caught.value.code == "exists"
    assert on_disk(tmp_path) == sample.files


def test_the_case_of_a_name_can_change(tmp_path: Path) -> None:
    _, store = filled(tmp_path)
    assert store.rename(0, b"t/A") == ("ok", "")
    assert (tmp_path / "t/A").exists()
