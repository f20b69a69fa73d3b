"""The machine: what it is, and how it is brought into the same state before each run."""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import resource
import time
from pathlib import Path

_PAGE = 4096
_HUGE = 2 << 20
_PROOFS = 5
_OWN = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS  # what a heap is made of; shared pages are never huge here
#: A fault of 2 MiB that takes longer means that the pages came from the host: the run would pay for it.
COLDEST_FAULT = 500.0  # microseconds
_DIRTY_LEFT = 50 << 20
_SETTLE_PATIENCE = 20.0


def warm(size: int) -> None:
    """Touches memory, so that the price of fresh pages falls on nobody."""
    with mmap.mmap(-1, size, flags=_OWN) as pages:
        for at in range(0, size, _HUGE):
            end = min(at + _HUGE, size)
            pages[at:end:_PAGE] = b"\1" * len(range(at, end, _PAGE))


def fault_microseconds() -> float:
    """What the first touch of 2 MiB costs now, the best of a few: the proof that memory is warm."""
    best, ones = float("inf"), b"\1" * (_HUGE // _PAGE)
    for _ in range(_PROOFS):
        with mmap.mmap(-1, 2 * _HUGE, flags=_OWN) as pages:
            pages.madvise(mmap.MADV_HUGEPAGE)
            first = ctypes.c_char.from_buffer(pages)
            at = -ctypes.addressof(first) % _HUGE  # a huge page is one only where it is aligned
            del first
            started = time.perf_counter()
            pages[at : at + _HUGE : _PAGE] = ones
            best = min(best, (time.perf_counter() - started) * 1e6)
    return best


def _memory(what: str) -> int:
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{what}:"))


def most_warm() -> int:
    """So much may be touched that everybody else still has room."""
    return _memory("MemAvailable") // 2


def settle() -> None:
    """Waits until what the run before wrote is on the disk."""
    os.sync()
    until = time.monotonic() + _SETTLE_PATIENCE
    while _memory("Dirty") > _DIRTY_LEFT and time.monotonic() < until:
        time.sleep(0.05)


def allow_many_files() -> None:
    """A thousand peers are a thousand sockets."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def part() -> int:
    """Everything of ours on the first CPU; returns the last one, for the client."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise SystemExit("bench: --pin needs two CPUs")
    os.sched_setaffinity(0, {cpus[0]})
    return cpus[-1]


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def cpu_flags() -> set[str]:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return set(next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), []))


def _file_system(folder: Path) -> str:
    best = ("", "unknown")
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, point, kind = line.split()[:3]
        if folder.resolve().is_relative_to(point) and len(point) > len(best[0]):
            best = (point, kind)
    return best[1]


def conditions(folder: Path) -> str:
    """One line that says where figures come from."""
    sha = ", ".join(name for name in ("sha_ni", "avx512f") if name in cpu_flags()) or "no SHA instructions"
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} CPUs, {_cpu_model()} ({sha}), Linux {platform.release()}, {_file_system(folder)}, "
        f"Python {platform.python_version()}, load {load:.1f} at the start"
    )
