"""How fast and how late: rates, latencies, shared lines, windows that carry a long fat pipe."""

import time

import pytest

from tests.unit.runtime_sim.people import MIB, Talker, Town, World


def transfer_seconds(town: Town, size: int) -> float:
    """From the acceptance to the last byte."""
    town.send(size)
    assert town.world.settle(100_000)
    return float(town.b.runs[0][-1][0] - town.b.one("accepted")[0])


@pytest.mark.parametrize("rate", [20_000, 1_000_000, 10_000_000])
@pytest.mark.parametrize("latency", [0.001, 0.010])
def test_the_rate_of_a_link_is_honoured(rate: int, latency: float) -> None:
    size = rate * 4
    taken = transfer_seconds(Town(rate=rate, latency=latency), size)
    assert taken == pytest.approx(size / rate, rel=0.01)


@pytest.mark.parametrize("rate", [30_000, 2_000_000])
@pytest.mark.parametrize("line", ["up", "down"])
def test_the_rate_of_an_access_line_is_honoured(rate: int, line: str) -> None:
    town = Town()
    node = town.a.node if line == "up" else town.b.node
    town.world.access(node, **{line: rate})
    assert transfer_seconds(town, rate * 4) == pytest.approx(4, rel=0.01)


def test_a_slow_far_line_is_filled() -> None:
    assert transfer_seconds(Town(rate=20_000, latency=0.25), 400_000) == pytest.approx(20, rel=0.01)


def test_a_fast_far_link_has_a_window_that_carries_it() -> None:
    town = Town(rate=100_000_000, latency=0.05)
    assert town.world.window(town.a.node, town.b.node) >= 2 * 10_000_000
    assert transfer_seconds(town, 200 * MIB) == pytest.approx(200 * MIB / 100e6, rel=0.02)


def test_the_default_link_fills_its_ten_megabytes_through_its_window() -> None:
    town = Town()
    assert town.world.window(town.a.node, town.b.node) == 256 * 1024
    assert transfer_seconds(town, 40_000_000) == pytest.approx(4, rel=0.01)


def test_latency_is_exact() -> None:
    town = Town(rate=0, latency=0.123456789)
    link = town.connect()
    sent = town.world.now
    town.a.links.send(link, b"x")
    town.world.settle(10)
    assert town.b.runs[0][0][0] - sent == pytest.approx(0.123456789, abs=2e-9)


def test_latencies_of_link_and_access_lines_add_up() -> None:
    town = Town(rate=0, latency=0.1)
    town.world.access(town.a.node, latency=0.02)
    town.world.access(town.b.node, latency=0.003)
    link = town.connect()
    sent = town.world.now
    town.a.links.send(link, b"x")
    town.world.settle(10)
    assert town.b.runs[0][0][0] - sent == pytest.approx(0.123, abs=2e-9)


def test_jitter_delays_and_never_reorders() -> None:
    town = Town(7, rate=0, latency=0.05, jitter=0.2)
    link = town.connect()
    data = b""
    for i in range(100):
        town.a.links.send(link, bytes([i]) * 3)
        data += bytes([i]) * 3
        town.world.run_for(0.01)
    assert town.world.settle(100)
    assert bytes(town.b.data[0]) == data
    assert max(at for at, _ in town.b.runs[0]) - 1.0 > 0.05


def test_directions_of_a_link_can_differ() -> None:
    town = Town()
    town.world.link(town.a.node, town.b.node, latency=0.3, one_way=True)
    town.connect()
    assert town.a.one("connected")[0] == pytest.approx(0.31)


def sharing(line: str, count: int = 4) -> dict[str, list[tuple[float, int]]]:
    """`count` streams over one access line of 1 MB/s, 1 MB each."""
    world = World(3)
    hub = Talker(world, "hub", "10.0.0.100")
    at = hub.links.listen(1)
    others = [Talker(world, f"p{i}", f"10.0.0.{i + 1}") for i in range(count)]
    world.access(hub.node, **{line: 1_000_000})
    for other in others:
        link = other.links.connect(at)
        if line == "down":
            other.links.send(link, bytes(1_000_000))
    world.settle(0.05)
    if line == "up":
        for i in range(count):
            hub.links.send(i, bytes(1_000_000))
    assert world.settle(100)
    if line == "down":
        return {str(i): hub.runs[i] for i in range(count)}
    return {other.name: other.runs[0] for other in others}


@pytest.mark.parametrize("line", ["up", "down"])
def test_streams_share_an_access_line_fairly(line: str) -> None:
    ends = [runs[-1][0] for runs in sharing(line).values()]
    assert max(ends) == pytest.approx(4, rel=0.03)
    half = [sum(n for at, n in runs if at < 2.0) for runs in sharing(line).values()]
    assert sum(half) == pytest.approx(2_000_000, rel=0.05)
    assert max(half) - min(half) < 0.15 * max(half)


def test_a_short_message_does_not_wait_behind_the_whole_queue_of_another_stream() -> None:
    world = World(3)
    hub, p, q = (Talker(world, n, f"10.0.0.{i + 1}") for i, n in enumerate("hpq"))
    at = hub.links.listen(1)
    world.access(hub.node, up=100_000)
    p.links.connect(at)
    q.links.connect(at)
    world.settle(1)
    hub.links.send(0, bytes(200_000))
    hub.links.send(1, b"short")
    sent = world.now
    world.settle(100)
    assert q.runs[0][0][0] - sent < 0.2
    assert p.runs[0][-1][0] - sent > 1.9


def test_sixty_four_mebibytes_cost_few_events_and_little_time() -> None:
    town = Town(rate=100_000_000)
    before = time.process_time()
    town.send(64 * MIB)
    assert town.world.settle(100)
    assert len(town.b.data[0]) == 64 * MIB
    assert town.world.events < 5_000
    assert time.process_time() - before < 2.0


def test_idle_time_costs_nothing() -> None:
    world = World(1)
    talkers = [Talker(world, f"n{i}", f"10.0.1.{i + 1}") for i in range(21)]
    at = talkers[0].links.listen(1)
    for talker in talkers[1:]:
        talker.links.connect(at)
    assert world.settle(10)
    world.run_until(5)
    before = world.events
    assert world.run_until(30 * 86400.0) == 0
    assert world.events == before and world.now == 30 * 86400.0
