"""S0-1: peers that leave in the middle of something."""

import jstorrent as jst
import pytest
from jstorrent.lab import Lab

from tests.scenarios.s0 import BLOCK, answer, asked_for, by_hand, rescued

BOTH = pytest.mark.lanes("sim", "real")


@BOTH
@pytest.mark.covers("S0-1.1", "S2-9")
@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_peer_sends_half_of_piece_0_and_closes(lab: Lab, how: str) -> None:
    spec = lab.torrent(pieces=4, piece_length=16 * BLOCK)
    leaver = by_hand(lab, "leaver", spec)
    client = lab.engine("client")
    t = client.add(spec, peers=[leaver], sequential=True)
    answer(lab, leaver, 0, 8)
    lab.until(lambda: t.piece(0).blocks_received == 8, within=5)
    leaver.disconnect(how)
    lab.until(lambda: not t.peers(), within=2)
    # Released in the turn in which the link ended, not by a time-out.
    assert [t.piece(i).pending_requests for i in range(4)] == [0, 0, 0, 0]
    assert t.piece(0).blocks_received == 8
    rescued(lab, client, spec)
    assert t.status().counters.payload_received == spec.total_size  # what had come was kept


@BOTH
@pytest.mark.covers("S0-1.2")
def test_a_peer_sends_all_of_piece_0_and_closes_in_the_same_instant(lab: Lab) -> None:
    spec = lab.torrent(pieces=4, piece_length=16 * BLOCK)
    leaver = by_hand(lab, "leaver", spec)
    client = lab.engine("client")
    t = client.add(spec, peers=[leaver], sequential=True)
    lab.until(lambda: len(asked_for(leaver, 0)) == 16, within=10)
    for request in asked_for(leaver, 0):
        leaver.answer(request)
    leaver.disconnect("fin")
    lab.until(lambda: t.piece(0).state == "complete", within=5)
    lab.until(lambda: not t.peers(), within=5)
    assert t.piece(0).state == "complete"
    rescued(lab, client, spec)


@BOTH
@pytest.mark.covers("S0-1.3")
def test_ten_cycles_of_connect_five_blocks_disconnect(lab: Lab) -> None:
    spec = lab.torrent(pieces=16, piece_length=8 * BLOCK)
    visitor = by_hand(lab, "visitor", spec)
    client = lab.engine("client")
    t = client.add(spec)
    before = client.session.status()
    luck = lab.rng("blocks")
    for cycle in range(10):
        visitor.connect(client)
        lab.until(lambda: visitor.connected and len(visitor.ledger.outstanding) >= 5, within=10)
        for request in luck.sample(visitor.ledger.outstanding, 5):
            visitor.answer(request)
        due = (cycle + 1) * 5 * BLOCK
        lab.until(lambda due=due: t.status().counters.payload_received >= due, within=5)
        visitor.disconnect("fin")
        lab.until(lambda: not t.peers(), within=5)
        lab.run_for(0.1)
    after = client.session.status()
    assert (after.num_peers, after.num_half_open, after.send_buffered) == (0, 0, 0)
    assert after.sockets <= before.sockets + 1  # it may be dialling the visitor back
    assert after.memory <= before.memory + 16 * 8 * BLOCK
    rescued(lab, client, spec)
    assert t.status().counters.payload_received == spec.total_size


@BOTH
@pytest.mark.covers("S0-1.4")
def test_five_peers_all_leave_at_half(lab: Lab) -> None:
    spec = lab.torrent(pieces=16, piece_length=4 * BLOCK)
    crowd = [lab.peer(f"peer{i}", spec, have=range(8)) for i in range(5)]
    client = lab.engine("client", reconnect_interval=600.0)
    t = client.add(spec, peers=crowd)
    lab.until(lambda: t.progress == 0.5, within=20)
    for peer in crowd:
        if peer.connected:
            peer.disconnect("fin")
    lab.until(lambda: t.state == "stalled", within=5)
    assert client.session.is_healthy()
    rescued(lab, client, spec)
    assert ("stalled", "downloading") in [(e.old, e.new) for e in client.history(jst.StateChanged)]
