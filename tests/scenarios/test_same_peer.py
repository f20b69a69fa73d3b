"""Two links to one peer, and a peer that came to us and can be called back."""

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Handshake, Lab

OURS = b"-JS0010-555555555555"
SMALLER, LARGER = b"-JS0010-000000000000", b"-JS0010-999999999999"


def reasons(client: Engine) -> list[str]:
    return [event.reason for event in client.history(jst.PeerDisconnected)]


@pytest.mark.parametrize("first", ["we", "they"])
@pytest.mark.parametrize(("theirs", "kept"), [(SMALLER, "out"), (LARGER, "in")])
def test_of_two_links_the_one_stays_that_the_larger_id_dialled(lab: Lab, theirs: bytes, kept: str, first: str) -> None:
    """Both sides decide alone: were the rules of the two not the same, both links would go."""
    spec = lab.torrent(pieces=4)
    client = lab.engine("client", peer_id=OURS)
    peer = lab.peer("peer", spec, have="none", handshake=Handshake(peer_id=theirs))
    t = client.add(spec)
    dials = [lambda: t.connect(peer), lambda: peer.connect(client)]
    for dial in dials if first == "we" else reversed(dials):
        dial()
        lab.run_for(1)
    assert [known.direction for known in t.peers()] == [kept]
    assert reasons(client) == ["duplicate"]


def test_who_came_and_told_its_port_is_called_back(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    t = client.add(spec)
    silent, open_ = lab.peer("silent", spec, have=[0]), lab.peer("open", spec, have=[1])
    for peer in (silent, open_):
        peer.connect(client)
    lab.run_for(1)
    open_.send_extended(0, {"m": {}, "p": open_.address[1]})
    lab.run_for(1)
    assert t.status().num_known == 1
    for peer in (silent, open_):
        peer.disconnect()
    lab.run_for(30)
    assert [link.direction for link in silent.ledger.connections] == ["out"]
    assert [link.direction for link in open_.ledger.connections] == ["out", "in"]
    assert [known.address for known in t.peers()] == [open_.address]
