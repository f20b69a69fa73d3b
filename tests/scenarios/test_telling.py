"""Who finishes pieces fast among many peers tells them of several at a time, soon, and of each once."""

from collections import Counter

import jstorrent as jst
import pytest
from jstorrent.lab import Lab

from tests.scenarios.s0 import BLOCK, completes

LONGEST = 0.1
ONE_WAY = 0.01


@pytest.mark.covers("S1-2")
def test_many_hear_of_several_pieces_at_a_time_none_late_and_none_twice(lab: Lab) -> None:
    spec = lab.torrent(pieces=128, piece_length=4 * BLOCK)
    good = [lab.peer(f"good{i}", spec) for i in range(4)]
    watchers = [lab.peer(f"watcher{i}", spec, have=()) for i in range(80)]
    client = lab.engine("client")
    for watcher in watchers[:60]:
        watcher.connect(client)
    lab.net.link(client, good, rate=40_000_000)
    t = client.add(spec)
    lab.until(lambda: len(t.peers()) == 60, within=10)
    for peer in good:
        t.connect(peer.address)
    lab.until(lambda: t.status().progress > 0.25, within=10)
    for watcher in watchers[60:]:
        watcher.connect(client)
    completes(lab, client, spec)
    lab.run_for(1)
    finished = {event.piece: event.time for event in client.history(jst.PieceCompleted)}
    for watcher in watchers[:60]:
        heard = watcher.ledger.haves
        assert Counter(have.piece for have in heard) == dict.fromkeys(range(128), 1)
        assert max(have.time - finished[have.piece] for have in heard) < LONGEST + 2 * ONE_WAY
        assert len({have.time for have in heard}) < 100, "several came in one write"
    for watcher in watchers[60:]:
        assert watcher.ledger.claimed == set(range(128))
        assert max(Counter(have.piece for have in watcher.ledger.haves).values(), default=0) <= 1
