"""Partitions, held links, crashes and ends of nodes, and what the other side sees of them."""

import pytest

from tests.unit.runtime_sim.people import Town, pattern


def test_a_partition_stops_bytes_and_healing_brings_them_all() -> None:
    town = Town()
    link = town.connect()
    data = pattern(100_000)
    town.world.partition(town.a.node, town.b.node)
    town.a.links.send(link, data)
    town.world.run_for(300)
    assert town.b.data == {} and town.a.said("closed") == []
    town.world.heal()
    assert town.world.settle(town.world.now + 5)
    assert bytes(town.b.data[0]) == data


def test_a_partition_loses_nothing_that_was_under_way() -> None:
    town = Town(rate=100_000, latency=0.5)
    link = town.connect()
    data = pattern(300_000)
    town.a.links.send(link, data)
    town.world.run_for(1.7)
    town.world.partition(town.a.node, town.b.node)
    got = len(town.b.data[0])
    assert 0 < got < len(data)
    town.world.run_for(60)
    assert len(town.b.data[0]) == got
    town.world.heal()
    assert town.world.settle(town.world.now + 30)
    assert bytes(town.b.data[0]) == data


def test_a_one_way_partition_lets_the_other_way_through() -> None:
    town = Town()
    link = town.connect()
    town.world.partition(town.a.node, town.b.node, one_way=True)
    town.a.links.send(link, b"lost")
    town.b.links.send(0, b"heard")
    town.world.run_for(10)
    assert town.b.data == {} and bytes(town.a.data[link]) == b"heard"


def test_a_partition_of_datagrams_leaves_streams_alone() -> None:
    town = Town()
    link = town.connect()
    town.world.partition(town.a.node, town.b.node, only="udp")
    town.a.links.send(link, b"heard")
    town.world.settle(10)
    assert bytes(town.b.data[0]) == b"heard"
    with pytest.raises(ValueError, match="tcp, udp"):
        town.world.partition(0, 1, only="carrier pigeons")


def test_a_connect_into_a_partition_succeeds_when_it_heals() -> None:
    town = Town()
    town.world.partition(town.a.node, town.b.node)
    town.a.links.connect(town.at_b)
    town.world.run_until(5)
    assert town.a.log == []
    town.world.heal()
    town.world.run_until(7.5)
    assert len(town.a.said("connected")) == len(town.b.said("accepted")) == 1


def test_a_reset_that_is_lost_leaves_the_other_side_in_the_dark() -> None:
    town = Town()
    link = town.connect()
    town.world.partition(town.a.node, town.b.node)
    town.a.links.close(link, abort=True)
    town.world.run_for(100)
    town.world.heal()
    town.world.run_for(100)
    assert town.b.said("closed") == []
    town.b.links.send(0, b"anybody there?")
    town.world.run_for(1)
    assert town.b.one("closed")[3] == "connection_reset"


def test_a_held_link_keeps_everything_until_it_is_released() -> None:
    town = Town()
    link = town.connect()
    town.world.hold(town.a.node, town.b.node)
    town.a.links.send(link, b"first")
    town.a.links.send(link, b"second")
    town.b.links.send(0, b"back")
    assert town.world.settle(town.world.now + 5)  # what is held is not in flight
    assert town.b.data == {} and bytes(town.a.data[link]) == b"back"
    town.world.release(town.a.node, town.b.node)
    assert town.world.settle(town.world.now + 5)
    assert bytes(town.b.data[0]) == b"firstsecond"


# ---- nodes ----


def test_a_crash_is_silence() -> None:
    town = Town()
    link = town.connect()
    town.world.abandon(town.b.node)
    town.a.links.send(link, b"hello?")
    town.world.run_for(3600)
    assert town.a.said("closed") == []
    town.a.links.connect(town.at_b)
    town.world.run_for(60)
    assert town.a.said("failed") == []


def test_what_comes_back_after_a_crash_knows_nothing_of_old_connections() -> None:
    town = Town()
    link = town.connect()
    town.world.abandon(town.b.node)
    town.world.run_for(10)
    town.b.start()
    town.world.run_for(10)
    assert town.a.said("closed") == []
    town.a.links.send(link, b"still there?")
    town.world.run_for(1)
    assert town.a.one("closed")[3] == "connection_reset"


def test_who_sent_to_a_dead_machine_learns_it_when_that_is_up_again() -> None:
    town = Town()
    link = town.connect()
    town.world.abandon(town.b.node)
    town.a.links.send(link, b"still there?")
    town.world.run_for(100)
    assert town.a.said("closed") == []
    town.b.start()
    town.world.run_for(1)
    assert town.a.one("closed")[3] == "connection_reset"


def test_a_reborn_node_listens_at_its_old_address() -> None:
    town = Town()
    town.connect()
    town.world.abandon(town.b.node)
    town.b.start()
    town.at_b = town.b.links.listen(6881)
    data = town.send(1000)
    town.world.settle(town.world.now + 10)
    assert data in [bytes(d) for d in town.b.data.values()]


def test_a_process_that_ends_closes_its_connections() -> None:
    town = Town()
    link = town.connect()
    town.b.links.send(0, b"bye")
    town.world.detach(town.b.node)
    assert town.world.settle(10)
    assert bytes(town.a.data[link]) == b"bye" and town.a.one("closed")[3] == "end_of_stream"
    town.a.links.connect(town.at_b)
    town.world.settle(20)
    assert town.a.one("failed")[3] == "connection_refused"


def test_crashing_in_the_middle_of_a_transfer_leaves_a_world_that_goes_on() -> None:
    town = Town(11)
    for i in range(5):
        town.send(500_000, i)
        town.world.run_for(0.06)
        victim = town.a if i % 2 else town.b
        town.world.abandon(victim.node)
        town.world.run_for(1)
        victim.start()
        town.at_b = town.b.links.listen(6881) if victim is town.b else town.at_b
    data = town.send(300_000, 9)
    assert town.world.settle(town.world.now + 60)
    assert data in [bytes(d) for d in town.b.data.values()]
