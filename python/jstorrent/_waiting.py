"""Waiting for signals of an engine: blocking, in slices that let Ctrl-C through, and in asyncio, without a thread."""

from __future__ import annotations

import itertools
import math
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from jstorrent import _core

if TYPE_CHECKING:
    import asyncio


class Waitable(Protocol):
    """A session, as far as waiting is concerned."""

    @property
    def _engine(self) -> _core.Engine: ...
    @property
    def _each_round(self) -> Callable[[], object] | None: ...


def checked_timeout(timeout: float | None) -> float | None:
    """The timeout, or ValueError; a negative one has passed already."""
    if timeout is None or timeout == math.inf:
        return None
    if math.isnan(timeout):
        raise ValueError("timeout must be a number of seconds or None, not nan")
    return max(float(timeout), 0.0)


def block(session: Waitable, signal: _core.Signal, timeout: float | None) -> bool:
    """Waits until the signal is raised (True) or the timeout is over (False). In simulation this runs the world."""
    engine = session._engine
    timeout = checked_timeout(timeout)
    deadline = None if timeout is None else engine.now() + timeout
    while True:
        outcome = engine.wait(signal, deadline, session._each_round is not None)
        if session._each_round is not None:
            session._each_round()
        if outcome is not None:
            return outcome


class _Gate:
    """The eventfd of one asyncio loop, read while anything in that loop waits."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._tokens = itertools.count(1)
        self._futures: dict[int, asyncio.Future[None]] = {}
        self.core = _core.LoopGate()

    def register(self, loop: asyncio.AbstractEventLoop) -> tuple[int, asyncio.Future[None]]:
        if not self._futures:
            loop.add_reader(self.core.fileno(), self._on_said)
        token = next(self._tokens)
        future: asyncio.Future[None] = loop.create_future()
        self._futures[token] = future
        return token, future

    def release(self, token: int) -> None:
        del self._futures[token]
        loop = self._loop()
        if not self._futures and loop is not None and not loop.is_closed():
            loop.remove_reader(self.core.fileno())

    def _on_said(self) -> None:
        for token in self.core.take():
            future = self._futures.get(token)
            if future is not None and not future.done():
                future.set_result(None)


_gates: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Gate] = weakref.WeakKeyDictionary()


def check_async(session: Waitable) -> None:
    """RuntimeError where time moves only in the calling thread."""
    if not session._engine.has_own_thread:
        raise RuntimeError("a simulated session can not be awaited: use the blocking form, it runs the world")


async def pause(session: Waitable, signal: _core.Signal, timeout: float | None) -> bool:
    """As block(), for asyncio; cancelling it leaves nothing behind."""
    import asyncio  # costs as much as all of ours: only for those who await

    check_async(session)
    timeout = checked_timeout(timeout)
    loop = asyncio.get_running_loop()
    gate = _gates.get(loop)
    if gate is None:
        gate = _gates[loop] = _Gate(loop)
    token, future = gate.register(loop)
    try:
        signal.attach(gate.core, token)
        done, _ = await asyncio.wait([future], timeout=timeout)
        return bool(done)
    finally:
        signal.detach()
        gate.release(token)
