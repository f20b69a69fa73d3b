"""The handle of one torrent in one session."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from jstorrent._conditions import Condition, Wait
from jstorrent._errors import Error, RemovedError
from jstorrent._metadata import Metainfo
from jstorrent._plain import plain
from jstorrent._settings import checked_limits
from jstorrent._sources import AddressLike, address_of, checked_priority, files_of, save_path_of
from jstorrent._status import FileStatus, PeerStatus, PieceStatus, State, TorrentStatus, TrackerStatus
from jstorrent._urls import TrackersLike, usable_tiers, usable_urls
from jstorrent._waiting import block, check_async, pause

if TYPE_CHECKING:
    from jstorrent._session import Session

QueuePlace = int | Literal["top", "up", "down", "bottom"]
_LAST = 2**32 - 1


@plain
class Torrent:
    """One torrent of one session. Handles of the same torrent compare equal; all reads work when it is removed, too.

    Commands return once the engine accepted them and never wait for peers, disk or network.
    """

    __slots__ = ("__weakref__", "_key", "_known_metainfo", "_session")

    def __init__(self, session: Session, key: int) -> None:
        """Not for users: see `session.add()`."""
        self._session = session
        self._key = key
        self._known_metainfo: Metainfo | None = None

    # -- what it is

    @property
    def metainfo(self) -> Metainfo | None:
        """The metadata; None before a magnet link has it."""
        if self._known_metainfo is None:
            core = self._session._engine.metainfo(self._key)
            self._known_metainfo = None if core is None else Metainfo(core)
        return self._known_metainfo

    @property
    def name(self) -> str:
        """The suggested name; before the metadata that of the magnet link, or the info-hash."""
        return self._identity()[2]

    @property
    def info_hash(self) -> bytes | None:
        """The v1 info-hash, 20 bytes."""
        return self._identity()[0]

    @property
    def info_hash_v2(self) -> bytes | None:
        """The v2 info-hash, 32 bytes."""
        return self._identity()[1]

    @property
    def num_pieces(self) -> int | None:
        """None before the metadata."""
        return None if self.metainfo is None else self.metainfo.num_pieces

    def magnet(self) -> str:
        """A magnet link to it, with its trackers of now."""
        link = self._identity()[3]
        if not link:
            raise RemovedError(f"{self!r}: removed so long ago that nothing is known of it")
        return link

    # -- how it stands

    def status(self) -> TorrentStatus:
        """Everything about it at one moment."""
        return TorrentStatus._of(self._session._engine.torrent_status(self._key))

    @property
    def state(self) -> State:
        """What it does now."""
        try:
            return cast("State", self._session._engine.torrent_state(self._key))
        except RemovedError:
            return "removed"

    @property
    def progress(self) -> float:
        """Of what is wanted, 0.0 to 1.0."""
        return self.status().progress

    @property
    def save_path(self) -> Path:
        """Where its files lie."""
        return self.status().save_path

    @property
    def active_pieces(self) -> int:
        """Pieces begun and not finished."""
        return self.status().active_pieces

    @property
    def in_endgame(self) -> bool:
        """The last blocks are asked of several peers."""
        return self.status().in_endgame

    @property
    def queue_position(self) -> int:
        """0 is the first."""
        return self.status().queue_position

    @property
    def error(self) -> Error | None:
        """Why it is in `error`."""
        return self.status().error

    @property
    def error_message(self) -> str:
        """The same for people; empty when nothing is wrong."""
        status = self.status()
        return status.error_message or ("" if status.error is None else str(status.error))

    def piece(self, index: int) -> PieceStatus:
        """How one piece stands."""
        self._check_piece(index)
        return PieceStatus(*self._session._engine.piece(self._key, index))

    def pieces(self) -> bytes:
        """One byte per piece: 0 missing, 1 incomplete, 2 verifying, 3 complete. Empty before the metadata."""
        return self._session._engine.pieces(self._key)

    def availability(self) -> list[int]:
        """How many connected peers have each piece, ourselves not counted. Empty before the metadata."""
        return self._session._engine.availability(self._key)

    def files(self) -> list[FileStatus]:
        """How each file stands."""
        return [FileStatus._of(facts) for facts in self._session._engine.files(self._key)]

    def peers(self, all: bool = False) -> list[PeerStatus]:
        """The connected peers; with `all` also those dialling or shaking hands."""
        return [PeerStatus._of(facts) for facts in self._session._engine.peers(self._key, all)]

    def trackers(self) -> list[TrackerStatus]:
        """How each tracker stands."""
        return [TrackerStatus(*facts) for facts in self._session._engine.trackers(self._key)]

    # -- commands

    def connect(self, address: AddressLike) -> None:
        """Dials a peer."""
        self._session._engine.connect(self._key, address_of(address))

    def pause(self) -> None:
        """No payload either way; links stay and are kept alive."""
        self._session._engine.pause(self._key)

    def resume(self) -> None:
        """Undoes pause(); also leaves `error`."""
        self._session._engine.resume(self._key)

    def stop(self) -> None:
        """Closes all links; no network until start()."""
        self._session._engine.stop(self._key)

    def start(self) -> None:
        """Undoes stop(); also leaves `error`."""
        self._session._engine.start_torrent(self._key)

    def recheck(self) -> None:
        """Reads all files again and believes only what their hashes prove."""
        self._session._engine.recheck(self._key)

    def remove(self, delete_files: bool = False) -> None:
        """Takes it out of the session. `removed` and TorrentRemoved come when its last operation is over."""
        self._session._engine.remove(self._key, delete_files)

    def announce(self) -> None:
        """Asks the trackers now."""
        self._session._engine.announce(self._key)

    def set_file_priority(self, file: int | str, priority: int) -> None:
        """0 (skip) to 7 for a file by its index, or for all files that a glob matches."""
        checked_priority(priority)
        indices = files_of(self._metadata().files, file)
        self._session._engine.set_file_priorities(self._key, [(index, priority) for index in indices])

    def set_piece_priority(self, piece: int, priority: int) -> None:
        """0 (skip) to 7 for one piece."""
        self._check_piece(piece)
        self._session._engine.set_piece_priority(self._key, piece, checked_priority(priority))

    def set_sequential(self, on: bool) -> None:
        """Pieces in order, or in the order of the settings."""
        self._session._engine.set_sequential(self._key, on)

    def set_trackers(self, tiers: str | TrackersLike) -> None:
        """Other trackers: each str is a tier of its own, each sequence of str one tier. ParseError: no URL of a tracker."""
        self._session._engine.set_trackers(self._key, usable_tiers(tiers))

    def set_web_seeds(self, urls: str | Iterable[str]) -> None:
        """Other web seeds."""
        self._session._engine.set_web_seeds(self._key, usable_urls(urls))

    def set_queue_position(self, place: QueuePlace) -> None:
        """A number from 0, or "top", "up", "down", "bottom"."""
        if place in ("up", "down"):  # seen from where it stands when the engine comes to it
            self._session._engine.step_in_queue(self._key, place == "up")
        else:
            self._session._engine.set_queue_position(self._key, self._place(place))

    def move(self, path: str | os.PathLike[str]) -> None:
        """Moves the files to another directory; FilesMoved comes when that is done."""
        self._session._engine.move(self._key, save_path_of(path))

    def rename_file(self, file: int | str, path: str | os.PathLike[str]) -> None:
        """Gives one file another path below the save path."""
        indices = files_of(self._metadata().files, file)
        if len(indices) != 1:
            raise ValueError(f"{file!r} names {len(indices)} files, not one")
        self._session._engine.rename_file(self._key, indices[0], os.fspath(path))

    def configure(self, **changes: Any) -> None:
        """Limits of this torrent alone: download_rate_limit, upload_rate_limit, max_connections, upload_slots,
        seed_ratio_limit, seed_time_limit. None: no limit of its own."""
        engine = self._session._engine
        engine.set_limits(self._key, checked_limits(engine.limits(self._key), changes))

    # -- waiting

    def wait(
        self, condition: Condition = "complete", timeout: float | None = None, *, piece: int | None = None
    ) -> TorrentStatus:
        """Blocks until "complete", "metadata", a state, a function of the status says so, or a piece is complete.

        Raises the torrent's own error when it goes into `error`, RemovedError, or TimeoutError.
        """
        return Wait(self, condition, timeout, piece).run()

    async def wait_async(
        self, condition: Condition = "complete", timeout: float | None = None, *, piece: int | None = None
    ) -> TorrentStatus:
        """As wait(), for asyncio: it uses no thread, and cancelling it is free."""
        check_async(self._session)
        return await Wait(self, condition, timeout, piece).run_async()

    def wait_complete(self, timeout: float | None = None) -> TorrentStatus:
        """Until every wanted piece is verified and on disk."""
        return self.wait("complete", timeout)

    def wait_metadata(self, timeout: float | None = None) -> TorrentStatus:
        """Until the metadata is there."""
        return self.wait("metadata", timeout)

    def wait_piece(self, piece: int, timeout: float | None = None) -> TorrentStatus:
        """Until this piece is verified and on disk."""
        return self.wait("complete", timeout, piece=piece)

    def watch(self, interval: float = 0.5) -> Watch:
        """A status now and at each interval, by `for` or `async for`; the last one when complete."""
        return Watch(self, interval)

    # -- itself

    def _identity(self) -> tuple[bytes | None, bytes | None, str, str]:
        try:
            return self._session._engine.identity(self._key)
        except RemovedError:  # so long ago that nothing is known of it
            return None, None, "", ""

    def _metadata(self) -> Metainfo:
        if self.metainfo is None:
            raise Error("the metadata is not known yet: wait for it with wait_metadata()", code="no_metadata")
        return self.metainfo

    def _check_piece(self, index: int) -> None:
        count = self.num_pieces
        if isinstance(index, bool) or not isinstance(index, int):
            raise TypeError(f"a piece is named by its index, not {index!r}")
        if index < 0 or (count is not None and index >= count):
            raise IndexError(f"no piece {index}: the torrent has {count}")

    def _place(self, place: QueuePlace) -> int:
        if isinstance(place, int) and not isinstance(place, bool):
            return min(max(place, 0), _LAST)
        if place not in ("top", "bottom"):
            raise ValueError(f"a place is a number, 'top', 'up', 'down' or 'bottom', not {place!r}")
        return 0 if place == "top" else _LAST

    def to_dict(self) -> str | None:
        """In JSON a torrent is its info-hash."""
        digest = self.info_hash or self.info_hash_v2
        return None if digest is None else digest.hex()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Torrent):
            return NotImplemented
        return self._session is other._session and self._key == other._key

    def __hash__(self) -> int:
        return hash((id(self._session), self._key))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        from jstorrent._detached import restore_torrent  # only pickling needs it

        return restore_torrent, (self.info_hash, self.info_hash_v2, self.name)

    def __repr__(self) -> str:
        return f"<Torrent {self.name!r} {self.to_dict()}>"


class Watch:
    """Made by `torrent.watch()`: iterates over statuses, blocking or in asyncio."""

    def __init__(self, torrent: Torrent, interval: float) -> None:
        if not interval > 0:
            raise ValueError(f"interval must be more than 0 seconds, not {interval!r}")
        self._torrent = torrent
        self._interval = interval

    def __iter__(self) -> Iterator[TorrentStatus]:
        wait = Wait(self._torrent, "complete", None, None)
        raised = wait.signal.is_raised
        while True:
            last = wait.judge(raised)
            yield last or self._torrent.status()
            if last:
                return
            raised = block(self._torrent._session, wait.signal, self._interval)

    async def __aiter__(self) -> AsyncIterator[TorrentStatus]:
        check_async(self._torrent._session)
        wait = Wait(self._torrent, "complete", None, None)
        raised = wait.signal.is_raised
        while True:
            last = wait.judge(raised)
            yield last or self._torrent.status()
            if last:
                return
            raised = await pause(self._torrent._session, wait.signal, self._interval)
