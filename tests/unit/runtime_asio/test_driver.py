"""What only the real world has: other threads, ceilings of the process, IPv6, disks that are not there."""

from __future__ import annotations

import os
import resource
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jstorrent import _core
from jstorrent._errors import NetworkError

from tests.conformance.harness import World
from tests.support.ipv6 import needs_ipv6
from tests.support.sanitizers import needs_descriptors
from tests.support.threads import tasks, tasks_left

TURNS_PER_ROUND = 64


@pytest.fixture
def world() -> Iterator[World]:
    made = World("asio")
    yield made
    made.host.abandon()


def test_another_thread_interrupts_a_waiting_round(world: World) -> None:
    thread = threading.Thread(target=world.host.interrupt)
    start = time.monotonic()
    thread.start()
    world.host.round(30.0)
    thread.join()
    assert time.monotonic() - start < 20


def test_an_interrupt_is_not_lost_when_nobody_waits(world: World) -> None:
    for _ in range(3):
        world.host.interrupt()
    start = time.monotonic()
    world.host.round(30.0)
    assert time.monotonic() - start < 20
    assert not world.host.round(0)


def test_a_round_has_at_most_sixty_four_turns(world: World) -> None:
    ops: list[int] = []
    world.host.command(lambda: ops.extend(world.host.resolve("127.0.0.1") for _ in range(2 * TURNS_PER_ROUND + 1)))
    for op in ops:
        world.done(op)
    rounds = [world.completions(op)[0].round for op in ops]
    assert [rounds.count(r) for r in sorted(set(rounds))] == [TURNS_PER_ROUND, TURNS_PER_ROUND, 1]


def test_no_call_writes_more_than_lies_ready_until_that_is_known_to_be_cheap(tmp_path: Path) -> None:
    """On ext4 and xfs; a MiB at once where runs of memory are no longer for longer writes."""
    mib = 1 << 20
    before_long = _core.lab.WriteRuns.first_try // mib

    def calls(folder: Path, *sizes: int) -> list[int]:
        world = World("asio", host=_core.lab.RuntimeHost.with_slow_disk(60.0))  # whatever a call takes, it is made here
        file, made = world.open(f"{folder}/long"), []
        for size in sizes:
            before = written()
            assert world.disk("write", file=file, data=[bytes(size)]).value == size
            made.append(written() - before)
        world.host.abandon()
        return made

    def written() -> int:
        return int(Path("/proc/self/io").read_text(encoding="ascii").split("syscw: ")[1].split()[0])

    bells = 16  # ringing one is a call, too
    if kind_of_file_system(tmp_path) in ("ext4", "xfs"):
        first, *others = calls(tmp_path, mib + 1, *[mib] * before_long)
        assert 33 <= first < 33 + bells
        assert all(32 <= n < 32 + bells for n in others[:-1])
        assert 1 <= others[-1] < 1 + bells  # it may have been dear: what the next do depends on that
    memory = Path("/dev/shm")
    if memory.is_dir() and kind_of_file_system(memory) == "tmpfs":
        with tempfile.TemporaryDirectory(dir=memory) as folder:
            assert 1 <= calls(Path(folder), mib)[0] < 1 + bells


