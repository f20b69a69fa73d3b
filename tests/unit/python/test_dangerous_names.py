"""A torrent whose names want out of save_path is downloaded and seeded, and nothing is written outside."""

from __future__ import annotations

import os
from pathlib import Path

import jstorrent as jst
import pytest

from tests.unit.engine.torrents import Sample, v1, v2

NAMES = {
    "climbing": ["../../../up", "..", "d/../../../x", "./here", "a/./b"],
    "absolute": ["/etc/passwd", "//host/share", "C:\\windows\\system.ini", "\\\\host\\x", "C:x"],
    "control": ["nul\0l", "bell\a", "line\nfeed", "esc\x1b[2J", "\x7f"],
    "reserved": ["con", "NUL.txt", "aux/lpt1", "com1", "trailing.", "trailing ", "x:stream"],
    "clashing": ["e", "E", "e/below", "e.", "ﬁle", "file"],
    "linked": ["link:ln", "ln/under", "link:d/ln", "d/ln/under/it", "plain"],
}


def tree(root: Path) -> dict[str, bytes | str]:
    """Everything below root that is not a folder; links as what they point to."""
    return {
        str(p.relative_to(root)): os.readlink(p) if p.is_symlink() else p.read_bytes()
        for p in root.rglob("*")
        if p.is_symlink() or p.is_file()
    }


def put(sample: Sample, metainfo: jst.Metainfo, save: Path) -> None:
    """The payload where the names lead once they are harmless."""
    whole = b"".join(sample.pieces)
    for file in metainfo.files:
        if file.is_pad or getattr(file, "symlink_target", None):
            continue
        path = save / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(whole[file.offset : file.offset + file.size])


def flow(sample: Sample, tmp_path: Path) -> Path:
    """From one session to another; where the files went."""
    metainfo = jst.Metainfo.parse(sample.torrent)
    source, save = tmp_path / "source", tmp_path / "jail" / "deep" / "save"
    put(sample, metainfo, source)
    save.mkdir(parents=True)
    (save.parent / "victim").write_bytes(b"precious")
    before = tree(tmp_path)
    with jst.Session(jst.Settings(listen=("127.0.0.1",))) as seeding, jst.Session(jst.Settings(listen=())) as leeching:
        seeding.add(metainfo, source).wait("seeding", 30)
        leeching.add(metainfo, save, peers=[("127.0.0.1", seeding.listen_port)]).wait_complete(30)
    after = {name: what for name, what in tree(tmp_path).items() if not Path(name).is_relative_to("jail/deep/save")}
    assert after == before
    return save


@pytest.mark.parametrize("kind", list(NAMES))
@pytest.mark.parametrize("root", ["t", "../../../root", "/root", "con", "nul\0l"])
def test_nothing_is_written_outside_save_path(tmp_path: Path, kind: str, root: str) -> None:
    sample = v1([(name, 0 if name.startswith("link:") else 3000) for name in NAMES[kind]], name=root)
    save = flow(sample, tmp_path)
    found = tree(save)
    assert len(found) == sum(not name.startswith("link:") for name in NAMES[kind])
    assert all(isinstance(what, bytes) for what in found.values())  # links are not made
    assert sorted(found.values(), key=repr) == sorted(sample.files.values(), key=repr)


@pytest.mark.parametrize("name", ["..", "../../../root", "/etc/passwd", "con", "nul\0l"])
def test_nor_by_the_name_of_a_single_file(tmp_path: Path, name: str) -> None:
    save = flow(v2([(name, 40_000)], name="../t", hybrid=True), tmp_path)
    assert [len(what) for what in tree(save).values()] == [40_000]
