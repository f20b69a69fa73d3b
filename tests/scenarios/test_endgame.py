"""The end of a download: slow peers are outrun by asking others too, within the five settings."""

import struct
from collections import Counter
from typing import Any

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Spec

from tests.scenarios.raw_peer import CANCEL, HAVE, PIECE, REQUEST, RawPeer

BLOCK = 16384


def asked(peers: list[RawPeer]) -> Counter[tuple[int, int]]:
    """How many of these peers were asked for each block."""
    found: Counter[tuple[int, int]] = Counter()
    for peer in peers:
        found.update({struct.unpack(">II", m.payload[:8]) for m in peer.messages if m.id == REQUEST})  # type: ignore[arg-type]
    return found


def silent_crowd(lab: Lab, spec: Spec, count: int, **settings: Any) -> tuple[list[RawPeer], Engine, jst.Torrent]:
    """A client among peers that have everything and give nothing."""
    peers = [RawPeer(lab, f"raw{i}", spec, serves=False) for i in range(count)]
    client = lab.engine("client", request_timeout=600.0, snub_timeout=600.0, endgame_fraction=1.0, **settings)
    return peers, client, client.add(spec, peers=peers)


@pytest.mark.parametrize("copies", [1, 2, 3])
def test_endgame_copies_is_how_many_peers_are_asked_for_one_block(lab: Lab, copies: int) -> None:
    spec = lab.torrent(pieces=8, piece_length=BLOCK)
    peers, _, t = silent_crowd(lab, spec, 4, endgame_copies=copies)
    lab.run_for(20)
    assert set(asked(peers).values()) == {copies}
    assert len(asked(peers)) == 8
    assert t.in_endgame


def test_the_default_is_two_copies(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, piece_length=BLOCK)
    peers, _, _ = silent_crowd(lab, spec, 4)
    lab.run_for(20)
    assert set(asked(peers).values()) == {2}


@pytest.mark.parametrize(
    ("settings", "begins"),
    [
        ({"endgame_fraction": 0.25}, 8),
        ({"endgame_fraction": 0.5}, 16),
        ({"endgame_fraction": 1.0, "endgame_bytes": 6 * BLOCK}, 6),
        ({"endgame_fraction": 0.25, "endgame_bytes": 6 * BLOCK}, 6),
        ({"endgame_fraction": 0.25, "endgame_bytes": None}, 8),
        ({"endgame_fraction": 0.0}, 0),
        ({"endgame_bytes": 0}, 0),
    ],
)
def test_endgame_begins_when_at_most_that_fraction_and_so_many_bytes_are_missing(lab: Lab, settings: dict[str, Any], begins: int) -> None:
    """32 blocks; `giver` has all but some, which only the silent ones have: `left` stay missing."""
    for left in (begins, begins + 1):
        if left == 0:
            continue  # nothing is missing
        with Lab(seed=lab.seed) as own:
            spec = own.torrent(pieces=32, piece_length=BLOCK)
            giver = RawPeer(own, "giver", spec, have=range(left, 32))
            mute = [RawPeer(own, name, spec, have=range(left), serves=False) for name in ("mute0", "mute1")]
            client = own.engine("client", request_timeout=600.0, snub_timeout=600.0, **settings)
            t = client.add(spec, peers=[giver, *mute])
            own.run_for(4)
            assert t.status().pieces_complete == 32 - left
            assert t.in_endgame == (left == begins), (settings, left)
            assert set(asked(mute).values()) == ({2} if left == begins else {1})


def test_the_first_answer_wins_and_the_loser_hears_cancel(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, piece_length=BLOCK)
    peers, client, t = silent_crowd(lab, spec, 2)
    lab.run_for(5)
    assert set(asked(peers).values()) == {2}
    winner, loser = peers
    for piece in range(8):
        winner.say(PIECE, struct.pack(">II", piece, 0) + spec.piece(piece))
    lab.until(lambda: t.state == "seeding", within=5)
    lab.run_for(0.1)
    assert loser.count(CANCEL) == 8 and winner.count(CANCEL) == 0
    assert t.status().counters.payload_redundant == 0
    assert client.complete(spec)


