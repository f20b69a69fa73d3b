"""The piece strip: what part of a torrent is there, in as many characters as fit."""

import pytest

pytest.importorskip("rich")
from jstorrent.cli.display import piece_strip


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
