"""S0-2: peers that give what is not so."""

import jstorrent as jst
import pytest
from jstorrent.lab import Behaviour, Lab

from tests.scenarios.s0 import BLOCK, PLAIN, answer, asked_for, by_hand, completes, rescued, until_events

BOTH = pytest.mark.lanes("sim", "real")


@BOTH
@pytest.mark.covers("S0-2.1")
def test_the_last_block_of_piece_0_is_corrupt(lab: Lab) -> None:
    spec = lab.torrent(pieces=4, piece_length=4 * BLOCK)
    liar = lab.peer("liar", spec, have=[0], behave=[Behaviour("corrupt", piece=0, begin=3 * BLOCK)])
    client = lab.engine("client")
    t = client.add(spec, peers=[liar])
    (failed,) = until_events(lab, client, jst.PieceFailed)
    assert failed.piece == 0
    assert [address[0] for address in failed.addresses] == [liar.address[0]]
    assert t.piece(0).state in ("missing", "incomplete")
    assert t.status().counters.payload_failed == 4 * BLOCK
    rescued(lab, client, spec)
    assert t.piece(0).state == "complete"


@BOTH
@pytest.mark.covers("S0-2.2")
def test_one_peer_that_always_corrupts_and_a_good_seed(lab: Lab) -> None:
    spec = lab.torrent(pieces=32, piece_length=4 * BLOCK)
    liar = lab.peer("liar", spec, behave=["corrupt"])
    client = lab.engine("client")
    t = client.add(spec, peers=[liar])
    until_events(lab, client, jst.PieceFailed)
    rescued(lab, client, spec)
    assert liar.address[0] in [ban.host for ban in client.session.bans()]
    # No more than what was on its way when the first piece failed.
    assert t.status().counters.payload_received < 1.5 * spec.total_size + 8 * 4 * BLOCK


@BOTH
@pytest.mark.covers("S0-2.3")
@pytest.mark.parametrize("piece", [5, 99])
def test_a_block_that_nobody_asked_for(lab: Lab, piece: int) -> None:
    spec = lab.torrent(pieces=16, piece_length=4 * BLOCK)
    chatter = by_hand(lab, "chatter", spec, have=[0])
    client = lab.engine("client")
    t = client.add(spec, peers=[chatter])
    answer(lab, chatter, 0, 1)
    lab.until(lambda: t.piece(0).blocks_received == 1, within=5)
    memory = client.session.status().memory
    chatter.send_piece(piece, 0, data=lab.rng("junk").randbytes(BLOCK))
    lab.until(lambda: t.status().counters.payload_discarded == BLOCK or not t.peers(), within=5)
    assert client.session.is_healthy()
    assert client.session.status().memory <= memory
    assert t.piece(5).blocks_received == 0
    if piece == 5:
        assert t.peers(), "one such block is no reason to close"
    rescued(lab, client, spec)


@BOTH
@pytest.mark.covers("S0-2.4")
def test_the_same_right_block_five_times(lab: Lab) -> None:
    spec = lab.torrent(pieces=2, piece_length=4 * BLOCK)
    stutterer = by_hand(lab, "stutterer", spec)
    client = lab.engine("client")
    t = client.add(spec, peers=[stutterer], sequential=True)
    answer(lab, stutterer, 0, 1)
    (served,) = stutterer.ledger.served
    for _ in range(4):
        stutterer.send_piece(served.piece, served.begin)
    lab.until(lambda: t.status().counters.payload_received == 5 * BLOCK, within=5)
    counters = t.status().counters
    assert t.piece(0).blocks_received == 1
    assert (counters.payload_partial, counters.payload_redundant + counters.payload_discarded) == (BLOCK, 4 * BLOCK)
    rescued(lab, client, spec)


@BOTH
@pytest.mark.covers("S0-2.5")
def test_piece_5_is_asked_for_and_piece_0_comes(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, piece_length=BLOCK)
    mixer = by_hand(lab, "mixer", spec, have=[5], handshake=PLAIN)
    client = lab.engine("client", request_timeout=2.0)
    t = client.add(spec, peers=[mixer])
    lab.until(lambda: len(asked_for(mixer, 5)) == 1, within=5)
    mixer.send_piece(0, 0)
    lab.until(lambda: t.status().counters.payload_discarded == BLOCK, within=5)
    assert t.piece(0).blocks_received == 0
    lab.run_for(0.2)
    assert t.piece(5).pending_requests == 1, "the request for piece 5 stands"
    assert len(mixer.ledger.requests) == 1, "and is not a second one"
    lab.until(lambda: t.piece(5).pending_requests == 0, within=3)  # until its own time-out
    rescued(lab, client, spec)


@BOTH
@pytest.mark.covers("S0-2.2", "S1-4")
@pytest.mark.parametrize("kind", ["all", "half", "most"])
def test_byzantine_sets(lab: Lab, kind: str) -> None:
    """F of n peers corrupt: 1 of 2, half of 8, all but one of 8. The rest is honest."""
    n = 2 if kind == "all" else 8
    f = {"all": 1, "half": 4, "most": 7}[kind]
    spec = lab.torrent(pieces=24, piece_length=2 * BLOCK)
    liars = [lab.peer(f"liar{i}", spec, behave=[Behaviour("corrupt", p=0.5)]) for i in range(f)]
    honest = [lab.peer(f"honest{i}", spec) for i in range(n - f)]
    client = lab.engine("client")
    t = client.add(spec, peers=[*liars, *honest])
    completes(lab, client, spec, within=120)
    banned = {ban.host for ban in client.session.bans()}
    assert not banned & {peer.address[0] for peer in honest}, "an honest peer was banned"
    assert t.status().counters.payload_received < 3 * spec.total_size
