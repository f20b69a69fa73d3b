"""Files of a torrent go to another directory or name while it is in a session."""

from __future__ import annotations

from pathlib import Path

import jstorrent as jst
import pytest

HERE = ("127.0.0.1",)


@pytest.fixture
def album(tmp_path: Path) -> jst.Metainfo:
    folder = tmp_path / "here" / "album"
    folder.mkdir(parents=True)
    (folder / "a.bin").write_bytes(bytes(range(256)) * 1000)
    (folder / "b.bin").write_bytes(b"tail" * 5000)
    return jst.create_torrent(folder, piece_length=16384)


def test_a_seed_that_moved_serves_from_its_new_place(album: jst.Metainfo, tmp_path: Path) -> None:
    with jst.Session(jst.Settings(listen=HERE)) as seed, jst.Session(jst.Settings(listen=HERE)) as leech:
        torrent = seed.add(album, tmp_path / "here")
        torrent.wait("seeding", 20)
        with seed.events(jst.FilesMoved, timeout=20) as moves:
            torrent.move(tmp_path / "there")
            moved = moves.get(20)
        assert isinstance(moved, jst.FilesMoved) and moved.path == tmp_path / "there"
        torrent.wait("seeding", 20)
        assert torrent.save_path == tmp_path / "there"
        assert not (tmp_path / "here" / "album").exists()
        assert (tmp_path / "there" / "album" / "b.bin").read_bytes() == b"tail" * 5000
        copy = leech.add(album, tmp_path / "copy", peers=[("127.0.0.1", seed.listen_port or 0)])
        copy.wait_complete(30)
        assert (tmp_path / "copy" / "album" / "a.bin").read_bytes() == bytes(range(256)) * 1000


def test_a_renamed_file_is_known_by_its_new_name_after_a_restart(album: jst.Metainfo, tmp_path: Path) -> None:
    with jst.Session(jst.Settings(listen=()), state_dir=tmp_path / "state") as session:
        torrent = session.add(album, tmp_path / "here")
        torrent.wait("seeding", 20)
        with session.events(jst.FilesMoved, timeout=20) as moves:
            torrent.rename_file(1, "album/notes/c.bin")
            assert moves.get(20) is not None
        torrent.wait("seeding", 20)
        assert (tmp_path / "here" / "album" / "notes" / "c.bin").read_bytes() == b"tail" * 5000
    with jst.Session(jst.Settings(listen=()), state_dir=tmp_path / "state") as session:
        (torrent,) = session.torrents
        torrent.wait("seeding", 20)
        assert Path(torrent.files()[1].path).name == "c.bin"


def test_a_file_can_not_be_renamed_out_of_its_torrent(album: jst.Metainfo, tmp_path: Path) -> None:
    with jst.Session(jst.Settings(listen=())) as session:
        torrent = session.add(album, tmp_path / "here")
        torrent.wait("seeding", 20)
        with pytest.raises(jst.ParseError) as refused:
            torrent.rename_file(0, "../outside.bin")
        assert refused.value.code == "bad_path" and torrent.state == "seeding"


def test_a_move_onto_something_that_is_there_is_an_error_and_loses_nothing(album: jst.Metainfo, tmp_path: Path) -> None:
    taken = tmp_path / "there" / "album" / "b.bin"
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"mine")
    with jst.Session(jst.Settings(listen=())) as session:
        torrent = session.add(album, tmp_path / "here")
        torrent.wait("seeding", 20)
        torrent.move(tmp_path / "there")
        torrent.wait("error", 20)
        assert "disk" in torrent.error_message and taken.read_bytes() == b"mine"
        torrent.resume()
        torrent.wait("seeding", 20)
        assert (tmp_path / "here" / "album" / "b.bin").read_bytes() == b"tail" * 5000
