"""Nothing goes round in circles, and nothing grows faster than the swarm."""

import pytest
from jstorrent.lab import Lab

from tests.scenarios.s0 import BLOCK, completes


@pytest.mark.covers("S1-2")
@pytest.mark.parametrize("n", [10, 100])
def test_haves_are_at_most_pieces_times_peers(lab: Lab, n: int) -> None:
    spec = lab.torrent(pieces=20, piece_length=BLOCK)
    crowd = [lab.peer(f"peer{i}", spec, have=[i % 20, (i + 10) % 20]) for i in range(n)]
    client = lab.engine("client", max_connections_per_torrent=n)
    t = client.add(spec, peers=crowd)
    most = lab.watch(lambda: len(t.peers(all=True)))
    completes(lab, client, spec)
    lab.settle()
    haves = sum(1 for peer in crowd for m in peer.ledger.messages if m.direction == "in" and m.kind == "have")
    assert haves <= 20 * n
    assert most.max <= n


@pytest.mark.covers("S1-1")
def test_two_engines_that_want_the_same_missing_piece_sit_still(lab: Lab) -> None:
    """No interest flapping, no redials: nobody has the last piece."""
    spec = lab.torrent(pieces=16, piece_length=BLOCK)
    half = lab.peer("half", spec, have=range(15))
    clients = [lab.engine(f"client{i}") for i in range(3)]
    for client in clients:
        client.add(spec, peers=[half, *(other for other in clients if other is not client)])
    lab.until(lambda: all(client.torrent(spec).progress == 15 / 16 for client in clients), within=60)  # type: ignore[union-attr]
    lab.run_for(60)
    said = len(half.ledger.messages)
    wire = sum(client.session.status().counters.wire_sent for client in clients)
    lab.run_for(600)
    assert len(half.ledger.messages) - said < 60, "only keep-alives are left to say"
    assert sum(client.session.status().counters.wire_sent for client in clients) - wire < 20_000


@pytest.mark.covers("S1-1")
def test_a_finished_swarm_is_quiet(lab: Lab) -> None:
    spec = lab.torrent(pieces=16, piece_length=BLOCK)
    seed = lab.seeder("seed", spec)
    clients = [lab.engine(f"client{i}") for i in range(5)]
    for client in clients:
        client.add(spec, peers=[seed, *(other for other in clients if other is not client)])
    for client in clients:
        completes(lab, client, spec)
    lab.run_for(120)
    wire = sum(client.session.status().counters.wire_sent for client in clients)
    lab.run_for(86_400)
    assert sum(client.session.status().counters.wire_sent for client in clients) == wire
