"""The number of requests in flight follows the line: neither a slow long one nor a fast long one stays unused."""

import pytest
from jstorrent.lab import Lab


def used_fraction(lab: Lab, rate: int, round_trip: float, size: int, warm_up: float) -> float:
    """How much of the line's rate is payload, from `warm_up` seconds after the first byte to the end."""
    spec = lab.torrent(pieces=-(-size // 262144), piece_length=262144)
    seed, client = lab.seeder("seed", spec), lab.engine("client")
    lab.net.link(seed, client, rate=rate, latency=round_trip / 2)
    t = client.add(spec, peers=[seed])
    lab.until(lambda: t.status().counters.payload_received > 0, within=30)
    lab.run_for(warm_up)
    began, before = lab.now, t.status().counters.payload_received
    lab.until(lambda: t.progress == 1.0, within=3600)
    return (spec.total_size - before) / (lab.now - began) / rate


def test_a_line_of_20_kb_and_half_a_second_round_trip_is_used_to_95_percent(lab: Lab) -> None:
    assert used_fraction(lab, 20_000, 0.5, 2 << 20, warm_up=0) >= 0.95


def test_a_line_of_100_mb_and_a_tenth_of_a_second_round_trip_is_used_to_90_percent(lab: Lab) -> None:
    assert used_fraction(lab, 100_000_000, 0.1, 384 << 20, warm_up=1.0) >= 0.90


@pytest.mark.parametrize("rate", [50_000, 400_000, 3_000_000])
def test_what_waits_at_the_other_side_is_seconds_and_not_minutes(lab: Lab, rate: int) -> None:
    spec = lab.torrent(pieces=rate * 50 // 65536 + 8)
    seed, client = lab.seeder("seed", spec), lab.engine("client")
    lab.net.link(seed, client, rate=rate, latency=0.1)
    t = client.add(spec, peers=[seed])
    lab.run_for(25)
    asked = []
    lab.every(0.5, lambda: asked.extend(peer.outstanding for peer in t.peers()))
    lab.run_for(15)
    assert 0 < min(asked) <= max(asked) <= max(rate * 10 // 16384, 4)
    lab.net.link(seed, client, rate=None, latency=0)
    lab.until(lambda: t.state == "seeding", within=60, every=0.5)


def test_what_a_fast_peer_sends_is_read_into_its_places(lab: Lab) -> None:
    """More than one read predicts is there at once: the rest waits for the next read, and is not moved afterwards."""
    spec = lab.torrent(pieces=64, piece_length=32 * 16384)
    seed, client = lab.engine("seed"), lab.engine("client", download_rate_limit=2_000_000)
    seed.add(spec, have="all")
    lab.net.link(seed, client, rate=100_000_000, window=16 << 20)
    t = client.add(spec, peers=[seed])
    lab.until(lambda: t.status().counters.payload_received > 2_000_000, within=20)
    before = client.session.status().bytes_copied
    client.session.configure(download_rate_limit=None)  # what waited in the socket comes at once
    lab.until(lambda: t.status().progress > 0.8, within=20)
    assert client.session.status().bytes_copied - before < 5 * 16384


@pytest.mark.parametrize("company", [False, True])
def test_beside_others_nobody_is_asked_for_more_than_half_of_the_memory(lab: Lab, company: bool) -> None:
    """Of 1 MiB downloads may take six eighths, 48 blocks. Should the fast one fall silent, the other goes on."""
    spec = lab.torrent(pieces=200)
    client = lab.engine("client", max_memory=1 << 20)
    fast, other = lab.peer("fast", spec), lab.peer("other", spec)
    lab.net.link(other, client, rate=50_000)
    t = client.add(spec, peers=[fast, other] if company else [fast])
    most = lab.watch(lambda: max((peer.outstanding for peer in t.peers() if peer.address == fast.address), default=0))
    lab.run_for(2)
    assert most.max == (24 if company else 48)
