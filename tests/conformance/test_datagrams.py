"""Datagrams go and come the same over sockets and in simulation."""

from __future__ import annotations

from tests.conformance.harness import LOCALHOST, World


def test_datagrams_keep_their_borders_and_their_sender(world: World) -> None:
    one, two = world.host.open_udp(f"{LOCALHOST}:0"), world.host.open_udp(f"{LOCALHOST}:0")
    there = world.host.local(two)
    assert world.host.udp_send(one, [(there, b"a"), (there, b"bc"), (there, b"")]) == 3
    got: list[tuple[str, bytes]] = []
    while len(got) < 3:
        world.done(world.host.udp_readable(two, most=2))
        got += world.events("received", two)[-1].data
    assert got == [(world.host.local(one), data) for data in (b"a", b"bc", b"")]


def test_an_empty_datagram_socket_waits_and_close_cancels(world: World) -> None:
    port = world.host.open_udp(f"{LOCALHOST}:0")
    op = world.host.udp_readable(port)
    world.quiet_rounds()
    assert world.completions(op) == []
    world.host.close(port)
    assert world.done(op).error == "canceled"
    assert world.done(world.host.udp_readable(port)).error == "closed"
    assert world.host.udp_send(port, [(f"{LOCALHOST}:9", b"x")]) == 0


def test_a_second_readable_of_a_datagram_socket_is_a_broken_rule(world: World) -> None:
    port = world.host.open_udp(f"{LOCALHOST}:0")
    world.host.udp_readable(port)
    world.host.udp_readable(port)
    assert len(world.events("broken")) == 1


def nobody(world: World) -> str:
    """Where nobody listens any more."""
    gone = world.host.open_udp(f"{LOCALHOST}:0")
    there = str(world.host.local(gone))
    world.host.close(gone)
    return there


def test_a_datagram_that_nobody_takes_comes_back_as_an_error(world: World) -> None:
    port, there = world.host.open_udp(f"{LOCALHOST}:0"), nobody(world)
    op = world.host.udp_readable(port)
    assert world.host.udp_send(port, [(there, b"x")]) == 1
    world.done(op)
    assert world.events("received", port)[-1].data == [(there, "connection_refused")]


def test_one_that_nobody_takes_holds_no_other_back(world: World) -> None:
    port, good = world.host.open_udp(f"{LOCALHOST}:0"), world.host.open_udp(f"{LOCALHOST}:0")
    there, gone = world.host.local(good), nobody(world)
    for data in (b"a", b"b"):
        assert world.host.udp_send(port, [(gone, b"x"), (there, data), (gone, b"y")]) == 3
    got: list[tuple[str, bytes]] = []
    while len(got) < 2:
        world.done(world.host.udp_readable(good))
        got += world.events("received", good)[-1].data
    assert sorted(got) == [(world.host.local(port), b"a"), (world.host.local(port), b"b")]
    assert world.host.udp_send(good, [(world.host.local(port), b"c")]) == 1
    heard: list[tuple[str, object]] = []
    while (there, b"c") not in heard or (gone, "connection_refused") not in heard:
        world.done(world.host.udp_readable(port, most=1))
        heard += world.events("received", port)[-1].data
