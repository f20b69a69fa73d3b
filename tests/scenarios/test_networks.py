"""Networks that split, lie about being there, and break what is under way."""

import jstorrent as jst
import pytest
from jstorrent.lab import Behaviour, Lab

from tests.scenarios.s0 import BLOCK, completes, reasons

RECOVERY = 30.0
"""Seconds from a heal to the first new block."""


def recovers(lab: Lab, t: jst.Torrent) -> None:
    """Heals, and a new block comes in time."""
    had = t.status().counters.payload_received
    lab.net.heal()
    lab.until(lambda: t.status().counters.payload_received > had, within=RECOVERY)


@pytest.mark.covers("S1-5")
@pytest.mark.parametrize("minutes", [0.2, 5, 120])
def test_two_halves_of_a_swarm(lab: Lab, minutes: float) -> None:
    spec = lab.torrent(pieces=64, piece_length=4 * BLOCK)
    seed = lab.seeder("seed", spec)
    lab.net.access(seed, up=400_000)
    west = [lab.engine(f"west{i}") for i in range(3)]
    east = [lab.engine(f"east{i}") for i in range(3)]
    for client in west + east:
        client.add(spec, peers=[seed, *(other for other in west + east if other is not client)])
    lab.run_for(3)
    progress = {client: client.torrent(spec).progress for client in east}  # type: ignore[union-attr]
    lab.net.partition([seed, *west], east)
    lab.run_for(60 * minutes)
    for client in east:
        t = client.torrent(spec)
        assert t is not None and t.progress >= progress[client], "what was had was lost"
    for client in west:
        completes(lab, client, spec, within=120)
    t = east[0].torrent(spec)
    assert t is not None
    recovers(lab, t)
    for client in east:
        completes(lab, client, spec, within=300)


@pytest.mark.covers("S1-5")
def test_we_hear_them_and_they_do_not_hear_us(lab: Lab) -> None:
    spec = lab.torrent(pieces=32, piece_length=4 * BLOCK)
    deaf, good = lab.seeder("deaf", spec), lab.seeder("good", spec)
    lab.net.access(good, up=200_000)
    client = lab.engine("client", request_timeout=3.0)
    client.add(spec, peers=[deaf, good])
    lab.run_for(1)
    lab.net.partition(client, deaf, one_way=True)
    completes(lab, client, spec, within=120)


@pytest.mark.covers("S1-5")
def test_islands_with_a_bridge(lab: Lab) -> None:
    spec = lab.torrent(pieces=32, piece_length=4 * BLOCK)
    seed, bridge, far = lab.seeder("seed", spec), lab.engine("bridge"), lab.engine("far")
    lab.net.partition(seed, far)
    bridge.add(spec, peers=[seed])
    far.add(spec, peers=[seed, bridge])
    completes(lab, far, spec, within=120)


@pytest.mark.covers("S1-5")
def test_a_rolling_partition(lab: Lab) -> None:
    spec = lab.torrent(pieces=128, piece_length=4 * BLOCK)
    seeds = [lab.seeder(f"seed{i}", spec) for i in range(4)]
    for seed in seeds:
        lab.net.access(seed, up=200_000)
    client = lab.engine("client", request_timeout=3.0)
    t = client.add(spec, peers=seeds)
    for turn in range(12):
        lab.net.partition(client, seeds[turn % 4])
        lab.run_for(2)
        lab.net.heal()
    completes(lab, client, spec, within=300)
    assert t.status().counters.payload_received < 1.5 * spec.total_size


@pytest.mark.covers("S1-5")
def test_links_clogged_one_by_one_and_freed_in_another_order(lab: Lab) -> None:
    spec = lab.torrent(pieces=256, piece_length=4 * BLOCK)
    seeds = [lab.seeder(f"seed{i}", spec) for i in range(5)]
    for seed in seeds:
        lab.net.access(seed, up=200_000)
    client = lab.engine("client")
    t = client.add(spec, peers=seeds)
    lab.run_for(1)
    for seed in seeds:
        lab.net.hold(seed, client)
        lab.run_for(1)
    order = list(seeds)
    lab.rng("order").shuffle(order)
    for seed in order:
        lab.net.release(seed, client)
        lab.run_for(1)
    completes(lab, client, spec, within=120)
    counters = t.status().counters
    assert counters.payload_redundant + counters.payload_discarded < 0.10 * spec.total_size


