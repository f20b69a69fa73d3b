"""Our own other end (bench/traffic): built where that is not done, and started."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.child import Job
from bench.clients import CLIENTS
from bench.data import Data
from bench.process import Child, child

_ROOT = Path(__file__).resolve().parent.parent
_PATIENCE = 600.0


@functools.cache
def build(target: str) -> Path:
    """A program of this package, in build/release."""
    folder = _ROOT / "build" / "release"
    done = subprocess.run(
        ["cmake", "--build", folder, "--target", target], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"bench: cannot build {target} (make build first):\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return folder / target


def _command(role: str, data: Data, *more: object) -> list[str]:
    program = build("bench_traffic")
    return [str(program), role, str(data.image), data.info_hash, str(data.piece_length), *map(str, more)]


@dataclass(frozen=True)
class Seeders:
    """`count` peers of one process. `parts`: each has some pieces only. `stall_after`: blocks of all, then one falls silent."""

    process: Child
    peers: tuple[tuple[str, int], ...]


def _loopback(index: int) -> str:
    return ".".join(str((0x7F000001 + index) >> shift & 255) for shift in (24, 16, 8, 0))


@contextmanager
def seeders(kind: str, data: Data, count: int = 1, *, parts: bool = False, stall_after: int = 0) -> Iterator[Seeders]:
    """Plain fast ones of ours ("fast"), or a client's ("libtorrent", "jstorrent")."""
    if kind == "fast":
        with child(_command("seed", data, count if parts else 0, stall_after)) as process:
            port = int(process.line())
            yield Seeders(process, tuple((_loopback(i), port) for i in range(count)))
        return
    if parts or stall_after:
        raise SystemExit("bench: only the fast seeder can have a part of the pieces, or fall silent (--seeder fast)")
    with child(CLIENTS[kind].roles["seed"](Job(str(data.torrent), str(data.folder), count=count))) as process:
        yield Seeders(process, tuple(("127.0.0.1", port) for port in process.facts()["ports"]))


def sink(data: Data, port: int, connections: int) -> float | None:
    """Fetches everything once and compares; seconds, or None when something was wrong."""
    command = _command("sink", data, port, connections)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)
    return float(done.stdout) if done.returncode == 0 else None


@contextmanager
def idlers(data: Data, port: int, connections: int) -> Iterator[None]:
    """Peers that shake hands and stay."""
    with child(_command("idle", data, port, connections)) as process:
        process.line()
        yield
