"""A client as a child process, and what it cost, told by the kernel."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LOOKS = 0.02  # seconds between two looks at a client's memory
_PATIENCE = 300.0  # seconds for one run
_ROOT = Path(__file__).resolve().parent.parent


class ClientFailed(RuntimeError):
    """A client ended before it did what it was asked for."""


@dataclass
class Cost:
    """CPU seconds, wall seconds, bytes, and counts of read and write calls (not of sockets) and context switches."""

    user: float = 0.0
    system: float = 0.0
    wall: float = 0.0
    anonymous: int = 0
    peak: int = 0
    reads: int = 0
    writes: int = 0
    voluntary: int = 0
    involuntary: int = 0

    @property
    def cpu(self) -> float:
        return self.user + self.system


def _keys(pid: int, name: str) -> dict[str, int]:
    """Numbers of a file of /proc; bytes where it says kB."""
    found = {}
    for line in Path(f"/proc/{pid}/{name}").read_text(encoding="ascii").splitlines():
        key, _, value = line.partition(":")
        words = value.split()
        if words and words[0].isdigit():
            found[key] = int(words[0]) * (1024 if words[-1] == "kB" else 1)
    return found


class _Watch(threading.Thread):
    """Looks at a process while it runs: some figures are gone with it."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self._over = pid, threading.Event()
        self.anonymous = self.peak = self.reads = self.writes = 0

    def run(self) -> None:
        while self.look() and not self._over.wait(_LOOKS):
            pass

    def look(self) -> bool:
        try:
            status, calls = _keys(self._pid, "status"), _keys(self._pid, "io")
        except OSError:
            return False
        self.anonymous = max(self.anonymous, status.get("RssAnon", 0))
        self.peak = max(self.peak, status.get("VmHWM", 0))
        self.reads, self.writes = max(self.reads, calls.get("syscr", 0)), max(self.writes, calls.get("syscw", 0))
        return True

    def stop(self) -> None:
        self._over.set()
        self.join()


class Child:
    """A process that says its lines on stdout and ends when its stdin does; killed at the end of its `with`."""

    def __init__(self, command: list[str], folder: Path | None = None, cpu: int | None = None) -> None:
        paths = [str(_ROOT), str(_ROOT / "python"), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, cwd=folder, text=True,
            env=environment,
        )  # fmt: skip
        if cpu is not None:
            os.sched_setaffinity(self.process.pid, {cpu})
        self._deadline = threading.Timer(_PATIENCE, self.process.kill)
        self._deadline.daemon = True
        self._deadline.start()
        self._watch = _Watch(self.process.pid)
        self._watch.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def line(self) -> str:
        """The next line; waits for it."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise ClientFailed(f"ended with {self.process.wait()} too early: {self._last_words()}")
        return line.strip()

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def facts(self) -> dict[str, Any]:
        """The next line, which is a word and JSON."""
        found: dict[str, Any] = json.loads(self.line().split(maxsplit=1)[1])
        return found

    def rest(self) -> str:
        """What else it says until it ends; its stdin is closed for that."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        return self.process.stdout.read()

    def anonymous(self) -> int:
        return _keys(self.pid, "status").get("RssAnon", 0)

    def cost_to_the_end(self, ended_at: float | None = None) -> Cost:
        """Lets it end; what the whole process cost. `ended_at`: when the work was done, if not with the process."""
        self._watch.look()
        assert self.process.stdin is not None
        self.process.stdin.close()
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self._watch.stop()
        return Cost(
            used.ru_utime, used.ru_stime, (ended_at or time.monotonic()) - self.started, self._watch.anonymous,
            self._watch.peak, self._watch.reads, self._watch.writes, used.ru_nvcsw, used.ru_nivcsw,
        )  # fmt: skip

    def close(self) -> None:
        self._deadline.cancel()
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
        self._watch.stop()
        self._errors.close()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def child(command: list[str], folder: Path | None = None, cpu: int | None = None) -> Iterator[Child]:
    """`cpu`: the only one that it may use."""
    started = Child(command, folder, cpu)
    try:
        yield started
    finally:
        started.close()
