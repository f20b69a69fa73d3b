"""Scripted peers when their world ends."""

import pytest
from jstorrent.lab import Behaviour, Lab


@pytest.mark.lanes("sim", "real")
def test_a_peer_that_trickles_lets_go_when_the_world_ends(lab: Lab) -> None:
    """What it holds back by itself is not unsent: waiting for it as for the network was a loop without an end."""
    spec = lab.torrent(pieces=32, piece_length=65536)
    drip = lab.peer("drip", spec, behave=[Behaviour("trickle", rate=1.0)])
    lab.engine("client").add(spec, peers=[drip])
    lab.until(lambda: len(drip.ledger.requests) >= 32, within=10)
    lab.run_for(0.2)
