"""Streams of a simulated world: bytes, windows, fragments, and every way in which a connection begins and ends."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.runtime_sim.people import MIB, Talker, Town, World, pattern

WINDOW = 256 * 1024
BACKLOG = 512


def test_bytes_come_whole_and_in_order() -> None:
    town = Town()
    data = town.send(3 * MIB)
    assert town.world.settle(60)
    assert bytes(town.b.data[0]) == data
    assert town.b.one("closed")[3] == "end_of_stream"


def test_both_directions_at_once() -> None:
    town = Town()
    link = town.connect()
    there, back = pattern(MIB, 1), pattern(MIB, 2)
    town.a.links.send(link, there)
    town.b.links.send(0, back)
    assert town.world.settle(60)
    assert bytes(town.b.data[0]) == there and bytes(town.a.data[link]) == back


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**64 - 1),
    sizes=st.lists(st.integers(1, 40_000), min_size=1, max_size=6),
    size=st.integers(1, 200_000),
    window=st.integers(1, 300_000),
)
def test_any_fragmentation_gives_the_same_bytes(seed: int, sizes: list[int], size: int, window: int) -> None:
    sizes = [max(s, size // 400) for s in sizes]
    window = max(window, size // 400)
    town = Town(seed, window=window)
    town.world.fragment(town.a.node, town.b.node, sizes)
    data = town.send(size)
    assert town.world.settle(10_000)
    assert bytes(town.b.data[0]) == data
    assert max(n for _, n in town.b.runs[0]) <= max(sizes) or town.world.window(town.a.node, town.b.node) == window


def test_a_fragment_is_read_as_one_run() -> None:
    town = Town(rate=0)
    town.world.fragment(town.a.node, town.b.node, [7])
    town.send(70)
    assert town.world.settle(10)
    assert [n for _, n in town.b.runs[0]] == [7] * 10


def test_fragment_sizes_are_the_seed_s_choice() -> None:
    def runs(seed: int) -> list[int]:
        town = Town(seed)
        town.world.fragment(town.a.node, town.b.node, [1, 10, 100, 1000])
        town.send(20_000)
        town.world.settle(10)
        return [n for _, n in town.b.runs[0]]

    assert runs(5) == runs(5)
    assert runs(5) != runs(6)


def test_a_reader_that_does_not_read_stops_the_writer_at_the_window() -> None:
    town = Town()
    link = town.connect()
    town.b.links.pause_reading(0)
    town.a.links.send(link, bytes(MIB))
    town.world.run_for(60)
    # Before the pause nothing had come, so exactly one window is taken; the readable that waited found it closed.
    assert town.a.links.unsent(link) == MIB - WINDOW
    town.b.links.pause_reading(0, False)
    assert town.world.settle(town.world.now + 60)
    assert town.a.links.unsent(link) == 0
    assert len(town.b.data[0]) == MIB


def test_a_window_can_be_set() -> None:
    town = Town(window=10_000)
    link = town.connect()
    town.b.links.pause_reading(0)
    town.a.links.send(link, bytes(50_000))
    town.world.run_for(60)
    assert town.a.links.unsent(link) == 40_000


# ---- beginnings ----


def test_connect_takes_one_round_trip_and_accept_half_more() -> None:
    town = Town(latency=0.1)
    town.connect()
    assert town.a.one("connected")[0] == 0.2
    assert town.b.one("accepted")[0] == 0.3


def test_both_ends_know_both_addresses() -> None:
    town = Town()
    town.connect()
    _, _, _, local = town.a.one("connected")
    _, _, _, here, there = town.b.one("accepted")
    assert (here, there) == ("10.0.0.2:6881", local)
    assert local.startswith("10.0.0.1:")


def test_a_source_port_of_one_s_own_choice() -> None:
    town = Town()
    town.a.links.connect(town.at_b, 7777)
    town.world.settle(10)
    assert town.b.one("accepted")[4] == "10.0.0.1:7777"


def test_a_port_where_nobody_listens_refuses_after_one_round_trip() -> None:
    town = Town()
    town.a.links.connect("10.0.0.2:9")
    town.world.settle(10)
    assert town.a.one("failed") == (0.02, "failed", 0, "connection_refused")


def test_an_address_where_nobody_lives_is_a_black_hole_until_the_kernel_gives_up() -> None:
    town = Town()
    town.a.links.connect("10.9.9.9:6881")
    town.world.run_until(126.9)
    assert town.a.said("failed") == [] and not town.world.idle
    town.world.run_until(127.1)
    assert town.a.one("failed") == (127.0, "failed", 0, "connect_timeout")


def test_a_connect_can_be_given_up() -> None:
    town = Town()
    link = town.a.links.connect("10.9.9.9:6881")
    town.world.run_until(5)
    town.a.links.close(link)
    assert town.world.settle(6)
    assert town.world.connections == 0


def test_a_connect_given_up_while_it_is_answered_leaves_nothing() -> None:
    town = Town()
    link = town.a.links.connect(town.at_b)
    town.world.run_until(0.015)
    town.a.links.close(link)
    assert town.world.settle(5)
    assert town.b.log == [] and town.world.connections == 0


def test_a_backlog_is_bounded_and_lost_connects_try_again() -> None:
    world = World(1)
    host = Talker(world, "full", "10.0.0.9")
    at = host.links.listen(1)
    world.limit_sockets(host.node, 1)  # the listener itself: nothing can be accepted
    dialler = Talker(world, "a", "10.0.0.1")
    for _ in range(BACKLOG + 1):
        dialler.links.connect(at)
    world.run_until(0.9)
    assert len(dialler.said("connected")) == BACKLOG and host.said("accepted") == []
    world.limit_sockets(host.node, 0)
    world.run_until(3.5)
    assert len(dialler.said("connected")) == BACKLOG + 1
    assert len(host.said("accepted")) == BACKLOG + 1


# ---- ends ----


def test_a_close_delivers_the_rest_and_then_the_end() -> None:
    town = Town(rate=100_000, latency=1.0)
    data = town.send(50_000)
    town.world.run_until(3.0)
    assert 0 == len(town.b.data.get(0, b""))
    assert town.world.settle(60)
    assert bytes(town.b.data[0]) == data
    assert abs(town.b.one("closed")[0] - 3.5) < 0.001


def test_an_end_of_one_direction_leaves_the_other_open() -> None:
    town = Town()
    link = town.connect()
    town.b.links.send(0, b"first")
    town.b.links.close(0)
    town.world.settle(10)
    assert town.a.one("closed")[3] == "end_of_stream"
    assert town.a.links.is_open(link) and bytes(town.a.data[link]) == b"first"


def test_bytes_for_a_closed_end_are_answered_by_a_reset() -> None:
    town = Town()
    link = town.connect()
    town.b.links.close(0)
    town.world.settle(10)
    town.a.links.send(link, b"too late")
    town.world.settle(20)
    town.a.links.send(link, b"later still")
    assert town.world.settle(30)
    assert town.a.links.unsent(link) == 0
    town.a.links.close(link)
    assert town.world.settle(40) and town.world.connections == 0


def test_a_reset_takes_one_latency_and_kills_what_is_under_way() -> None:
    town = Town(rate=10_000)
    link = town.connect()
    start = town.world.now
    town.a.links.send(link, bytes(20_000))
    town.world.run_for(1)
    town.a.links.close(link, abort=True)
    assert town.world.settle(60)
    when, _, _, error = town.b.one("closed")
    assert error == "connection_reset" and abs(when - start - 1.01) < 1e-9
    assert 9_000 < len(town.b.data[0]) < 10_200
    assert town.world.connections == 0


def test_a_dropped_stream_is_silence() -> None:
    town = Town()
    link = town.connect()
    town.a.links.drop(link)
    town.b.links.send(0, bytes(1000))
    town.world.run_for(3600)
    assert town.b.said("closed") == [] and town.b.links.is_open(0)


def test_closing_with_unread_bytes_resets_after_what_was_written() -> None:
    town = Town()
    link = town.connect()
    town.b.links.pause_reading(0)
    town.a.links.send(link, bytes(1000))
    town.world.settle(10)
    town.b.links.send(0, b"farewell")
    town.b.links.close(0)
    assert town.world.settle(20)
    assert bytes(town.a.data[link]) == b"farewell"
    assert town.a.one("closed")[3] == "end_of_stream"


def test_nothing_is_left_of_ended_connections() -> None:
    town = Town()
    for i in range(20):
        town.send(10_000)
        town.world.settle(100)
        town.b.links.close(i)
    assert town.world.settle(200)
    assert town.world.connections == 0
