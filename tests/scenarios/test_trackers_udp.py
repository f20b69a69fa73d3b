"""Trackers of the laboratory, HTTP and UDP, in both lanes: the ordinary way, lost datagrams, and lies that end bounded."""

from __future__ import annotations

from typing import Any

import jstorrent as jst
import pytest
from jstorrent.lab import Lab

BOTH = pytest.mark.lanes("sim", "real")
KINDS = pytest.mark.parametrize("kind", ["http", "udp"])
MAGIC = 0x41727101980


@BOTH
@KINDS
@pytest.mark.covers("S2-14", "S3-7")
def test_a_swarm_finds_itself_and_says_each_event_once(lab: Lab, kind: str) -> None:
    trk = lab.tracker("trk", kind=kind)
    spec = lab.torrent(pieces=16, trackers=[trk])
    seed, client = lab.engine("seed"), lab.engine("client")
    seed.add(spec, have="all")
    lab.until(lambda: len(trk.announces) == 1, within=20)
    t = client.add(spec)
    lab.until(lambda: t.state == "seeding", within=30)
    assert client.complete(spec)
    lab.until(lambda: "completed" in [said.event for said in trk.announces], within=10)
    lab.until(lambda: t.trackers()[0].state == "working", within=10)
    assert (t.trackers()[0].seeds, t.trackers()[0].leechers) == (2, 0)
    seed.stop()
    client.stop()
    events = {node: [said.event for said in trk.announces if said.node == node] for node in ("seed", "client")}
    assert events == {"seed": ["started", "stopped"], "client": ["started", "completed", "stopped"]}
    assert trk.peers == []


@BOTH
@KINDS
def test_a_magnet_link_resolves_through_a_tracker(lab: Lab, kind: str) -> None:
    trk = lab.tracker("trk", kind=kind)
    spec = lab.torrent(pieces=16, trackers=[trk])
    lab.engine("seed").add(spec, have="all")
    lab.until(lambda: len(trk.announces) == 1, within=20)
    client = lab.engine("client")
    t = client.add(spec, magnet=True)
    lab.until(lambda: t.state == "seeding", within=30)
    assert client.complete(spec)
    assert next(said.left for said in trk.announces if said.node == "client") == 16384


@pytest.mark.lanes("sim")
@pytest.mark.covers("S2-13")
def test_a_lost_datagram_is_sent_again_after_15_seconds_and_then_after_30(lab: Lab) -> None:
    trk = lab.tracker("trk", kind="udp", behave=[{"kind": "silent", "times": 2}])
    spec = lab.torrent(pieces=4, trackers=[trk])
    t = lab.engine("client", tracker_timeout=100.0).add(spec)
    lab.until(lambda: t.trackers()[0].state == "working", within=60)
    times = [request.time for request in trk.requests]
    assert [round(time - times[0], 1) for time in times] == [0, 15, 45, 45]
    assert [said.event for said in trk.announces] == ["started"]


@pytest.mark.lanes("sim")
@pytest.mark.covers("S2-13")
def test_the_time_for_an_announce_ends_it_also_over_udp(lab: Lab) -> None:
    trk, good = lab.tracker("trk", kind="udp", behave=["silent"]), lab.tracker("good")
    spec = lab.torrent(pieces=4, trackers=[trk, good])
    t = lab.engine("client", tracker_timeout=20.0).add(spec)
    lab.until(lambda: t.trackers()[1].state == "working", within=21)
    assert lab.now > 20 and len(trk.requests) == 2
    assert (t.trackers()[0].state, t.trackers()[0].message) == ("failed", "it took longer than the time-out")


@pytest.mark.lanes("sim")
def test_half_of_all_datagrams_may_get_lost(lab: Lab) -> None:
    trk = lab.tracker("trk", kind="udp", interval=120)
    spec = lab.torrent(pieces=4, trackers=[trk])
    client = lab.engine("client", tracker_timeout=1000.0)
    lab.net.link(client, trk, loss=0.5)
    t = client.add(spec)
    lab.run_for(6000)
    assert t.trackers()[0].failures == 0 or t.trackers()[0].state == "announcing"
    assert len(trk.announces) > 10
    events = [said.event for said in trk.announces]
    assert "completed" not in events and events[0] == "started"


@pytest.mark.lanes("sim")
def test_a_connection_id_serves_for_a_minute_and_all_torrents(lab: Lab) -> None:
    trk = lab.tracker("trk", kind="udp")
    client = lab.engine("client")
    one, two, three = (lab.torrent(pieces=1, name=f"n{i}", trackers=[trk]) for i in range(3))
    client.add(one)
    lab.run_for(1)
    client.add(two)
    lab.run_for(59.5)
    client.add(three)
    lab.run_for(1)
    kinds = [request.kind for request in trk.requests]
    assert kinds == ["connect", "announce", "announce", "connect", "announce"]
    assert len({request.source for request in trk.requests}) == 1, "from one port"
    lab.run_for(70)
    assert client.session.status().sockets <= 2, "and then the port is given back"


