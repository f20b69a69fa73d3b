"""The piece strip: what part of a torrent is there, in as many characters as fit."""

import io
from pathlib import Path

import pytest

pytest.importorskip("rich")
import jstorrent as jst
from jstorrent.cli.display import Display, piece_strip, status_line
from rich.console import Console


def test_nothing_shows_nothing() -> None:
    assert piece_strip(b"", 10) == ""
    assert piece_strip(b"\3\3", 0) == ""


def test_few_pieces_have_a_character_each() -> None:
    assert piece_strip(bytes([3, 0, 1, 2, 3]), 80) == "█ ░░█"


def test_many_pieces_share_characters_and_only_whole_parts_are_full() -> None:
    pieces = bytes([3] * 100 + [3] * 99 + [0] + [3] * 50 + [0] * 50 + [0] * 100)
    strip = piece_strip(pieces, 4)
    assert len(strip) == 4
    assert strip[0] == "█" and strip[1] != "█" and strip[2] in "▒▓" and strip[3] == " "


def test_it_is_never_wider_than_asked() -> None:
    for count in range(1, 300):
        assert len(piece_strip(bytes(count), 50)) == min(count, 50)


def test_the_metadata_phase_is_shown_for_what_it_is(tmp_path: Path) -> None:
    with jst.Session(jst.Settings(listen=())) as session:
        torrent = session.add("ab" * 20, tmp_path)
        status = torrent.wait("fetching_metadata", 10)
        line = status_line(torrent.name, status)
        console = Console(width=60, record=True, file=io.StringIO())
        console.print(Display(quiet=True)._picture(torrent, status))
    assert line == f"{'ab' * 20}: fetching metadata   0.0%  peers 0 of 0 known"
    shown = console.export_text()
    assert "fetching metadata" in shown and "0% of the metadata" in shown and "MiB" not in shown
