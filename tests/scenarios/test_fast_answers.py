"""With the Fast extension each request has one answer: the block or a reject, also when it was being read just then."""

import jstorrent as jst
import pytest
from jstorrent.lab import Behaviour, Engine, Lab, Peer, Spec

BLOCK = 16384
LONGEST = 128 * 1024


def reasons(client: Engine) -> list[str]:
    return [event.reason for event in client.history(jst.PeerDisconnected)]


def served(lab: Lab, piece_length: int = 4 * BLOCK) -> tuple[Spec, Engine, jst.Torrent, Peer]:
    """A seed, and a peer that it has unchoked."""
    spec = lab.torrent(pieces=4, piece_length=piece_length)
    seed = lab.engine("seed")
    t = seed.add(spec, have="all")
    peer = lab.peer("peer", spec, have="none")
    peer.connect(seed)
    lab.until(lambda: peer.connected, within=5)
    peer.send_interested()
    lab.until(lambda: peer.unchoked, within=30)
    return spec, seed, t, peer


def refused(peer: Peer) -> list[tuple[int, int]]:
    return [(m.piece, m.begin) for m in peer.ledger.messages if m.direction == "in" and m.kind == "reject"]


@pytest.mark.parametrize("how", ["cancel", "pause"])
def test_a_request_that_ends_while_it_is_read_is_rejected_once(lab: Lab, how: str) -> None:
    _, seed, t, peer = served(lab)
    asked = [(1, 0), (1, BLOCK), (3, 0)]
    with lab.gate("disk.read", node=seed) as gate:
        for piece, begin in asked:
            peer.send_request(piece, begin, BLOCK)
        lab.until(lambda: gate.hit, within=5)
        if how == "cancel":
            for piece, begin in asked:
                peer.send_cancel(piece, begin, BLOCK)
        else:
            t.pause()
        lab.run_for(1)
        assert sorted(refused(peer)) == asked
    lab.run_for(5)
    assert sorted(refused(peer)) == asked and peer.ledger.payload == []


@pytest.mark.parametrize(("length", "goes"), [(BLOCK + 1, False), (LONGEST, False), (LONGEST + 1, True)])
def test_longer_requests_are_refused_and_senseless_ones_a_breach(lab: Lab, length: int, goes: bool) -> None:
    _, seed, _, peer = served(lab, piece_length=16 * BLOCK)
    peer.send_request(0, 0, length)
    lab.run_for(2)
    assert reasons(seed) == (["protocol_error"] if goes else [])
    assert refused(peer) == ([] if goes else [(0, 0)])


@pytest.mark.parametrize("again", [0, 1])
def test_a_size_of_metadata_that_changes_is_a_lie(lab: Lab, again: int) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    t = client.add(spec, magnet=True)
    silent = Behaviour("metadata", reply="silent")
    peer = lab.peer("peer", spec, behave=[silent])
    t.connect(peer)
    lab.until(lambda: peer.connected, within=5)
    lab.run_for(1)
    peer.send_extended(0, {"m": {"ut_metadata": 3}, "metadata_size": len(spec.metainfo.info_bytes) + again})
    lab.run_for(1)
    assert reasons(client) == ["protocol_error"] * again


def test_so_many_pieces_may_be_allowed_to_who_is_choked_and_no_more(lab: Lab) -> None:
    spec = lab.torrent(pieces=128, piece_length=BLOCK)
    client = lab.engine("client")
    peer = lab.peer("peer", spec, auto={"claims", "extended"})
    client.add(spec, peers=[peer])
    lab.until(lambda: peer.connected, within=5)
    for piece in range(100):
        peer.send_allowed_fast(piece)
    lab.run_for(1)
    while peer.ledger.outstanding:
        for request in list(peer.ledger.outstanding):
            peer.answer(request)
        lab.run_for(1)
    assert sorted({request.piece for request in peer.ledger.requests}) == list(range(64))


@pytest.mark.parametrize("extra", [0, 1])
def test_what_we_never_said_to_have_may_be_asked_for_so_often_and_no_more(lab: Lab, extra: int) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    client.add(spec, have=[0, 1])
    peer = lab.peer("peer", spec, have="none")
    peer.connect(client)
    lab.until(lambda: peer.connected, within=5)
    for _ in range(300 + extra):
        peer.send_request(3, 0, BLOCK)
    lab.run_for(2)
    assert reasons(client) == ["protocol_error"] * extra
    assert len(refused(peer)) == 300 or extra
