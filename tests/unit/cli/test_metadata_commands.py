"""`create` and `show`, in a process of their own as a user runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jstorrent as jst
import pytest

pytest.importorskip("typer")


def run(*arguments: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jstorrent.cli", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **(env or {})}
    )


def test_create_writes_what_show_reads(tmp_path: Path) -> None:
    (tmp_path / "album").mkdir()
    (tmp_path / "album" / "one.bin").write_bytes(b"1" * 40_000)
    (tmp_path / "album" / "skip.tmp").write_bytes(b"x")
    torrent = tmp_path / "out.torrent"
    made = run(
        "create", tmp_path / "album", "-o", torrent, "--tracker", "http://a.example/announce", "--tracker",
        "http://b.example/announce", "--piece-length", "16Ki", "--comment", "hello", "--private", "--exclude", "*.tmp", "--json",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    facts = json.loads(made.stdout)
    metainfo = jst.Metainfo.load(torrent)
    assert metainfo.trackers == (("http://a.example/announce",), ("http://b.example/announce",))
    assert (metainfo.piece_length, metainfo.comment, metainfo.is_private) == (16384, "hello", True)
    assert [str(f.path) for f in metainfo.files] == ["album/one.bin"]
    shown = run("show", torrent, "--json")
    assert shown.returncode == 0
    assert metainfo.info_hash is not None
    assert json.loads(shown.stdout)["info_hash"] == facts["info_hash"] == metainfo.info_hash.hex()
    text = run("show", torrent).stdout
    assert "album/one.bin" in text and metainfo.info_hash.hex() in text and "http://b.example/announce" in text


def test_create_is_deterministic(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(os.urandom(100_000))
    for name in ("1.torrent", "2.torrent"):
        assert run("create", tmp_path / "a.bin", "-o", tmp_path / name, "-q").returncode == 0
    assert (tmp_path / "1.torrent").read_bytes() == (tmp_path / "2.torrent").read_bytes()


def test_show_reads_a_magnet_link() -> None:
    link = "magnet:?xt=urn:btih:" + "ab" * 20 + "&dn=nice%20name&tr=http%3A%2F%2Ft.example%2Fannounce"
    shown = run("show", link)
    assert shown.returncode == 0
    assert "nice name" in shown.stdout and "ab" * 20 in shown.stdout and "http://t.example/announce" in shown.stdout
    assert json.loads(run("show", link, "--json").stdout)["info_hash"] == "ab" * 20


def test_text_of_a_torrent_does_not_steer_the_terminal(tmp_path: Path) -> None:
    info = {b"name": b"\x1b[31mred\x07", b"length": 1, b"piece length": 16384, b"pieces": b"h" * 20}
    torrent = tmp_path / "evil.torrent"
    torrent.write_bytes(jst.bencode({b"info": info, b"comment": b"\x1b]0;title\x07"}))
    shown = run("show", torrent)
    assert shown.returncode == 0
    assert "\x1b" not in shown.stdout and "\x07" not in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "missing.torrent"], "no file 'missing.torrent'"),
        (["show", __file__], "is no torrent"),
        (["show", "magnet:?xt=urn:btih:12"], "jstorrent:"),
        (["create", "missing"], "missing"),
        (["create"], "Missing argument"),
        (["create", __file__, "-o", "/no/such/x.torrent"], "there is no folder '/no/such'"),
        (["create", __file__, "-o", "/"], "'/' is a folder"),
        (["seed", __file__, "--ratio", "-1"], "'--ratio'"),
        (["nonsense"], "No such command"),
        (["get", "missing.torrent"], "no file 'missing.torrent'"),
        (["get", "magnet:?xt=urn:btih:" + "ab" * 20, "--peer", "nowhere"], "'nowhere'"),
        ([], "Usage"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(arguments: list[str], words: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert words in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_every_command_has_help() -> None:
    for name in ("get", "seed", "create", "show", "verify", "demo", "bench", "lab"):
        done = run(name, "--help")
        assert done.returncode == 0 and "Usage" in done.stdout, name
    assert run("--version").stdout.strip() == jst.__version__


def test_without_its_extra_the_command_says_which_to_install(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ImportError('no typer', name='typer')\n", encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = run("show", "x", env={"PYTHONPATH": path})
    assert done.returncode == 1
    assert "pip install 'jstorrent[cli]'" in done.stderr and "Traceback" not in done.stderr


def test_who_has_no_terminal_sees_no_trace_of_a_bar(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"1" * 40_000)
    done = run("create", tmp_path / "one", "-o", tmp_path / "made.torrent")
    assert (done.returncode, done.stderr) == (0, "")
