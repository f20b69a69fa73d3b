"""Symbolic links among the files of a torrent: no session follows them, and who meets one is told so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jstorrent as jst
import pytest

pytest.importorskip("typer")


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jstorrent.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=cwd)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """An album, an album with a link in it, a link to an album, and a link to a file."""
    (tmp_path / "album").mkdir()
    (tmp_path / "album" / "one").write_bytes(b"1" * 40_000)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "two").symlink_to(tmp_path / "album" / "one")
    (tmp_path / "other").symlink_to("album")
    (tmp_path / "single").symlink_to("album/one")
    return tmp_path


@pytest.mark.parametrize(("what", "link"), [("linked", "linked/two"), ("other", "other"), ("single", "single")])
def test_who_makes_a_torrent_of_a_link_hears_that_it_cannot_be_seeded_from_there(shelf: Path, what: str, link: str) -> None:
    with pytest.warns(UserWarning) as told:
        made = jst.create_torrent(shelf / what)
    assert made.total_size == 40_000 and len(told) == 1 and told[0].filename == __file__
    assert str(told[0].message).startswith(f"'{shelf / link}' is a symbolic link, and no session follows those")
    assert "is a symbolic link" in run("create", what, cwd=shelf).stderr
    got = run("seed", what, "--seconds", 0, cwd=shelf)
    assert got.returncode == 2 and "is a symbolic link" in " ".join(got.stderr.split())


@pytest.mark.parametrize(("what", "link"), [("linked", "linked/two"), ("other", "other"), ("single", "single")])
def test_verify_names_the_link(shelf: Path, what: str, link: str) -> None:
    with pytest.warns(UserWarning):
        jst.create_torrent(shelf / what).save(shelf / "it.torrent")
    got = run("verify", "it.torrent", what, "--json", cwd=shelf)
    assert got.returncode == 6
    assert set(json.loads(got.stdout)["bad_files"].values()) == {f"{shelf / link} is a symbolic link, which is not followed"}


@pytest.mark.parametrize("wrong", ["album/one", "renamed"])
def test_a_file_of_another_name_is_a_mistake_of_the_user(shelf: Path, wrong: str) -> None:
    jst.create_torrent(shelf / "album").save(shelf / "it.torrent")
    (shelf / "renamed").write_bytes(b"1" * 40_000)
    got = run("verify", "it.torrent", wrong, cwd=shelf)
    assert got.returncode == 2 and "is no folder, and in the torrent the name is 'album'" in " ".join(got.stderr.split())