@pytest.mark.lanes("sim")
def test_a_tracker_that_forgot_us_is_connected_to_again(lab: Lab) -> None:
    trk = lab.tracker("trk", kind="udp")
    client = lab.engine("client")
    client.add(lab.torrent(pieces=1, name="one", trackers=[trk]))
    lab.run_for(1)
    trk.behave = [{"kind": "forget", "times": 1}]
    t = client.add(lab.torrent(pieces=1, name="two", trackers=[trk]))
    lab.run_for(1)
    assert t.trackers()[0].state == "working" and t.trackers()[0].failures == 0


LIES: dict[str, tuple[str, Any]] = {
    "refuses": ("http", {"kind": "failure", "nbytes": 1 << 20}),
    "a gzip bomb": ("http", "gzip_bomb"),
    "an endless body": ("http", {"kind": "body", "nbytes": None}),
    "an endless head": ("http", "head_flood"),
    "drops": ("http", "drip"),
    "a loop": ("http", "redirect"),
    "an error": ("http", "status"),
    "a cut": ("http", {"kind": "cut", "nbytes": 40}),
    "silence": ("http", "silent"),
    "udp silence": ("udp", "silent"),
    "udp refuses": ("udp", {"kind": "failure", "nbytes": 4000}),
    "another's transaction": ("udp", "wrong_transaction"),
    "another action": ("udp", "wrong_action"),
    "udp cut": ("udp", {"kind": "cut", "nbytes": 7}),
    "no datagram at all": ("udp", {"kind": "content", "data": b""}),
}


@BOTH
@pytest.mark.parametrize("lie", LIES)
@pytest.mark.covers("S2-15", "S2-16", "S3-26")
def test_the_next_tier_is_asked_after(lab: Lab, lie: str) -> None:
    kind, behave = LIES[lie]
    bad, good = lab.tracker("bad", kind=kind, behave=[behave]), lab.tracker("good")
    spec = lab.torrent(pieces=8, trackers=[bad, good])
    seed, client = (lab.engine(name, tracker_timeout=4.0) for name in ("seed", "client"))
    seed.add(spec, have="all")
    lab.until(lambda: len(good.announces) == 1, within=20)
    t = client.add(spec)
    lab.until(lambda: t.state == "seeding", within=30)
    assert client.complete(spec)
    assert t.trackers()[1].state in {"working", "announcing"}
    assert t.trackers()[0].failures >= 1 and t.trackers()[0].message
    assert len(t.trackers()[0].message) <= 512 + len("...")


@BOTH
@KINDS
def test_a_flood_of_addresses_is_bounded(lab: Lab, kind: str) -> None:
    trk = lab.tracker("trk", kind=kind, behave=[{"kind": "flood", "count": 3000}])
    spec = lab.torrent(pieces=1, trackers=[trk])
    client = lab.engine("client", max_known_peers=150, max_half_open=4)
    t = client.add(spec)
    lab.until(lambda: t.trackers()[0].state == "working", within=20)
    assert t.status().num_known <= 150
    assert client.session.status().num_half_open <= 4


@BOTH
def test_peers_as_dictionaries_and_without_an_interval(lab: Lab) -> None:
    trk = lab.tracker("trk", behave=["dict_peers", {"kind": "interval", "value": None}, "gzip", {"kind": "chunked", "size": 3}])
    spec = lab.torrent(pieces=4, trackers=[trk])
    lab.engine("seed").add(spec, have="all")
    lab.until(lambda: len(trk.announces) == 1, within=20)
    t = lab.engine("client").add(spec)
    done = t.trackers  # a snapshot each time
    lab.until(lambda: t.state == "seeding", within=30)
    assert done()[0].next_announce is None or done()[0].next_announce <= 1800


@BOTH
@KINDS
def test_a_tracker_that_comes_back_is_found_again(lab: Lab, kind: str) -> None:
    trk = lab.tracker("trk", kind=kind)
    trk.stop()
    spec = lab.torrent(pieces=2, trackers=[trk])
    client = lab.engine("client", tracker_timeout=1.0)
    failed = client.session.events(jst.AnnounceFailed)
    t = client.add(spec)
    lab.until(lambda: t.trackers()[0].failures > 0, within=10)
    assert isinstance(failed.get(0), jst.AnnounceFailed)
    trk.start()
    t.announce()
    lab.until(lambda: t.trackers()[0].state == "working", within=25)
    assert t.trackers()[0].failures == 0
