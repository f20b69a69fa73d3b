"""What a peer says that it has, and when: who may say all at once, and who has nothing more to gain."""

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Handshake, Lab


def reasons(client: Engine) -> list[str]:
    return [event.reason for event in client.history(jst.PeerDisconnected)]


@pytest.mark.parametrize("magnet", [False, True])
@pytest.mark.parametrize("claim", ["have_all", "have_none"])
@pytest.mark.parametrize("fast", [False, True])
def test_all_and_none_are_words_of_the_fast_extension(lab: Lab, fast: bool, claim: str, magnet: bool) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    t = client.add(spec, magnet=magnet)
    peer = lab.peer("peer", spec, auto=(), handshake=Handshake(fast=fast))
    peer.connect(client)
    lab.until(lambda: peer.connected, within=5)
    getattr(peer, f"send_{claim}")()
    lab.run_for(1)
    assert (t.status().num_peers, reasons(client)) == ((1, []) if fast else (0, ["protocol_error"]))


def test_who_becomes_a_seed_at_a_seed_is_let_go(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    seed = lab.engine("seed")
    t = seed.add(spec, have="all")
    peer = lab.peer("peer", spec, have=[0, 1])
    peer.connect(seed)
    for piece, peers in ((2, 1), (3, 0)):
        lab.run_for(1)
        peer.gain([piece])
        lab.run_for(1)
        assert t.status().num_peers == peers
    assert reasons(seed) == ["both_seeds"]


@pytest.mark.parametrize("then", [range(6), range(2), range(1, 6)])
def test_a_later_bitfield_of_aria2_counts_as_haves_and_takes_nothing_back(lab: Lab, then: range) -> None:
    spec = lab.torrent(pieces=8)
    client = lab.engine("client")
    t = client.add(spec)
    aria2 = lab.peer("aria2", spec, have=range(2), auto={"claims"}, handshake=Handshake(peer_id=b"A2-1-36-0-" + bytes(10)))
    aria2.connect(client)
    lab.until(lambda: aria2.connected, within=5)
    for _ in range(3):
        aria2.send_bitfield(then)
        lab.run_for(1)
    fine = 0 in then
    assert reasons(client) == ([] if fine else ["protocol_error"])
    assert t.availability() == [int(fine and n in then) for n in range(8)]