def test_what_the_loser_sends_all_the_same_is_redundant_and_harmless(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, piece_length=BLOCK)
    peers, client, t = silent_crowd(lab, spec, 2)
    lab.run_for(5)
    for peer in peers:
        for piece in range(7):
            peer.say(PIECE, struct.pack(">II", piece, 0) + spec.piece(piece))
    lab.run_for(2)
    assert t.status().counters.payload_verified == 7 * BLOCK
    assert t.status().counters.payload_redundant == 7 * BLOCK
    assert len(t.peers()) == 2
    peers[0].say(PIECE, struct.pack(">II", 7, 0) + spec.piece(7))
    lab.until(lambda: t.state == "seeding", within=5)
    assert client.complete(spec)


@pytest.mark.parametrize("prefer", [True, False])
def test_endgame_prefer_proven_asks_first_whose_pieces_passed(lab: Lab, prefer: bool) -> None:
    spec = lab.torrent(pieces=8, piece_length=BLOCK)
    proven = RawPeer(lab, "proven", spec, have=range(4))
    owing = RawPeer(lab, "owing", spec, have=range(4, 8), serves=False)
    client = lab.engine("client", request_timeout=600.0, endgame_fraction=1.0, endgame_prefer_proven=prefer)
    t = client.add(spec, peers=[proven])
    lab.until(lambda: t.status().pieces_complete == 4, within=10)
    t.connect(owing)
    lab.until(lambda: owing.count(REQUEST) == 4, within=10)
    # Now two more have what `owing` owes: one that has proved itself, one that has not and comes first.
    fresh = RawPeer(lab, "fresh", spec, have=range(4, 8), serves=False)
    t.connect(fresh)
    lab.run_for(0.5)
    assert (fresh.count(REQUEST) == 0) == prefer
    proven.serves = False
    for piece in range(4, 8):
        proven.say(HAVE, struct.pack(">I", piece))
    lab.run_for(0.5)
    assert (proven.count(REQUEST) > 4) == prefer


def test_an_unproven_peer_is_asked_when_the_proven_ones_had_their_start(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, piece_length=BLOCK)
    proven = RawPeer(lab, "proven", spec, have=range(4))
    mute = [RawPeer(lab, name, spec, have=range(4, 8), serves=False) for name in ("mute0", "mute1")]
    client = lab.engine("client", request_timeout=600.0, endgame_fraction=1.0)
    client.add(spec, peers=[proven, *mute])
    lab.run_for(5)
    assert set(asked(mute).values()) == {2}


def test_a_copy_that_comes_while_the_first_is_still_arriving_is_not_lost(lab: Lab) -> None:
    spec = lab.torrent(pieces=4, piece_length=BLOCK)
    peers, client, t = silent_crowd(lab, spec, 2)
    lab.run_for(5)
    first, second = peers
    # The beginning of one block, and never its end.
    first.push(struct.pack(">IBII", BLOCK + 9, PIECE, 0, 0) + spec.piece(0)[:5000])
    lab.run_for(1)
    for piece in range(4):
        frame = struct.pack(">IBII", BLOCK + 9, PIECE, piece, 0) + spec.piece(piece)
        second.push(frame[:9000])
        lab.run_for(0.1)
        second.push(frame[9000:])
    lab.until(lambda: t.state == "seeding", within=2)
    assert client.complete(spec)
    counters = t.status().counters
    assert counters.payload_discarded + counters.payload_redundant == 5000
    assert asked(peers) == Counter({(piece, 0): 2 for piece in range(4)})


def test_what_is_owed_for_long_is_taken_over_before_the_end_by_who_has_nothing_else_to_do(lab: Lab) -> None:
    spec = lab.torrent(pieces=32, piece_length=BLOCK)
    mute, honest = RawPeer(lab, "mute", spec, serves=False), RawPeer(lab, "honest", spec)
    t = lab.engine("client", endgame_fraction=0.01).add(spec, peers=[mute])
    lab.until(lambda: mute.count(REQUEST) == 32, within=5)
    began = lab.now
    t.connect(honest)
    lab.until(lambda: t.state == "seeding", within=14)
    assert 5 <= lab.now - began <= 11


