"""What the clients in Python share: how they are told what to do, and how they tell what it took.

Such a client is `python -m bench.engine_NAME ROLE JOB`. It prints one line: a word, then JSON. It ends when its stdin does.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Job:
    """What a client is to do: everything as the harness wrote it."""

    torrent: str
    folder: str
    peers: tuple[tuple[str, int], ...] = ()
    count: int = 1
    #: Where the files are that a swarm's seed serves.
    source: str = ""
    #: "order": rarest or sequential. "memory": bytes of payload. "open": nobody is choked.
    options: dict[str, Any] | None = None

    def option(self, name: str, default: Any = None) -> Any:
        return (self.options or {}).get(name, default)


class Stopwatch:
    """CPU and switches of this whole process, and wall, since it was made."""

    def __init__(self) -> None:
        self._before, self._wall = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()

    def read(self) -> dict[str, float]:
        now = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "user": now.ru_utime - self._before.ru_utime,
            "system": now.ru_stime - self._before.ru_stime,
            "wall": time.perf_counter() - self._wall,
            "voluntary": now.ru_nvcsw - self._before.ru_nvcsw,
            "involuntary": now.ru_nivcsw - self._before.ru_nivcsw,
        }


def anonymous() -> int:
    """Bytes of anonymous memory that are resident."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


def say(word: str, **facts: Any) -> None:
    """One line for the harness; then waits until it has done its part."""
    print(word, json.dumps(facts), flush=True)
    sys.stdin.read()


def serve(ports: list[int]) -> None:
    """Says where it serves, and in the end what the serving cost."""
    watch = Stopwatch()
    say("ready", ports=ports)
    say("served", **watch.read())


def main(roles: dict[str, Callable[[Job], None]]) -> None:
    """Does what the command line asks for."""
    job = json.loads(sys.argv[2])
    job["peers"] = tuple((host, port) for host, port in job.get("peers", ()))
    roles[sys.argv[1]](Job(**job))
