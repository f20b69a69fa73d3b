"""Streams that are cut after an exact number of bytes, and bytes that change on their way."""

import pytest

from tests.unit.runtime_sim.people import Town, pattern


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("nbytes", [1, 1399, 65_536, 65_537, 200_000])
def test_the_receiver_reads_exactly_so_many_bytes_and_then_the_end(how: str, nbytes: int) -> None:
    town = Town()
    link = town.connect()
    data = pattern(200_000)
    town.world.cut_after(town.a.node, town.b.node, nbytes, how)
    town.a.links.send(link, data)
    town.world.settle(town.world.now + 60)
    assert bytes(town.b.data[0]) == data[:nbytes]
    word = {"fin": "end_of_stream", "rst": "connection_reset"}[how]
    assert town.b.one("closed")[3] == town.a.one("closed")[3] == word
    assert town.a.one("closed")[0] > town.b.one("closed")[0]  # a latency later


def test_bytes_of_all_connections_count_and_the_one_of_the_last_byte_ends() -> None:
    town = Town()
    first, second = town.connect(), town.connect()
    town.world.cut_after(town.a.node, town.b.node, 1500, "rst")
    town.a.links.send(first, pattern(1000))
    town.world.settle(town.world.now + 5)
    town.b.links.send(0, pattern(5000))  # the other way does not count
    town.world.settle(town.world.now + 5)
    assert town.b.said("closed") == []
    town.a.links.send(second, pattern(1000))
    town.world.settle(town.world.now + 5)
    assert len(town.b.data[1]) == 500
    assert [event[2] for event in town.b.said("closed")] == [1]
    town.a.links.send(first, b"still there")
    town.world.settle(town.world.now + 5)
    assert bytes(town.b.data[0][1000:]) == b"still there"


def test_nothing_comes_out_of_a_black_hole_not_even_a_reset() -> None:
    town = Town()
    link = town.connect()
    town.world.cut_after(town.a.node, town.b.node, 10, "blackhole")
    town.a.links.send(link, pattern(100))
    town.b.links.send(0, b"back")
    town.world.run_for(60)
    assert len(town.b.data[0]) == 10
    heard = bytes(town.a.data.get(link, b""))
    assert heard in (b"", b"back")
    town.world.heal()
    town.a.links.close(link, abort=True)
    town.world.run_for(60)
    assert town.b.said("closed") == []
    town.b.links.close(0)
    town.world.run_for(60)
    assert town.world.connections == 0  # both let go: nothing is left of it


def test_zero_cuts_what_is_open_now_and_nothing_later() -> None:
    town = Town()
    town.connect()
    town.connect()
    town.world.cut_after(town.b.node, town.a.node, 0, "rst")
    town.world.settle(town.world.now + 5)
    assert len(town.a.said("closed")) == len(town.b.said("closed")) == 2
    town.connect()
    town.world.settle(town.world.now + 5)
    assert len(town.a.said("closed")) == 2
    with pytest.raises(ValueError, match="known: blackhole, fin, rst"):
        town.world.cut_after(0, 1, 5, "axe")


def test_what_is_written_after_the_end_reaches_nobody() -> None:
    town = Town()
    link = town.connect()
    town.world.cut_after(town.a.node, town.b.node, 5, "fin")
    town.a.links.send(link, pattern(10_000_000))  # more than any window holds
    town.world.settle(town.world.now + 60)
    assert town.a.one("closed")[2] == link
    town.a.links.send(link, b"more")
    assert town.world.settle(town.world.now + 60)  # no write waits for ever
    assert len(town.b.data[0]) == 5


def test_each_byte_changes_with_its_chance_and_the_rest_stays() -> None:
    town = Town()
    town.world.corrupt(town.a.node, town.b.node, 0.01)
    data = town.send(500_000)
    town.world.settle(town.world.now + 60)
    got = bytes(town.b.data[0])
    wrong = sum(x != y for x, y in zip(got, data, strict=True))
    assert 4500 < wrong < 5500
    town.world.corrupt(town.a.node, town.b.node, 0)
    data = town.send(100_000, salt=1)
    town.world.settle(town.world.now + 60)
    assert bytes(town.b.data[1]) == data


def test_a_chance_of_one_changes_every_byte_and_the_same_seed_the_same_way() -> None:
    def run() -> bytes:
        town = Town(5)
        town.world.corrupt(town.a.node, town.b.node, 1)
        data = town.send(5000)
        town.world.settle(town.world.now + 60)
        got = bytes(town.b.data[0])
        assert all(x != y for x, y in zip(got, data, strict=True))
        return got

    assert run() == run()
    with pytest.raises(ValueError, match="between 0 and 1"):
        Town().world.corrupt(0, 1, 1.5)
