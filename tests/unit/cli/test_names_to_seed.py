"""Files by whose names no torrent is written: whoever makes one hears of it, and which they are."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import jstorrent as jst
import pytest

pytest.importorskip("typer")


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jstorrent.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=cwd)


def folder(at: Path, *names: str) -> Path:
    for name in names:
        (at / name).parent.mkdir(parents=True, exist_ok=True)
        (at / name).write_bytes(name.encode() * 1000)
    return at


ODD = [
    ("album", ["Best of.../one", "two"], "'album/Best of.../one' is called 'album/Best of/one'"),
    ("album", ["con", "two"], "'album/con' is called 'album/_con'"),
    ("album", ["A", "a"], "'album/a' is called 'album/a (2)'"),
    ("Best of...", ["one"], "'Best of.../one' is called 'Best of/one'"),
    ("album", ["a.", "b.", "c."], "'album/a.' is called 'album/a' (and so with 2 more)"),
]


@pytest.mark.parametrize(("root", "names", "said"), ODD)
def test_who_makes_a_torrent_is_warned(tmp_path: Path, root: str, names: list[str], said: str) -> None:
    made = folder(tmp_path / root, *names)
    with pytest.warns(UserWarning) as told:
        jst.create_torrent(made)
    assert len(told) == 1 and said in str(told[0].message) and told[0].filename == __file__
    got = run("create", root, cwd=tmp_path)
    assert got.returncode == 0 and len(list(tmp_path.glob("*.torrent"))) == 1
    assert "\n" not in got.stderr.strip() and said in got.stderr and "_create.py" not in got.stderr


@pytest.mark.parametrize(("root", "names", "said"), ODD)
def test_what_would_not_be_found_again_is_not_seeded(tmp_path: Path, root: str, names: list[str], said: str) -> None:
    folder(tmp_path / root, *names)
    got = run("seed", root, "--seconds", 0, cwd=tmp_path)
    assert got.returncode == 2 and said.split("'")[1] in "".join(got.stderr.split("\n")) and "rename" in got.stderr


@pytest.mark.parametrize("single", [False, True])
def test_names_that_stay_are_not_spoken_of(tmp_path: Path, single: bool) -> None:
    made = folder(tmp_path / "album", "one", "sub/two.three", "ﬁle", " leading", "x" * 255)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jst.create_torrent(made / "one" if single else made)


def test_a_single_file_and_a_name_of_its_own(tmp_path: Path) -> None:
    made = folder(tmp_path, "nul.txt", "two")
    with pytest.warns(UserWarning, match=r"'nul.txt' is called '_nul.txt'"):
        jst.create_torrent(made / "nul.txt")
    with pytest.warns(UserWarning, match=r"'aux' is called '_aux'"):
        jst.create_torrent(made / "two", name="aux")
