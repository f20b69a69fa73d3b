"""What is said to one that has no metadata yet, and how metadata is served to others: remembered, judged, bounded."""

from __future__ import annotations

import struct
from typing import Any

import jstorrent as jst
import pytest
from jstorrent.lab import Handshake, Lab

from tests.scenarios.s0 import completes, reasons, until_events
from tests.scenarios.test_magnet_attacks import PIECE, seed_is_up
from tests.scenarios.test_s0_9_metadata import BOTH, named


@BOTH
@pytest.mark.parametrize("claim", ["have_all", "bitfield", "haves"])
def test_claims_and_an_unchoke_that_came_before_the_metadata_count(lab: Lab, claim: str) -> None:
    spec = named(lab)
    early = lab.peer("early", spec, auto={"extended", "interest", "serve", "keepalive", "reject"})
    client = lab.engine("client")
    t = client.add(spec, magnet=True, peers=[early])
    lab.until(lambda: early.connected, within=5)
    if claim == "have_all":
        early.send_have_all()
    elif claim == "bitfield":
        early.send_bitfield(range(spec.num_pieces))
    else:
        for piece in range(spec.num_pieces):
            early.send_have(piece)
    early.send_unchoke()
    lab.run_for(0.3)
    assert t.metainfo is None and not t.peers()[0].peer_choking
    assert t.availability() == []
    t.connect(lab.peer("metadata only", spec, have="none"))
    lab.until(lambda: t.metainfo is not None, within=10)
    completes(lab, client, spec)
    assert len([event for event in client.history(jst.PeerConnected) if event.address[0] == early.address[0]]) == 1


@BOTH
def test_have_none_counts_too_and_later_haves_with_it(lab: Lab) -> None:
    spec = named(lab)
    early = lab.peer("early", spec, have="none", auto={"claims", "extended", "interest", "serve", "unchoke"})
    client = lab.engine("client")
    t = client.add(spec, magnet=True, peers=[early])
    lab.until(lambda: early.connected, within=5)
    early.gain([3])
    lab.run_for(0.3)
    t.connect(lab.peer("metadata only", spec, have="none"))
    lab.until(lambda: t.metainfo is not None and t.pieces()[3] == 3, within=10)
    assert t.availability()[3] == 1 and sum(t.availability()) == 1


@BOTH
def test_allowed_fast_that_came_early_is_used_while_choked(lab: Lab) -> None:
    spec = named(lab)
    early = lab.peer("early", spec, auto={"claims", "extended", "interest", "keepalive"})
    client = lab.engine("client")
    t = client.add(spec, magnet=True, peers=[early])
    lab.until(lambda: early.connected, within=5)
    for piece in (2, 5, 2**31):
        early.send_allowed_fast(piece)
    lab.run_for(0.3)
    t.connect(lab.peer("metadata only", spec, have="none"))
    lab.until(lambda: {request.piece for request in early.ledger.requests} == {2, 5}, within=10)
    assert early.connected


JUDGED: list[tuple[str, Any]] = [
    ("bitfield", b"\xff"),
    ("bitfield", b"\xff" * 200_000),
    ("spare", None),
    ("have", 10**6),
]


