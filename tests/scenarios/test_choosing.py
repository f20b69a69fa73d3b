"""Whom we serve and what we ask for first, each setting by itself."""

import struct
from collections.abc import Iterable

import pytest
from jstorrent.lab import Engine, Lab, Spec

from tests.scenarios.raw_peer import EXTENDED, INTERESTED, REQUEST, UNCHOKE, RawPeer


def leech(lab: Lab, spec: Spec, to: Engine, name: str, have: str | Iterable[int] = "none") -> RawPeer:
    raw = RawPeer(lab, name, spec, have=have)
    raw.connect(to)
    lab.until(lambda: bool(raw.greeted), within=5)
    raw.say(INTERESTED)
    return raw


@pytest.mark.parametrize("slots", [0, 1, 2, 3])
def test_upload_slots(lab: Lab, slots: int) -> None:
    spec = lab.torrent(pieces=8)
    seed = lab.engine("seed", upload_slots=slots, optimistic_slots=0, seed_choker="tit-for-tat")
    t = seed.add(spec, have="all")
    for i in range(5):
        leech(lab, spec, seed, f"raw{i}")
    most = lab.watch(lambda: sum(not peer.am_choking for peer in t.peers()))
    lab.run_for(60)
    assert most.max == most.last == slots


@pytest.mark.parametrize(("own", "slots"), [(0, 0), (1, 1), (4, 4), (None, 2)])
def test_upload_slots_of_one_torrent_overrule_those_of_all(lab: Lab, own: int | None, slots: int) -> None:
    seed = lab.engine("seed", upload_slots=2, optimistic_slots=0, seed_choker="tit-for-tat")
    specs = [lab.torrent(pieces=8), lab.torrent(pieces=8)]
    ts = [seed.add(spec, have="all") for spec in specs]
    for n, spec in enumerate(specs):
        for i in range(5):
            leech(lab, spec, seed, f"raw{n}-{i}")
    lab.run_for(20)
    ts[0].configure(upload_slots=own)  # while all are there
    lab.run_for(1)
    assert [sum(not peer.am_choking for peer in t.peers()) for t in ts] == [slots, 2]


@pytest.mark.parametrize("slots", [0, 1, 2])
def test_optimistic_slots_are_on_top(lab: Lab, slots: int) -> None:
    spec = lab.torrent(pieces=8)
    client = lab.engine("client", upload_slots=1, optimistic_slots=slots)
    t = client.add(spec, have=range(4))
    for i in range(5):
        leech(lab, spec, client, f"raw{i}")
    most = lab.watch(lambda: sum(not peer.am_choking for peer in t.peers()))
    lab.run_for(60)
    assert most.max == most.last == 1 + slots


@pytest.mark.parametrize("choker", ["tit-for-tat", "round-robin"])
def test_choker_while_downloading(lab: Lab, choker: str) -> None:
    spec = lab.torrent(pieces=400)
    client = lab.engine("client", choker=choker, upload_slots=1, optimistic_slots=0)
    t = client.add(spec, have=[399])
    lab.run_for(1)
    giver = leech(lab, spec, client, "giver", have=range(390))
    lab.net.link(giver, client, rate=50_000)
    lab.until(lambda: giver.count(UNCHOKE) == 1, within=15)
    taker = leech(lab, spec, client, "taker")
    lab.run_for(150)
    assert t.state == "downloading"
    assert taker.count(UNCHOKE) == 0 if choker == "tit-for-tat" else taker.count(UNCHOKE) >= 1


@pytest.mark.parametrize("choker", ["tit-for-tat", "round-robin"])
def test_seed_choker(lab: Lab, choker: str) -> None:
    spec = lab.torrent(pieces=4000)
    seed = lab.engine("seed", seed_choker=choker, upload_slots=1, optimistic_slots=0, upload_rate_limit=100_000)
    seed.add(spec, have="all")
    first, second = lab.engine("first"), lab.engine("second")
    lab.net.partition(first, second)
    first.add(spec, peers=[seed])
    lab.run_for(15)
    other = second.add(spec, peers=[seed])
    lab.run_for(150)
    # Who gets much keeps the place; in turns, everyone has it now and then.
    assert (other.status().counters.payload_received > 0) == (choker == "round-robin")


@pytest.mark.parametrize("order", ["sequential", "rarest"])
def test_piece_order(lab: Lab, order: str) -> None:
    spec = lab.torrent(pieces=64, piece_length=16384)
    raw = RawPeer(lab, "raw", spec)
    common = RawPeer(lab, "common", spec, have=range(32), unchokes=False)
    t = lab.engine("client", piece_order=order, max_requests_per_peer=4).add(spec, paused=True, peers=[raw, common])
    lab.until(lambda: bool(raw.greeted and common.greeted), within=5)
    lab.run_for(1)
    t.resume()
    lab.until(lambda: t.state == "seeding", within=60)
    pieces = [struct.unpack(">I", m.payload[:4])[0] for m in raw.messages if m.id == REQUEST]
    if order == "sequential":
        assert pieces == list(range(64))
    else:  # those that `common` has come last
        assert set(pieces[:30]) <= set(range(32, 64)) and pieces[:30] != sorted(pieces[:30])


# -- the network


def test_address_filter_holds_both_ways_and_its_neighbours_are_free(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    inside = RawPeer(lab, "inside", spec, serves=False, host="10.77.1.255")
    outside = RawPeer(lab, "outside", spec, serves=False, host="10.77.2.0")
    client = lab.engine("client", address_filter=("10.77.0.0/23",))
    t = client.add(spec, peers=[inside, outside])
    lab.run_for(30)
    assert [peer.address[0] for peer in t.peers()] == [outside.address[0]]
    assert inside.links == []
    inside.connect(client)
    lab.run_for(2)
    assert not inside.greeted
    assert t.status().num_peers == 1
    client.session.configure(address_filter=())
    inside.connect(client)
    lab.run_for(2)
    assert t.status().num_peers == 2


@pytest.mark.parametrize(("filtered", "host"), [("::/0", "10.77.0.1"), ("::/0", "2001:db8::1"), ("0.0.0.0/0", "2001:db8::1")])
def test_a_filter_for_all_of_one_family_leaves_the_other(lab: Lab, filtered: str, host: str) -> None:
    spec = lab.torrent(pieces=4)
    raw = RawPeer(lab, "raw", spec, serves=False, host=host)
    client = lab.engine("client", address_filter=(filtered,))
    client.add(spec, peers=[raw])
    lab.run_for(5)
    assert (raw.links == []) == ((":" in filtered) == (":" in host))


def test_who_does_not_listen_dials_only(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    raw = RawPeer(lab, "raw", spec)
    client = lab.engine("client", listen=())
    t = client.add(spec)
    raw.connect(client)
    lab.run_for(2)
    assert (client.session.listen_port, raw.links, len(raw.failures)) == (None, [], 1)
    t.connect(raw)
    lab.until(lambda: t.state == "seeding", within=10)


def test_user_agent_is_what_others_are_told(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    raw = RawPeer(lab, "raw", spec, extended=True)
    lab.engine("client", user_agent="something/9").add(spec, peers=[raw])
    lab.run_for(2)
    assert b"1:v11:something/9" in next(m.payload for m in raw.messages if m.id == EXTENDED)
