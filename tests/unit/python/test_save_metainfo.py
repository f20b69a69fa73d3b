"""Metainfo.save: the new file or the old one, whole; and where files can not be replaced, in place."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import threading
from pathlib import Path

import jstorrent as jst
import pytest


@pytest.fixture
def metainfo(tmp_path: Path) -> jst.Metainfo:
    source = tmp_path / "data.bin"
    source.write_bytes(bytes(100_000))
    return jst.create_torrent(source, piece_length=16)  # 120 kB of hashes: more than any buffer of a file


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


def test_a_full_disk_leaves_the_old_file(metainfo: jst.Metainfo, place: Path) -> None:
    target = place / "x.torrent"
    target.write_bytes(b"the old one")
    before = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[0][1]))
    try:
        with pytest.raises(jst.DiskError) as caught:
            metainfo.save(target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before[0])
        signal.signal(signal.SIGXFSZ, before[1])
    assert caught.value.errno == errno.EFBIG and caught.value.filename == str(target)
    assert target.read_bytes() == b"the old one" and os.listdir(place) == ["x.torrent"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o666])
def test_a_file_keeps_its_mode_and_a_new_one_has_the_usual(metainfo: jst.Metainfo, place: Path, mode: int) -> None:
    old, new, usual = place / "old", place / "new", place / "usual"
    old.touch()
    old.chmod(mode)
    usual.touch()
    metainfo.save(old)
    metainfo.save(new)
    assert stat.S_IMODE(old.stat().st_mode) == mode
    assert new.stat().st_mode == usual.stat().st_mode
    assert jst.Metainfo.load(old) == jst.Metainfo.load(new) == metainfo


def test_links_stay_links(metainfo: jst.Metainfo, place: Path) -> None:
    (place / "real").write_bytes(b"old")
    (place / "link").symlink_to("real")
    (place / "nowhere").symlink_to("fresh")
    for name in ("link", "nowhere"):
        metainfo.save(place / name)
        assert (place / name).is_symlink() and jst.Metainfo.load(place / name) == metainfo
    assert sorted(os.listdir(place)) == ["fresh", "link", "nowhere", "real"]


@pytest.mark.parametrize(
    ("name", "code"),
    [("missing/x", "not_found"), ("", "is_directory"), ("new/", "is_directory"), ("file/x", "not_directory"),
     ("loop", "symlink"), ("x" * 300, "name_too_long")],
)  # fmt: skip
def test_what_cannot_be_written_is_said_and_leaves_nothing(
    metainfo: jst.Metainfo, place: Path, name: str, code: str
) -> None:
    (place / "file").write_bytes(b"")
    (place / "loop").symlink_to("loop")
    where = f"{place}/{name}"
    with pytest.raises(jst.DiskError) as caught:
        metainfo.save(where)
    assert caught.value.code == code and where in str(caught.value)
    assert sorted(os.listdir(place)) == ["file", "loop"]


def test_a_name_of_the_greatest_length(metainfo: jst.Metainfo, place: Path) -> None:
    metainfo.save(place / ("x" * 255))
    assert jst.Metainfo.load(place / ("x" * 255)) == metainfo


def test_what_is_no_file_is_written_to(metainfo: jst.Metainfo, place: Path) -> None:
    os.mkfifo(place / "pipe")
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append((place / "pipe").read_bytes()))
    reader.start()
    metainfo.save(place / "pipe")
    reader.join(30)
    assert heard == [metainfo.encode()] and os.listdir(place) == ["pipe"]
