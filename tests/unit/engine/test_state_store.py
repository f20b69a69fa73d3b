"""The state_dir survives what happens to it (engine/state_store, state_load)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from jstorrent._core import lab

storage = lab.storage


def record(n: int, **more: Any) -> dict[str, Any]:
    return {"info_hash": bytes([n]) * 20, "save_path": f"/p{n}", "queue_position": n} | more


def path_of(state: Path, n: int) -> Path:
    return state / "torrents" / ((bytes([n]) * 20).hex() + ".jst")


class State:
    """One life of a state_dir."""

    def __init__(self, path: Path) -> None:
        self.bench = storage.DiskBench()
        self.store = storage.StateBench(self.bench, str(path))
        self.outcome, self.records, self.has_session, self.problems = self.store.open()

    @property
    def names(self) -> list[int]:
        return [r["info_hash"][0] for r in self.records]


def test_a_new_directory_is_made_and_empty(tmp_path: Path) -> None:
    state = State(tmp_path / "deep/state")
    assert (state.outcome, state.records, state.has_session, state.problems) == (("ok", ""), [], False, [])
    state.store.close()


def test_records_come_back_in_queue_order(tmp_path: Path) -> None:
    first = State(tmp_path)
    for n in (3, 1, 2):
        first.store.save(record(n))
    assert first.store.flush() == ("ok", "")
    first.store.close()
    second = State(tmp_path)
    assert second.names == [1, 2, 3]
    assert second.records[0]["save_path"] == "/p1"
    second.store.save_session([bytes([2]) * 20, bytes([9]) * 20, bytes([1]) * 20])
    assert second.store.flush() == ("ok", "")
    second.store.close()
    third = State(tmp_path)
    assert third.has_session
    assert third.names == [2, 1, 3]


def test_the_newest_save_wins_and_forgotten_ones_are_gone(tmp_path: Path) -> None:
    state = State(tmp_path)
    for position in range(50):
        state.store.save(record(1, queue_position=position))
    state.store.save(record(2))
    state.store.forget(bytes([2]) * 20)
    state.store.forget(bytes([7]) * 20)
    assert state.store.flush() == ("ok", "")
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == [path_of(tmp_path, 1).name, "lock"]
    state.store.close()
    assert [r["queue_position"] for r in State(tmp_path).records] == [49]


def test_a_second_session_is_refused_until_the_first_closes(tmp_path: Path) -> None:
    first = State(tmp_path)
    second = State(tmp_path)
    assert second.outcome == ("state_dir_in_use", str(tmp_path))
    with pytest.raises(RuntimeError, match="not open"):
        second.store.save(record(1))
    first.store.close()
    assert State(tmp_path).outcome == ("ok", "")


def test_a_directory_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert State(tmp_path / "file").outcome == ("not_directory", str(tmp_path / "file"))


def saved(tmp_path: Path) -> None:
    state = State(tmp_path)
    for n in (1, 2):
        state.store.save(record(n))
    state.store.save_session([])
    state.store.flush()
    state.store.close()


@pytest.mark.parametrize("damage", [b"", b"junk", b"jsttrec\n" + bytes(40)])
def test_a_damaged_record_is_set_aside_and_reported(tmp_path: Path, damage: bytes) -> None:
    saved(tmp_path)
    path_of(tmp_path, 1).write_bytes(damage)
    (tmp_path / "session.jst").write_bytes(damage)
    state = State(tmp_path)
    assert state.outcome == ("ok", "")
    assert state.names == [2]
    assert sorted(state.problems) == sorted(
        [("bad_record", str(path_of(tmp_path, 1))), ("bad_record", str(tmp_path / "session.jst"))]
    )
    assert not path_of(tmp_path, 1).exists()
    assert Path(str(path_of(tmp_path, 1)) + ".bad").read_bytes() == damage
    state.store.close()
    again = State(tmp_path)
    assert again.problems == []


def test_a_record_under_another_name_is_set_aside(tmp_path: Path) -> None:
    saved(tmp_path)
    path_of(tmp_path, 1).rename(path_of(tmp_path, 9))
    state = State(tmp_path)
    assert state.names == [2]
    assert state.problems == [("bad_record", str(path_of(tmp_path, 9)))]


def test_a_record_of_a_newer_version_is_set_aside_whole(tmp_path: Path) -> None:
    saved(tmp_path)
    newer = storage.frame_record("t", storage.record_version + 1, b"de")
    path_of(tmp_path, 1).write_bytes(newer)
    state = State(tmp_path)
    assert state.names == [2]
    assert state.problems == [("not_supported", str(path_of(tmp_path, 1)))]
    assert not path_of(tmp_path, 1).exists()
    assert Path(str(path_of(tmp_path, 1)) + ".newer").read_bytes() == newer


def test_records_set_aside_do_not_replace_each_other(tmp_path: Path) -> None:
    saved(tmp_path)
    for n in range(3):
        path_of(tmp_path, 1).write_bytes(b"junk %d" % n)
        state = State(tmp_path)
        assert len(state.problems) == 1
        state.store.close()
    kept = sorted(path.name.partition(".jst")[2] for path in (tmp_path / "torrents").glob("*.bad*"))
    assert kept == [".bad", ".bad2", ".bad3"]


def test_session_records_set_aside_do_not_replace_each_other(tmp_path: Path) -> None:
    saved(tmp_path)
    for n in range(3):
        (tmp_path / "session.jst").write_bytes(b"junk %d" % n)
        state = State(tmp_path)
        assert state.problems == [("bad_record", str(tmp_path / "session.jst"))]
        assert state.names == [1, 2], "torrents do not need it"
        state.store.close()
    for n, name in enumerate(("session.jst.bad", "session.jst.bad2", "session.jst.bad3")):
        assert (tmp_path / name).read_bytes() == b"junk %d" % n


def test_what_a_crash_left_half_written_does_not_count(tmp_path: Path) -> None:
    saved(tmp_path)
    whole = path_of(tmp_path, 1).read_bytes()
    Path(str(path_of(tmp_path, 1)) + ".tmp").write_bytes(whole[:10])
    (tmp_path / "session.jst.tmp").write_bytes(b"x")
    state = State(tmp_path)
    assert state.names == [1, 2]
    assert state.problems == []
    assert not list(tmp_path.rglob("*.tmp"))


def test_files_of_others_are_not_touched(tmp_path: Path) -> None:
    saved(tmp_path)
    others = [tmp_path / "torrents/readme.txt", tmp_path / "mine", tmp_path / "torrents/x.jst.bad"]
    for other in others:
        other.write_bytes(b"mine")
    (tmp_path / "torrents/dir.jst").mkdir()
    state = State(tmp_path)
    assert state.names == [1, 2]
    assert state.problems == []
    assert all(other.read_bytes() == b"mine" for other in others)


def test_a_save_that_fails_is_told_until_one_works(tmp_path: Path) -> None:
    state = State(tmp_path)
    blocker = Path(str(path_of(tmp_path, 1)) + ".tmp")
    (blocker / "full").mkdir(parents=True)  # an empty one is cleared
    state.store.save(record(1))
    state.store.save(record(2))
    assert state.store.flush() == ("is_directory", str(path_of(tmp_path, 1)))
    assert path_of(tmp_path, 2).exists()
    (blocker / "full").rmdir()
    state.store.save(record(1))
    assert state.store.flush() == ("ok", "")
    assert path_of(tmp_path, 1).exists()


def test_hundreds_of_torrents_are_loaded(tmp_path: Path) -> None:
    state = State(tmp_path)
    hashes = [n.to_bytes(20, "big") for n in range(300)]
    for n, name in enumerate(hashes):
        state.store.save({"info_hash": name, "queue_position": n})
    assert state.store.flush() == ("ok", "")
    state.store.close()
    assert [r["info_hash"] for r in State(tmp_path).records] == hashes


def in_the_way(path: Path, what: str) -> None:
    """Something that is no file has this name."""
    if what == "pipe":
        os.mkfifo(path)
    elif what == "directory":
        path.mkdir()
    elif what == "device":
        path.symlink_to("/dev/null")
    else:
        path.symlink_to(path.parent / "somewhere")


@pytest.mark.parametrize("when", ["before", "while it is open"])
@pytest.mark.parametrize("what", ["pipe", "directory", "device"])
def test_what_is_in_the_way_of_a_record_is_cleared(tmp_path: Path, what: str, when: str) -> None:
    (tmp_path / "torrents").mkdir()
    place = path_of(tmp_path, 1).with_suffix(".jst.tmp")
    if when == "before":
        in_the_way(place, what)
    state = State(tmp_path)
    if when != "before":
        in_the_way(place, what)
    state.store.save(record(1))
    assert state.store.flush() == ("ok", "")
    state.store.close()
    assert State(tmp_path).names == [1]
    assert path_of(tmp_path, 1).is_file() and not path_of(tmp_path, 1).is_symlink()


@pytest.mark.parametrize("when", ["before", "while it is open"])
def test_a_link_that_a_crash_can_not_have_left_is_not_written_through(tmp_path: Path, when: str) -> None:
    (tmp_path / "torrents").mkdir()
    (tmp_path / "torrents/somewhere").write_bytes(b"mine")
    place = path_of(tmp_path, 1).with_suffix(".jst.tmp")
    if when == "before":
        in_the_way(place, "link")
    state = State(tmp_path)
    if when != "before":
        in_the_way(place, "link")
    state.store.save(record(1))
    assert state.store.flush() == ("ok", "")
    state.store.close()
    assert (tmp_path / "torrents/somewhere").read_bytes() == b"mine"
    assert State(tmp_path).names == [1] and not path_of(tmp_path, 1).is_symlink()


def test_a_folder_of_records_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "state").mkdir()
    (tmp_path / "state/torrents").symlink_to(tmp_path / "real")
    state = State(tmp_path / "state")
    state.store.save(record(1))
    assert state.store.flush() == ("ok", "")
    state.store.close()
    assert State(tmp_path / "state").names == [1]


def test_what_can_not_be_cleared_is_an_error_of_the_save(tmp_path: Path) -> None:
    state = State(tmp_path)
    place = path_of(tmp_path, 1).with_suffix(".jst.tmp")
    (place / "full").mkdir(parents=True)
    state.store.save(record(1))
    assert state.store.flush() == ("is_directory", str(path_of(tmp_path, 1)))
    assert (place / "full").is_dir()


@pytest.mark.parametrize("what", ["session", "torrent"])
def test_a_record_that_is_a_link_is_set_aside_as_one(tmp_path: Path, what: str) -> None:
    """And what it leads to is left alone."""
    saved(tmp_path)
    first = State(tmp_path)
    first.store.save_session([bytes([1]) * 20])
    assert first.store.flush() == ("ok", "")
    first.store.close()
    name = tmp_path / "session.jst" if what == "session" else path_of(tmp_path, 1)
    kept = name.rename(tmp_path / "kept")
    name.symlink_to(kept)
    before = kept.read_bytes()
    state = State(tmp_path)
    assert state.problems == [("symlink", str(name))]
    assert not name.is_symlink() and Path(f"{name}.bad").resolve() == kept and kept.read_bytes() == before


def test_a_pipe_for_a_record_is_set_aside_and_not_read(tmp_path: Path) -> None:
    (tmp_path / "torrents").mkdir()
    os.mkfifo(tmp_path / "session.jst")
    state = State(tmp_path)
    assert state.problems == [("not_a_file", str(tmp_path / "session.jst"))]
