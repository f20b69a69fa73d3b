"""S0-3: messages that are not as they should be. The rule for each is in docs/decisions.md."""

import struct

import jstorrent as jst
import pytest
from jstorrent.lab import Behaviour, Lab

from tests.scenarios.s0 import BLOCK, PLAIN, asked_for, by_hand, completes, reasons, rescued, until_events

BOTH = pytest.mark.lanes("sim", "real")

OVERSIZE = b"\xff\xff\xff\xff"
UNKNOWN = b"\x00\x00\x00\x01\x99"
KEEPALIVE = b"\x00\x00\x00\x00"
SHORT_PIECE = b"\x00\x00\x00\x05\x07\x00\x00"
ROW = [
    ("oversize", OVERSIZE, False),
    ("unknown id", UNKNOWN, True),
    ("keep-alive", KEEPALIVE, True),
    ("short piece", SHORT_PIECE, False),
    ("all at once", KEEPALIVE + UNKNOWN + KEEPALIVE + OVERSIZE + SHORT_PIECE, False),
]


@BOTH
@pytest.mark.covers("S0-3.1")
@pytest.mark.parametrize(("raw", "lives"), [row[1:] for row in ROW], ids=[row[0].replace(" ", "-") for row in ROW])
def test_malformed_messages(lab: Lab, raw: bytes, lives: bool) -> None:
    spec = lab.torrent(pieces=16, piece_length=4 * BLOCK)
    rude = by_hand(lab, "rude", spec)
    client = lab.engine("client", max_requests_per_peer=4)
    client.add(spec, peers=[rude])
    # All that it says by itself is said: what it is judged by is what comes now.
    lab.until(lambda: len(rude.ledger.outstanding) == 4, within=5)
    memory = client.session.status().memory
    rude.send_raw(raw)
    if lives:
        lab.run_for(0.5)
        assert rude.connected and not reasons(client)
    else:
        ended = until_events(lab, client, jst.PeerDisconnected)
        assert [event.reason for event in ended] == ["protocol_error"]
    assert client.session.status().memory <= memory + 64 * 1024
    rescued(lab, client, spec)


@BOTH
@pytest.mark.covers("S0-3.1")
def test_other_peers_do_not_notice(lab: Lab) -> None:
    spec = lab.torrent(pieces=32, piece_length=4 * BLOCK)
    good = lab.seeder("good", spec)
    rude = [by_hand(lab, f"rude{i}", spec) for i in range(len(ROW))]
    client = lab.engine("client")
    client.add(spec, peers=[good, *rude])
    lab.until(lambda: all(peer.connected for peer in rude), within=5)
    for peer, (_, raw, _) in zip(rude, ROW, strict=True):
        peer.send_raw(raw)
    completes(lab, client, spec)
    assert not [reason for reason in reasons(client, good.address) if reason == "protocol_error"]


@BOTH
@pytest.mark.covers("S0-3.2")
@pytest.mark.parametrize("begin", [262_144 + 1000, 1000, 262_144 - 1])
def test_a_block_at_an_offset_that_is_none(lab: Lab, begin: int) -> None:
    spec = lab.torrent(pieces=2, piece_length=262_144)
    rude = by_hand(lab, "rude", spec, have=[0])
    client = lab.engine("client")
    t = client.add(spec, peers=[rude])
    lab.until(lambda: len(asked_for(rude, 0)) == 16, within=5)
    rude.send_piece(0, begin, data=b"\xee" * BLOCK)
    lab.until(lambda: t.status().counters.payload_discarded >= BLOCK or not t.peers(), within=5)
    assert sum(t.piece(i).blocks_received for i in range(2)) == 0
    rescued(lab, client, spec)
    assert t.status().counters.pieces_failed == 0  # nothing of it was stored anywhere


@BOTH
@pytest.mark.covers("S0-3.3")
def test_a_block_of_one_mebibyte_is_refused_before_it_is_there(lab: Lab) -> None:
    spec = lab.torrent(pieces=4, piece_length=1 << 21)
    rude = by_hand(lab, "rude", spec, have=[0])
    client = lab.engine("client", max_requests_per_peer=2)
    client.add(spec, peers=[rude])
    lab.until(lambda: bool(rude.ledger.outstanding), within=5)
    before = client.session.status()
    rude.send_raw(struct.pack(">IBII", 9 + (1 << 20), 7, 0, 0) + bytes(4 * BLOCK))
    ended = until_events(lab, client, jst.PeerDisconnected)
    assert [event.reason for event in ended] == ["protocol_error"]
    assert client.session.status().memory_peak - before.memory_peak < 4 * BLOCK
    rescued(lab, client, spec)


@BOTH
@pytest.mark.covers("S0-3.4")
def test_a_bitfield_that_lies(lab: Lab) -> None:
    spec = lab.torrent(pieces=16, piece_length=2 * BLOCK)
    liar = lab.peer(
        "liar", spec, have=[0], handshake=PLAIN, behave=[Behaviour("lie_have", pieces=list(range(spec.num_pieces)))]
    )
    client = lab.engine("client", request_timeout=1.0, snub_timeout=5.0)
    t = client.add(spec, peers=[liar])
    lab.until(lambda: t.piece(0).state == "complete", within=10)
    lab.until(lambda: any(peer.snubbed for peer in t.peers()) or bool(reasons(client)), within=30)
    rescued(lab, client, spec)
    assert liar.address[0] not in [ban.host for ban in client.session.bans()]  # it gave nothing wrong
