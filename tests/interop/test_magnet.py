"""Magnet links with libtorrent on the other side: metadata larger than one piece, and the data, both ways."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jstorrent as jst
import pytest

from tests.interop.clients import HERE, START, WHOLE, libtorrent_seed, our_seed
from tests.support.files import digest, write_file
from tests.support.processes import Talker

pytest.importorskip("libtorrent")


@pytest.fixture
def many(tmp_path: Path) -> jst.Metainfo:
    """2000 pieces: 40 KB of metadata, three pieces of it."""
    write_file(tmp_path / "data" / "many.bin", 2000 * 16384 - 5, 3)
    metainfo = jst.create_torrent(tmp_path / "data" / "many.bin", piece_length=16384)
    metainfo.save(tmp_path / "many.torrent")
    assert len(metainfo.info_bytes) > 2 * 16384
    return metainfo


@contextmanager
def libtorrent_magnet(link: str, folder: Path, peer: tuple[str, int]) -> Iterator[Talker]:
    command = [sys.executable, "-W", "ignore", HERE / "libtorrent_client.py", "magnet", link, folder, *map(str, peer)]
    with Talker(command) as child:
        yield child


def test_we_resolve_a_link_from_libtorrent_and_download(many: jst.Metainfo, tmp_path: Path) -> None:
    with (
        libtorrent_seed(tmp_path / "many.torrent", tmp_path / "data") as (host, port),
        jst.Session(jst.Settings(reconnect_interval=1.0)) as session,
        session.events(jst.MetadataReceived, jst.StateChanged) as events,
    ):
        t = session.add(f"{many.magnet()}&x.pe={host}:{port}", tmp_path / "out")
        t.wait_metadata(WHOLE)
        t.wait_complete(WHOLE)
        t.wait("seeding", WHOLE)
        seen = [events.get(1.0) for _ in range(4)]
    assert t.metainfo is not None and t.metainfo.info_bytes == many.info_bytes
    assert [type(e).__name__ for e in seen].count("MetadataReceived") == 1
    assert isinstance(seen[0], jst.StateChanged) and seen[0].new == "fetching_metadata"
    assert digest(tmp_path / "out" / "many.bin") == digest(tmp_path / "data" / "many.bin")


def test_libtorrent_resolves_a_link_from_us_and_downloads(many: jst.Metainfo, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with our_seed(many, tmp_path / "data") as session:
        assert session.listen_port is not None
        with libtorrent_magnet(many.magnet(), tmp_path / "out", ("127.0.0.1", session.listen_port)) as child:
            child.line_with("^metadata", START)
            child.line_with("^finished", WHOLE)
    assert digest(tmp_path / "out" / "many.bin") == digest(tmp_path / "data" / "many.bin")


def test_libtorrent_resolves_it_from_one_of_us_that_resolved_it_itself(many: jst.Metainfo, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with our_seed(many, tmp_path / "data") as seed, jst.Session(jst.Settings(listen=("127.0.0.1",))) as middle:
        assert seed.listen_port is not None and middle.listen_port is not None
        t = middle.add(many.magnet(), tmp_path / "middle", peers=[("127.0.0.1", seed.listen_port)])
        with libtorrent_magnet(many.magnet(), tmp_path / "out", ("127.0.0.1", middle.listen_port)) as child:
            child.line_with("^metadata", WHOLE)
            child.line_with("^finished", WHOLE)
        t.wait_complete(WHOLE)
    assert digest(tmp_path / "out" / "many.bin") == digest(tmp_path / "data" / "many.bin")
