"""The session: all torrents of one user, on one engine."""

from __future__ import annotations

import atexit
import contextlib
import math
import os
import sys
import warnings
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self, overload

from jstorrent import _core
from jstorrent._errors import Error
from jstorrent._magnet import Magnet
from jstorrent._plain import plain
from jstorrent._settings import Settings
from jstorrent._sources import (
    AddressLike,
    Priorities,
    Source,
    address_of,
    hash_of,
    priorities_of,
    resolve,
    resume_file,
    save_path_of,
    wishes_of,
)
from jstorrent._status import Ban, SessionStatus
from jstorrent._torrent import Torrent
from jstorrent._urls import TrackersLike, usable_tiers
from jstorrent._waiting import block, check_async, checked_timeout, pause

if TYPE_CHECKING:  # a download needs no events: they are loaded when the first one listens
    from typing import TypeVar

    from jstorrent._events import Event, RecordRejected
    from jstorrent._log import LogPump
    from jstorrent._stream import EventStream

    E = TypeVar("E", bound=Event)

# Beyond its own timeout, what a close may take before the engine is cut off: one round, and the way back.
_GRACE = 0.5


@plain
class Session:
    """One engine with all its torrents. Use it as a context manager, or close() it.

    >>> import jstorrent as jst
    >>> with jst.Session(jst.Settings(listen=())) as session:
    ...     session.torrents
    []

    With a `state_dir`, torrents and all that a user would miss survive a restart or a kill. Any method may be called
    from any thread. A session does not survive fork: in the child everything raises Error (code "forked").
    """

    def __init__(self, settings: Settings | None = None, state_dir: str | os.PathLike[str] | None = None) -> None:
        if settings is not None and not isinstance(settings, Settings):
            raise TypeError(f"settings must be a jstorrent.Settings, not {settings!r}")
        where = "" if state_dir is None else save_path_of(state_dir)
        self._begin(_core.Engine.start((settings or Settings())._values(), where))

    @classmethod
    def _over(cls, engine: _core.Engine, each_round: Callable[[], object] | None = None) -> Self:
        """Over an engine that runs already; `each_round` is called after each round that its waits run."""
        session = cls.__new__(cls)
        session._begin(engine, each_round)
        return session

    def _begin(self, engine: _core.Engine, each_round: Callable[[], object] | None = None) -> None:
        self._engine = engine
        self._is_clean: bool | None = None
        self._last_settings: tuple[dict[str, Any], Settings] | None = None
        self._are_removed = False  # after the end, its torrents answer as removed: the laboratory's restarts
        self._log = _log_pump(engine)
        self._hook = each_round
        if engine.has_own_thread:
            _open.add(self)
            if self._log is not None:
                with contextlib.suppress(Error):  # it has ended already
                    self._log.tell(self.rejected_records())  # nobody listened yet when they were met

    @property
    def _each_round(self) -> Callable[[], object] | None:
        return self._hook

    # -- torrents

    def add(
        self,
        source: Source,
        save_path: str | os.PathLike[str],
        *,
        paused: bool = False,
        stopped: bool = False,
        trusted: bool = False,
        sequential: bool = False,
        priorities: Priorities | None = None,
        peers: Iterable[AddressLike] = (),
        trackers: str | TrackersLike = (),
    ) -> Torrent:
        """Adds a torrent, or gives back the one that is there, with new peers and trackers merged.

        paused: no payload either way. stopped: no network. trusted: files taken as complete without a first check.
        priorities: {index or glob: 0..7}, later entries win, 0 is skip; on a magnet link applied when its metadata is
        there.
        """
        return self._add(
            source, save_path, None, paused=paused, stopped=stopped, trusted=trusted, sequential=sequential,
            priorities=priorities, peers=peers, trackers=trackers,
        )  # fmt: skip

    def _add(
        self,
        source: Source,
        save_path: str | os.PathLike[str],
        trusted_pieces: bytes | None,
        *,
        paused: bool = False,
        stopped: bool = False,
        trusted: bool = False,
        sequential: bool = False,
        priorities: Priorities | None = None,
        peers: Iterable[AddressLike] = (),
        trackers: str | TrackersLike = (),
    ) -> Torrent:
        """As add(); of `trusted_pieces` (bits as on the wire) the files are taken as good without a first check; of a link
        they are checked, since its pieces are not known."""
        resumed = resume_file(source)
        wanted = resolve(source) if resumed is None else resumed.source
        if wanted.info_hash is None:
            raise Error("torrents of v2 alone cannot be downloaded yet: there is no v1 info-hash (btih)", code="not_supported")
        where = save_path_of(save_path)
        addresses, tiers = [address_of(peer) for peer in peers], usable_tiers(trackers)
        if resumed is not None:
            stopped, sequential = stopped or resumed.stopped, sequential or resumed.sequential
            chosen: dict[int | str, int] = dict(resumed.priorities.items())
            for which, priority in (priorities or {}).items():
                chosen[which] = priority
            priorities = chosen
            addresses, tiers = [*addresses, *resumed.peers], [*tiers, *resumed.trackers]
        flags = (paused, stopped, trusted, sequential)
        if isinstance(wanted, Magnet):
            wishes = wishes_of(priorities)
            key = self._engine.add_magnet(str(wanted), where, *flags, wishes, addresses, tiers)
        else:
            files = priorities_of(wanted.files, priorities) if priorities else []
            key = self._engine.add(wanted._core, where, *flags, files, addresses, tiers, trusted_pieces)
        return self._torrent(key)

    def _torrent(self, key: int) -> Torrent:
        return Torrent(self, key)

    @property
    def torrents(self) -> list[Torrent]:
        """All torrents, in the order of the queue."""
        return [self._torrent(key) for key in self._engine.torrents()]

    def find(self, info_hash: bytes | str) -> Torrent | None:
        """The torrent with this info-hash (bytes or hex)."""
        key = self._engine.find(hash_of(info_hash))
        return None if key is None else self._torrent(key)

    # -- itself

    @property
    def listen_port(self) -> int | None:
        """Where peers reach us; None when we do not listen."""
        return self._engine.listen_port()

    @property
    def now(self) -> float:
        """The session's monotonic seconds."""
        return self._engine.now()

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        values = self._engine.settings()
        if self._last_settings is None or self._last_settings[0] != values:
            self._last_settings = values, Settings(**values)  # checking them costs more than all else here
        return self._last_settings[1]

    def configure(self, **changes: Any) -> Settings:
        """Changes settings of the running session; listen_port rebinds."""
        settings = self.settings.replace(**changes)
        self._engine.configure(settings._values(), list(changes))
        return self.settings

    def status(self) -> SessionStatus:
        """Everything about the session at one moment."""
        return SessionStatus._of(self._engine.status())

    def is_healthy(self) -> bool:
        """False only after a broken rule of the engine itself, or when its thread died."""
        return self._engine.is_healthy()

    def bans(self) -> list[Ban]:
        """All banned hosts."""
        return [Ban(*facts) for facts in self._engine.bans()]

    def rejected_records(self) -> list[RecordRejected]:
        """The files of the state_dir that could not be used when it was opened."""
        from jstorrent._events import RecordRejected

        return [RecordRejected(0.0, None, Path(path), error) for path, error in self._engine.problems()]

    def ban(self, host: str, seconds: float | None = None) -> None:
        """Neither dials nor accepts this host for so long (None: `ban_duration`; infinity: for good)."""
        self._engine.ban(host, math.inf if seconds == math.inf else checked_timeout(seconds))

    def unban(self, host: str) -> None:
        """Undoes ban()."""
        self._engine.unban(host)

    @overload
    def events(self, *, torrent: Torrent | None = None, timeout: float | None = None) -> EventStream[Event]: ...
    @overload
    def events(
        self, *types: type[E], torrent: Torrent | None = None, timeout: float | None = None
    ) -> EventStream[E]: ...
    def events(
        self, *types: type[Event], torrent: Torrent | None = None, timeout: float | None = None
    ) -> EventStream[Any]:
        """Subscribes to events from now on; no types: all but BlockReceived. Iteration ends `timeout` s after the last."""
        from jstorrent._events import mask_of
        from jstorrent._stream import EventStream

        if torrent is not None and torrent._session is not self:
            raise ValueError("the torrent belongs to another session")
        checked_timeout(timeout)
        most = int(self._engine.settings()["max_events"])
        core = self._engine.listen(mask_of(types), None if torrent is None else torrent._key, most)
        return EventStream(self, core, timeout)

    # -- the end

    def save(self) -> None:
        """Returns when everything is durable; DiskError when it can not be, or the disk does not answer for `disk_timeout`."""
        patience = float(self._engine.settings()["disk_timeout"])
        signal, seen = self._engine.begin_save(), self._engine.save_progress()
        while not block(self, signal, patience):
            before, seen = seen, self._engine.save_progress()
            if seen == before:
                raise self._engine.save_late()
        error = self._engine.save_error()
        if error is not None:
            raise error

    def close(self, timeout: float | None = None) -> bool:
        """Saves, says goodbye and closes. True: all in time (None: `close_timeout`). Never raises, safe twice."""
        if self._is_clean is None and not self._engine.is_forked:
            limit = self._close_limit(timeout)
            try:
                signal = self._engine.begin_close(limit)
                block(self, signal, limit + self._grace())
            except Error:
                pass
            except BaseException:
                self._cut()
                raise
            self._end()
        return bool(self._is_clean)

    def _close_limit(self, timeout: float | None) -> float:
        try:
            limit = checked_timeout(timeout)
            return float(self._engine.settings()["close_timeout"]) if limit is None else limit
        except (Error, TypeError, ValueError):
            return 0.0

    def _grace(self) -> float:
        return _GRACE if self._engine.has_own_thread else 0.0

    def _cut(self) -> None:
        try:
            self._engine.begin_close(0.0)
        except Error:
            pass
        self._end()

    def _abandon(self) -> None:
        """The end of a process that crashed: nothing is saved, nobody is told."""
        self._end()

    def _end(self) -> None:
        self._is_clean = self._engine.shut(self._are_removed)
        if self._log is not None:
            self._log.finish(self._engine)
        _open.discard(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        check_async(self)  # not at the end, which would cut it off
        return self

    async def __aexit__(self, *reason: object) -> None:
        if self._is_clean is None and not self._engine.is_forked:
            limit = self._close_limit(None)
            try:
                await pause(self, self._engine.begin_close(limit), limit + _GRACE)
            except Error:
                pass
            except BaseException:
                self._cut()
                raise
            self._end()

    def __del__(self) -> None:
        if getattr(self, "_is_clean", True) is None and not self._engine.is_forked:
            warnings.warn(f"unclosed {self!r}: use `with`, or close() it", ResourceWarning, source=self, stacklevel=2)
            if self._engine.has_own_thread:
                self._cut()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a session is one engine: it can be neither copied nor pickled")

    def __repr__(self) -> str:
        return f"<Session {'open' if self._is_clean is None else 'closed'} at {id(self):#x}>"


def _log_pump(engine: _core.Engine) -> LogPump | None:
    """None where nobody has set up logging; who has not even loaded it has not."""
    if "logging" not in sys.modules:
        return None
    import logging

    logger = logging.getLogger("jstorrent")
    if not (logger.hasHandlers() and logger.isEnabledFor(logging.ERROR)):
        return None
    from jstorrent._log import LogPump

    return LogPump(engine)


_open: weakref.WeakSet[Session] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for session in list(_open):
        session.close()
