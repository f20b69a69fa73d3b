"""Each cap on work, memory and places holds: so much and no more, and one more where the cap is one higher."""

import struct
from collections import Counter
from typing import Any

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Spec

from tests.scenarios.raw_peer import EXTENDED, INTERESTED, PIECE, REJECT, REQUEST, UNCHOKE, RawPeer

BLOCK = 16384


def asked(peer: RawPeer) -> list[tuple[int, int]]:
    """What it was asked for: (piece, begin), in order."""
    return [struct.unpack(">II", m.payload[:8]) for m in peer.messages if m.id == REQUEST]  # type: ignore[misc]


def linked(lab: Lab, client: Engine, spec: Spec, peers: list[RawPeer]) -> jst.Torrent:
    t = client.add(spec, peers=peers)
    lab.until(lambda: all(peer.greeted for peer in peers), within=5)
    return t


def a_leech(lab: Lab, spec: Spec, to: Engine, name: str = "leech", **how: Any) -> RawPeer:
    """One that wants everything and is unchoked."""
    raw = RawPeer(lab, name, spec, have="none", **how)
    raw.connect(to)
    lab.until(lambda: bool(raw.greeted), within=5)
    raw.say(INTERESTED)
    lab.until(lambda: raw.count(UNCHOKE) == 1, within=15)
    return raw


# -- asking


@pytest.mark.parametrize("cap", [1, 2, 3])
def test_max_requests_per_peer(lab: Lab, cap: int) -> None:
    spec = lab.torrent(pieces=16)
    peers = [RawPeer(lab, f"raw{i}", spec, serves=False) for i in range(2)]
    client = lab.engine("client", max_requests_per_peer=cap)
    t = linked(lab, client, spec, peers)
    lab.run_for(5)
    assert [peer.count(REQUEST) for peer in peers] == [cap, cap]
    assert [peer.outstanding for peer in t.peers()] == [cap, cap]


@pytest.mark.parametrize("cap", [1, 2, 3])
def test_max_active_pieces(lab: Lab, cap: int) -> None:
    spec = lab.torrent(pieces=64, piece_length=2 * BLOCK)
    peers = [RawPeer(lab, f"raw{i}", spec, serves=False) for i in range(3)]
    client = lab.engine("client", max_active_pieces=cap)
    t = linked(lab, client, spec, peers)
    most = lab.watch(lambda: t.active_pieces)
    lab.run_for(5)
    assert most.max == most.last == cap
    assert len({piece for peer in peers for piece, _ in asked(peer)}) == cap