@pytest.mark.covers("S1-3", "S2-5")
@pytest.mark.parametrize("sizes", [[1], [1, 2, 3], [17, 16_385], [68]])
def test_any_fragmentation_gives_the_same_pieces_in_the_same_order(lab: Lab, sizes: list[int]) -> None:
    def run(split: bool) -> list[tuple[str, object]]:
        with Lab(seed=lab.seed) as own:
            spec = own.torrent(pieces=6, piece_length=2 * BLOCK)
            good = own.peer("good", spec)
            client = own.engine("client")
            if split:
                own.net.fragment(good, client, sizes)
            client.add(spec, peers=[good], sequential=True)
            completes(own, client, spec)
            wanted = client.history(jst.StateChanged, jst.PieceCompleted, jst.PieceFailed)
            return [(type(e).__name__, getattr(e, "piece", None) or getattr(e, "new", None)) for e in wanted]

    assert sorted(map(str, run(True))) == sorted(map(str, run(False)))


@pytest.mark.covers("S0-1.1", "S1-4")
@pytest.mark.parametrize("how", ["fin", "rst", "blackhole"])
def test_a_link_cut_at_many_bytes_with_a_second_honest_peer(lab: Lab, how: str) -> None:
    """Each of these worlds cuts the first peer's stream elsewhere: in the handshake, in lengths, in blocks."""
    cuts = [0, 1, 19, 20, 47, 48, 67, 68, 69, 72, 73, 80, 100, 120, 16_000, 16_397, 16_398, 40_000]
    for nbytes in cuts:
        with Lab(seed=lab.seed + nbytes) as own:
            spec = own.torrent(pieces=4, piece_length=2 * BLOCK)
            cut = own.peer("cut", spec, behave=[Behaviour("cut", nbytes=nbytes, how=how)])
            client = own.engine("client", request_timeout=3.0, handshake_timeout=5.0)
            t = client.add(spec, peers=[cut])
            own.run_for(0.2)
            t.connect(own.peer("good", spec))
            completes(own, client, spec, within=60)


@pytest.mark.covers("S1-1")
def test_a_dead_address_is_dialled_with_back_off(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    dead = lab.peer("dead", spec)
    client = lab.engine("client", connect_timeout=2.0)
    lab.net.partition(client, dead)
    client.add(spec, peers=[dead])
    lab.run_for(3600)
    dials = [r for r in reasons(client) if r in ("connect_timeout", "connect_failed")]
    assert 1 <= len(dials) <= 30


@pytest.mark.covers("S1-1")
def test_a_peer_that_closes_at_once_is_not_dialled_in_a_storm(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    rude = lab.peer("rude", spec, behave=[Behaviour("cut", nbytes=0, how="rst")])
    client = lab.engine("client")
    client.add(spec, peers=[rude])
    lab.run_for(10)
    assert len(rude.ledger.connections) <= 5
    lab.run_for(3600)
    assert len(rude.ledger.connections) <= 40


@pytest.mark.covers("S1-6")
@pytest.mark.parametrize("step", [-7200.0, 7200.0, -86_400.0 * 365 * 10, 86_400.0 * 365 * 10])
def test_a_wall_clock_that_steps_changes_no_timer(lab: Lab, step: float) -> None:
    spec = lab.torrent(pieces=64, piece_length=4 * BLOCK)
    good = lab.seeder("good", spec)
    lab.net.access(good, up=500_000)
    client = lab.engine("client")
    t = client.add(spec, peers=[good])
    lab.run_for(2)
    lab.clock.jump_wall(step)
    before = len(reasons(client))
    lab.run_for(2)
    assert len(reasons(client)) == before, "the step ended links"
    status = t.status()
    assert 0 < status.download_rate < 2e6
    completes(lab, client, spec, within=60)


@pytest.mark.covers("S1-6")
def test_a_monotonic_clock_that_jumps_an_hour_breaks_nothing(lab: Lab) -> None:
    """As after a laptop's sleep: time-outs may fire, and all goes on."""
    spec = lab.torrent(pieces=64, piece_length=4 * BLOCK)
    good = lab.seeder("good", spec)
    lab.net.access(good, up=500_000)
    client = lab.engine("client")
    client.add(spec, peers=[good])
    lab.run_for(2)
    lab.clock.jump_mono(3600, client)
    completes(lab, client, spec, within=120)


@pytest.mark.covers("S1-3")
def test_bytes_that_change_on_the_way_are_found_by_the_hash(lab: Lab) -> None:
    spec = lab.torrent(pieces=32, piece_length=4 * BLOCK)
    noisy, good = lab.seeder("noisy", spec), lab.seeder("good", spec)
    client = lab.engine("client")
    lab.net.corrupt(noisy, client, 0.01)
    client.add(spec, peers=[noisy, good])
    completes(lab, client, spec, within=120)
