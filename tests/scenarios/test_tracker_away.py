"""Trackers that are away for a while, or forget who we are."""

from __future__ import annotations

import jstorrent as jst
import pytest
from jstorrent.lab import Lab

BOTH = pytest.mark.lanes("sim", "real")
KINDS = pytest.mark.parametrize("kind", ["http", "udp"])


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
@pytest.mark.parametrize(("says", "within"), [("forget", 1), ("silent", 17)])
def test_a_tracker_that_forgot_us_is_connected_to_again(lab: Lab, says: str, within: float) -> None:
    """Also one that says nothing about it."""
    trk = lab.tracker("trk", kind="udp")
    client = lab.engine("client")
    client.add(lab.torrent(pieces=1, name="one", trackers=[trk]))
    lab.run_for(1)
    trk.behave = [{"kind": says, "times": 1}]
    t = client.add(lab.torrent(pieces=1, name="two", trackers=[trk]))
    lab.until(lambda: t.trackers()[0].state == "working", within=within)
    assert t.trackers()[0].failures == 0
    assert [request.kind for request in trk.requests][-3:] == ["announce", "connect", "announce"]


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


@BOTH
def test_a_udp_tracker_that_is_not_there_costs_no_time(lab: Lab) -> None:
    trk, good = lab.tracker("trk", kind="udp"), lab.tracker("good")
    host = trk.url.removeprefix("udp://").partition(":")[0]
    gone = f"udp://{host}:1"  # nobody listens there, and the machine says so
    t = lab.engine("client", tracker_timeout=20.0).add(lab.torrent(pieces=4, trackers=[gone, good]))
    lab.until(lambda: t.trackers()[1].state == "working", within=5)
    assert (t.trackers()[0].state, t.trackers()[0].message) == ("failed", "the connection was refused")