@pytest.mark.parametrize("mib", [1, 2, 8])
@pytest.mark.parametrize("piece_length", [4 * BLOCK, 1 << 20])
def test_max_memory_bounds_what_is_received(lab: Lab, mib: int, piece_length: int) -> None:
    spec = lab.torrent(pieces=(20 << 20) // piece_length, piece_length=piece_length)
    client = lab.engine("client", max_memory=mib << 20)
    seeds = [lab.seeder(f"seed{i}", spec) for i in range(4)]
    t = client.add(spec, peers=seeds)
    lab.until(lambda: t.state == "seeding", within=120)
    peak = client.session.status().memory_peak
    assert peak <= mib << 20
    assert peak > mib << 18  # and it is put to use


@pytest.mark.parametrize("mib", [1, 4])
def test_max_memory_bounds_what_is_sent(lab: Lab, mib: int) -> None:
    spec = lab.torrent(pieces=64, piece_length=16 * BLOCK)
    seed = lab.engine("seed", max_memory=mib << 20, upload_slots=8)
    seed.add(spec, have="all")
    clients = [lab.engine(f"client{i}") for i in range(6)]
    ts = [client.add(spec, peers=[seed]) for client in clients]
    lab.until(lambda: all(t.state == "seeding" for t in ts), within=300)
    assert mib << 17 < seed.session.status().memory_peak <= mib << 20


# -- serving


@pytest.mark.parametrize("cap", [3, 4])
def test_max_queued_requests(lab: Lab, cap: int) -> None:
    spec = lab.torrent(pieces=16)
    seed = lab.engine("seed", max_queued_requests=cap, upload_rate_limit=0)
    seed.add(spec, have="all")
    raw = a_leech(lab, spec, seed)
    for piece in range(cap):
        raw.request(piece)
    lab.run_for(2)
    assert raw.count(REJECT) == 0
    raw.request(cap)
    lab.run_for(2)
    assert [m.payload for m in raw.messages if m.id == REJECT] == [struct.pack(">III", cap, 0, BLOCK)]
    seed.session.configure(upload_rate_limit=None)
    lab.run_for(5)
    assert [struct.unpack(">II", m.payload[:8])[0] for m in raw.messages if m.id == PIECE] == list(range(cap))


def test_max_queued_requests_is_what_others_are_told(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    raw = RawPeer(lab, "raw", spec, extended=True)
    linked(lab, lab.engine("client", max_queued_requests=77), spec, [raw])
    lab.run_for(1)
    (said,) = [m.payload[1:] for m in raw.messages if m.id == EXTENDED]
    told = jst.bdecode(said)
    assert isinstance(told, dict) and told[b"reqq"] == 77


@pytest.mark.parametrize("blocks", [1, 4, 5, 40])
def test_max_send_buffer(lab: Lab, blocks: int) -> None:
    spec = lab.torrent(pieces=8, piece_length=16 * BLOCK)
    seed = lab.engine("seed", max_send_buffer=blocks * BLOCK)
    served = seed.add(spec, have="all")
    raw = a_leech(lab, spec, seed)
    lab.net.hold(seed, raw)
    most = lab.watch(lambda: sum(peer.send_buffered for peer in served.peers()))
    for n in range(100):
        raw.request(n // 16, n % 16 * BLOCK)
    lab.run_for(10)
    framing = 13 * blocks + 64
    assert blocks * BLOCK // 2 <= most.max <= blocks * BLOCK + framing
    lab.net.release(seed, raw)
    lab.until(lambda: raw.count(PIECE) == 100, within=30)


@pytest.mark.parametrize("over", [0, 1])
def test_max_message_size(lab: Lab, over: int) -> None:
    spec = lab.torrent(pieces=4)
    raw = RawPeer(lab, "raw", spec, extended=True, serves=False)
    client = lab.engine("client", max_message_size=20_000)
    linked(lab, client, spec, [raw])
    raw.say(EXTENDED, b"\x63" + bytes(20_000 - 2 + over))
    lab.run_for(2)
    assert [event.reason for event in client.history(jst.PeerDisconnected)] == ["protocol_error"] * over


# -- knowing


@pytest.mark.parametrize("cap", [3, 4])
def test_max_known_peers(lab: Lab, cap: int) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client", max_known_peers=cap)
    t = client.add(spec, peers=[(f"10.9.0.{n}", 6881) for n in range(1, 9)])
    most = lab.watch(lambda: t.status().num_known)
    lab.run_for(60)
    assert most.max == cap


# -- places


def states(lab: Lab, ts: list[jst.Torrent]) -> Counter[str]:
    lab.run_for(2)
    return Counter("active" if t.state in ("downloading", "stalled", "seeding") else t.state for t in ts)


@pytest.mark.parametrize("have", ["none", "all"])
@pytest.mark.parametrize("cap", [1, 2, 3])
def test_active_downloads_and_active_seeds(lab: Lab, have: str, cap: int) -> None:
    this, other = ("active_downloads", "active_seeds") if have == "none" else ("active_seeds", "active_downloads")
    client = lab.engine("client", **{this: cap, other: 1})
    ts = [client.add(lab.torrent(pieces=4), have=have) for _ in range(3)]
    one = client.add(lab.torrent(pieces=4), have="all" if have == "none" else "none")
    assert states(lab, ts) == Counter(active=cap, queued=3 - cap)
    assert states(lab, [one]) == Counter(active=1)  # each counts for itself
    ts[0].stop()
    assert states(lab, ts[1:]) == Counter(active=min(cap, 2), queued=max(0, 2 - cap))


@pytest.mark.parametrize("cap", [1, 2, 3])
def test_active_checks(lab: Lab, cap: int) -> None:
    client = lab.engine("client", active_checks=cap)
    ts = [client.add(lab.torrent(pieces=64), have="all") for _ in range(3)]
    lab.run_for(1)
    most = lab.watch(lambda: sum(t.state == "checking" for t in ts))
    for t in ts:
        t.recheck()
    lab.until(lambda: all(t.state == "seeding" for t in ts), within=60)
    assert most.max == cap


@pytest.mark.parametrize("way", ["they come", "we dial"])
def test_an_ipv6_network_of_64_bits_is_one_host(lab: Lab, way: str) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client", max_connections_per_host=2, host="2001:db8:1::1")
    peers = [lab.peer(f"peer{i}", spec, have="none", host=f"2001:db8::{i + 1:x}") for i in range(5)]
    other = lab.peer("other", spec, have="none", host="2001:db8:0:1::1")
    t = client.add(spec)
    for peer in [*peers, other]:
        peer.connect(client) if way == "they come" else t.connect(peer)
    lab.run_for(5)
    hosts = [p.address[0] for p in t.peers()]
    assert len(hosts) == 3 and other.address[0] in hosts
    client.session.configure(max_connections_per_host=1)
    lab.run_for(1)
    assert len(t.peers()) == 2 and other.address[0] in [p.address[0] for p in t.peers()]
