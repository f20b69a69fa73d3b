"""Streams and listeners say the same over sockets and in simulation."""

from __future__ import annotations

import pytest
from jstorrent import _core
from jstorrent._errors import NetworkError

from tests.conformance.harness import LOCALHOST, WORLDS, World

MAX_SPANS = 64


def test_both_ends_know_each_other(world: World) -> None:
    listener = world.listen()
    accept = world.host.accept(listener)
    near = world.done(world.host.connect(world.host.local(listener))).value
    far = world.done(accept).value
    assert world.host.remote(near) == world.host.local(listener)
    assert world.host.remote(far) == world.host.local(near)
    assert world.host.local(far) == world.host.remote(near)


def test_bytes_arrive_whole_and_in_order(world: World) -> None:
    near, far = world.pair()
    data = bytes(i * 7 % 251 for i in range(200_000))
    sent = 0
    got = b""
    writing = world.host.write(near, [data])
    while len(got) < len(data):
        if world.completions(writing):
            sent += world.completions(writing)[0].value
            if sent < len(data):
                writing = world.host.write(near, [data[sent:]])
        part = world.read(far)
        got += part if isinstance(part, bytes) else b""
    assert got == data


def test_scattered_spans_are_written_and_read_in_order(world: World) -> None:
    near, far = world.pair()
    event = world.done(world.host.write(near, [b"ab", b"", b"cde", b"f"]))
    assert (event.error, event.value, event.intact) == ("ok", 6, True)
    got = b""
    while len(got) < 6:
        part = world.read(far, [1, 2, 10])
        got += part if isinstance(part, bytes) else b""
    assert got == b"abcdef"


def test_sixty_four_spans_are_taken_and_one_more_is_a_broken_rule(world: World) -> None:
    near, far = world.pair()
    assert world.done(world.host.write(near, [b"x"] * MAX_SPANS)).value == MAX_SPANS
    assert len(world.read_exactly(far, MAX_SPANS)) == MAX_SPANS
    world.host.write(near, [b"x"] * (MAX_SPANS + 1))
    assert len(world.events("broken")) == 1


@pytest.mark.parametrize("spans", [[], [b""]])
def test_writing_nothing_is_a_broken_rule(world: World, spans: list[bytes]) -> None:
    near, _ = world.pair()
    world.host.write(near, spans)
    assert len(world.events("broken")) == 1


def test_a_readable_without_bytes_waits(world: World) -> None:
    near, far = world.pair()
    op = world.host.readable(far)
    world.quiet_rounds()
    assert world.completions(op) == []
    world.write_all(near, b"now")
    assert world.done(op).error == "ok"
    assert world.events("took", far)[-1].data == b"now"


def test_what_a_short_read_left_is_readable_again(world: World) -> None:
    near, far = world.pair()
    world.write_all(near, b"abcd")
    assert world.read_exactly(far, 1) == b"a"
    assert world.read_exactly(far, 3) == b"bcd"
    op = world.host.readable(far)
    world.quiet_rounds()
    # A reader that took all it asked for may be told once more; then there is nothing.
    assert world.completions(op) == [] or world.events("took", far)[-1].error == "would_block"


def test_reading_on_when_drained_says_would_block(world: World) -> None:
    near, far = world.pair()
    seen: list[object] = []

    def twice(event: object) -> None:
        seen.append(world.host.read_now(far, [100]))
        seen.append(world.host.read_now(far, [100]))

    world.write_all(near, b"once")
    world.done(world.host.readable(far, sizes=[], then=twice))
    assert seen == [b"once", None]
    assert world.events("took", far)[-1].error == "would_block"


def test_a_full_pipe_holds_the_writer_until_the_reader_takes(world: World) -> None:
    near, far = world.pair()
    chunk = b"z" * (1 << 20)
    total = 0
    while True:
        op = world.host.write(near, [chunk])
        world.quiet_rounds(4)
        if not world.completions(op):
            break
        total += world.completions(op)[0].value
        assert total < 1 << 28, "a pipe without end"
    assert len(world.read_exactly(far, total)) == total
    assert world.done(op).error == "ok"


# ---- the end of a stream ----


def test_a_graceful_close_delivers_what_was_written_then_the_end(world: World) -> None:
    near, far = world.pair()
    world.write_all(near, b"last words")
    world.host.close(near)
    assert world.read_exactly(far, 10) == b"last words"
    assert world.read(far) == "end_of_stream"


