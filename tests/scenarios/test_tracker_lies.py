"""Trackers that attack, from the table of what lab.tracker can do wrong: bounded, and the next tier is asked."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from jstorrent.lab import Lab

from mock_peer.tracker import KINDS
from tests.scenarios.s0 import completes

BOTH = pytest.mark.lanes("sim", "real")
MIB = 1 << 20
HARMLESS = {
    "interval", "min_interval", "warning", "peers", "flood", "dict_peers", "extra", "gzip", "chunked", "late", "redirect",
}  # fmt: skip
"""Kinds after which a tracker is still of use, or that are tested elsewhere."""
HTTP: dict[str, dict[str, Any]] = {
    "a body without end": {"kind": "body", "nbytes": None},
    "a body of a gibibyte": {"kind": "body", "nbytes": 1 << 30},
    "a head without end": {"kind": "head_flood"},
    "a bomb": {"kind": "gzip_bomb", "nbytes": 64 * MIB},
    "a drop each second": {"kind": "drip"},
    "silence": {"kind": "silent"},
    "a failure of a mebibyte": {"kind": "failure", "nbytes": MIB},
    "a failure": {"kind": "failure", "text": "\x1b[2Jnot you"},
    "a status": {"kind": "status", "code": 503},
    "redirects in a circle": {"kind": "redirect"},
    "bytes that are nothing": {"kind": "raw", "data": b"\0\xff\r\n\r\n" * 9},
    "another body": {"kind": "content", "data": b"d8:intervali1e5:peers5:12345e"},
    "an end in the middle": {"kind": "cut", "nbytes": 60},
    "an interval beyond 64 bits": {"kind": "interval", "value": 1 << 63},
    "an end before anything": {"kind": "cut", "nbytes": 0, "how": "rst"},
}
UDP: dict[str, dict[str, Any]] = {
    "silence": {"kind": "silent"},
    "silence after the connection": {"kind": "silent", "on": "announce"},
    "another transaction": {"kind": "wrong_transaction"},
    "another action": {"kind": "wrong_action", "value": 0x80000003},
    "a failure of 60,000 bytes": {"kind": "failure", "nbytes": 60_000},
    "a connection forgotten": {"kind": "forget"},
    "a short datagram": {"kind": "cut", "nbytes": 19},
    "an empty datagram": {"kind": "cut", "nbytes": 0},
    "bytes that are nothing": {"kind": "content", "data": b"\xff" * 1500},
}


def test_each_kind_of_lie_is_tried() -> None:
    tried = {behave["kind"] for behave in (*HTTP.values(), *UDP.values())}
    assert tried | HARMLESS == set(KINDS) and tried & HARMLESS == {"redirect", "interval"}


def bounded(lab: Lab, kind: str, behave: Any, *, within: float) -> None:
    """The good tier behind the bad one is found; memory and sockets stay where they were."""
    bad, good = lab.tracker("bad", kind=kind, behave=behave), lab.tracker("good")
    spec = lab.torrent(pieces=4, trackers=[bad, good])
    seed = lab.engine("seed")
    seed.add(spec, have="all").set_trackers([good.url])
    client = lab.engine("client", tracker_timeout=4)
    memory = lab.watch(lambda: client.session.status().memory)
    t = client.add(spec)
    completes(lab, client, spec, within=within)
    lab.until(lambda: [tracker.state for tracker in t.trackers()] == ["failed", "working"], within=10)
    first, second = t.trackers()
    assert (first.state, second.state) == ("failed", "working") and first.failures >= 1
    assert 0 < len(first.message) <= 600 and first.message.isprintable()
    assert memory.max < 16 * MIB and client.session.is_healthy()
    assert len(bad.requests) <= 40


@pytest.mark.covers("S2-15", "S2-16")
@BOTH
@pytest.mark.parametrize("lie", HTTP)
def test_http_lies_are_bounded(lab: Lab, lie: str) -> None:
    bounded(lab, "http", HTTP[lie], within=60)


@pytest.mark.covers("S2-13", "S2-16")
@BOTH
@pytest.mark.parametrize("lie", UDP)
def test_udp_lies_are_bounded(lab: Lab, lie: str) -> None:
    bounded(lab, "udp", UDP[lie], within=60)


@pytest.mark.covers("S2-14")
@pytest.mark.parametrize("kind", ["http", "udp"])
@pytest.mark.parametrize("value", [-(2**63), -1, 0, 1, 59, 2**31, 2**63 - 1, None])
def test_any_interval_is_brought_into_range(lab: Lab, kind: str, value: int | None) -> None:
    """At least a minute, at most a day."""
    trk = lab.tracker("trk", kind=kind, behave={"kind": "interval", "value": value})
    t = lab.engine("client").add(lab.torrent(pieces=4, trackers=[trk]))
    lab.until(lambda: t.trackers()[0].state == "working", within=10)
    due = t.trackers()[0].next_announce
    assert due is not None and 59 <= due <= 86_400
    lab.run_for(120)
    assert len(trk.announces) <= 3


@pytest.mark.covers("S2-14")
def test_an_interval_is_obeyed_to_the_second(lab: Lab) -> None:
    trk = lab.tracker("trk", interval=777)
    lab.engine("client").add(lab.torrent(pieces=4, trackers=[trk]))
    lab.run_for(5 * 777 + 10)
    times = [said.time for said in trk.announces]
    assert [later - earlier for earlier, later in itertools.pairwise(times)] == pytest.approx([777] * 5, abs=1)


@pytest.mark.covers("S2-15")
@BOTH
@pytest.mark.parametrize("form", ["dict_peers", "gzip", {"kind": "chunked", "size": 3}, {"kind": "warning", "text": "x"}])
def test_an_answer_in_another_form_is_as_good(lab: Lab, form: Any) -> None:
    trk = lab.tracker("trk", behave=form)
    spec = lab.torrent(pieces=4, trackers=[trk])
    seed, client = lab.engine("seed"), lab.engine("client")
    seed.add(spec, have="all")
    lab.until(lambda: bool(trk.announces), within=10)
    client.add(spec)
    completes(lab, client, spec)


@pytest.mark.covers("S2-16")
@pytest.mark.parametrize("kind", ["http", "udp"])
def test_thousands_of_made_up_addresses_do_not_keep_an_honest_one_out(lab: Lab, kind: str) -> None:
    spec = lab.torrent(pieces=4)
    good = lab.peer("good", spec)
    floods = [{"kind": "peers", "addresses": [good.address]}, {"kind": "flood", "count": 5000}]
    trk = lab.tracker("trk", kind=kind, behave=floods)
    client = lab.engine("client", connect_timeout=2)
    t = client.add(spec)
    t.set_trackers([trk.url])
    completes(lab, client, spec, within=600)
    assert t.status().num_known <= client.session.settings.max_known_peers  # type: ignore[operator]
