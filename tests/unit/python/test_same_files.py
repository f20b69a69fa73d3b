"""Torrents that share files, and files that are the session's own."""

from __future__ import annotations

from pathlib import Path

import jstorrent as jst
import pytest

HERE = ("127.0.0.1",)
DATA = bytes(range(256)) * 2000


def test_two_torrents_with_the_same_bytes_share_their_files(tmp_path: Path) -> None:
    """One of them lacks the end of a file, which the other has a name for too."""
    album = tmp_path / "album"
    album.mkdir()
    (album / "a").write_bytes(DATA)
    alone = jst.create_torrent(album, piece_length=16384)
    (album / "z").write_bytes(DATA)
    both = jst.create_torrent(album, piece_length=16384)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    album.rename(elsewhere / "album")
    (elsewhere / "album" / "z").rename(tmp_path / "z")
    with jst.Session(jst.Settings(listen=HERE)) as session, jst.Session(jst.Settings(listen=HERE)) as other:
        first = session.add(alone, elsewhere)
        first.wait("seeding", 20)
        (tmp_path / "full" / "album").mkdir(parents=True)
        for name in "az":
            (tmp_path / "full" / "album" / name).write_bytes(DATA)
        other.add(both, tmp_path / "full").wait("seeding", 20)
        second = session.add(both, elsewhere, peers=[("127.0.0.1", other.listen_port or 0)])
        second.wait("seeding", 20)
        assert (elsewhere / "album" / "a").read_bytes() == (elsewhere / "album" / "z").read_bytes() == DATA
        with session.events(jst.TorrentRemoved, timeout=20) as gone:
            second.remove(delete_files=True)
            assert gone.get(20) is not None
        assert (elsewhere / "album" / "a").read_bytes() == DATA and not (elsewhere / "album" / "z").exists()
        assert first.state == "seeding"


@pytest.mark.parametrize("how", ["folder", "magnet", "same folder", "upper case"])
def test_no_torrent_writes_where_the_records_of_its_session_are(tmp_path: Path, how: str) -> None:
    """Who makes a torrent can know what that folder is called, and records are believed."""
    name = {"same folder": "torrents", "upper case": ".STATE"}.get(how, ".state")
    evil = tmp_path / "theirs" / name
    (evil / "torrents").mkdir(parents=True)
    (evil / "torrents" / ("ab" * 20 + ".jst")).write_bytes(DATA)
    (evil / "z").write_bytes(DATA)
    torrent = jst.create_torrent(tmp_path / "theirs" / name, piece_length=16384)
    mine = tmp_path / "mine"
    state = mine if how == "same folder" else mine / ".state"
    with jst.Session(jst.Settings(listen=HERE)) as seed, jst.Session(jst.Settings(listen=HERE), state_dir=state) as session:
        seed.add(torrent, tmp_path / "theirs").wait("seeding", 20)
        peers = [("127.0.0.1", seed.listen_port or 0)]
        t = session.add(torrent.magnet() if how == "magnet" else torrent, mine, peers=peers)
        t.wait("error", 20)
        assert t.error is not None and t.error.code == "bad_path" and name in str(t.error)
        assert not list(state.rglob("ab*")) and t.status().counters.payload_received == 0
        t.resume()
        t.wait("error", 20)


@pytest.mark.parametrize("how", ["move", "rename"])
def test_no_torrent_is_brought_to_where_the_records_of_its_session_are(tmp_path: Path, how: str) -> None:
    mine, record = tmp_path / "mine", "ab" * 20 + ".jst"
    there = tmp_path / "theirs" if how == "move" else mine
    inner = there / (".state" if how == "move" else "album") / "torrents"
    inner.mkdir(parents=True)
    (inner / record).write_bytes(DATA)
    torrent = jst.create_torrent(inner.parent, piece_length=16384)
    with jst.Session(jst.Settings(listen=HERE), state_dir=mine / ".state") as session:
        t = session.add(torrent, there)
        t.wait("seeding", 20)
        with pytest.raises(jst.Error) as caught:
            t.move(mine) if how == "move" else t.rename_file(0, f".state/torrents/{record}")
        assert caught.value.code == "bad_path"
        session.save()
        assert t.state == "seeding" and (inner / record).read_bytes() == DATA
        assert not (mine / ".state" / "torrents" / record).exists()
