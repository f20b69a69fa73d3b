"""A peer with a deep queue stops answering: the others take over what it owes as soon as they have nothing else to do."""

import pytest
from jstorrent.lab import Behaviour, Engine, Lab, Spec

from tests.scenarios.s0 import BLOCK, completes

RATE = 10_000_000  # of each line


def deserted(lab: Lab, helpers: int, **settings: object) -> tuple[Engine, Spec, float]:
    """The engine, the torrent, and how long its end was off when the staller had stopped."""
    spec = lab.torrent(pieces=64, piece_length=32 * BLOCK)
    staller = lab.peer("staller", spec, behave=[Behaviour("withhold", on="request", nth=65)], reqq=500)
    good = [lab.peer(f"helper{i}", spec) for i in range(helpers)]
    client = lab.engine("client", **settings)
    for peer in (staller, *good):
        lab.net.link(peer, client, rate=RATE)
    t = client.add(spec, peers=[staller, *good])
    lab.until(lambda: len(staller.ledger.served) == 64 and len(staller.ledger.outstanding) > 100, within=5)
    began, left = lab.now, (1 - t.status().progress) * 64 * 32 * BLOCK
    completes(lab, client, spec)
    return client, spec, lab.now - began - left / (RATE * helpers)


@pytest.mark.covers("S1-1")
@pytest.mark.parametrize("helpers", [1, 2, 8])
def test_what_a_silent_peer_owes_is_taken_over_within_a_second(lab: Lab, helpers: int) -> None:
    _, _, late = deserted(lab, helpers)
    assert late < 1.0


def test_without_copies_it_takes_a_time_out(lab: Lab) -> None:
    """What the takeover is good for, and that the setting which forbids copies forbids these."""
    _, _, late = deserted(lab, 2, endgame_copies=1)
    assert 10.0 < late < 20.0


def test_a_peer_that_pauses_is_asked_again_when_it_goes_on(lab: Lab) -> None:
    spec = lab.torrent(pieces=64, piece_length=32 * BLOCK)
    pausing = lab.peer("pausing", spec, behave=[Behaviour("late", on="request", nth=(65, 200), seconds=1.0)])
    client = lab.engine("client")
    good = lab.peer("good", spec)
    lab.net.link(pausing, client, rate=RATE)
    lab.net.link(good, client, rate=RATE // 10)
    client.add(spec, peers=[pausing, good])
    completes(lab, client, spec)
    assert len(pausing.ledger.served) > 300


@pytest.mark.covers("S1-1")
def test_what_comes_after_a_pause_is_no_breach(lab: Lab) -> None:
    """A fast line over the sea: hundreds of blocks are on their way when the user pauses."""
    spec = lab.torrent(pieces=64, piece_length=64 * BLOCK)
    giver = lab.peer("giver", spec, reqq=2000)
    client = lab.engine("client")
    lab.net.link(giver, client, rate=100_000_000, latency=0.2, window=64 << 20)
    t = client.add(spec, peers=[giver])
    lab.until(lambda: any(peer.outstanding > 600 for peer in t.peers()), within=20)
    received = t.status().counters.payload_discarded
    t.pause()
    lab.run_for(2)
    late = t.status().counters.payload_discarded - received
    assert late > 300 * BLOCK  # more than a peer may send unasked
    assert [c.closed_by for c in giver.ledger.connections] == [None]
    t.resume()
    completes(lab, client, spec)


@pytest.mark.covers("S1-3")
@pytest.mark.parametrize("blocks", [4, 16])
def test_pieces_that_miss_a_block_do_not_keep_all_memory_from_who_has_others(lab: Lab, blocks: int) -> None:
    """There is always one of them that was asked for it just now, so no piece is left by all."""
    spec = lab.torrent(pieces=64, piece_length=blocks * BLOCK)
    bad = [lab.peer(f"bad{n}", spec, have=range(32), behave=[Behaviour("withhold", begin=0)]) for n in range(24)]
    client = lab.engine("client", max_memory=1 << 20)
    t = client.add(spec, peers=bad)
    lab.run_for(20)
    good = lab.peer("good", spec, have=range(32, 64))
    good.connect(client)
    lab.until(lambda: all(t.piece(n).state == "complete" for n in range(32, 64)), within=90)


@pytest.mark.parametrize("limit", [None, 2000])
def test_pieces_that_come_slowly_keep_their_memory(lab: Lab, limit: int | None) -> None:
    """Of a slow line or below a limit, beside one that has other pieces and nothing to do: nothing is thrown away."""
    spec = lab.torrent(pieces=8, piece_length=16 * BLOCK)
    client = lab.engine("client", max_memory=1 << 20, download_rate_limit=limit, inactivity_timeout=10_000)
    slow = lab.peer("slow", spec, have=range(4))
    if limit is None:
        lab.net.link(slow, client, rate=2000)
    t = client.add(spec, peers=[slow])
    lab.run_for(20)
    lab.peer("idle", spec, have=range(4, 8)).connect(client)
    lab.run_for(600)
    counters = t.status().counters
    assert counters.payload_verified + counters.payload_partial > 600 * 1800
    assert counters.payload_discarded == 0
