"""One run of one client: what it cost, told by the kernel, and whether the file is right, told by SHA-256."""

import hashlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.clients import command

_PAGE = 4096
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Workload:
    """What is moved: a file of `size` bytes and its torrent."""

    source: Path
    torrent: Path
    info_hash: str
    piece_length: int
    size: int
    sha256: str
    traffic: Path
    connections: int


@dataclass
class Result:
    """One run. CPU in seconds of the whole process (leech) or of the serving alone (seed)."""

    client: str
    role: str
    cpu: float
    wall: float
    anonymous: int
    reads: int
    ok: bool
    engine: dict[str, Any] = field(default_factory=dict)


def warm(size: int) -> None:
    """Touches memory, so that the price of fresh pages falls on nobody."""
    pages = bytearray(size)
    for at in range(0, size, _PAGE):
        pages[at] = 1


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _proc(pid: int, name: str, key: str) -> int:
    for line in Path(f"/proc/{pid}/{name}").read_text(encoding="ascii").splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    return 0


def _cpu_so_far(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@contextmanager
def _child(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"a client ended with {process.wait()} before it was ready")
    return line


def leech(client: str, load: Workload, folder: Path) -> Result:
    """The client downloads everything from the plain seeder."""
    seeder = [str(load.traffic), "seed", str(load.source), load.info_hash, str(load.piece_length)]
    with _child(seeder) as seed, tempfile.TemporaryDirectory(dir=folder) as out:
        port = _first_line(seed).strip()
        started = time.monotonic()
        with _child(command(client, "leech", load.torrent, out, port)) as process:
            told = _first_line(process).split(maxsplit=1)
            wall = time.monotonic() - started
            anonymous, reads = _proc(process.pid, "status", "RssAnon") * 1024, _proc(process.pid, "io", "syscr")
            assert process.stdin is not None
            process.stdin.close()
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        ok = process.returncode == 0 and sha256(Path(out) / load.source.name) == load.sha256
    engine = json.loads(told[1]) if len(told) > 1 else {}
    return Result(client, "leech", used.ru_utime + used.ru_stime, wall, anonymous, reads, ok, engine)


def seed(client: str, load: Workload, folder: Path) -> Result:
    """The client serves everything once to the plain sink; checking the files before is not counted."""
    del folder
    with _child(command(client, "seed", load.torrent, load.source.parent)) as process:
        port = _first_line(process).strip()
        before, reads = _cpu_so_far(process.pid), _proc(process.pid, "io", "syscr")
        sink = [str(load.traffic), "sink", str(load.source), load.info_hash, str(load.piece_length), port]
        done = subprocess.run([*sink, str(load.connections)], capture_output=True, text=True, check=False, timeout=300)
        cpu, reads = _cpu_so_far(process.pid) - before, _proc(process.pid, "io", "syscr") - reads
        anonymous = _proc(process.pid, "status", "RssAnon") * 1024
    wall = float(done.stdout) if done.returncode == 0 else float("nan")
    return Result(client, "seed", cpu, wall, anonymous, reads, done.returncode == 0)
