"""Names of trackers that have several addresses, not all of which lead to it."""

from __future__ import annotations

from typing import Any

import jstorrent as jst
import pytest
from jstorrent.lab import Lab

pytestmark = pytest.mark.lanes("sim")
KINDS = pytest.mark.parametrize("kind", ["http", "udp"])
MOST_ASKED = 4
TIMEOUT = 30.0  # tracker_timeout


def add(lab: Lab, client: Any, trk: Any, kind: str, name: str = "one") -> jst.Torrent:
    url = f"{kind}://many:{trk.address[1]}/announce"
    t: jst.Torrent = client.session.add(lab.torrent(pieces=1, name=name).metainfo, client.downloads, trackers=[url])
    return t


def holes(lab: Lab, client: Any, count: int) -> list[Any]:
    """Where nothing ever comes back from."""
    all_of_them = [lab.peer(f"hole{i}") for i in range(count)]
    if all_of_them:
        lab.net.partition(client, all_of_them)
    return all_of_them


def works(t: jst.Torrent) -> bool:
    return t.trackers()[0].state == "working"


@KINDS
def test_addresses_that_the_filter_forbids_do_not_count(lab: Lab, kind: str) -> None:
    trk, client = lab.tracker("trk", kind), lab.engine("client", address_filter=["::/0"])
    lab.net.name("many", [*(f"2001:db8::{i}" for i in range(1, 2 * MOST_ASKED)), trk])
    t = add(lab, client, trk, kind)
    lab.until(lambda: works(t), within=2)


@KINDS
def test_a_name_of_forbidden_addresses_alone_is_refused(lab: Lab, kind: str) -> None:
    trk, client = lab.tracker("trk", kind), lab.engine("client", address_filter=["::/0"])
    lab.net.name("many", ["2001:db8::1", "2001:db8::2"])
    t = add(lab, client, trk, kind)
    lab.until(lambda: t.trackers()[0].state == "failed", within=2)
    assert "address" in t.trackers()[0].message


@KINDS
@pytest.mark.parametrize("dead", range(1, MOST_ASKED))
def test_addresses_that_lead_nowhere_leave_time_for_the_others(lab: Lab, kind: str, dead: int) -> None:
    trk, client = lab.tracker("trk", kind), lab.engine("client")
    lab.net.name("many", [*holes(lab, client, dead), trk])
    t = add(lab, client, trk, kind)
    lab.until(lambda: works(t), within=TIMEOUT)
    assert t.trackers()[0].failures == 0


@KINDS
def test_the_next_round_asks_those_that_were_too_many_for_one(lab: Lab, kind: str) -> None:
    trk, client = lab.tracker("trk", kind), lab.engine("client")
    lab.net.name("many", [*holes(lab, client, MOST_ASKED), trk])
    t = add(lab, client, trk, kind)
    lab.until(lambda: t.trackers()[0].failures == 1, within=TIMEOUT + 1)
    lab.until(lambda: works(t), within=20)
    assert len(trk.announces) == 1


@KINDS
def test_who_answered_is_asked_first_by_others_too_and_hears_the_goodbye(lab: Lab, kind: str) -> None:
    trk, client = lab.tracker("trk", kind), lab.engine("client", stopped_announce_timeout=1.0)
    lab.net.name("many", [*holes(lab, client, MOST_ASKED - 1), trk])
    first = add(lab, client, trk, kind)
    lab.until(lambda: works(first), within=TIMEOUT)
    second = add(lab, client, trk, kind, "two")
    lab.until(lambda: works(second), within=2)
    first.stop()
    lab.run_for(1)
    assert [a.event for a in trk.announces] == ["started", "started", "stopped"]
