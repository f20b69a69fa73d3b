"""The sockets of an engine's process, and running out of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jstorrent.lab._args import whole

if TYPE_CHECKING:
    from jstorrent.lab._engine import Engine


class Sockets:
    """Listeners, links and dials of one engine, in both lanes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._most = 0
        self.were_short = False
        """Who dialled it may have waited in its backlog."""

    @property
    def open(self) -> int:
        """How many there are now."""
        return self._engine.session.status().sockets

    def quota(self, most: int | None) -> None:
        """No more than so many from now on, also after a restart; None ends it. What is open stays open.

        Beyond it an accept and a dial fail as they do in a process without descriptors; who dials the engine waits in its
        backlog.
        """
        if most is not None:
            most = whole(most, "a quota is sockets, at least 1, or None", 1, 1 << 30)
        self._engine._lab._check_thread()
        self._most = most or 0
        self.were_short = self.were_short or most is not None
        self._apply()

    def _apply(self) -> None:
        if self._engine._up:
            self._engine.session._engine.limit_sockets(self._most)
