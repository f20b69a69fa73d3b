"""Swarms that know of each other only through trackers, HTTP and UDP: events, fallback, partitions, restarts, magnets."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import jstorrent as jst
import pytest
from jstorrent.lab import Lab, Node, Tracker

from tests.scenarios.s0 import completes
from tests.scenarios.test_s0_9_metadata import named

BOTH = pytest.mark.lanes("sim", "real")
WAYS = pytest.mark.parametrize("kind", ["http", "udp"])


def events(trackers: Tracker | Sequence[Tracker], node: Node) -> list[str]:
    """What this node said to one or some, in order, but for announces without an event."""
    some = [trackers] if isinstance(trackers, Tracker) else trackers
    said = sorted((each.time, each.event) for trk in some for each in trk.announces if each.node == node.name)
    return [event for _, event in said if event]


@BOTH
@WAYS
@pytest.mark.covers("S2-14", "S3-7")
def test_a_swarm_finds_itself_and_says_each_event_once(lab: Lab, kind: str) -> None:
    trk = lab.tracker("trk", kind=kind)
    spec = lab.torrent(pieces=8, trackers=[trk])
    seed, client = lab.engine("seed"), lab.engine("client")
    seed.add(spec, have="all")
    lab.until(lambda: events(trk, seed) == ["started"], within=10)
    t = client.add(spec)
    completes(lab, client, spec)
    lab.until(lambda: events(trk, client) == ["started", "completed"], within=10)
    first, done = [said for said in trk.announces if said.node == "client" and said.event][:2]
    assert (first.left, first.downloaded, first.info_hash) == (spec.total_size, 0, spec.info_hash)
    assert (done.left, done.downloaded) == (0, spec.total_size)
    assert first.key == done.key != "" and first.peer_id == done.peer_id
    assert sorted(trk.peers) == sorted([seed.address, client.address])
    lab.until(lambda: [(its.seeds, its.leechers) for its in t.trackers()] == [(2, 0)], within=10)
    client.stop()
    lab.until(lambda: events(trk, client) == ["started", "completed", "stopped"], within=10)
    assert trk.peers == [seed.address] and events(trk, seed) == ["started"]


@BOTH
@WAYS
@pytest.mark.covers("S2-14")
def test_pauses_stops_starts_and_restarts_say_what_happened_and_no_more(lab: Lab, kind: str) -> None:
    trk = lab.tracker("trk", kind=kind)
    spec = lab.torrent(pieces=4, trackers=[trk])
    client = lab.engine("client")
    t = client.add(spec, have=[0, 1])
    lab.until(lambda: events(trk, client) == ["started"], within=10)
    t.pause()
    lab.run_for(0.5)
    t.resume()
    lab.run_for(0.5)
    assert events(trk, client) == ["started"], "a pause keeps its links, and its place"
    t.stop()
    lab.until(lambda: events(trk, client) == ["started", "stopped"], within=10)
    t.start()
    lab.until(lambda: events(trk, client) == ["started", "stopped", "started"], within=10)
    client.stop()
    client.start()
    lab.until(lambda: events(trk, client)[3:] == ["stopped", "started"], within=10)
    client.restart()
    lab.until(lambda: events(trk, client)[5:] == ["started"], within=10)
    assert all(said.left == spec.total_size // 2 for said in trk.announces if said.event != "stopped")


@pytest.mark.parametrize("what", ["recheck", "move"])
def test_trackers_hear_nothing_of_checks_and_moves(lab: Lab, what: str) -> None:
    trk = lab.tracker("trk")
    spec = lab.torrent(pieces=64, trackers=[trk])
    seed = lab.engine("seed")
    t = seed.add(spec, have="all")
    lab.until(lambda: events(trk, seed) == ["started"], within=10)
    with lab.gate("disk.done", node=seed) as gate:  # it takes a while
        t.recheck() if what == "recheck" else t.move(seed.disk.full("elsewhere"))
        lab.until(lambda: gate.hit, within=10)
        lab.run_for(5)
    lab.run_for(60)
    assert t.state == "seeding" and events(trk, seed) == ["started"]


def test_what_was_transferred_counts_from_the_last_start(lab: Lab) -> None:
    trk = lab.tracker("trk")
    spec = lab.torrent(pieces=8, trackers=[trk])
    client = lab.engine("client")
    t = client.add(spec, peers=[lab.peer("seed", spec)])
    lab.until(lambda: t.state == "seeding", within=20)
    t.stop()
    lab.run_for(5)
    t.start()
    lab.until(lambda: events(trk, client)[-2:] == ["stopped", "started"], within=10)
    said = {each.event: (each.downloaded, each.uploaded) for each in trk.announces}
    assert (said["stopped"], said["started"]) == ((spec.total_size, 0), (0, 0))


@pytest.mark.parametrize("have", [(), (0,), (3,), (0, 3), (0, 1, 2)])
def test_what_is_left_counts_a_short_last_piece_as_short(lab: Lab, have: tuple[int, ...]) -> None:
    trk = lab.tracker("trk")
    spec = lab.torrent(pieces=4, tail=1000, trackers=[trk])
    lab.engine("client").add(spec, have=have)
    lab.until(lambda: bool(trk.announces), within=10)
    assert trk.announces[0].left == spec.total_size - sum(len(spec.piece(piece)) for piece in have)


@BOTH
@pytest.mark.covers("S2-14")
def test_a_seed_that_comes_back_has_completed_nothing(lab: Lab) -> None:
    trk = lab.tracker("trk")
    spec = lab.torrent(pieces=4, trackers=[trk])
    seed = lab.engine("seed")
    seed.add(spec, have="all")
    lab.until(lambda: events(trk, seed) == ["started"], within=10)
    seed.stop()
    seed.start()
    lab.until(lambda: events(trk, seed) == ["started", "stopped", "started"], within=10)
    assert {said.left for said in trk.announces} == {0}


@BOTH
@pytest.mark.covers("S3-26")
def test_who_is_out_of_order_is_passed_over(lab: Lab) -> None:
    down, http, udp = lab.tracker("down"), lab.tracker("http"), lab.tracker("udp", kind="udp")
    down.stop()
    spec = lab.torrent(pieces=4, trackers=[down, [http], [udp]])
    client = lab.engine("client")
    t = client.add(spec)
    lab.until(lambda: [tracker.state for tracker in t.trackers()] == ["failed", "working", "idle"], within=20)
    assert events(http, client) == ["started"]
    assert [tracker.tier for tracker in t.trackers()] == [0, 1, 2]
    assert not udp.requests, "those behind who answers are not asked"


@pytest.mark.covers("S3-26")
def test_within_a_tier_who_answered_is_asked_first_from_then_on(lab: Lab) -> None:
    """BEP 12: it moves to the front of its tier."""
    down, up = lab.tracker("down"), lab.tracker("up", interval=60)
    down.stop()
    spec = lab.torrent(pieces=4, trackers=[[down, up]])
    client = lab.engine("client")
    client.add(spec)
    lab.until(lambda: events(up, client) == ["started"], within=60)
    down.start()
    lab.run_for(600)
    assert len(up.announces) >= 9 and not down.requests


@pytest.mark.covers("S2-13")
@pytest.mark.parametrize("on", ["connect", "announce"])
def test_datagrams_that_get_lost_are_said_again_after_15_seconds_times_powers_of_two(lab: Lab, on: str) -> None:
    trk = lab.tracker("trk", kind="udp", behave={"kind": "silent", "on": on, "times": 3})
    spec = lab.torrent(pieces=4, trackers=[trk])
    client = lab.engine("client", tracker_timeout=600)
    t = client.add(spec)
    lab.until(lambda: t.trackers()[0].state == "working", within=600)
    times = [request.time for request in trk.requests if request.kind == on]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps == pytest.approx([15, 30, 60], abs=0.1)
    asked = {request.transaction for request in trk.requests if request.kind == on}
    assert len(asked) <= 2, "the same question keeps its id, unless its connection was made anew"


@pytest.mark.covers("S2-13")
def test_a_line_that_loses_half_of_all_datagrams_is_enough(lab: Lab) -> None:
    trk = lab.tracker("trk", kind="udp")
    spec = lab.torrent(pieces=4, trackers=[trk])
    clients = [lab.engine(f"client{i}", tracker_timeout=900) for i in range(6)]
    lab.net.link(clients, trk, loss=0.5, duplicate=0.2, reorder=0.2)
    for client in clients:
        client.add(spec)
    lab.until(lambda: all(c.torrent(spec).trackers()[0].state == "working" for c in clients), within=3600)  # type: ignore[union-attr]
    assert {said.node for said in trk.announces} == {client.name for client in clients}


@pytest.mark.covers("S2-13")
def test_a_connection_is_used_for_a_minute_and_not_longer(lab: Lab) -> None:
    trk = lab.tracker("trk", kind="udp", interval=90)
    spec, other = lab.torrent(pieces=4, trackers=[trk]), lab.torrent(pieces=4, trackers=[trk])
    client = lab.engine("client")
    client.add(spec)
    lab.run_for(20)
    client.add(other)
    lab.run_for(20)
    assert [request.kind for request in trk.requests] == ["connect", "announce", "announce"]
    lab.run_for(60)
    assert [request.kind for request in trk.requests[3:]] == ["connect", "announce"]


@pytest.mark.covers("S1-5")
@BOTH
@WAYS
def test_a_partition_in_the_middle_of_an_announce(lab: Lab, kind: str) -> None:
    trk = lab.tracker("trk", kind=kind, behave={"kind": "late", "seconds": 0.5})
    spec = lab.torrent(pieces=4, trackers=[trk])
    seed = lab.engine("seed")
    seed.add(spec, have="all")
    lab.until(lambda: events(trk, seed) == ["started"], within=10)
    client = lab.engine("client", tracker_timeout=2)
    t = client.add(spec)
    lab.until(lambda: any(request.node == "client" for request in trk.requests), within=10)
    lab.net.partition(client, trk)
    lab.until(lambda: t.trackers()[0].failures == 1, within=10)
    assert t.trackers()[0].message and t.progress == 0
    trk.behave = ()
    lab.net.heal()
    completes(lab, client, spec, within=60)


@pytest.mark.covers("S1-5")
def test_a_partition_of_datagrams_alone_leaves_the_other_tier(lab: Lab) -> None:
    udp, http = lab.tracker("udp", kind="udp"), lab.tracker("http")
    spec = lab.torrent(pieces=4, trackers=[udp, http])
    client, seed = lab.engine("client"), lab.engine("seed")
    seed.add(spec, have="all")
    lab.net.partition(client, udp, only="udp")
    client.add(spec, peers=())
    lab.until(lambda: events(http, client) == ["started"], within=60)
    assert not [request for request in udp.requests if request.node == "client"]
    lab.net.heal()
    completes(lab, client, spec, within=4000)


@pytest.mark.covers("S1-6")
@WAYS
def test_clocks_that_jump_make_no_storm_and_lose_no_announce(lab: Lab, kind: str) -> None:
    trk = lab.tracker("trk", kind=kind, interval=600)
    spec = lab.torrent(pieces=4, trackers=[trk])
    client = lab.engine("client")
    t = client.add(spec)
    lab.until(lambda: events(trk, client) == ["started"], within=10)
    for seconds in (-86400 * 3650, 86400 * 3650, 3600):
        lab.clock.jump_wall(seconds)
        lab.run_for(60)
    assert len(trk.announces) == 1, "the interval is none of the wall clock's business"
    lab.clock.jump_mono(7 * 86400)
    lab.run_for(60)
    assert len(trk.announces) == 2
    lab.run_for(6000)
    assert 11 <= len(trk.announces) <= 12
    assert t.trackers()[0].failures == 0


@pytest.mark.covers("S4-15")
@WAYS
def test_another_listen_port_is_told_at_once(lab: Lab, kind: str) -> None:
    trk = lab.tracker("trk", kind=kind)
    spec = lab.torrent(pieces=4, trackers=[trk])
    client = lab.engine("client")
    client.add(spec)
    lab.until(lambda: trk.peers == [client.address], within=10)
    lab.run_for(100)  # nobody is asked twice within a minute
    client.session.configure(listen_port=7777)
    lab.until(lambda: (client.address[0], 7777) in trk.peers, within=10)
    assert len(trk.announces) == 2
    lab.run_for(100)
    client.session.configure(upload_slots=3)
    lab.run_for(10)
    assert len(trk.announces) == 2, "nothing that concerns it has changed"


@pytest.mark.covers("S1-1")
@WAYS
def test_no_storm_whatever_the_user_and_the_tracker_do(lab: Lab, kind: str) -> None:
    """An interval of nothing, a thousand wishes, a thousand pauses: a handful of requests."""
    trk = lab.tracker("trk", kind=kind, behave={"kind": "interval", "value": 0})
    spec = lab.torrent(pieces=4, trackers=[trk])
    t = lab.engine("client").add(spec)
    lab.until(lambda: len(trk.announces) == 1, within=10)
    for _ in range(1000):
        t.announce()
        t.pause()
        t.resume()
        lab.run_for(0.05)
    assert len(trk.requests) <= 6
    lab.run_for(3600)
    assert len(trk.announces) <= 64
    for _ in range(100):
        t.stop()
        t.start()
    lab.run_for(60)
    said = [each.event for each in trk.announces[-8:]]
    assert "startedstarted" not in "".join(said) and len(trk.announces) <= 70


@pytest.mark.covers("S1-1")
def test_a_dead_tracker_is_asked_less_and_less_over_a_day(lab: Lab) -> None:
    trk = lab.tracker("trk", behave={"kind": "failure", "text": "no"})
    spec = lab.torrent(pieces=4, trackers=[trk])
    lab.engine("client").add(spec)
    lab.run_for(86_400)
    assert 10 <= len(trk.announces) <= 60
    times = [said.time for said in trk.announces]
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) >= 1800


@BOTH
@WAYS
@pytest.mark.covers("S0-9.1", "S3-26")
def test_a_magnet_link_with_a_tracker_is_enough(lab: Lab, kind: str) -> None:
    trk = lab.tracker("trk", kind=kind)
    files = [(f"{'n' * 100}/{n:03d}{'x' * 200}", 3000) for n in range(60)]
    spec = lab.torrent(files=files, piece_length=16384, trackers=[trk])
    assert trk.url.partition("://")[2] in spec.magnet.replace("%3A", ":").replace("%2F", "/")
    seed = lab.engine("seed")
    seed.add(spec, have="all")
    lab.until(lambda: events(trk, seed) == ["started"], within=10)
    client = lab.engine("client")
    t = client.add(spec, magnet=True)
    lab.until(lambda: t.metainfo is not None, within=60)
    completes(lab, client, spec)
    first = next(said for said in trk.announces if said.node == "client")
    assert (first.event, first.left) == ("started", 16384)
    lab.until(lambda: events(trk, client) == ["started", "completed"], within=10)


@BOTH
@pytest.mark.covers("S0-9.2")
def test_a_tracker_names_who_dies_after_the_first_metadata_and_who_does_not(lab: Lab) -> None:
    spec = named(lab)
    dying, good = lab.peer("dying", spec, auto={"claims", "extended"}), lab.peer("good", spec)
    trk = lab.tracker("trk", behave={"kind": "peers", "addresses": [dying.address], "times": 1})
    client = lab.engine("client", metadata_request_timeout=3)
    t = client.add(spec, magnet=True)
    t.set_trackers([trk.url])
    lab.until(lambda: bool(dying.ledger.metadata_requests), within=10)
    dying.send_metadata(0)
    lab.until(lambda: t.status().metadata_progress > 0, within=10)
    dying.disconnect("rst")
    t.set_trackers([lab.tracker("other", behave={"kind": "peers", "addresses": [good.address]}).url])
    lab.until(lambda: t.metainfo is not None, within=60)
    completes(lab, client, spec)


@BOTH
def test_addresses_that_can_not_be_are_not_dialled(lab: Lab) -> None:
    """Our own, port 0, nowhere, everybody: the tracker says what it likes."""
    client = lab.engine("client")
    host, port = client.address
    bad = [(host, port), (host, 0), ("0.0.0.0", 7), ("255.255.255.255", 7), ("224.0.0.1", 7)]
    spec = lab.torrent(pieces=4)
    good = lab.peer("good", spec)
    trk = lab.tracker("trk", behave={"kind": "peers", "addresses": [*bad, good.address]})
    t = client.add(spec)
    t.set_trackers([trk.url])
    completes(lab, client, spec)
    lab.run_for(2)
    assert t.status().num_known <= 2
    assert [event.address for event in client.history(jst.PeerConnected)] == [good.address]
    ended = {event.address for event in client.history(jst.PeerDisconnected)}
    assert not ended & set(bad[1:])


@WAYS
def test_peers_near_us_are_taken_only_from_trackers_near_us(lab: Lab, kind: str) -> None:
    spec = lab.torrent(pieces=4)
    near = lab.peer("near", spec)
    far = lab.tracker("far", kind=kind, host="93.184.216.34", behave={"kind": "peers", "addresses": [near.address]})
    at_home = lab.tracker("home", kind=kind, behave={"kind": "peers", "addresses": [near.address]})
    client = lab.engine("client")
    t = client.add(spec)
    t.set_trackers([far.url])
    lab.run_for(60)
    assert len(far.announces) >= 1 and t.status().num_known == 0 and not near.ledger.connections
    t.set_trackers([at_home.url])
    completes(lab, client, spec)