def test_a_half_closed_stream_still_receives(world: World) -> None:
    near, far = world.pair()
    world.write_all(near, b"question")
    world.host.shutdown_send(near)
    assert world.read_exactly(far, 8) == b"question"
    assert world.read(far) == "end_of_stream"
    world.write_all(far, b"answer")
    assert world.read_exactly(near, 6) == b"answer"
    assert world.done(world.host.write(near, [b"more"])).error == "broken_pipe"


def test_an_abort_resets_the_other_side(world: World) -> None:
    near, far = world.pair()
    op = world.host.readable(far)
    world.host.close(near, abort=True)
    world.done(op)
    assert world.events("took", far)[-1].error == "connection_reset"
    assert world.done(world.host.write(far, [b"x"])).error in ("broken_pipe", "connection_reset")


def test_a_dropped_stream_resets_the_other_side_and_completes_nothing(world: World) -> None:
    near, far = world.pair()
    mine = world.host.readable(near)
    op = world.host.readable(far)
    world.host.drop(near)
    world.done(op)
    assert world.events("took", far)[-1].error == "connection_reset"
    world.quiet_rounds()
    assert world.completions(mine) == []


def test_a_stream_dropped_while_its_completion_waits_gives_none(world: World) -> None:
    near, _far = world.pair()
    ops: list[int] = []

    def write_and_drop() -> None:
        ops.append(world.host.write(near, [b"x"]))
        world.host.drop(near)

    world.host.command(write_and_drop)
    world.quiet_rounds()
    assert world.completions(ops[0]) == []


@pytest.mark.parametrize("abort", [False, True])
def test_close_cancels_what_is_outstanding_in_a_later_turn(world: World, abort: bool) -> None:
    near, _far = world.pair()
    op = world.host.readable(near)
    world.host.close(near, abort=abort)
    event = world.done(op)
    assert (event.error, event.is_inline) == ("canceled", False)
    world.quiet_rounds()
    assert len(world.completions(op)) == 1


def test_close_cancels_also_what_has_ended_but_was_not_delivered(world: World) -> None:
    near, _far = world.pair()
    ops: list[int] = []

    def write_and_close() -> None:
        ops.append(world.host.write(near, [b"x"]))
        world.host.close(near)

    world.host.command(write_and_close)
    assert world.done(ops[0]).error == "canceled"
    world.quiet_rounds()
    assert len(world.completions(ops[0])) == 1


def test_cancel_leaves_the_stream_usable(world: World) -> None:
    near, far = world.pair()
    op = world.host.readable(near)
    world.host.cancel(near)
    assert world.done(op).error == "canceled"
    world.write_all(far, b"on")
    assert world.read_exactly(near, 2) == b"on"


def test_a_closed_stream_says_so(world: World) -> None:
    near, _far = world.pair()
    world.host.close(near)
    assert world.done(world.host.readable(near)).error == "closed"
    assert world.done(world.host.write(near, [b"x"])).error == "closed"
    world.host.close(near)
    world.host.cancel(near)
    world.host.shutdown_send(near)
    world.host.low_water(near, 100)


def test_closing_inside_the_turn_of_a_completion(world: World) -> None:
    near, far = world.pair()
    world.write_all(far, b"bye")
    world.done(world.host.readable(near, sizes=[], then=lambda _: world.host.close(near, abort=True)))
    world.quiet_rounds()
    assert world.events("broken") == []


# ---- dialling and listening ----


def test_nobody_listens_is_refused(world: World) -> None:
    listener = world.listen()
    at = world.host.local(listener)
    world.host.close(listener)
    event = world.done(world.host.connect(at))
    assert (event.error, event.value) == ("connection_refused", 0)


def test_a_dial_can_be_canceled(world: World) -> None:
    listener = world.listen()
    ops: list[int] = []

    def dial_and_cancel() -> None:
        ops.append(world.host.connect(world.host.local(listener)))
        world.host.cancel_connect(ops[0])

    world.host.command(dial_and_cancel)
    event = world.done(ops[0])
    assert (event.error, event.value, event.is_inline) == ("canceled", 0, False)
    world.host.cancel_connect(ops[0])
    world.quiet_rounds()
    assert len(world.completions(ops[0])) == 1


