"""A seed and a leech of our own, over loopback sockets."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path

import jstorrent as jst
import pytest

from tests.unit.python.conftest import Payload, SessionMaker

LOOPBACK = {"listen": ("127.0.0.1",)}


def digests(root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in root.rglob("*") if p.is_file()}


@pytest.fixture
def seed(open_session: SessionMaker, payload: Payload) -> jst.Torrent:
    torrent = open_session(**LOOPBACK).add(payload.metainfo, payload.directory)
    torrent.wait_complete(20)
    return torrent


def address(torrent: jst.Torrent) -> jst.Address:
    port = torrent._session.listen_port
    assert port is not None
    return "127.0.0.1", port


def test_a_leech_gets_every_byte_and_events_tell_the_story(
    seed: jst.Torrent, open_session: SessionMaker, payload: Payload
) -> None:
    session = open_session()
    stream = session.events()
    blocks = session.events(jst.BlockReceived)
    torrent = session.add(payload.metainfo, payload.empty, peers=[address(seed)])
    status = torrent.wait_complete(30)
    assert digests(payload.empty / "album") == digests(payload.directory / "album")
    assert torrent.pieces() == b"\x03" * 12 and torrent.state == "seeding"
    counters = status.counters
    assert counters.payload_verified == 190_000 and counters.payload_received == sum(
        (counters.payload_verified, counters.payload_failed, counters.payload_redundant, counters.payload_discarded,
         counters.payload_partial))  # fmt: skip
    seed.wait(lambda s: s.counters.payload_sent >= 190_000, 10)  # the seed hears of its last write a little later
    session.close()
    events = list(stream)
    assert {e.piece for e in events if isinstance(e, jst.PieceCompleted)} == set(range(12))
    assert {e.path.name for e in events if isinstance(e, jst.FileCompleted)} == {"one.flac", "two.flac", "front.jpg"}
    assert [e.address for e in events if isinstance(e, jst.PeerConnected)] == [address(seed)]
    assert not any(isinstance(e, jst.BlockReceived) for e in events)
    assert sum(e.length for e in blocks) >= 190_000
    for event in events:
        json.dumps(event.to_dict())


def test_peers_as_each_side_sees_them(seed: jst.Torrent, open_session: SessionMaker, payload: Payload) -> None:
    torrent = open_session().add(payload.metainfo, payload.empty, paused=True, peers=[address(seed)])
    torrent.wait(lambda status: status.num_peers == 1, 20)
    (peer,) = torrent.peers()
    assert peer.address == address(seed) and peer.direction == "out" and peer.state == "connected"
    assert peer.peer_id is not None and len(peer.peer_id) == 20
    (other,) = seed.peers()
    assert other.direction == "in" and other.progress == 0.0
    torrent.stop()
    torrent.wait("stopped", 10)
    assert torrent.peers() == []


def test_a_wrong_byte_on_the_seeds_disk_is_never_taken(open_session: SessionMaker, payload: Payload) -> None:
    seeding = open_session(**LOOPBACK)
    path = payload.directory / "album" / "two.flac"
    damaged = bytearray(path.read_bytes())
    damaged[50_000] ^= 1
    path.write_bytes(damaged)
    liar = seeding.add(payload.metainfo, payload.directory, trusted=True)
    liar.wait("seeding", 10)
    session = open_session()
    failures = session.events(jst.PieceFailed, timeout=20)
    torrent = session.add(payload.metainfo, payload.empty, peers=[address(liar)])
    failed = next(iter(failures))
    assert failed.addresses == (address(liar),)
    assert torrent.piece(failed.piece).state != "complete"
    assert torrent.status().counters.pieces_failed >= 1


def test_a_disk_that_says_no_is_raised_and_told_once(
    seed: jst.Torrent, open_session: SessionMaker, payload: Payload
) -> None:
    (payload.empty / "album").write_text("a file where a directory must be")
    session = open_session(reconnect_interval=0.1)
    stream = session.events(jst.TorrentFailed, timeout=0.2)
    torrent = session.add(payload.metainfo, payload.empty, peers=[address(seed)])
    status = torrent.wait("error", 20)
    assert isinstance(status.error, jst.DiskError) and "disk" in str(status.error)
    for condition in ("complete", lambda status: False):
        with pytest.raises(jst.DiskError, match="album") as caught:
            torrent.wait(condition, timeout=10)
        assert caught.value == torrent.error
    assert "disk" in torrent.error_message and "album" in torrent.error_message
    assert [(event.torrent, event.error.code) for event in stream] == [(torrent, status.error.code)]
    (payload.empty / "album").unlink()
    torrent.start()
    assert torrent.wait_complete(20).error is None


def test_the_same_in_asyncio(seed: jst.Torrent, payload: Payload) -> None:
    async def main() -> None:
        async with jst.Session(jst.Settings(listen=())) as session:
            torrent = session.add(payload.metainfo, payload.empty, peers=[address(seed)])
            await torrent.wait_async("complete", 20)
            assert [status.is_complete async for status in torrent.watch(0.05)] == [True]

    asyncio.run(main())
    assert digests(payload.empty / "album") == digests(payload.directory / "album")