def kind_of_file_system(path: Path) -> str:
    """As the kernel lists it, of the mount that the path is under."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    return max((each for each in mounts if path.is_relative_to(each[1])), key=lambda each: len(each[1]))[2]


def test_sockets_and_disk_share_a_round(world: World) -> None:
    near, _far = world.pair()
    ops: list[int] = []

    def many() -> None:
        ops.append(world.host.write(near, [b"x"]))
        ops.extend(world.host.resolve("127.0.0.1") for _ in range(TURNS_PER_ROUND))

    world.host.command(many)
    world.done(ops[-1])
    assert world.completions(ops[0])[0].round == world.completions(ops[1])[0].round


@pytest.mark.parametrize("ceiling", [1, 3])
def test_the_ceiling_of_sockets(ceiling: int) -> None:
    world = World("asio", max_sockets=ceiling)
    listeners = [world.listen() for _ in range(ceiling)]
    with pytest.raises(NetworkError) as caught:
        world.listen()
    assert caught.value.code == "too_many_sockets"
    with pytest.raises(NetworkError):
        world.host.open_udp("127.0.0.1:0")
    at = world.host.local(listeners[0])
    assert world.done(world.host.connect(at)).error == "too_many_sockets"
    with socket.create_connection(("127.0.0.1", int(at.rsplit(":", 1)[1]))):
        assert world.done(world.host.accept(listeners[0])).error == "too_many_sockets"
        if ceiling > 1:
            world.host.close(listeners[1])
            assert world.done(world.host.accept(listeners[0])).error == "ok"


@needs_descriptors
def test_no_descriptors_left_is_too_many_sockets(world: World) -> None:
    listener = world.listen()
    port = int(world.host.local(listener).rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)):
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest_free = os.dup(0)
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
        try:
            accept = world.done(world.host.accept(listener)).error
            connect = world.done(world.host.connect(f"127.0.0.1:{port}")).error
            opened = world.disk("open", path=__file__, mode="read").error
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert (accept, connect, opened) == ("too_many_sockets", "too_many_sockets", "too_many_open")
        assert world.done(world.host.accept(listener)).error == "ok"


@needs_ipv6
def test_ipv6_and_ipv4_listen_side_by_side_on_one_port(world: World) -> None:
    four = world.host.listen("0.0.0.0:0")
    port = world.host.local(four).rsplit(":", 1)[1]
    six = world.host.listen(f"[::]:{port}")
    accept = world.host.accept(six)
    dialled = world.done(world.host.connect(f"[::1]:{port}"))
    assert dialled.error == "ok" and world.host.remote(dialled.value) == f"[::1]:{port}"
    assert world.host.remote(world.done(accept).value).startswith("[::1]:")
    assert world.done(world.host.connect(f"[::1]:{port}", from_host="127.0.0.1")).error == "address_not_available"


def test_a_peer_that_resets_while_we_write(world: World) -> None:
    near, far = world.pair()
    while True:
        op = world.host.write(near, [b"z" * 65536])
        world.quiet_rounds(3)
        if not world.completions(op):
            break
    world.host.close(far, abort=True)
    assert world.done(op).error in ("connection_reset", "broken_pipe")


def test_a_datagram_that_cannot_go_does_not_hold_the_others(world: World) -> None:
    port = world.host.open_udp("127.0.0.1:0")
    here = world.host.local(port)
    sent = world.host.udp_send(port, [("[2001:db8::1]:9", b"x"), (here, b"a"), ("1.2.3.4:0", b"y"), (here, b"b")])
    assert sent == 2


def test_more_datagrams_than_one_call_takes(world: World) -> None:
    port = world.host.open_udp("127.0.0.1:0")
    here = world.host.local(port)
    assert world.host.udp_send(port, [(here, bytes([i])) for i in range(70)]) == 70
    got: list[bytes] = []
    while len(got) < 70:
        world.done(world.host.udp_readable(port, most=50))
        got += [data for _, data in world.events("received", port)[-1].data]
    assert got == [bytes([i]) for i in range(70)]


def test_localhost_resolves(world: World) -> None:
    event = world.done(world.host.resolve("localhost"))
    assert event.error == "ok"
    assert set(event.data) <= {"127.0.0.1", "::1"}


def test_a_full_disk_says_so(world: World) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    assert world.disk("open", path="/dev/full", mode="write").error == "not_a_file"


def test_a_file_larger_than_allowed(world: World, tmp_path: Path) -> None:
    file = world.open(tmp_path / "a")
    assert world.disk("truncate", file=file, offset=1 << 62).error in ("file_too_large", "invalid_argument")


def test_reads_of_one_file_overlap_on_the_workers(world: World, tmp_path: Path) -> None:
    file = world.open(tmp_path / "a")
    world.disk("write", file=file, data=[bytes(range(256)) * 4096])
    ops: list[int] = []
    world.host.command(
        lambda: ops.extend(
            world.host.disk("read", file=file, offset=i * 4096, sizes=[4096], bulk=True) for i in range(64)
        )
    )
    assert {bytes(world.done(op).data) for op in ops} == {bytes(range(256)) * 16}


def test_abandoning_while_workers_are_busy(tmp_path: Path) -> None:
    for _ in range(5):
        world = World("asio")
        file = world.open(tmp_path / "a")
        world.host.command(
            lambda w=world, f=file: [w.host.disk("write", file=f, data=[b"x" * (1 << 20)], bulk=True) for _ in range(8)]
        )
        world.host.command(lambda w=world: [w.host.hash([b"y" * (1 << 20)], sha1=True, bulk=True) for _ in range(8)])
        world.host.abandon()
        done = len(world.events("write")) + len(world.events("hash"))
        world.quiet_rounds()
        assert len(world.events("write")) + len(world.events("hash")) == done


def test_threads_start_with_the_first_work_only(tmp_path: Path) -> None:
    before = tasks()
    world = World("asio")
    world.pair()
    world.open(tmp_path / "a")
    world.hash(b"abc", sha1=True)
    assert not tasks_left(before)
    world.hash(b"abc", sha1=True, bulk=True)
    assert tasks() - before
    world.host.abandon()
    assert not tasks_left(before)


@pytest.mark.parametrize(("limit", "on_workers"), [(60.0, False), (0.0, True)])
def test_a_slow_disk_is_left_to_the_workers(tmp_path: Path, limit: float, on_workers: bool) -> None:
    before = tasks()
    world = World("asio", host=_core.lab.RuntimeHost.with_slow_disk(limit))
    file = world.open(tmp_path / "a")
    # The first call finds out; what follows soon on that device keeps its order on the workers.
    for _ in range(100):
        assert world.disk("write", file=file, data=[b"abc"]).error == "ok"
        assert world.disk("write", file=file, offset=1, data=[b"x"]).error == "ok"
    assert world.disk("read", file=file, sizes=[9]).data == b"axc"
    assert bool(tasks() - before) == on_workers
    world.host.abandon()


@pytest.mark.parametrize(
    ("before", "after", "only"),
    [((3, 5), (3, 6), True), ((3, 5), (4, 6), False), ((3, 5), (4, 5), False), ((3, 5), (3, 5), False)],
)
def test_who_is_only_put_aside_does_not_wait_for_the_disk(before: tuple[int, int], after: tuple[int, int], only: bool) -> None:
    assert _core.lab.only_preempted(before, after) == only


def test_waiting_is_told_from_being_put_aside() -> None:
    before = _core.lab.thread_switches()
    reader, writer = os.pipe()
    later = threading.Timer(0.01, os.write, (writer, b"x"))
    later.start()
    os.read(reader, 1)
    later.join()
    os.close(reader)
    os.close(writer)
    assert _core.lab.thread_switches()[0] > before[0]


def test_large_reservations_go_to_the_workers(world: World, tmp_path: Path) -> None:
    before = tasks()
    file = world.open(tmp_path / "a")
    most = 64 << 20
    assert world.disk("allocate", file=file, offset=most).error == "ok"
    assert not tasks_left(before)
    assert world.disk("allocate", file=file, offset=most + 1).error == "ok"
    assert tasks() - before


def test_a_round_ends_when_its_turns_took_long(world: World) -> None:
    """Ten milliseconds of work end a round, though more turns are ready."""

    def long_turn(_: Any) -> None:
        until = time.monotonic() + 0.012
        while time.monotonic() < until:
            pass

    pairs = [world.pair()[0] for _ in range(3)]
    ops: list[int] = []
    world.host.command(lambda: ops.extend(world.host.write(near, [b"x"], then=long_turn) for near in pairs))
    rounds = [world.done(op).round for op in ops]
    assert len(set(rounds)) == 3
