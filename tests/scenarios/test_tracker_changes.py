"""What changes while trackers are asked: the list of them, our port, what is wanted; and what they hear of it."""

from __future__ import annotations

from typing import Any

import pytest
from jstorrent.lab import Lab

from tests.scenarios.raw_tracker import RawTracker, response

pytestmark = pytest.mark.lanes("sim")
MAX_TRACKERS = 1024
PER_TRACKER = 8
PIECE = 65536


def said_by(trk: Any, client: Any) -> list[Any]:
    return [announce for announce in trk.announces if announce.node == client.name]


def test_the_tracker_that_is_asked_may_be_among_those_that_are_too_many(lab: Lab) -> None:
    """It was still waited for, by a schedule that had forgotten it: endless turns, and a crash when it answered."""
    trk, other = lab.tracker("trk"), lab.tracker("other")
    lab.net.access(trk, latency=0.5)
    client = lab.engine("client")
    t = client.add(lab.torrent(pieces=4, trackers=[trk]))
    lab.until(lambda: t.trackers()[0].state == "announcing" and len(trk.announces) == 1, within=5)
    more = [f"http://10.99.{i // 250}.{i % 250 + 1}/announce" for i in range(MAX_TRACKERS - 1)]
    t.set_trackers([other.url, more, trk.url])
    assert len(t.trackers()) == MAX_TRACKERS and trk.url not in {tracker.url for tracker in t.trackers()}
    lab.run_for(10)
    assert client.session.is_healthy() and [a.event for a in other.announces] == ["started"]
    assert [a.event for a in trk.announces] == ["started", "stopped"]
    assert t.trackers()[0].state == "working"


def test_a_port_that_changes_while_a_tracker_is_asked_is_told_as_soon_as_it_allows(lab: Lab) -> None:
    trk = lab.tracker("trk", interval=1800, min_interval=120)
    lab.net.access(trk, latency=0.5)
    client = lab.engine("client")
    t = client.add(lab.torrent(pieces=4, trackers=[trk]))
    lab.until(lambda: len(trk.announces) == 1, within=5)
    client.session.configure(listen_port=7777)
    lab.until(lambda: t.trackers()[0].state == "working", within=5)
    lab.run_for(110)
    assert len(trk.announces) == 1, "it has a min interval"
    lab.until(lambda: len(trk.announces) == 2, within=15)
    assert [port for _, port in trk.peers] == [7777]


def test_a_first_tier_that_comes_while_another_is_asked_is_asked_next(lab: Lab) -> None:
    slow, new = lab.tracker("slow"), lab.tracker("new")
    lab.net.access(slow, latency=0.5)
    t = lab.engine("client").add(lab.torrent(pieces=4, trackers=[slow]))
    lab.until(lambda: len(slow.announces) == 1, within=5)
    t.set_trackers([new.url, slow.url])
    lab.run_for(5)
    assert [tracker.state for tracker in t.trackers()] == ["working", "working"]
    lab.run_for(1000)
    assert [len(trk.announces) for trk in (slow, new)] == [1, 1]


def test_a_first_tier_that_comes_before_another_had_its_turn_is_asked_instead(lab: Lab) -> None:
    old, new, client = lab.tracker("old"), lab.tracker("new"), lab.engine("client")
    lab.net.access(old, latency=0.5)
    for i in range(PER_TRACKER):
        client.add(lab.torrent(pieces=1, name=f"n{i}", trackers=[old]))
    t = client.add(lab.torrent(pieces=4, trackers=[old]))
    lab.until(lambda: len(old.announces) == PER_TRACKER and t.trackers()[0].state == "announcing", within=5)
    t.set_trackers([new.url, old.url])
    lab.run_for(1000)
    assert (len(old.announces), len(new.announces)) == (PER_TRACKER, 1)


