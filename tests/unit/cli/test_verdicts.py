"""A command's exit code is what came of it, whoever reads what it prints, and whatever can not be printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jstorrent as jst
import pytest
from jstorrent.cli.app import run as run_here

from tests.unit.cli.conftest import Run, Sample


def unread(*arguments: object, stderr: int = subprocess.DEVNULL) -> int:
    """The exit code where nobody reads what it prints."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "jstorrent.cli", *map(str, arguments)]
    streams = {"stdout": writing, "stderr": writing if stderr == subprocess.STDOUT else stderr}
    try:
        return subprocess.run(command, timeout=60, check=False, **streams).returncode
    finally:
        os.close(writing)


@pytest.fixture
def wrong(sample: Sample, tmp_path: Path) -> Path:
    data = tmp_path / "wrong"
    data.mkdir()
    (data / sample.source.name).write_bytes(bytes(sample.metainfo.total_size))
    return data


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_who_is_not_read_to_the_end_does_not_say_that_all_is_well(sample: Sample, wrong: Path, more: list[str]) -> None:
    assert unread("verify", sample.torrent, wrong, *more) not in (0, 1)
    assert unread("get", sample.torrent, "-o", wrong / "new", "--timeout", 1, *more) not in (0, 1)
    assert unread("seed", sample.torrent, "--data", wrong, *more) not in (0, 1)


def test_what_only_tells_may_be_left_half_read(sample: Sample) -> None:
    assert unread("show", sample.torrent) == unread("show", sample.torrent, "--json") == 0


def test_an_interrupt_is_told_as_json_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(jst.Metainfo, "load", stopped)
    assert run_here(["show", __file__, "--json"]) == 130
    assert json.loads(capsys.readouterr().out) == {"error": "interrupted", "code": "interrupted", "exit": 130}


def test_errors_that_nobody_hears_of_are_the_same_errors(tmp_path: Path) -> None:
    assert unread("show", tmp_path / "nothing.torrent", stderr=subprocess.STDOUT) == 2


@pytest.mark.parametrize(("right", "code"), [(True, 0), (False, 6)])
def test_a_name_that_can_not_be_printed_changes_no_verdict(tmp_path: Path, right: bool, code: int) -> None:
    data = tmp_path / "漢"
    data.write_bytes(b"a" * 100_000)
    torrent = tmp_path / "it.torrent"
    jst.create_torrent(data).save(torrent)
    if not right:
        data.write_bytes(b"b" * 100_000)
    command = [sys.executable, "-m", "jstorrent.cli", "verify", str(torrent), str(tmp_path)]
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)
    assert (done.returncode, rb"\u6f22" in done.stdout) == (code, True), done.stderr


def test_a_torrent_is_not_written_over_what_it_is_made_of(run: Run, tmp_path: Path) -> None:
    film, album = tmp_path / "film", tmp_path / "album"
    film.write_bytes(b"f" * 50_000)
    done = run("create", film, "-o", film)
    assert done.returncode == 2 and "--output" in done.stderr and film.read_bytes() == b"f" * 50_000
    album.mkdir()
    (album / "song").write_bytes(b"s" * 50_000)
    torrent = album / "album.torrent"
    assert run("create", album, "-o", torrent).returncode == 0
    first = torrent.read_bytes()
    assert run("create", album, "-o", torrent).returncode == 2
    assert run("create", album, "-o", torrent, "--exclude", "*.torrent").returncode == 0
    assert torrent.read_bytes() == first
    assert run("verify", torrent, tmp_path).returncode == 0


def test_get_goes_on_with_the_torrent_that_is_meant_and_no_other(run: Run, sample: Sample, tmp_path: Path) -> None:
    """A file of the same name may hold another torrent by now; and one torrent has many names."""
    named, out = tmp_path / "named.torrent", tmp_path / "out"
    named.write_bytes(sample.torrent.read_bytes())
    magnet = sample.metainfo.magnet()
    for source in (named, tmp_path / "x" / ".." / "named.torrent", magnet, sample.metainfo.info_hash.hex().upper()):
        (tmp_path / "x").mkdir(exist_ok=True)
        assert run("get", source, "-o", out, "--timeout", 0.2, "-q").returncode == 3
        assert len(list(out.glob(".jstorrent-*"))) == 1
    other = out / "other"
    other.write_bytes(b"o" * 50_000)
    jst.create_torrent(other).save(named)
    done = run("get", named, "-o", out, "--timeout", 20, "--json", "-q")
    facts = json.loads(done.stdout)
    assert (done.returncode, facts["total_size"], facts["fetched"]) == (0, 50_000, 0)
    assert len(list(out.glob(".jstorrent-*"))) == 1, "of the one that is not whole yet"