def test_dialling_from_an_address_that_is_not_ours(world: World) -> None:
    listener = world.listen()
    event = world.done(world.host.connect(world.host.local(listener), from_host="192.0.2.77"))
    assert event.error == "address_not_available"


def test_dialling_from_an_own_address(world: World) -> None:
    listener = world.listen()
    event = world.done(world.host.connect(world.host.local(listener), from_host=LOCALHOST))
    assert event.error == "ok"
    assert world.host.local(event.value).startswith(LOCALHOST + ":")


def test_an_address_in_use_is_refused(world: World) -> None:
    listener = world.listen()
    with pytest.raises(NetworkError) as caught:
        world.host.listen(world.host.local(listener))
    assert caught.value.code == "address_in_use"


def test_closing_a_listener_cancels_its_accept(world: World) -> None:
    listener = world.listen()
    op = world.host.accept(listener)
    world.host.close(listener)
    assert world.done(op).error == "canceled"
    assert world.done(world.host.accept(listener)).error == "closed"


def test_dropping_a_listener_completes_nothing(world: World) -> None:
    listener = world.listen()
    op = world.host.accept(listener)
    world.host.drop(listener)
    world.quiet_rounds()
    assert world.completions(op) == []


def test_connections_that_wait_are_accepted_one_by_one(world: World) -> None:
    listener = world.listen()
    dials = [world.host.connect(world.host.local(listener)) for _ in range(3)]
    accepted = [world.done(world.host.accept(listener)).value for _ in range(3)]
    dialled = [world.done(op).value for op in dials]
    assert {world.host.remote(s) for s in accepted} == {world.host.local(s) for s in dialled}


def test_open_sockets_are_counted(world: World) -> None:
    assert world.host.open_sockets == 0
    near, far = world.pair()
    world.quiet_rounds()
    assert world.host.open_sockets == 2
    world.host.close(near)
    world.host.drop(far)
    assert world.host.open_sockets == 0


@pytest.mark.parametrize("name", WORLDS)
def test_beyond_the_sockets_that_may_be_open_all_say_the_same(name: str) -> None:
    world = World(name, max_sockets=2)
    listener = world.listen()
    at = world.host.local(listener)
    dialled = world.done(world.host.connect(at))
    assert dialled.error == "ok"  # the second; it waits to be accepted
    assert world.done(world.host.accept(listener)).error == "too_many_sockets"
    assert world.done(world.host.connect(at)).error == "too_many_sockets"
    with pytest.raises(NetworkError) as caught:
        world.listen()
    assert caught.value.code == "too_many_sockets"
    world.host.close(dialled.value)
    assert world.done(world.host.accept(listener)).error == "ok"  # who came in meanwhile was not lost
    world.host.abandon()


@pytest.mark.parametrize("name", WORLDS)
def test_an_accept_is_told_of_too_many_sockets_only_when_somebody_comes(name: str) -> None:
    world = World(name, max_sockets=1)
    accept = world.host.accept(world.listen())
    world.quiet_rounds()
    assert world.completions(accept) == []
    world.host.abandon()


def test_a_name_that_is_an_address_resolves_to_itself(world: World) -> None:
    event = world.done(world.host.resolve("192.0.2.7"))
    assert (event.error, list(event.data)) == ("ok", ["192.0.2.7"])


def test_a_name_that_cannot_be(world: World) -> None:
    event = world.done(world.host.resolve("no such name"))
    assert (event.error, list(event.data)) == ("host_not_found", [])


def test_low_water_never_holds_back_the_end(world: World) -> None:
    near, far = world.pair()
    world.host.low_water(far, 100_000)
    world.write_all(near, b"few")
    world.host.close(near)
    assert world.read_exactly(far, 3) == b"few"
    assert world.read(far) == "end_of_stream"


def test_low_water_lets_enough_bytes_through(world: World) -> None:
    near, far = world.pair()
    world.host.low_water(far, 5000)
    world.write_all(near, b"y" * 6000)
    assert len(world.read_exactly(far, 6000)) == 6000
    world.host.low_water(far, 1)
    world.write_all(near, b"z")
    assert world.read_exactly(far, 1) == b"z"


def test_the_lab_knows_its_worlds() -> None:
    assert "asio" in _core.lab.runtime_worlds
