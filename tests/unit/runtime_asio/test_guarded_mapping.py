"""Files that are read in place, and cut short meanwhile (runtime_asio/guarded_mapping)."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from jstorrent import _core

from tests.support.sanitizers import signals_are_caught

Mapping = _core.lab.GuardedMapping
MIB = 1 << 20
DATA = random.Random(5).randbytes(4 * MIB)


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    """Of a file that the page cache has."""
    path = tmp_path / "file"
    path.write_bytes(DATA)
    opened = os.open(path, os.O_RDWR)
    yield opened
    os.close(opened)


def of(fd: int, offset: int, length: int) -> Mapping:
    made = Mapping.of(fd, offset, length)
    if made is None:
        pytest.skip("this kernel does not tell what it has in its cache, or somebody else handles SIGBUS")
    return made


@pytest.mark.parametrize(("offset", "length"), [(0, 4 * MIB), (1, MIB), (4095, MIB + 2), (3 * MIB - 7, MIB + 7)])
def test_it_is_the_file(fd: int, offset: int, length: int) -> None:
    made = of(fd, offset, length)
    assert made.read() == DATA[offset : offset + length]
    assert made.is_whole


@pytest.mark.parametrize("left", [0, 1, 4096, MIB + 5, 4 * MIB - 1])
def test_who_reads_what_was_cut_off_reads_zeros_and_is_told(fd: int, left: int) -> None:
    made = of(fd, 0, 4 * MIB)
    os.ftruncate(fd, left)
    assert made.read() == DATA[:left] + bytes(4 * MIB - left)
    assert not made.is_whole


def test_a_file_that_was_cut_and_grew_again_is_not_whole_if_the_gap_was_read(fd: int) -> None:
    made = of(fd, 0, 4 * MIB)
    os.ftruncate(fd, MIB)
    assert made.read()[MIB:] == bytes(3 * MIB)
    os.ftruncate(fd, 4 * MIB)
    assert not made.is_whole


def test_one_that_is_cut_leaves_others_whole(fd: int, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(DATA)
    with (tmp_path / "other").open("rb") as other:
        made, theirs = of(fd, 0, 4 * MIB), of(other.fileno(), 0, 4 * MIB)
        os.ftruncate(fd, 0)
        assert made.read() == bytes(4 * MIB)
        assert theirs.read() == DATA
        assert theirs.is_whole and not made.is_whole


def test_there_are_so_many_at_once_and_no_more(fd: int) -> None:
    made = [of(fd, 0, MIB) for _ in range(Mapping.most_at_once)]
    assert Mapping.of(fd, 0, MIB) is None
    made.pop()
    made.append(of(fd, MIB, MIB))
    assert [m.read() for m in made] == [DATA[:MIB]] * (len(made) - 1) + [DATA[MIB : 2 * MIB]]


def test_what_is_not_there_or_too_little_is_not_mapped(fd: int, tmp_path: Path) -> None:
    of(fd, 0, Mapping.least_bytes)
    assert Mapping.of(fd, 0, Mapping.least_bytes - 1) is None
    assert Mapping.of(fd, 3 * MIB + 1, MIB) is None
    with (tmp_path / "hole").open("w+b") as hole:
        hole.truncate(4 * MIB)
        assert Mapping.of(hole.fileno(), 0, 4 * MIB) is None, "nothing of it is in memory"
    assert Mapping.of(-1, 0, MIB) is None


def test_a_thread_that_blocks_the_signal_maps_nothing(fd: int) -> None:
    """It would be killed: the kernel asks no handler then."""
    of(fd, 0, MIB)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGBUS})
    try:
        assert Mapping.of(fd, 0, MIB) is None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert of(fd, 0, MIB).read() == DATA[:MIB]


FOREIGN = """
import faulthandler, mmap, os, sys, tempfile
from jstorrent import _core
file = tempfile.TemporaryFile()
file.write(bytes(4 << 20))
file.flush()
{before}
ours = _core.lab.GuardedMapping.of(file.fileno(), 0, 4 << 20)
{after}
print("mapped" if ours and _core.lab.GuardedMapping.of(file.fileno(), 0, 1 << 20) else "not mapped", flush=True)
theirs = mmap.mmap(file.fileno(), 4 << 20)
file.truncate(0)
if ours and {reads}:
    ours.read()
    print("alive", flush=True)
theirs[0]
print("nobody was told", flush=True)
"""


def run(before: str = "", after: str = "", reads: bool = True) -> subprocess.CompletedProcess[str]:
    program = FOREIGN.format(before=before, after=after, reads=reads)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@signals_are_caught
def test_a_fault_of_somebody_else_ends_the_process_as_before() -> None:
    ended = run()
    if "not mapped" in ended.stdout:
        pytest.skip("this kernel does not tell what it has in its cache")
    assert ended.stdout.split("\n") == ["mapped", "alive", ""]
    assert ended.returncode == -signal.SIGBUS


@signals_are_caught
def test_who_handled_it_before_is_told_of_faults_of_others() -> None:
    ended = run(before="faulthandler.enable()")
    if "not mapped" in ended.stdout:
        pytest.skip("this kernel does not tell what it has in its cache")
    assert ended.stdout.split("\n") == ["mapped", "alive", ""]
    assert "Fatal Python error: Bus error" in ended.stderr
    assert ended.returncode == -signal.SIGBUS


@signals_are_caught
def test_nothing_is_mapped_once_somebody_else_handles_it() -> None:
    ended = run(after="faulthandler.enable()", reads=False)
    assert ended.stdout.split("\n") == ["not mapped", ""]
    assert "Fatal Python error: Bus error" in ended.stderr
    assert ended.returncode == -signal.SIGBUS
