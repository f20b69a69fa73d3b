"""What changes while trackers are asked: the list of them, our port, what is wanted; and what they hear of it."""

from __future__ import annotations

from typing import Any

import pytest
from jstorrent.lab import Lab

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
