"""Inhabitants that are no peers: participants with datagrams, services apart in the books, names that are set."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.runtime_sim.people import Talker, Town, World


class Hearer(Talker):
    """A talker that notes datagrams, too, and answers each once."""

    def start(self) -> None:
        super().start()
        self.datagrams: list[tuple[float, str, bytes]] = []
        self.at = self.links.open_udp(7)

    def datagram(self, source: str, data: bytes) -> None:
        self.datagrams.append((self.world.now, source, data))
        if not data.startswith(b"re:"):
            self.links.send_to(source, b"re:" + data)


def hearers(**link: Any) -> tuple[Any, Hearer, Hearer]:
    world = World(5)
    a, b = Hearer(world, "a", "10.0.0.1"), Hearer(world, "b", "10.0.0.2")
    if link:
        world.link(a.node, b.node, **link)
    return world, a, b


def test_participants_hear_datagrams_and_answer_within_the_turn() -> None:
    world, a, b = hearers(latency=0.5, rate=0)
    for data in (b"one", b"", b"x" * 60_000):
        a.links.send_to(b.at, data)
    assert world.settle(10)
    assert [(when, source, data) for when, source, data in b.datagrams] == [
        (0.5, a.at, b"one"), (0.5, a.at, b""), (0.5, a.at, b"x" * 60_000)
    ]  # fmt: skip
    assert [(when, data[:6]) for when, _, data in a.datagrams] == [(1.0, b"re:one"), (1.0, b"re:"), (1.0, b"re:xxx")]
    assert a.at == "10.0.0.1:7"


def test_a_burst_of_datagrams_is_heard_whole() -> None:
    world, a, b = hearers(rate=0)
    for n in range(900):
        a.links.send_to(b.at, b"%d" % n)
    assert world.settle(10)
    assert [data for _, _, data in b.datagrams] == [b"%d" % n for n in range(900)]


def test_what_is_cut_or_lost_is_not_heard() -> None:
    world, a, b = hearers()
    world.partition(a.node, b.node, only="udp")
    a.links.send_to(b.at, b"lost")
    world.settle(10)
    world.heal()
    world.partition(a.node, b.node, only="tcp")
    a.links.send_to(b.at, b"heard")
    world.settle(20)
    assert [data for _, _, data in b.datagrams] == [b"heard"]
    a.links.send_to("10.0.0.99:7", b"to nobody")
    assert world.settle(30)


def test_a_second_socket_is_refused_and_without_one_nothing_is_sent() -> None:
    world = World(5)
    quiet = Talker(world, "quiet", "10.0.0.1")
    quiet.links.send_to("10.0.0.1:7", b"x")
    quiet.links.open_udp()
    with pytest.raises(Exception, match="one socket"):
        quiet.links.open_udp()


def test_bytes_of_services_stand_apart_in_the_books() -> None:
    town = Town()
    town.world.be_service(town.b.node)
    town.send(5000)
    assert town.world.settle(30)
    mine, its = town.world.ledger(town.a.node), town.world.ledger(town.b.node)
    assert (mine["sent"], mine["service_sent"]) == (0, 5000)
    assert (its["received"], its["service_received"]) == (5000, 0)
    other = Town()
    other.send(5000)
    assert other.world.settle(30)
    books = other.world.ledger(other.a.node)
    assert (books["sent"], books["service_sent"]) == (5000, 0)


def test_datagrams_are_arrivals() -> None:
    world, a, b = hearers()
    before = world.ledger(b.node)["arrivals"]
    a.links.send_to(b.at, b"x")
    world.settle(10)
    assert world.ledger(b.node)["arrivals"] == before + 1


def test_a_name_means_what_was_set_last() -> None:
    world = World(5)
    world.add_node("a", "10.0.0.1")
    assert world.lookup("a") == ["10.0.0.1"] and world.lookup("10.9.9.9") == ["10.9.9.9"] and world.lookup("b") == []
    world.set_name("b", ["10.0.0.1", "10.0.0.2"])
    world.set_name("a", [])
    assert world.lookup("b") == ["10.0.0.1", "10.0.0.2"] and world.lookup("a") == []
    world.set_name("b", ["10.0.0.3"])
    assert world.lookup("b") == ["10.0.0.3"]
    with pytest.raises(Exception, match="nowhere"):
        world.set_name("c", ["nowhere"])