@BOTH
@pytest.mark.parametrize(("kind", "value"), JUDGED, ids=["short", "long", "spare-bit", "index"])
def test_claims_that_do_not_fit_close_their_peer_when_the_metadata_comes(lab: Lab, kind: str, value: Any) -> None:
    spec = named(lab)
    liar = lab.peer("liar", spec, auto={"extended", "keepalive"})
    client = lab.engine("client")
    t = client.add(spec, magnet=True, peers=[liar], paused=True)
    lab.until(lambda: liar.connected, within=5)
    if kind == "have":
        liar.send_have(value)
    else:
        spare = b"\xff" * ((spec.num_pieces + 7) // 8)
        assert spec.num_pieces % 8
        liar.send_bitfield(spare if kind == "spare" else value)
    lab.run_for(0.5)
    assert liar.connected and t.metainfo is None, "nobody can judge it yet"
    t.connect(lab.peer("metadata only", spec, have="none"))
    lab.until(lambda: t.metainfo is not None, within=10)
    ended = until_events(lab, client, jst.PeerDisconnected)
    assert [(event.address[0], event.reason) for event in ended] == [(liar.address[0], "protocol_error")]


@BOTH
@pytest.mark.parametrize(
    "raw",
    [struct.pack(">IBI", 5, 4, 2**32 - 1), struct.pack(">IBI", 5, 4, 1 << 21), struct.pack(">IB", 262146, 5) + bytes(262145),
     struct.pack(">IBBIB", 2, 5, 0, 2, 5) + b"\0", struct.pack(">IB", 1, 14) * 2],
    ids=["have-2**32-1", "have-2**21", "bitfield-too-long", "two-bitfields", "have_all-twice"],
)  # fmt: skip
def test_what_no_torrent_could_mean_closes_its_peer_at_once(lab: Lab, raw: bytes) -> None:
    spec = named(lab)
    liar = lab.peer("liar", spec, auto={"extended", "keepalive"})
    client = lab.engine("client")
    client.add(spec, magnet=True, peers=[liar])
    lab.until(lambda: liar.connected, within=5)
    liar.send_raw(raw)
    assert [event.reason for event in until_events(lab, client, jst.PeerDisconnected)] == ["protocol_error"]


def test_what_is_remembered_of_all_peers_together_is_bounded(lab: Lab) -> None:
    spec = named(lab)
    greedy = [lab.peer(f"greedy{i}", spec, auto={"extended", "keepalive"}) for i in range(20)]
    client = lab.engine("client")
    t = client.add(spec, magnet=True, peers=greedy)
    lab.until(lambda: all(peer.connected for peer in greedy), within=10)
    for peer in greedy:
        peer.send_bitfield(bytes(262_144))
    lab.run_for(5)
    assert sum(peer.connected for peer in greedy) == 16, "of 256 KiB each, 4 MiB is 16"
    assert reasons(client) == ["limit"] * 4 and t.state == "fetching_metadata"


@pytest.mark.covers("S1-4")
def test_who_says_all_that_may_be_remembered_makes_room_for_who_says_little(lab: Lab) -> None:
    spec = named(lab)
    greedy = [lab.peer(f"greedy{i}", spec, auto={"extended", "keepalive"}) for i in range(16)]
    client = lab.engine("client", metadata_request_timeout=2)
    t = client.add(spec, magnet=True, peers=greedy)
    lab.until(lambda: all(peer.connected for peer in greedy), within=10)
    for peer in greedy:
        peer.send_bitfield(bytes(262_144))
    lab.run_for(5)
    good = lab.peer("good", spec, handshake=Handshake(fast=False))  # its claims are a bitfield
    t.connect(good)
    completes(lab, client, spec)
    assert reasons(client, good.address) in ([], ["both_seeds"])


@BOTH
def test_requests_and_payload_before_the_metadata_are_ignored_counted_and_bounded(lab: Lab) -> None:
    spec = named(lab)
    eager = lab.peer("eager", spec, auto={"claims", "extended", "keepalive"})
    client = lab.engine("client")
    t = client.add(spec, magnet=True, peers=[eager])
    lab.until(lambda: eager.connected, within=5)
    for _ in range(10):
        eager.send_request(0, 0, 16384)
        eager.send_piece(0, 0)
    lab.until(lambda: t.status().counters.payload_discarded == 10 * PIECE, within=5)
    assert eager.connected and not eager.ledger.payload and client.session.status().memory == 0
    for _ in range(300):
        eager.send_request(0, 0, 16384)
    assert [event.reason for event in until_events(lab, client, jst.PeerDisconnected)] == ["protocol_error"]


# -- serving


@BOTH
def test_metadata_is_served_a_few_times_over_and_then_refused(lab: Lab) -> None:
    spec = named(lab)
    seed = lab.engine("seed")
    lab.until(seed_is_up(seed, spec), within=30)
    greedy = lab.peer("greedy", spec, have="none", auto={"claims", "extended", "keepalive"})
    greedy.connect(seed)
    lab.until(lambda: greedy.connected and greedy.ledger.extended_handshake is not None, within=5)
    pieces = -(-len(spec.metainfo.info_bytes) // PIECE)
    for _ in range(8):
        for piece in range(pieces):
            greedy.send_metadata(piece, type="request")
    lab.run_for(2)
    kinds = [message.kind for message in greedy.ledger.messages if message.direction == "in"]
    assert kinds.count("metadata") == 4 * pieces and kinds.count("metadata_reject") == 4 * pieces
    assert greedy.connected
    for _ in range(300):
        greedy.send_metadata(0, type="request")
    assert [event.reason for event in until_events(lab, seed, jst.PeerDisconnected)] == ["protocol_error"]


@BOTH
def test_a_piece_that_there_is_not_is_rejected(lab: Lab) -> None:
    spec = named(lab)
    seed = lab.engine("seed")
    lab.until(seed_is_up(seed, spec), within=30)
    asker = lab.peer("asker", spec, have="none", auto={"claims", "extended", "keepalive"})
    asker.connect(seed)
    lab.until(lambda: asker.connected and asker.ledger.extended_handshake is not None, within=5)
    for piece in (1000, 4095):
        asker.send_metadata(piece, type="request")
    lab.until(lambda: [m.kind for m in asker.ledger.messages].count("metadata_reject") == 2, within=5)


def test_a_flood_of_requests_that_are_never_read_takes_no_memory(lab: Lab) -> None:
    spec = named(lab)
    seed = lab.engine("seed", max_send_buffer=65536)
    lab.until(seed_is_up(seed, spec), within=30)
    deaf = lab.peer("deaf", spec, have="none", auto={"claims", "extended", "keepalive"}, behave=["never_read"])
    deaf.connect(seed)
    most = lab.watch(lambda: seed.session.status().send_buffered)
    lab.until(lambda: deaf.connected or bool(seed.history(jst.PeerConnected)), within=5)
    for _ in range(2000):
        deaf.send_raw(struct.pack(">IBB", 2 + 25, 20, 1) + b"d8:msg_typei0e5:piecei0ee")
    lab.run_for(20)
    assert most.max <= 65536 + 2 * PIECE + 300 * 64


@pytest.mark.parametrize("copies", [1, 4])
def test_metadata_that_is_never_read_takes_no_more_memory_than_a_few_pieces(lab: Lab, copies: int) -> None:
    """It may be asked for over hundreds of links."""
    spec = named(lab, 300)
    pieces = -(-len(spec.metainfo.info_bytes) // PIECE)
    seed = lab.engine("seed")
    lab.until(seed_is_up(seed, spec), within=30)
    deaf = lab.peer("deaf", spec, have="none", auto={"claims", "extended", "keepalive"}, behave=["never_read"])
    deaf.connect(seed)
    lab.until(lambda: bool(seed.history(jst.PeerConnected)), within=5)
    for piece in list(range(pieces)) * copies:
        deaf.send_metadata(piece, type="request")
    lab.run_for(2)
    assert seed.session.status().num_peers == 1
    assert seed.session.status().send_buffered <= min(pieces * copies, 17) * (PIECE + 100)
    assert deaf.connected


def test_one_without_metadata_says_no_when_asked(lab: Lab) -> None:
    spec = named(lab)
    client = lab.engine("client")
    client.add(spec, magnet=True)
    asker = lab.peer("asker", spec, have="none", auto={"claims", "extended", "keepalive"})
    asker.connect(client)
    lab.until(lambda: asker.connected and asker.ledger.extended_handshake is not None, within=5)
    said = asker.ledger.extended_handshake
    assert b"metadata_size" not in str(said).encode()
    asker.send_metadata(0, type="request")
    lab.until(lambda: "metadata_reject" in [m.kind for m in asker.ledger.messages], within=5)
