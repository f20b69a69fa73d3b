"""S0-4: peers that are slow, silent or fickle."""

import pytest
from jstorrent.lab import Behaviour, Handshake, Lab

from tests.scenarios.s0 import BLOCK, PLAIN, by_hand, completes, reasons, requests_out, rescued

BOTH = pytest.mark.lanes("sim", "real")


@BOTH
@pytest.mark.covers("S0-4.1", "S3-15")
@pytest.mark.parametrize("copies", [2, 1], ids=["endgame", "time-out-alone"])
def test_a_block_each_five_seconds_beside_a_fast_seed(lab: Lab, copies: int) -> None:
    """Its requests time out: with one copy of each block nothing else frees what it holds."""
    spec = lab.torrent(pieces=64, piece_length=2 * BLOCK)
    slow = lab.peer("slow", spec, behave=[Behaviour("trickle", rate=BLOCK / 5)])
    client = lab.engine("client", request_timeout=3.0, endgame_copies=copies)
    t = client.add(spec, peers=[slow])
    lab.until(lambda: requests_out(t) > 0, within=5)
    began = lab.now
    rescued(lab, client, spec, within=30)
    assert lab.now - began < 30  # alone it would take 640 s


@BOTH
@pytest.mark.covers("S0-4.2")
def test_a_peer_that_shakes_hands_and_says_no_more(lab: Lab) -> None:
    spec = lab.torrent(pieces=16, piece_length=2 * BLOCK)
    silent = lab.peer("silent", spec, auto=())
    client = lab.engine("client")
    client.add(spec, peers=[silent])
    lab.until(lambda: silent.connected, within=5)
    rescued(lab, client, spec, within=30)
    assert not silent.ledger.requests  # it never unchoked


@pytest.mark.covers("S0-4.2", "S2-18")
def test_a_silent_peer_is_closed_in_the_end(lab: Lab) -> None:
    spec = lab.torrent(pieces=16, piece_length=2 * BLOCK)
    silent = lab.peer("silent", spec, auto=())
    client = lab.engine("client", inactivity_timeout=120.0)
    t = client.add(spec, peers=[silent])
    lab.until(lambda: bool(t.peers()), within=5)
    lab.until(lambda: not t.peers(), within=125)


@BOTH
@pytest.mark.covers("S0-4.3", "S2-21")
@pytest.mark.parametrize("fast", [True, False])
def test_ten_chokes_and_unchokes_within_a_tenth_of_a_second(lab: Lab, fast: bool) -> None:
    spec = lab.torrent(pieces=160, piece_length=4 * BLOCK)
    fickle = lab.peer("fickle", spec, auto={"claims", "extended", "interest", "serve", "keepalive", "reject"},
                      handshake=PLAIN if not fast else Handshake(), behave=[Behaviour("late", seconds=0.05)])  # fmt: skip
    client = lab.engine("client")
    t = client.add(spec, peers=[fickle])
    lab.until(lambda: bool(t.peers()) and fickle.connected, within=5)
    for _ in range(10):
        fickle.send_unchoke()
        lab.run_for(0.005)
        fickle.send_choke()
        lab.run_for(0.005)
    lab.until(lambda: requests_out(t) == 0, within=5)
    assert fickle.connected and client.session.is_healthy(), reasons(client)
    lab.run_for(0.2)
    assert not fickle.ledger.outstanding
    fickle.send_unchoke()
    completes(lab, client, spec)


@BOTH
@pytest.mark.covers("S0-4.4")
def test_a_peer_that_unchokes_and_ignores_every_request(lab: Lab) -> None:
    spec = lab.torrent(pieces=4, piece_length=4 * BLOCK)
    mute = by_hand(lab, "mute", spec, handshake=PLAIN)
    client = lab.engine("client", request_timeout=2.0)
    t = client.add(spec, peers=[mute])
    lab.until(lambda: requests_out(t) == 16, within=5)
    lab.until(lambda: t.piece(0).pending_requests == 0, within=2.0 + 5)
    rescued(lab, client, spec)
