"""Each timer setting fires by itself: at its own time, and not at a neighbour's."""

from itertools import pairwise
from typing import Any

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Spec

from tests.scenarios.raw_peer import KEEPALIVE, REQUEST, RawPeer

SLACK = 0.25


def ended(client: Engine) -> list[tuple[float, str]]:
    return [(event.time, event.reason) for event in client.history(jst.PeerDisconnected)]


def linked(lab: Lab, spec: Spec, raw: RawPeer, **settings: Any) -> tuple[Engine, jst.Torrent, float]:
    """A client that is connected to the raw peer, and when that was."""
    client = lab.engine("client", **settings)
    t = client.add(spec, peers=[raw])
    lab.until(lambda: bool(raw.greeted), within=5)
    return client, t, lab.now


def test_connect_timeout(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    raw = RawPeer(lab, "raw", spec)
    client = lab.engine("client", connect_timeout=3.5)
    lab.net.partition(raw, client)
    client.add(spec, peers=[raw])
    lab.run_for(8)
    assert ended(client) == [(pytest.approx(3.5, abs=SLACK), "connect_timeout")]


@pytest.mark.parametrize("dribble", [False, True])
def test_handshake_timeout_is_one_deadline_that_dribbled_bytes_do_not_extend(lab: Lab, dribble: bool) -> None:
    spec = lab.torrent(pieces=4)
    raw = RawPeer(lab, "raw", spec, speaks=False)
    client = lab.engine("client", handshake_timeout=4.5)
    client.add(spec, peers=[raw])
    if dribble:
        greeting = iter(b"\x13BitTorrent protocol" + bytes(8) + spec.info_hash)
        lab.every(0.5, lambda: [raw.push(bytes([next(greeting)])) for _ in raw.open_links])
    lab.run_for(9)
    assert ended(client) == [(pytest.approx(4.5, abs=SLACK), "handshake_timeout")]


def test_handshake_timeout_also_ends_those_who_dialled_us(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    raw = RawPeer(lab, "raw", spec, speaks=False)
    client = lab.engine("client", handshake_timeout=4.5)
    client.add(spec)
    raw.connect(client)
    lab.run_for(9)
    (link,) = raw.links
    assert link.closed_at == pytest.approx(4.5, abs=SLACK)


def test_request_timeout_gives_a_silent_peers_blocks_to_others(lab: Lab) -> None:
    spec = lab.torrent(pieces=2)
    silent = RawPeer(lab, "silent", spec, serves=False)
    client, t, began = linked(lab, spec, silent, request_timeout=7.0, endgame_copies=1)
    lab.until(lambda: silent.count(REQUEST) == 8, within=5)
    honest = RawPeer(lab, "honest", spec)
    t.connect(honest)
    lab.run_for(began + 6.5 - lab.now)
    assert (honest.count(REQUEST), t.status().counters.payload_received) == (0, 0)
    lab.until(lambda: t.state == "seeding", within=3)
    assert lab.now - began == pytest.approx(7.0, abs=3 * SLACK)
    assert {reason for _, reason in ended(client)} <= {"both_seeds"}


def test_a_peer_that_serves_slowly_keeps_its_requests(lab: Lab) -> None:
    spec = lab.torrent(pieces=2)
    slow, honest = RawPeer(lab, "slow", spec), RawPeer(lab, "honest", spec, have="none")
    client = lab.engine("client", request_timeout=7.0, endgame_copies=1)
    lab.net.link(slow, client, rate=3_000)  # a block each 5.5 s
    t = client.add(spec, peers=[slow, honest])
    lab.until(lambda: t.state == "seeding", within=120)
    assert slow.count(REQUEST) == 8


def test_snub_timeout(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    silent = RawPeer(lab, "silent", spec, serves=False)
    client, t, began = linked(lab, spec, silent, snub_timeout=9.0)
    lab.run_for(8.5)
    assert (t.peers()[0].snubbed, t.state) == (False, "downloading")
    lab.until(lambda: t.peers()[0].snubbed, within=1.5)
    assert lab.now - began == pytest.approx(9.0, abs=2 * SLACK)
    lab.until(lambda: t.state == "stalled", within=1)
    assert ended(client) == []


def test_keepalive_interval(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    raw = RawPeer(lab, "raw", spec, have="none", unchokes=False)
    _, t, began = linked(lab, spec, raw, keepalive_interval=20.0)
    lab.run_for(70)
    sent = [m.time - began for m in raw.messages if m.id == KEEPALIVE]
    assert sent == pytest.approx([20, 40, 60], abs=2 * SLACK)
    assert t.status().num_peers == 1


def test_inactivity_timeout(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    raw = RawPeer(lab, "raw", spec, have="none", unchokes=False)
    client, _, began = linked(lab, spec, raw, inactivity_timeout=33.0)
    lab.run_for(36)
    assert ended(client) == [(pytest.approx(began + 33, abs=SLACK), "inactive")]


def test_one_keepalive_is_enough_to_stay(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    raw = RawPeer(lab, "raw", spec, have="none", unchokes=False)
    client, _, began = linked(lab, spec, raw, inactivity_timeout=33.0)
    lab.at(began + 20, raw.say, KEEPALIVE)
    lab.run_for(60)
    assert ended(client) == [(pytest.approx(began + 53, abs=SLACK), "inactive")]


def test_reconnect_interval_is_the_first_wait_and_doubles(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    nobody = lab.engine("nobody", listen=())
    client = lab.engine("client", reconnect_interval=6.0)
    client.add(spec, peers=[nobody])
    lab.run_for(100)
    times = [event.time for event in client.history(jst.PeerDisconnected)]
    waits = [b - a for a, b in pairwise(times)]
    assert times[0] < 1
    assert 6.0 * 0.7 <= waits[0] <= 6.0 * 1.6
    assert waits[1] > waits[0] * 1.3 and waits[2] > waits[1] * 1.3


def test_ban_duration(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    raw = RawPeer(lab, "raw", spec, have="none")
    client, t, _ = linked(lab, spec, raw, ban_duration=40.0, reconnect_interval=1.0)
    client.session.ban(raw.address[0])
    lab.run_for(38)
    assert [ban.host for ban in client.session.bans()] == [raw.address[0]]
    assert t.peers(all=True) == []
    raw.connect(client)
    lab.run_for(1)
    assert t.peers(all=True) == []
    lab.run_for(3)
    assert client.session.bans() == []
    raw.connect(client)
    lab.run_for(1)
    assert t.status().num_peers == 1


def test_save_interval(lab: Lab) -> None:
    spec = lab.torrent(pieces=400)
    seed = lab.engine("seed")
    seed.add(spec, have="all")
    client = lab.engine("client", save_interval=12.0)
    lab.net.link(seed, client, rate=200_000)
    client.add(spec, peers=[seed])
    record = f"state/torrents/{spec.info_hash.hex()}.jst"
    lab.run_for(2)
    first = client.disk.read(record)
    changed = []
    lab.every(0.5, lambda: changed.append((lab.now, client.disk.read(record))) if client.disk.exists(record) else None)
    lab.run_for(40)
    seen = [first, *dict.fromkeys(data for _, data in changed)]
    versions = list(dict.fromkeys(seen))
    assert 3 <= len(versions) - 1 <= 4  # each 12 s within 40 s, and not at each piece


def test_close_timeout_cuts_off_a_disk_that_hangs(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client", close_timeout=2.5)
    t = client.add(spec, peers=[lab.seeder("seed", spec)])
    lab.until(lambda: t.state == "seeding", within=30)
    slow_disk(lab, client, 1000)
    began = lab.now
    assert client.session.close() is False
    assert lab.now - began == pytest.approx(2.5, abs=SLACK)


def test_disk_timeout_puts_the_torrent_into_error(lab: Lab) -> None:
    spec = lab.torrent(pieces=16)
    client = lab.engine("client", disk_timeout=8.0)
    seed = lab.engine("seed")
    seed.add(spec, have="all")
    lab.net.link(seed, client, rate=200_000)
    t = client.add(spec, peers=[seed])
    lab.until(lambda: t.progress > 0.2, within=30)
    slow_disk(lab, client, 1000)
    began = lab.now
    lab.until(lambda: t.state == "error", within=20)
    assert lab.now - began == pytest.approx(8.0, abs=1.5)
    assert "disk" in t.error_message


def slow_disk(lab: Lab, node: Engine, seconds: float) -> None:
    """Every operation takes that long from now on."""
    lab._lane.world.set_disk(node._number, 1_000_000, seconds, seconds)  # type: ignore[attr-defined]


def test_choke_interval_is_when_a_newcomer_may_be_unchoked(lab: Lab) -> None:
    unchoked = {}
    for interval in (3.0, 20.0):
        with Lab(seed=lab.seed) as own:
            spec = own.torrent(pieces=16)
            seed = own.engine("seed", choke_interval=interval, upload_slots=1, optimistic_slots=0)
            seed.add(spec, have="all")
            first, second = (RawPeer(own, name, spec, have="none") for name in ("first", "second"))
            first.connect(seed)
            own.run_for(1)
            first.say(2)
            second.connect(seed)
            own.run_for(1)
            second.say(2)
            own.until(lambda peer=first: 1 in [m.id for m in peer.messages], within=30)
            first.close()
            began = own.now
            own.until(lambda peer=second: 1 in [m.id for m in peer.messages], within=60)
            unchoked[interval] = own.now - began
    assert unchoked[3.0] <= 3.0 + SLACK
    assert unchoked[20.0] <= 20.0 + SLACK


def test_optimistic_interval_is_how_long_chance_lasts(lab: Lab) -> None:
    spec = lab.torrent(pieces=16)
    client = lab.engine("client", upload_slots=1, optimistic_slots=1, optimistic_interval=25.0, choke_interval=5.0)
    client.add(spec, have=range(8))
    peers = [RawPeer(lab, f"raw{i}", spec, have="none") for i in range(5)]
    for peer in peers:
        peer.connect(client)
    lab.run_for(1)
    for peer in peers:
        peer.say(2)
    lab.run_for(200)
    turns = sorted({round(m.time) for peer in peers for m in peer.messages if m.id == 1})
    waits = [b - a for a, b in pairwise(turns) if b - a > 1]
    assert len(waits) >= 4
    assert all(wait % 25 in (0, 1, 24, 5, 20) for wait in waits), waits
    assert max(sum(1 in [m.id for m in peer.messages] for peer in peers), 0) >= 4
