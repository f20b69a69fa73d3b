"""A child process: what it says is read always and kept to a bound, and it ends with the laboratory."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

MOST_OUTPUT = 64 << 10
"""Characters of output that are kept: the last ones."""
_POLITE = 3.0
_DRAIN = 1.0
_living: set[Program] = set()


class Program:
    """A running command, in a process group of its own: Ctrl-C in a shell is not meant for it. Its stdin stays open as
    long as we live.
    """

    def __init__(self, command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True, env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
        )  # fmt: skip
        self._lock = threading.Lock()
        self._said = ""
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        _living.add(self)

    @property
    def pid(self) -> int:
        """Of the process, which leads its group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """It has not ended."""
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; a signal's number below zero."""
        return self._process.poll()

    @property
    def output(self) -> str:
        """The end of what it said; all of it once it has ended."""
        if not self.running:
            self._reader.join(_DRAIN)  # a child of its own may keep the pipe
        with self._lock:
            return self._said

    def stop(self) -> None:
        """Asks it to end; kills it if it does not."""
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(_POLITE)
        except subprocess.TimeoutExpired:
            pass
        self.kill()

    def kill(self) -> None:
        """SIGKILL to it and to what it started."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._end()

    def _signal(self, signum: int) -> None:
        try:
            os.killpg(self._process.pid, signum)  # also when it has ended itself: it may have left children
        except (ProcessLookupError, PermissionError):
            pass

    def _end(self) -> None:
        _living.discard(self)
        if self._process.stdin is not None:
            try:
                self._process.stdin.close()
            except OSError:
                pass
        self._reader.join(timeout=2)

    def _read(self, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                with self._lock:
                    self._said = (self._said + line)[-MOST_OUTPUT:]




@atexit.register
def _kill_all() -> None:
    for program in list(_living):
        program.kill()
