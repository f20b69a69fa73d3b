"""Scripted peers against the engine."""

import pytest
from jstorrent.lab import Lab, LabFailure


def test_an_honest_peer_is_a_seed_like_any_other(lab: Lab) -> None:
    spec = lab.torrent(pieces=16, tail=1000)
    client = lab.engine("client")
    good = lab.peer("good", spec)
    t = client.add(spec, peers=[good])
    lab.until(lambda: t.state == "seeding", within=60)
    assert client.complete(spec)
    assert good.ledger.violations == []
    assert {m.piece for m in good.ledger.served} == set(range(16))
    assert all(m.ok for m in good.ledger.served)
    assert good.ledger.outstanding == []


def test_what_does_not_come_fails_and_says_what_came_instead(lab: Lab) -> None:
    spec = lab.torrent(pieces=1)
    peer = lab.peer("peer", spec, auto=())
    lab.engine("client").add(spec, peers=[peer])
    assert peer.expect("have_none").time < 1
    with pytest.raises(LabFailure, match="no unchoke within 3 s") as failed:
        peer.expect("unchoke", within=3)
    assert failed.value.oracle == "expect"
    assert failed.value.node == "peer"
    assert "< handshake" in str(failed.value)
