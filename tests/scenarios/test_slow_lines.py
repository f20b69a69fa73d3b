"""Lines that are slower than the time-outs: what is asked for comes late, and is worth as much."""

from __future__ import annotations

import pytest
from jstorrent.lab import Lab


@pytest.mark.parametrize("timeout", [1.0, 5.0, 15.0])
def test_a_line_slower_than_the_time_out_carries_hardly_anything_twice(lab: Lab, timeout: float) -> None:
    spec = lab.torrent(pieces=32)
    good = lab.engine("good")
    good.add(spec, have="all")
    client = lab.engine("client", request_timeout=timeout)
    lab.net.access(good, up=20_000)  # 64 blocks are 52 s of it
    t = client.add(spec, peers=[good])
    lab.until(lambda: t.state == "seeding", within=300)
    counters = t.status().counters
    assert counters.payload_discarded == 0
    assert counters.payload_redundant <= spec.total_size // 20
    assert lab.now <= 1.15 * spec.total_size / 20_000


def test_many_peers_behind_one_slow_line_do_not_flood_it_with_repeats(lab: Lab) -> None:
    spec = lab.torrent(pieces=16, piece_length=262144)
    client = lab.engine("client", request_timeout=1.0)
    seeds = [lab.engine(f"seed{i}") for i in range(6)]
    for seed in seeds:
        seed.add(spec, have="all")
    lab.net.access(client, down=100_000)
    t = client.add(spec, peers=seeds)
    lab.until(lambda: t.state == "seeding", within=2 * spec.total_size / 100_000)
    counters = t.status().counters
    assert counters.payload_redundant + counters.payload_discarded <= spec.total_size


def test_a_peer_that_stood_still_goes_on_at_once_where_it_was(lab: Lab) -> None:
    spec = lab.torrent(pieces=64)
    good, client = lab.engine("good"), lab.engine("client", request_timeout=5.0)
    good.add(spec, have="all")
    lab.net.link(good, client, rate=200_000)
    t = client.add(spec, peers=[good])
    lab.run_for(5)
    lab.net.partition(good, client)
    lab.run_for(60)
    before = t.status().counters.payload_received
    lab.net.heal()
    lab.run_for(5)
    assert t.status().counters.payload_received - before > 500_000
    lab.until(lambda: t.state == "seeding", within=60)
    assert t.status().counters.payload_redundant <= 8 * 16384
