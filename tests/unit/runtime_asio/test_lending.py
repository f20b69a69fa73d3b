"""Reads that lend the page cache itself: only what is there, only so many windows, and a file that is cut short harms nobody."""

from __future__ import annotations

import os
from pathlib import Path

from jstorrent import _core

from tests.conformance.harness import World

WINDOW = 4 << 20
MOST_KEPT = 16
MOST_MAPPED = 256
LENT_FROM = 32 << 10
LONGEST = 1 << 20


def quick_world() -> World:
    """Whatever a call takes, the disk is no slow one."""
    return World("asio", host=_core.lab.RuntimeHost.with_slow_disk(60.0))


def mapped(path: Path) -> int:
    spans = [line.split()[0] for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith(str(path))]
    return sum(int(end, 16) - int(begin, 16) for begin, end in (span.split("-") for span in spans))


def reads(world: World, file: int, offset: int, size: int = LENT_FROM) -> bool:
    """Whether it was lent."""
    read = world.disk("read", file=file, offset=offset, sizes=[size], may_lend=True)
    assert (read.error, len(read.data)) == ("ok", size)
    return bool(read.is_lent)


def test_only_so_many_windows_stay_and_none_after_the_close(tmp_path: Path) -> None:
    world = quick_world()
    path = tmp_path / "file"
    file = world.open(path)
    for i in range(MOST_KEPT + 1):
        world.disk("write", file=file, offset=i * WINDOW, data=[b"x" * LENT_FROM])
    for i in range(MOST_KEPT + 1):
        assert reads(world, file, i * WINDOW)
    world.log.clear()  # with what they hold
    assert mapped(path) == MOST_KEPT * (WINDOW + LONGEST)
    assert reads(world, file, i * WINDOW) and mapped(path) == MOST_KEPT * (WINDOW + LONGEST)
    world.disk("close", file=file)
    world.log.clear()
    assert mapped(path) == 0


def test_so_many_windows_are_lent_at_once_and_no_more(tmp_path: Path) -> None:
    """Peers that ask here and there and read nothing hold theirs: a process may not map without end."""
    world = quick_world()
    path = tmp_path / "file"
    file = world.open(path)
    held = []
    for i in range(MOST_MAPPED + 1):
        world.disk("write", file=file, offset=i * WINDOW, data=[b"x" * LENT_FROM])
        held.append(world.disk("read", file=file, offset=i * WINDOW, sizes=[LENT_FROM], may_lend=True))
    assert [read.is_lent for read in held] == [True] * MOST_MAPPED + [False]
    assert bytes(held[-1].data) == b"x" * LENT_FROM and mapped(path) == MOST_MAPPED * (WINDOW + LONGEST)
    held.clear()
    world.log.clear()
    assert reads(world, file, MOST_MAPPED * WINDOW)


def test_a_run_over_the_end_of_a_window_is_lent(tmp_path: Path) -> None:
    world = quick_world()
    file = world.open(tmp_path / "file")
    world.disk("write", file=file, data=[os.urandom(1) * (2 * WINDOW)])
    assert reads(world, file, WINDOW - 1, LONGEST)
    assert not reads(world, file, 0, LONGEST + 1)


def test_what_the_cache_does_not_hold_is_read(tmp_path: Path) -> None:
    world = quick_world()
    file = world.open(tmp_path / "file")
    world.disk("truncate", file=file, offset=1 << 20)  # a hole: in nobody's memory
    world.disk("write", file=file, data=[b"y" * (512 << 10)])
    assert reads(world, file, 0, 512 << 10)
    assert not reads(world, file, 0, 1 << 20)


def test_what_is_lent_is_sent_as_it_lies(tmp_path: Path) -> None:
    world = quick_world()
    near, far = world.pair()
    file = world.open(tmp_path / "file")
    data = os.urandom(100_000)
    world.disk("write", file=file, data=[data])
    read = world.disk("read", file=file, offset=123, sizes=[60_000], may_lend=True)
    world.disk("close", file=file)  # what is lent outlives the file
    sent = world.done(world.host.write_lent(near, read))
    assert sent.error == "ok" and world.read_exactly(far, sent.value) == data[123 : 123 + sent.value]


def test_a_file_that_is_cut_short_fails_the_write_and_nothing_else(tmp_path: Path) -> None:
    world = quick_world()
    near, far = world.pair()
    file = world.open(tmp_path / "file")
    world.disk("write", file=file, data=[b"z" * 300_000])
    read = world.disk("read", file=file, sizes=[200_000], may_lend=True)
    assert read.is_lent
    world.disk("truncate", file=file, offset=0)
    assert world.done(world.host.write_lent(near, read)).error == "network_other"
    assert not world.disk("read", file=file, sizes=[200_000], may_lend=True).is_lent
    world.write_all(near, b"alive")
    assert world.read_exactly(far, 5) == b"alive"
