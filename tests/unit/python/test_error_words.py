"""What errors say: which file, which piece, and what to do instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jstorrent as jst
import pytest


@pytest.fixture
def torrent(session: jst.Session, payload: Any, tmp_path: Path) -> jst.Torrent:
    return session.add(payload.metainfo, tmp_path / "down", stopped=True)


@pytest.mark.parametrize("add", [False, True])
def test_a_file_that_is_no_torrent_is_named(session: jst.Session, tmp_path: Path, add: bool) -> None:
    path = tmp_path / "page.torrent"
    path.write_bytes(b"d4:infod4:name1:aee")
    with pytest.raises(jst.ParseError) as caught:
        session.add(path, tmp_path) if add else jst.Metainfo.load(path)
    assert str(caught.value) == f"a required field is missing at offset 7: {path}"
    assert (caught.value.code, caught.value.offset) == ("missing_field", 7)


@pytest.mark.parametrize("source", ["0" * 64, f"magnet:?xt=urn:btmh:1220{'0' * 64}"])
def test_a_link_of_v2_alone_is_refused_by_that_name(session: jst.Session, tmp_path: Path, source: str) -> None:
    with pytest.raises(jst.Error, match="torrents of v2 alone cannot be downloaded yet") as caught:
        session.add(source, tmp_path)
    assert caught.value.code == "not_supported"


@pytest.mark.parametrize("address", [("localhost", 6881), "tracker.example:6881", ("", 1)])
def test_a_peer_is_no_name(torrent: jst.Torrent, address: Any) -> None:
    with pytest.raises(jst.ParseError, match="names are not looked up") as caught:
        torrent.connect(address)
    assert caught.value.code == "bad_address"


def test_a_wait_that_is_late_says_what_for(session: jst.Session, torrent: jst.Torrent, tmp_path: Path) -> None:
    with pytest.raises(jst.TimeoutError, match="^piece 3 of album is not complete after 0.01 s: it is stopped"):
        torrent.wait_piece(3, 0.01)
    with pytest.raises(jst.TimeoutError, match="^album is not in error after"):
        torrent.wait("error", 0.01)
    with pytest.raises(jst.TimeoutError, match="^1{40} has no metadata after"):
        session.add("1" * 40, tmp_path, stopped=True).wait_metadata(0.01)
