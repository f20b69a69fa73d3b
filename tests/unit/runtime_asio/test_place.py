"""Links that somebody planted below a trusted directory are refused, with openat2 and without."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from jstorrent import _core

from tests.conformance.harness import World


@pytest.fixture(params=["openat2", "step by step"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    _core.lab.set_openat2_missing(request.param != "openat2")
    made = World("asio")
    yield made
    made.host.abandon()
    _core.lab.set_openat2_missing(False)


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """save/ is trusted; outside/ must not be reached from it."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "victim").write_bytes(b"precious")
    save = tmp_path / "save"
    (save / "plain").mkdir(parents=True)
    (save / "out").symlink_to(tmp_path / "outside")
    (save / "plain" / "file").symlink_to(tmp_path / "outside" / "victim")
    (save / "loop").symlink_to("loop")
    (save / "inside").symlink_to("plain")
    return save


PATHS = ["out/victim", "plain/file", "loop", "loop/x", "inside/new", "out", "out/x/y"]


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("mode", ["read", "write", "create"])
def test_no_file_is_opened_through_a_link(world: World, planted: Path, name: str, mode: str) -> None:
    event = world.disk("open", path=f"{planted}/{name}", mode=mode, trusted=len(str(planted)))
    assert event.error == "symlink"
    assert (planted.parent / "outside" / "victim").read_bytes() == b"precious"


@pytest.mark.parametrize("name", ["out/new", "loop/x", "inside/new", "out", "plain/file", "plain/file/x"])
def test_no_directory_is_made_through_a_link(world: World, planted: Path, name: str) -> None:
    event = world.disk("mkdirs", path=f"{planted}/{name}", trusted=len(str(planted)))
    assert event.error == "symlink"
    assert os.listdir(planted.parent / "outside") == ["victim"]


@pytest.mark.parametrize("action", ["stat", "unlink", "rmdir", "list", "sync_dir", "lock"])
def test_nothing_is_done_behind_a_link(world: World, planted: Path, action: str) -> None:
    event = world.disk(action, path=f"{planted}/out/victim", trusted=len(str(planted)))
    assert event.error == "symlink"
    assert (planted.parent / "outside" / "victim").read_bytes() == b"precious"


def test_rename_goes_through_no_link_on_either_side(world: World, planted: Path) -> None:
    (planted / "a").write_bytes(b"a")
    trusted = len(str(planted))
    for path, path_to in (("out/victim", "b"), ("a", "out/b"), ("a", "inside/b")):
        event = world.disk("rename", path=f"{planted}/{path}", path_to=f"{planted}/{path_to}", trusted=trusted)
        assert event.error == "symlink"
    assert (planted / "a").exists()


def test_a_link_itself_is_seen_and_removed(world: World, planted: Path) -> None:
    trusted = len(str(planted))
    assert world.disk("stat", path=f"{planted}/out", trusted=trusted).data["kind"] == "symlink"
    assert world.disk("list", path=str(planted)).data["loop"] == "symlink"
    assert world.disk("list", path=f"{planted}/out", trusted=trusted).error == "symlink"
    assert world.disk("unlink", path=f"{planted}/out", trusted=trusted).error == "ok"
    assert (planted.parent / "outside" / "victim").exists()


def test_the_trusted_part_may_hold_links(world: World, planted: Path) -> None:
    link = planted.parent / "alias"
    link.symlink_to(planted)
    assert world.disk("mkdirs", path=f"{link}/new/deep", trusted=len(str(link))).error == "ok"
    assert (planted / "new" / "deep").is_dir()
    assert world.disk("stat", path=f"{link}/plain").error == "ok"
    assert world.disk("mkdirs", path=f"{planted}/inside/trusted").error == "ok"


def test_the_trusted_directory_is_made_when_it_is_missing(world: World, tmp_path: Path) -> None:
    save = tmp_path / "not" / "yet"
    assert world.disk("open", path=f"{save}/a", mode="create", trusted=len(str(save))).error == "not_found"
    assert world.disk("mkdirs", path=f"{save}/a/b", trusted=len(str(save))).error == "ok"
    assert (save / "a" / "b").is_dir()


def test_what_is_no_regular_file_is_refused_without_waiting(world: World, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for mode in ("read", "write", "create"):
        for path in (tmp_path / "fifo", Path("/dev/zero")):
            assert world.disk("open", path=str(path), mode=mode).error == "not_a_file"
    assert world.disk("stat", path=str(tmp_path / "fifo")).data["kind"] == "other"
