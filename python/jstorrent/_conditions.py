"""What a torrent may be waited for, and how a wait ends. Shared by the blocking and the asyncio form."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from jstorrent import _core
from jstorrent._errors import Error, RemovedError, TimeoutError
from jstorrent._status import TorrentStatus
from jstorrent._waiting import block, checked_timeout, pause

if TYPE_CHECKING:
    from jstorrent._torrent import Torrent

Condition = str | Callable[[TorrentStatus], bool]
_WORDS = ("complete", "metadata", *_core.states)

# A callable is asked after a round of the engine, at most this often, and when nothing moves as often as the second.
_PACE = 0.01
_PATIENCE = 0.05


class Wait:
    """One wait of one caller."""

    def __init__(self, torrent: Torrent, condition: Condition, timeout: float | None, piece: int | None) -> None:
        self._torrent = torrent
        self._condition = condition
        self._piece = piece
        self._timeout = checked_timeout(timeout)
        self._test = None if isinstance(condition, str) else condition
        own_thread = torrent._session._engine.has_own_thread
        self._patience = _PATIENCE if self._test is not None and own_thread else None
        if isinstance(condition, str) and condition not in _WORDS:
            raise ValueError(f"can not wait for {condition!r}: one of {', '.join(_WORDS)}, or a function")
        if not isinstance(condition, str) and not callable(condition):
            raise TypeError(f"a condition is a word or a function, not {condition!r}")
        goal = condition if isinstance(condition, str) else "change"
        if piece is not None:
            torrent._check_piece(piece)
            goal = "piece"
        self.signal = torrent._session._engine.wait_for(
            torrent._key, goal, piece or 0, _PACE if own_thread else 0.0
        )
        self._end = None if self._timeout is None else torrent._session.now + self._timeout

    def left(self) -> float | None:
        """Seconds until the timeout."""
        return None if self._end is None else max(self._end - self._torrent._session.now, 0.0)

    def slice(self) -> float | None:
        """How long to wait before judging again."""
        left = self.left()
        if left is None or self._patience is None:
            return left if self._patience is None else self._patience
        return min(left, self._patience)

    def judge(self, raised: bool) -> TorrentStatus | None:
        """The status that was waited for; None: not yet. Raises how it ended otherwise."""
        status = self._tested() if self._test is not None else self._answered(raised)
        if status is None and self.left() == 0.0 and not raised:
            raise self.late()
        return status

    def _answered(self, raised: bool) -> TorrentStatus | None:
        if not raised:
            return None
        outcome = self.signal.outcome()
        status = None if outcome == "closed" else TorrentStatus._of(self.signal.status())
        if outcome == "met":
            return status
        raise self._ended(outcome, status)

    def _tested(self) -> TorrentStatus | None:
        assert self._test is not None
        outcome = self.signal.outcome()
        status = self._torrent.status()
        if self._test(status):
            return status
        if outcome in ("closed", "removed") or status.state in ("error", "removed"):
            raise self._ended({"error": "failed", "removed": "removed"}.get(status.state, outcome), status)
        if outcome == "met":
            self.signal.rearm()
        return None

    def _ended(self, outcome: str, status: TorrentStatus | None) -> Error:
        if outcome == "removed":
            return RemovedError(f"{self._torrent.name}: removed while it was waited for")
        if outcome == "failed" and status is not None and status.error is not None:
            return status.error
        return Error(f"{self._torrent.name}: the session was closed while it was waited for", code="closed")

    def late(self) -> TimeoutError:
        """The error of a wait that took too long: it says how things stand."""
        status = self._torrent.status()
        after = "" if self._timeout is None else f" after {self._timeout:g} s"
        return TimeoutError(
            f"{self._missed(self._torrent.name)}{after}: it is {status.state}, {status.progress:.1%} done,"
            f" with {status.num_peers} peers"
        )

    def _missed(self, name: str) -> str:
        if self._piece is not None:
            return f"piece {self._piece} of {name} is not complete"
        if self._condition == "metadata":
            return f"{name} has no metadata"
        if self._condition == "error":
            return f"{name} is not in error"
        return f"{name} is not {self._condition if isinstance(self._condition, str) else 'as asked'}"

    def run(self) -> TorrentStatus:
        """Blocks until it is over."""
        while True:
            raised = block(self._torrent._session, self.signal, self.slice())
            status = self.judge(raised)
            if status is not None:
                return status
            if not raised and self._patience is None:
                raise self.late()  # a world in which nothing will happen any more

    async def run_async(self) -> TorrentStatus:
        """As run(), for asyncio."""
        while True:
            status = self.judge(await pause(self._torrent._session, self.signal, self.slice()))
            if status is not None:
                return status
