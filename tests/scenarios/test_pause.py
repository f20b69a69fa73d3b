"""Paused is not stopped: links stay and are kept alive, and not one byte of payload moves."""

import jstorrent as jst
from jstorrent.lab import Engine, Lab, Spec

from tests.scenarios.raw_peer import KEEPALIVE, REQUEST, RawPeer


def linked(lab: Lab, spec: Spec) -> tuple[Engine, Engine]:
    seed, client = lab.engine("seed"), lab.engine("client")
    seed.add(spec, have="all")
    lab.net.link(seed, client, rate=100_000)
    client.add(spec, peers=[seed])
    lab.run_for(5)
    return seed, client


def test_paused_for_ten_minutes_no_payload_moves_links_stay_and_resume_dials_nothing(lab: Lab) -> None:
    spec = lab.torrent(pieces=64)
    seed, client = linked(lab, spec)
    t = client.torrent(spec)
    assert t is not None
    t.pause()
    lab.run_for(10)  # what was on its way has come
    before, peers = t.status().counters, [peer.address for peer in t.peers()]
    assert len(peers) == 1
    lab.run_for(600)
    assert t.state == "paused"
    assert t.status().counters.payload_received == before.payload_received
    assert [peer.address for peer in t.peers()] == peers
    served = seed.torrent(spec)
    assert served is not None and len(served.peers()) == 1
    t.resume()
    lab.until(lambda: t.state == "seeding", within=120)
    assert client.complete(spec)
    assert len(client.history(jst.PeerConnected)) == 1


def test_a_paused_seed_serves_nothing_and_goes_on_when_resumed(lab: Lab) -> None:
    spec = lab.torrent(pieces=64)
    seed, client = linked(lab, spec)
    served, t = seed.torrent(spec), client.torrent(spec)
    assert served is not None and t is not None
    served.pause()
    lab.run_for(10)
    before = served.status().counters.payload_sent
    lab.run_for(600)
    assert served.status().counters.payload_sent == before
    assert len(served.peers()) == len(t.peers()) == 1
    served.resume()
    lab.until(lambda: t.state == "seeding", within=120)
    assert len(seed.history(jst.PeerConnected)) == len(client.history(jst.PeerConnected)) == 1


def test_stopped_closes_links_and_start_dials_again(lab: Lab) -> None:
    spec = lab.torrent(pieces=64)
    _, client = linked(lab, spec)
    t = client.torrent(spec)
    assert t is not None
    t.stop()
    lab.run_for(1)
    assert (t.state, t.peers(all=True)) == ("stopped", [])
    assert [event.reason for event in client.history(jst.PeerDisconnected)] == ["stopped"]
    t.start()
    lab.until(lambda: t.state == "seeding", within=120)


def test_a_paused_torrent_asks_for_nothing_and_keeps_quiet_links_alive(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    raw = RawPeer(lab, "raw", spec, serves=False)
    t = lab.engine("client").add(spec, peers=[raw], paused=True)
    lab.every(60, raw.say, KEEPALIVE)
    lab.run_for(600)
    assert t.state == "paused"
    assert raw.count(REQUEST) == 0
    assert len(raw.open_links) == 1
    assert 4 <= raw.count(KEEPALIVE) <= 7
