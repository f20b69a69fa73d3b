"""S0-7: what comes from whom."""

import pytest
from jstorrent.lab import Behaviour, Lab

from tests.scenarios.s0 import BLOCK, by_hand, completes, reasons

BOTH = pytest.mark.lanes("sim", "real")


@BOTH
@pytest.mark.covers("S0-7.1")
def test_each_of_two_peers_has_a_half(lab: Lab) -> None:
    spec = lab.torrent(pieces=10, piece_length=2 * BLOCK)
    a = lab.peer("a", spec, have=range(5))
    b = lab.peer("b", spec, have=range(5, 10))
    client = lab.engine("client")
    client.add(spec, peers=[a, b])
    completes(lab, client, spec)
    assert {m.piece for m in a.ledger.served} == set(range(5))
    assert {m.piece for m in b.ledger.served} == set(range(5, 10))


@BOTH
@pytest.mark.covers("S0-7.2", "S2-11", "S3-28")
def test_the_last_block_from_two_peers_counts_once_and_the_loser_hears_cancel(lab: Lab) -> None:
    spec = lab.torrent(pieces=20, piece_length=BLOCK)
    most = lab.peer("most", spec, have=range(19))
    a, b = by_hand(lab, "a", spec, have=[19]), by_hand(lab, "b", spec, have=[19])
    client = lab.engine("client")
    t = client.add(spec, peers=[most, a, b])
    lab.until(lambda: t.status().pieces_complete == 19, within=20)
    lab.until(lambda: bool(a.ledger.outstanding) and bool(b.ledger.outstanding), within=20)
    assert t.piece(19).pending_requests == 2
    a.answer(a.ledger.outstanding[0])
    completes(lab, client, spec)
    lab.until(lambda: bool(b.ledger.cancels), within=5)
    assert [(m.piece, m.begin) for m in b.ledger.cancels] == [(19, 0)]
    assert t.status().counters.payload_verified == spec.total_size
    b.send_piece(19, 0)  # too late: counted apart
    lab.run_for(0.3)
    counters = t.status().counters
    assert counters.payload_received - counters.payload_verified in (0, BLOCK)


@BOTH
@pytest.mark.covers("S0-7.3")
def test_the_fast_peer_serves_most_blocks(lab: Lab) -> None:
    spec = lab.torrent(pieces=256, piece_length=4 * BLOCK)
    slow = lab.peer("slow", spec, behave=[Behaviour("trickle", rate=BLOCK / 0.1)])
    fast = lab.peer("fast", spec, behave=[Behaviour("trickle", rate=BLOCK / 0.002)])
    client = lab.engine("client")
    client.add(spec, peers=[slow, fast])
    completes(lab, client, spec, within=120)
    share = fast.ledger.bytes_out / (fast.ledger.bytes_out + slow.ledger.bytes_out)
    assert share >= 0.8


@BOTH
@pytest.mark.covers("S0-7.4")
def test_have_for_what_we_own_and_again_and_beyond_the_end(lab: Lab) -> None:
    spec = lab.torrent(pieces=4, piece_length=2 * BLOCK)
    first = lab.peer("first", spec, have=[0])
    client = lab.engine("client")
    t = client.add(spec, peers=[first])
    lab.until(lambda: t.piece(0).state == "complete", within=10)
    talker = lab.peer("talker", spec, have=[1], auto={"claims", "extended"})
    talker.connect(client)
    lab.until(lambda: t.availability()[1] == 1, within=5)
    for piece in (0, 0, 0, 1, 1):
        talker.send_have(piece)
    lab.until(lambda: t.availability()[0] == (2 if first.connected else 1), within=5)
    lab.run_for(0.2)
    assert t.availability()[:2] == [2 if first.connected else 1, 1]
    talker.send_have(4)  # one beyond the last
    lab.until(lambda: not talker.connected, within=5)
    assert "protocol_error" in reasons(client, talker.address)
    assert t.availability()[1] == 0
    assert client.session.is_healthy()
    t.connect(lab.seeder("good", spec))
    completes(lab, client, spec)
