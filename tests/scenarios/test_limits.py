"""Each cap on links holds: n get in, the one after them does not, dialled or dialling."""

from typing import Any

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Spec

from tests.scenarios.raw_peer import RawPeer

CAP = 3


def raw_peers(lab: Lab, spec: Spec, count: int, one_host: bool = False, **how: Any) -> list[RawPeer]:
    made: list[RawPeer] = []
    for i in range(count):
        host = made[0] if one_host and made else None
        made.append(RawPeer(lab, f"raw{i}", spec, serves=False, host=host, **how))
    return made


def reasons(client: Engine) -> list[str]:
    return [event.reason for event in client.history(jst.PeerDisconnected)]


OWN = "max_connections of the torrent alone"
CAPS = [
    (OWN, False),
    ("max_connections", False),
    ("max_connections_per_torrent", False),
    ("max_connections_per_host", True),
]


def with_cap(lab: Lab, spec: Spec, cap: str) -> tuple[Engine, jst.Torrent]:
    client = lab.engine("client", **({} if cap == OWN else {cap: CAP}))
    t = client.add(spec)
    if cap == OWN:
        t.configure(max_connections=CAP)
    return client, t


@pytest.mark.parametrize(("cap", "one_host"), CAPS)
@pytest.mark.parametrize("extra", [0, 1])
def test_of_those_who_dial_us_as_many_as_the_cap_stay(lab: Lab, cap: str, one_host: bool, extra: int) -> None:
    spec = lab.torrent(pieces=8)
    client, t = with_cap(lab, spec, cap)
    peers = raw_peers(lab, spec, CAP + extra, one_host)
    for i, peer in enumerate(peers):
        lab.at(1.0 + i, peer.connect, client)
    most = lab.watch(lambda: t.status().num_peers)
    lab.run_for(30)
    assert most.max == most.last == CAP
    assert [bool(peer.open_links) for peer in peers] == [True] * CAP + [False] * extra
    assert reasons(client) == ["limit"] * extra


@pytest.mark.parametrize(("cap", "one_host"), CAPS)
@pytest.mark.parametrize("extra", [0, 1])
def test_of_those_we_know_as_many_as_the_cap_are_dialled(lab: Lab, cap: str, one_host: bool, extra: int) -> None:
    spec = lab.torrent(pieces=8)
    client, t = with_cap(lab, spec, cap)
    peers = raw_peers(lab, spec, CAP + extra, one_host)
    client.add(spec, peers=peers)
    most = lab.watch(lambda: len(t.peers(all=True)))
    lab.run_for(8)
    assert most.max == most.last == CAP
    assert sum(bool(peer.open_links) for peer in peers) == CAP
    assert sum(len(peer.links) for peer in peers) == CAP
    if extra:
        next(peer for peer in peers if peer.open_links).close()
        lab.run_for(8)
        assert all(peer.links for peer in peers)  # the place is taken by the one who waited
        assert t.status().num_peers == CAP


def test_a_torrents_cap_leaves_the_others_alone(lab: Lab) -> None:
    client = lab.engine("client", max_connections_per_torrent=2, max_connections=5)
    specs = [lab.torrent(pieces=8), lab.torrent(pieces=8), lab.torrent(pieces=8)]
    ts = []
    for n, spec in enumerate(specs):
        peers = [RawPeer(lab, f"raw{n}-{i}", spec, serves=False) for i in range(3)]
        ts.append(client.add(spec, peers=peers))
    most = lab.watch(lambda: client.session.status().num_peers)
    lab.run_for(20)
    assert all(t.status().num_peers <= 2 for t in ts)
    assert most.max == most.last == 5


@pytest.mark.parametrize("extra", [0, 1])
def test_so_many_half_open_links_of_ours_and_no_more(lab: Lab, extra: int) -> None:
    spec = lab.torrent(pieces=8)
    client = lab.engine("client", max_half_open=CAP)
    mute = raw_peers(lab, spec, CAP + extra, speaks=False)
    client.add(spec, peers=mute)
    most = lab.watch(lambda: client.session.status().num_half_open)
    lab.run_for(3)
    assert most.max == most.last == CAP
    assert sum(bool(peer.links) for peer in mute) == CAP
    lab.run_for(10)
    assert all(peer.links for peer in mute)  # those who timed out made room
    assert most.max == CAP


@pytest.mark.parametrize("cap", ["max_half_open", "max_pending_incoming", "max_pending_per_host"])
@pytest.mark.parametrize("extra", [0, 1])
def test_of_those_who_dial_and_say_nothing_as_many_as_the_cap_may_wait(lab: Lab, cap: str, extra: int) -> None:
    spec = lab.torrent(pieces=8)
    client = lab.engine("client", **{cap: CAP})
    client.add(spec)
    mute = raw_peers(lab, spec, CAP + extra, one_host=cap == "max_pending_per_host", speaks=False)
    for peer in mute:
        peer.connect(client)
    most = lab.watch(lambda: client.session.status().num_pending_incoming)
    lab.run_for(0.4)
    one_host = cap == "max_pending_per_host"
    assert [len(peer.open_links) for peer in mute] == [1] * CAP + [0 if one_host else 1] * extra  # or it waits
    lab.run_for(2)
    assert most.max == most.last == CAP
    given_up = [] if one_host else [0] * extra  # to who waited, by who waited longest
    kept = [1] * (CAP - len(given_up)) + ([0] if one_host else [1]) * extra
    assert [len(peer.open_links) for peer in mute] == given_up + kept
    lab.run_for(10)
    assert client.session.status().num_pending_incoming == 0
    mute[-1].connect(client)
    lab.run_for(1)
    assert client.session.status().num_pending_incoming == 1


def test_a_crowd_on_one_host_does_not_keep_others_out(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    client = lab.engine("client", max_pending_incoming=4, max_pending_per_host=2)
    t = client.add(spec)
    for peer in raw_peers(lab, spec, 4, one_host=True, speaks=False):
        peer.connect(client)
    honest = RawPeer(lab, "honest", spec, serves=False)
    honest.connect(client)
    lab.run_for(1)
    assert client.session.status().num_pending_incoming == 2
    assert [peer.address[0] for peer in t.peers()] == [honest.address[0]]


def test_a_cap_of_a_running_session_may_change(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    client = lab.engine("client", max_connections_per_torrent=1)
    peers = raw_peers(lab, spec, 3)
    t = client.add(spec, peers=peers)
    lab.run_for(5)
    assert t.status().num_peers == 1
    client.session.configure(max_connections_per_torrent=2)
    lab.run_for(20)
    assert t.status().num_peers == 2
