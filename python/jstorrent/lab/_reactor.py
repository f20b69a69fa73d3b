"""One thread that carries bytes for a laboratory of the real lane: its relays and trackers hang on it.

All state behind it is guarded by `lock`: callbacks run with it held, and whoever looks from outside takes it.
"""

from __future__ import annotations

import heapq
import itertools
import selectors
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable

_LONGEST = 1.0  # seconds that it waits at most, a bound only

Ready = Callable[[int], None]


class Timer:
    """A call that is due at some time; cancel() forgets it."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """It will not be called."""
        self.call = None


class Reactor:
    """A selector and a heap of timers on a thread of their own, started by the first use."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.errors: list[str] = []
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_out.setblocking(False)
        self._selector.register(self._wake_out, selectors.EVENT_READ, self._drain)
        self._thread: threading.Thread | None = None
        self._closed = False

    @staticmethod
    def now() -> float:
        """The clock of its timers."""
        return time.monotonic()

    def watch(self, sock: socket.socket, events: int, ready: Ready) -> None:
        """Calls ready(events) when the socket is; events 0: not any more. Set anew each time."""
        with self.lock:
            known = self._selector.get_map().get(sock)
            if known is None:
                if events:
                    self._selector.register(sock, events, ready)
            elif not events:
                self._selector.unregister(sock)
            elif known.events != events or known.data != ready:
                self._selector.modify(sock, events, ready)
            self._wake()

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Calls it once, so many seconds from now."""
        timer = Timer(call)
        with self.lock:
            heapq.heappush(self._timers, (self.now() + seconds, next(self._order), timer))
            self._wake()
        return timer

    def close(self) -> None:
        """Ends the thread. What was registered is closed by its owners."""
        with self.lock:
            if self._closed:
                return
            self._closed = True
            self._wake()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=10)
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    def _wake(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="jstorrent-lab", daemon=True)
            self._thread.start()
        elif threading.current_thread() is not self._thread:
            self._wake_in.send(b"w")

    def _drain(self, events: int) -> None:
        try:
            self._wake_out.recv(4096)
        except BlockingIOError:
            pass

    def _run(self) -> None:
        while True:
            with self.lock:
                if self._closed:
                    return
                due = self._timers[0][0] - self.now() if self._timers else _LONGEST
            ready = self._selector.select(min(max(due, 0.0), _LONGEST))
            with self.lock:
                if self._closed:
                    return
                for key, events in ready:
                    if self._is_watched(key):
                        self._call(lambda key=key, events=events: key.data(events))  # type: ignore[misc]
                self._fire()

    def _is_watched(self, key: selectors.SelectorKey) -> bool:
        sock = key.fileobj
        if isinstance(sock, socket.socket) and sock.fileno() < 0:
            return False  # closed by a call before this one, and a selector raises when asked for it
        known = self._selector.get_map().get(sock)
        return known is not None and known.data == key.data

    def _fire(self) -> None:
        now = self.now()
        while self._timers and self._timers[0][0] <= now:
            call = heapq.heappop(self._timers)[2].call
            if call is not None:
                self._call(call)

    def _call(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:  # noqa: BLE001 - one bad connection must not stop all others; the lab says it at the end
            self.errors.append(traceback.format_exc())
            print(self.errors[-1], file=sys.stderr)
