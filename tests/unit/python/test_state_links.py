"""Links that somebody put into the folder of records while a session runs."""

from __future__ import annotations

from pathlib import Path

import jstorrent as jst

HERE = ("127.0.0.1",)


def test_no_record_and_no_journal_is_written_through_a_link(tmp_path: Path) -> None:
    data = tmp_path / "here" / "data"
    data.parent.mkdir()
    data.write_bytes(bytes(range(256)) * 1000)
    torrent = jst.create_torrent(data, piece_length=16384)
    assert torrent.info_hash is not None
    records = tmp_path / "state" / "torrents"
    with (
        jst.Session(jst.Settings(listen=HERE)) as seed,
        jst.Session(jst.Settings(listen=HERE), state_dir=tmp_path / "state") as session,
    ):
        seed.add(torrent, data.parent).wait("seeding", 20)
        mine = [tmp_path / f"mine{n}" for n in range(2)]
        for path, suffix in zip(mine, (".jst.tmp", ".journal"), strict=True):
            path.write_bytes(b"mine")
            (records / f"{torrent.info_hash.hex()}{suffix}").symlink_to(path)
        t = session.add(torrent, tmp_path / "there", peers=[("127.0.0.1", seed.listen_port or 0)])
        t.wait("seeding", 20)
        session.save()
    assert [path.read_bytes() for path in mine] == [b"mine"] * 2
    with jst.Session(jst.Settings(listen=()), state_dir=tmp_path / "state") as session:
        (again,) = session.torrents
        again.wait("seeding", 20)
