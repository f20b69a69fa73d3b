"""The session and the torrents of an engine in a laboratory: who renames files by them, and what they said in one look of the oracles."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

from jstorrent._session import Session
from jstorrent._settings import Settings
from jstorrent._sources import AddressLike, address_of
from jstorrent._status import PeerStatus, SessionStatus, TorrentStatus
from jstorrent._torrent import Torrent
from jstorrent.lab._transports import text_of
from jstorrent.lab._wishes import Removal

if TYPE_CHECKING:
    from jstorrent.lab._engine import Engine

T = TypeVar("T")


class LabTorrent(Torrent):
    """A torrent of an engine in a laboratory: commands are recorded."""

    __slots__ = ()

    def status(self) -> TorrentStatus:
        return cast("LabSession", self._session)._ask((self._key, "status"), super().status)

    def peers(self, all: bool = False) -> list[PeerStatus]:
        return cast("LabSession", self._session)._ask((self._key, "peers", all), lambda: super(LabTorrent, self).peers(all))

    def connect(self, address: AddressLike) -> None:
        super().connect(address)
        owner = getattr(self._session, "_owner", None)
        if owner is not None:
            owner._links_asked_for.append((text_of(address_of(address)), owner._lab.now))

    def move(self, path: str | os.PathLike[str]) -> None:
        self._names_change()
        super().move(path)

    def rename_file(self, file: int | str, path: str | os.PathLike[str]) -> None:
        self._names_change()
        super().rename_file(file, path)

    def remove(self, delete_files: bool = False) -> None:
        owner = getattr(self._session, "_owner", None)
        removal = None if owner is None else Removal(owner, self, delete_files)
        super().remove(delete_files)
        if owner is not None:
            owner._removals.append(removal)

    def configure(self, **changes: Any) -> None:
        super().configure(**changes)
        owner = getattr(self._session, "_owner", None)
        if owner is not None:
            owner._note_limits()

    def set_piece_priority(self, piece: int, priority: int) -> None:
        super().set_piece_priority(piece, priority)
        owner = getattr(self._session, "_owner", None)
        if owner is not None:
            owner._piece_priorities.setdefault(self.info_hash or b"", {})[piece] = priority

    def _names_change(self) -> None:
        owner = getattr(self._session, "_owner", None)
        if owner is not None:
            owner._names_changed = True


class LabSession(Session):
    """The session of an engine in a laboratory: commands are recorded."""

    _owner: Engine | None = None
    _asked: dict[object, Any] | None = None
    """While the oracles look, nothing moves: what was answered once."""

    @property
    def torrents(self) -> list[Torrent]:
        return list(self._ask("torrents", lambda: super(LabSession, self).torrents))

    @property
    def settings(self) -> Settings:
        return self._ask("settings", lambda: super(LabSession, self).settings)

    def configure(self, **changes: Any) -> Settings:
        made = super().configure(**changes)
        if self._owner is not None:
            self._owner._note_limits()
        return made

    def status(self) -> SessionStatus:
        return self._ask("status", super().status)

    def _ask(self, what: object, ask: Callable[[], T]) -> T:
        """What it says now, or said before in this look."""
        if self._asked is None:
            return ask()
        if what not in self._asked:
            self._asked[what] = ask()
        return cast("T", self._asked[what])

    def _torrent(self, key: int) -> Torrent:
        return LabTorrent(self, key)


@contextmanager
def one_look(engines: Iterable[Engine]) -> Iterator[None]:
    """Within, nothing moves, so each engine is asked the same thing once."""
    sessions = [engine.session for engine in engines if engine.running]
    for session in sessions:
        session._asked = {}
    try:
        yield
    finally:
        for session in sessions:
            session._asked = None