def test_a_seed_that_wants_more_asks_for_peers_as_soon_as_the_tracker_allows(lab: Lab) -> None:
    """As a seed it was given none, and would have waited a whole interval for some."""
    trk = lab.tracker("trk", interval=1800, min_interval=120)
    spec = lab.torrent(files=[("a", 4 * PIECE), ("b", 4 * PIECE)], pieces=None, piece_length=PIECE, trackers=[trk])
    lab.seeder("seed", spec)
    client = lab.engine("client")
    t = client.add(spec, have=range(4), priorities={"b": 0})
    lab.run_for(10)
    assert t.state == "seeding" and [a.numwant for a in said_by(trk, client)] == [0]
    t.set_file_priority("b", 4)
    lab.until(lambda: t.state == "seeding", within=125)
    assert lab.now > 120 and said_by(trk, client)[1].numwant > 0


def test_a_seed_that_lost_a_piece_asks_for_peers(lab: Lab) -> None:
    trk = lab.tracker("trk", interval=1800, min_interval=120)
    spec = lab.torrent(pieces=4, trackers=[trk])
    client = lab.engine("client")
    t = client.add(spec, have="all")
    lab.run_for(300)
    lab.seeder("seed", spec)
    lab.until(lambda: len(trk.announces) == 2, within=5)
    client.disk.corrupt(f"{client.downloads}/{spec.name}", 0, b"other bytes")
    t.recheck()
    lab.until(lambda: t.state != "seeding", within=5)
    lab.until(lambda: t.state == "seeding", within=10)
    assert [(a.event, a.numwant > 0) for a in said_by(trk, client)] == [("started", False), ("", True)]


def test_a_disk_that_stays_full_is_not_told_to_trackers(lab: Lab) -> None:
    trk = lab.tracker("trk", interval=1800, min_interval=900)
    spec = lab.torrent(pieces=16, trackers=[trk])
    client = lab.engine("client", active_downloads=1)
    room = client.disk.quota(spec.total_size // 4)
    t = client.add(spec, peers=[lab.seeder("seed", spec)])
    lab.run_for(7200)
    said = said_by(trk, client)
    assert [a.event for a in said] == ["started", "", "", "", ""][: len(said)] and 2 <= len(said) <= 5
    t.stop()
    lab.until(lambda: said_by(trk, client)[-1].event == "stopped", within=5)
    room.clear()
    t.start()
    lab.until(lambda: t.state == "seeding", within=60)


def test_who_gets_no_place_after_an_error_says_goodbye(lab: Lab) -> None:
    trk = lab.tracker("trk")
    spec = lab.torrent(pieces=16, trackers=[trk])
    client = lab.engine("client", active_downloads=1, slow_torrent_rate=0)
    client.disk.quota(spec.total_size // 4)
    t = client.add(spec, peers=[lab.seeder("seed", spec)])
    lab.until(lambda: t.state == "error", within=60)
    client.add(lab.torrent(pieces=1, name="other")).set_queue_position("top")
    lab.until(lambda: said_by(trk, client)[-1].event == "stopped", within=60)
    assert t.state == "queued"


def test_a_stop_and_a_start_ask_a_tracker_that_is_back(lab: Lab) -> None:
    trk = lab.tracker("trk")
    trk.stop()
    t = lab.engine("client").add(lab.torrent(pieces=4, trackers=[trk]))
    lab.run_for(20_000)
    failures = t.trackers()[0].failures
    assert failures > 5
    lab.until(lambda: t.trackers()[0].failures > failures, within=5000)
    lab.run_for(20)
    trk.start()
    t.stop()
    lab.run_for(1)
    assert trk.announces == []
    t.start()
    lab.until(lambda: t.trackers()[0].state == "working", within=2)


def test_starting_again_and_again_asks_no_more_often_than_a_tracker_allows(lab: Lab) -> None:
    trk = RawTracker(lab, "trk", response(b"d14:failure reason4:busy8:retry ini10ee"))
    client = lab.engine("client")
    t = client.session.add(lab.torrent(pieces=4).metainfo, client.downloads, trackers=[trk.url])
    lab.run_for(5)
    for _ in range(20):
        t.stop()
        lab.run_for(10)
        t.start()
        lab.run_for(10)
    assert len(trk.asked) == 1, "it asked for ten minutes"
    lab.run_for(200)
    assert len(trk.asked) == 2