@pytest.mark.parametrize("count", [3, 8])
def test_one_slow_peer_does_not_hold_up_the_end(lab: Lab, count: int) -> None:
    spec = lab.torrent(pieces=64)
    client = lab.engine("client")
    nodes = []
    for i in range(count):
        node = lab.engine(f"seed{i}")
        node.add(spec, have="all")
        lab.net.link(node, client, rate=1_000 if i == 0 else 500_000)
        nodes.append(node)
    t = client.add(spec, peers=nodes)
    lab.until(lambda: t.state == "seeding", within=60)
    fair = spec.total_size / (500_000 * (count - 1))
    assert lab.now <= fair * 1.3 + 4
    assert t.status().counters.payload_redundant <= spec.total_size // 50


@pytest.mark.parametrize("helpers", [1, 2, 8])
@pytest.mark.parametrize("complete", [4, 32, 50])
def test_who_falls_silent_with_all_pieces_under_way_holds_nobody_up(lab: Lab, helpers: int, complete: int) -> None:
    """No other piece may be begun, so the others have nothing to do; no event but time tells them what they may take."""
    spec = lab.torrent(pieces=64, piece_length=4 * BLOCK)
    peers = [RawPeer(lab, f"raw{i}", spec) for i in range(helpers + 1)]
    client = lab.engine("client", max_active_pieces=8, endgame_fraction=0.01)
    for peer in peers:
        lab.net.link(peer, client, latency=0.005, rate=4_000_000)
    t = client.add(spec, peers=peers)
    lab.until(lambda: t.status().pieces_complete >= complete, within=5)
    peers[0].serves = False
    stalled_at = lab.now
    lab.until(lambda: t.state == "seeding", within=20)
    assert lab.now - stalled_at < 1.5


@pytest.mark.parametrize("moment", range(40))
def test_who_asked_too_early_for_what_others_owe_asks_again(moment: int) -> None:
    """Somebody looked just before, in vain: the one that has nothing to do since then must not wait for an event."""
    with Lab(seed=1194) as lab:
        spec = lab.torrent(pieces=64, piece_length=4 * BLOCK)
        peers = [RawPeer(lab, f"raw{i}", spec) for i in range(3)]
        client = lab.engine("client", max_active_pieces=4, endgame_fraction=0.01)
        for peer in peers:
            lab.net.link(peer, client, latency=0.002, rate=10_000_000)
        t = client.add(spec, peers=peers)
        lab.run_for(0.024 + moment * 0.0005)
        peers[0].serves = False
        stalled_at = lab.now
        lab.until(lambda: t.state == "seeding", within=20)
        assert lab.now - stalled_at < 1.5


def test_whoever_falls_silent_left_the_others_half_of_the_memory(lab: Lab) -> None:
    """Its round trip is long: it takes seconds until it counts as silent, and all the while the other goes on."""
    spec = lab.torrent(pieces=256, piece_length=4 * BLOCK)
    fast, other = RawPeer(lab, "fast", spec), RawPeer(lab, "other", spec)
    client = lab.engine("client", max_memory=4 << 20)
    lab.net.link(fast, client, latency=0.15, rate=20_000_000)
    lab.net.link(other, client, latency=0.01, rate=500_000)
    t = client.add(spec, peers=[fast, other])
    lab.until(lambda: t.status().pieces_complete >= 80, within=10)
    fast.serves = False
    most, before = (4 << 20) * 6 // 8 // 2 // BLOCK, t.status().pieces_complete
    assert {peer.address: peer.outstanding for peer in t.peers()}[fast.address] <= most
    lab.run_for(1.2)  # eight round trips would be 2.4 s
    assert t.status().pieces_complete >= before + 6
