"""Child processes that say in lines how far they are, and waiting for such a line without sleeping."""

import queue
import re
import signal
import subprocess
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

_KEPT = 40  # lines, for messages


class Talker:
    """A child whose output is read line by line, each wait with an end. It is read always, so that it never blocks."""

    def __init__(self, command: list[str | Path], *, cwd: Path | None = None) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            text=True,
            errors="replace",
            # A suite in the background may have been started with Ctrl-C ignored; a person's shell never does that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - one system call, no lock
        )
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._heard: deque[str] = deque(maxlen=_KEPT)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def story(self) -> str:
        """The end of what it said, for messages."""
        return "\n".join(self._heard)

    def line_with(self, pattern: str, within: float) -> re.Match[str]:
        """The next line that matches. A failure says what it said instead."""
        until = time.monotonic() + within
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                raise AssertionError(self._complaint(f"said nothing of /{pattern}/ in {within} s")) from None
            if line is None:
                raise AssertionError(self._complaint(f"ended without a word of /{pattern}/"))
            match = re.search(pattern, line)
            if match:
                return match

    def interrupt(self, signum: int) -> None:
        """Sends it a signal."""
        self._process.send_signal(signum)

    def end(self, within: float) -> int:
        """Waits until the process ends by itself; its exit code."""
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(self._complaint(f"did not end in {within} s")) from None

    def stop(self) -> None:
        """Ends it, politely first."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._reader.join(timeout=10)

    def _complaint(self, what: str) -> str:
        return f"{self._process.args!r} {what}; it said:\n{self.story}"

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._heard.append(line.rstrip())
                self._lines.put(line.rstrip())
        self._lines.put(None)
