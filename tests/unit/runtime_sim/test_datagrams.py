"""Datagrams: latency, loss, doubles, overtaking, full queues, partitions."""

from typing import Any

import pytest

from tests.unit.runtime_sim.machine import Machine, World

QUEUE = 1024
HEADER = 28


class Pair:
    """Two machines, each with a socket on port 7; a sends to b."""

    def __init__(self, seed: int = 1, **link: Any) -> None:
        self.world = World(seed)
        self.a, self.b = Machine(world=self.world), Machine(world=self.world)
        if link:
            self.world.link(self.a.node, self.b.node, **link)
        self.from_a = self.a.host.open_udp("0.0.0.0:7")
        self.to_b = self.b.host.open_udp("0.0.0.0:7")
        self.at_b = self.b.host.local(self.to_b)

    def send(self, *data: bytes) -> None:
        assert self.a.host.udp_send(self.from_a, [(self.at_b, d) for d in data]) == len(data)

    def received(self) -> list[tuple[float, bytes]]:
        """All that has come or comes yet, each with the time at which it was read."""
        while True:
            op = self.b.host.udp_readable(self.to_b, 64)
            self.world.settle(self.world.now + 100)
            if not [e for e in self.b.collect() if e.kind == "udp_readable" and e.id == op]:
                break
        return [(e.now, bytes(data)) for e in self.b.log if e.kind == "received" for _, data in e.data]


def numbered(n: int) -> list[bytes]:
    return [i.to_bytes(2, "big") for i in range(n)]


def test_a_datagram_takes_the_latency_and_its_length_at_the_rate() -> None:
    pair = Pair(latency=0.5, rate=1000)
    pair.send(bytes(1000 - HEADER))
    [(when, data)] = pair.received()
    assert when == pytest.approx(1.5) and len(data) == 1000 - HEADER


def test_a_link_without_luck_loses_doubles_and_reorders_nothing() -> None:
    pair = Pair()
    pair.send(*numbered(500))
    assert [d for _, d in pair.received()] == numbered(500)


def test_loss_doubles_and_overtaking_come_at_their_rates() -> None:
    sent = numbered(1000)
    lossy, double, mixed = Pair(3, loss=0.3), Pair(3, duplicate=0.3), Pair(3, reorder=0.3)
    for pair in (lossy, double, mixed):
        pair.send(*sent)
        assert pair.world.settle(5)
    assert 600 < len(lossy.received()) < 800
    doubled = [d for _, d in double.received()]
    assert len(doubled) == QUEUE and set(doubled) <= set(sent)
    order = [d for _, d in mixed.received()]
    assert order != sent and sorted(order) == sent


def test_luck_is_the_seed_s() -> None:
    def course(seed: int) -> list[tuple[float, bytes]]:
        pair = Pair(seed, loss=0.2, duplicate=0.2, reorder=0.2)
        pair.send(*numbered(200))
        return pair.received()

    assert course(1) == course(1)
    assert course(1) != course(2)


def test_a_full_queue_drops_what_comes() -> None:
    pair = Pair()
    pair.send(*numbered(QUEUE + 1))
    assert pair.world.settle(5)
    assert [d for _, d in pair.received()] == numbered(QUEUE)


def test_partitions_drop_datagrams_for_good() -> None:
    pair = Pair()
    pair.world.partition(pair.a.node, pair.b.node, only="udp")
    pair.send(b"lost")
    pair.world.settle(5)
    pair.world.heal()
    pair.send(b"heard")
    assert [d for _, d in pair.received()] == [b"heard"]


def test_a_chance_lies_between_zero_and_one() -> None:
    pair = Pair()
    for bad in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="chance"):
            pair.world.link(pair.a.node, pair.b.node, loss=bad)
