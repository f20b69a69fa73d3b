"""Odd names and places on the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jstorrent as jst
import pytest
from jstorrent.cli.units import moment_text

pytest.importorskip("typer")


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jstorrent.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=cwd)


def write_torrent(path: Path, name: str, files: int = 0, **fields: Any) -> Path:
    what: dict[str, Any] = {"files": [{"length": 1, "path": [f"f{i}"]} for i in range(files)]} if files else {"length": 1}
    info = {"name": name, "piece length": 1 << 20, "pieces": bytes(20), **what}
    path.write_bytes(jst.bencode({"info": info, **fields}))
    return path


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """A folder within an album, whose torrent is beside it."""
    folder = tmp_path / "album" / "inside"
    folder.mkdir(parents=True)
    (folder.parent / "one").write_bytes(b"1" * 40_000)
    jst.create_torrent(folder.parent).save(tmp_path / "album.torrent")
    return folder


def test_the_folder_above_is_seeded_and_verified(inside: Path) -> None:
    assert run("seed", "..", "--seconds", 0, cwd=inside).returncode == 0
    assert run("verify", "../../album.torrent", "..", cwd=inside).returncode == 0


def test_seeding_what_is_not_there_makes_nothing(inside: Path, tmp_path: Path) -> None:
    (inside.parent / "empty").touch()
    jst.create_torrent(inside.parent).save(tmp_path / "album.torrent")
    (tmp_path / "elsewhere").mkdir()
    assert run("seed", "album.torrent", "--data", "elsewhere", cwd=tmp_path).returncode == 6
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("wrong", [["--name", ".."], ["--exclude", "*"], ["--piece-length", "0"], ["--comment", "caf\udce9"]])
def test_what_can_not_be_made_a_torrent_is_a_mistake_of_the_user(inside: Path, wrong: list[str]) -> None:
    assert run("create", inside.parent, *wrong, cwd=inside).returncode == 2


def test_a_torrent_with_a_name_that_is_not_utf8_is_read(inside: Path, tmp_path: Path) -> None:
    os.rename(tmp_path / "album.torrent", tmp_path / "caf\udce9.torrent")
    got = run("get", "caf\udce9.torrent", "-o", "out", "--timeout", 0, cwd=tmp_path)
    assert got.returncode == 3, got.stderr


def test_names_do_not_steer_the_terminal_and_paths_are_those_on_disk(tmp_path: Path) -> None:
    write_torrent(tmp_path / "x.torrent", "/etc/\x1b[2J")
    got = run("get", "x.torrent", "-o", "out", "--timeout", 0, "--json", cwd=tmp_path)
    assert json.loads(got.stdout)["path"] == "out/_etc__[2J"
    checked = run("verify", "x.torrent", ".", cwd=tmp_path)
    assert "\x1b" not in got.stderr + checked.stdout + checked.stderr


def test_a_name_of_two_lines_says_no_line_of_its_own(tmp_path: Path) -> None:
    write_torrent(tmp_path / "x.torrent", "x\nforged: all is well\n")
    (tmp_path / "x_forged_ all is well_").touch()
    got = run("get", "x.torrent", "-o", "out", "--timeout", 0, cwd=tmp_path)
    checked = run("verify", "x.torrent", ".", cwd=tmp_path)
    seeded = run("seed", "x.torrent", "--data", ".", cwd=tmp_path)
    said = got.stderr + checked.stdout + checked.stderr + seeded.stderr
    assert said.count("forged") >= 3 and "\nforged" not in said


@pytest.mark.parametrize("url", ["http://h:99999/announce", "http://h:x/announce", "http://[x/announce"])
def test_a_tracker_that_can_not_be_is_passed_over(tmp_path: Path, url: str) -> None:
    write_torrent(tmp_path / "x.torrent", "x", announce=url)
    got = run("get", "x.torrent", "-o", "out", "--timeout", 0, cwd=tmp_path)
    assert got.returncode == 3 and "tracker http://?: not supported" in got.stderr


def test_a_magnet_link_in_capitals_is_one(tmp_path: Path) -> None:
    assert run("show", f"MAGNET:?xt=urn:btih:{'a' * 40}", cwd=tmp_path).returncode == 0


def test_a_date_beyond_all_calendars_is_shown_as_a_number(tmp_path: Path) -> None:
    assert moment_text(10**15) == "1000000000000000" and moment_text(0) == "1970-01-01T00:00:00+00:00"


@pytest.mark.parametrize("form", [["--all"], ["--json"]])
def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path, form: list[str]) -> None:
    write_torrent(tmp_path / "many.torrent", "n", files=20_000)
    command = [sys.executable, "-m", "jstorrent.cli", "show", "many.torrent", *form]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


OUTPUTS = [("show",), ("show", "--json"), ("verify", ".", "--json"), ("get", "--timeout", "0", "-q", "--json", "-o", "out")]


@pytest.mark.parametrize("words", OUTPUTS, ids=" ".join)
def test_an_output_that_is_full_is_an_error_in_one_line(inside: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "jstorrent.cli", words[0], "album.torrent", *words[1:]]
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (5, "jstorrent: [Errno 28] No space left on device\n")


def test_a_mistake_of_the_user_is_told_in_json_as_well(tmp_path: Path) -> None:
    done = run("verify", "missing.torrent", ".", "--json", cwd=tmp_path)
    assert done.returncode == 2 and "missing.torrent" in done.stderr
    said = json.loads(done.stdout)
    assert (said["code"], said["exit"]) == ("usage", 2) and "missing.torrent" in said["error"]
