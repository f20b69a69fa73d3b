"""An engine in a laboratory: a Session on a node of its own, which can end, crash and come back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from jstorrent._events import CLASSES, Event, EventsDropped, mask_of
from jstorrent._magnet import Magnet
from jstorrent._settings import Settings
from jstorrent._stream import EventStream
from jstorrent._torrent import Torrent
from jstorrent.lab._disk import PathLike
from jstorrent.lab._facts import EngineFacts
from jstorrent.lab._failure import check_word
from jstorrent.lab._lab_session import LabSession
from jstorrent.lab._node import Client, Have, Node, addresses_of
from jstorrent.lab._saved import Saved, decode_saved
from jstorrent.lab._sockets import Sockets
from jstorrent.lab._spec import Spec, spec_of
from jstorrent.lab._wishes import Removal, wishes_of

if TYPE_CHECKING:
    from jstorrent.lab._lab import Lab

E = TypeVar("E", bound=Event)

_PEER_ID = 20
COMPLETE = 3
"""A piece that is had, as Torrent.pieces() tells it."""
CRASH_MODES = ("drop-all", "keep-prefix", "torn-512", "metadata-first", "random")
_ALL_EVENTS = mask_of(tuple(cls for cls in CLASSES if cls is not EventsDropped))
_OFF = {"dht": False, "pex": False, "lsd": False, "port_mapping": False}


def checked_crash_mode(mode: str) -> str:
    """The mode, if there is such a one."""
    return check_word(mode, CRASH_MODES, "crash mode")


class Engine(Client):
    """A client that is this engine: `.session` is an ordinary Session."""

    def __init__(
        self,
        lab: Lab,
        name: str,
        *,
        peer_id: bytes | None = None,
        host: Node | str | None = None,
        port: int | None = None,
        settings: dict[str, Any],
    ) -> None:
        Settings(**settings)  # nonsense is refused before there is a node
        if peer_id is not None and (not isinstance(peer_id, bytes) or len(peer_id) != _PEER_ID):
            raise ValueError(f"peer_id is {_PEER_ID} bytes, not {peer_id!r}")
        self._up = False
        super().__init__(lab, name, host=host, port=port)
        self._peer_id = peer_id
        self._settings = {**_OFF, **settings}
        self._history: list[Event] = []
        self._specs: dict[bytes, Spec] = {}
        self._judged_at: int | None = None
        self._judged: set[Any] = set()
        self._places: dict[Any, str] = {}  # of files, at the last look
        self._starts_at: list[int] = []
        self._was_closed = False
        self._closed_with: dict[bytes, set[int]] = {}
        """What each torrent had when the session was closed, until it ends otherwise."""
        self._closed_wishes: dict[bytes, dict[str, Any]] = {}
        self._commands_at_start = 0
        self._removals: list[Removal] = []
        self._piece_priorities: dict[bytes, dict[int, int]] = {}
        """What a user said of single pieces, by torrent, since it was added or the engine crashed."""
        self._links_asked_for: list[tuple[str, float]] = []
        """To whom a user said connect(), and when."""
        self._limits_at = 0.0
        self._limits_set: dict[str, float] = {}
        """What had been moved, and when by its own clock, when its limits were last set."""
        self._names_changed = False
        """Files were moved or renamed by a user, ever."""
        self._facts = EngineFacts(self)
        self.sockets = Sockets(self)
        try:
            self._start()
        except BaseException:
            lab._clients.remove(self)  # it never was
            raise

    # -- life

    @property
    def _state_dir(self) -> Path:
        return self.disk.root / "state"

    def _start(self) -> None:
        lane = self._lab._lane
        is_ours = "listen" not in self._settings
        host, port = lane.arrive(self._number, self._host, self._port) if is_ours else (self._host, self._port)
        place = {"listen": (host,), "listen_port": port}
        settings = Settings(**{**place, **self._settings})
        core = lane.engine(
            self.name, self._number, settings._values(), str(self._state_dir), self._peer_id, _ALL_EVENTS
        )
        self.session = LabSession._over(core, self._lab._along.hook)
        self.session._owner = self
        if settings.listen:
            self._port = self.session.listen_port
        self._starts_at.append(len(self._history))
        self._began_at = self._lab.now
        self._was_closed = False
        if self.disk.touched:
            self._closed_with = {}
        self.disk.touched = {path for path in self.disk.touched if self.disk.exists(path)}  # what is gone, it sees now
        self._events: EventStream[Event] = EventStream(self.session, core.take_first(), None)
        self._up = True
        self.sockets._apply()
        self._note_limits()
        self._commands_at_start = lane.commands_of(self._number)

    @property
    def running(self) -> bool:
        if self._up and self.session._engine.has_crashed:  # at a gate, in the middle of a turn
            self._forget_wishes()
            self._end(self.session._abandon)
        return self._up

    def stop(self) -> None:
        """A clean close of its session."""
        self._lab._check_thread()
        if self.running:
            wishes = {t.info_hash or b"": wishes_of(t) for t in self.session.torrents}
            had = {t.info_hash: {i for i, state in enumerate(t.pieces()) if state == COMPLETE} for t in self.session.torrents}
            self._end(self._close)
            self._closed_with = {key: pieces for key, pieces in had.items() if key} if self._was_closed else {}
            self._closed_wishes = wishes if self._was_closed else {}

    def _close(self) -> None:
        self._was_closed = self.session.close()

    def start(self) -> None:
        """A new session on the same disk and address; torrents come back by themselves."""
        self._lab._check_thread()
        if not self.running:
            self._start()

    def crash(self, mode: str = "drop-all") -> None:
        """The end of the process, and of what was not synced; its links fall silent."""
        self._lab._check_thread()
        checked_crash_mode(mode)
        if self.running:
            self._lab._lane.crash(self._number, mode)
            self._forget_wishes()
            self._end(self.session._abandon)

    def _forget_wishes(self) -> None:
        """What was not on disk yet may be gone."""
        self._closed_with, self._closed_wishes, self._piece_priorities = {}, {}, {}

    def _note_limits(self) -> None:
        """From now on the limits are what they are now."""
        status = self.session.status()
        self._limits_at = self._lab.now
        self._limits_set = {
            "time": status.time, "sent": status.counters.payload_sent, "received": status.counters.wire_received,
        }  # fmt: skip

    def _end(self, end: Callable[[], object]) -> None:
        self._up = False
        self._lab._lane.leave(self._number)
        self.session._are_removed = True
        end()
        self._collect()

    def _drop(self) -> None:
        if self.running:
            self._end(self.session._cut)

    def _hook_waits(self, hook: Callable[[], object] | None) -> None:
        self.session._hook = hook

    # -- torrents

    def add(
        self,
        spec: Spec,
        *,
        peers: Iterable[Any] = (),
        have: Have = "none",
        magnet: bool = False,
        save_path: PathLike | None = None,
        **kw: Any,
    ) -> Torrent:
        """Adds the torrent to its session; nodes among `peers` are dialled. Other words go to session.add()."""
        self._lab._check_thread()
        below = self.downloads if save_path is None else self.disk.full(save_path)
        for removal in self._removals:
            if removal.info_hash == spec.info_hash:
                removal.comes_back(self)
        given = self._put(spec, have, below)
        self._specs[spec.info_hash] = spec
        if self.session.find(spec.info_hash) is None:
            self._piece_priorities.pop(spec.info_hash, None)
        self._lab._lane.follow(self.name, spec, below)
        source = Magnet.parse(spec.magnet) if magnet else spec.metainfo
        return self.session._add(source, below, _bits(given, spec), peers=addresses_of(peers), **kw)

    def torrent(self, spec: Spec) -> Torrent | None:
        """The present handle; None if the torrent is not there."""
        return self.session.find(spec_of(spec).info_hash) if self.running else None

    def _root(self, spec: Spec) -> Path:
        torrent = self.torrent(spec)
        if torrent is not None:
            self._saved_at[spec.info_hash] = torrent.save_path
        return super()._root(spec)

    def _paths(self, spec: Spec) -> list[Path]:
        torrent = self.torrent(spec)
        if torrent is None:
            return super()._paths(spec)
        below = self._root(spec)
        return [below / file.path for file in torrent.files()]

    # -- what happened

    @overload
    def history(self) -> list[Event]: ...
    @overload
    def history(self, *types: type[E]) -> list[E]: ...
    def history(self, *types: type[Any]) -> list[Any]:
        """All events so far, over restarts; no types: all but BlockReceived."""
        self._collect()
        mask = mask_of(types)
        wanted = tuple(cls for kind, cls in enumerate(CLASSES) if mask >> kind & 1)
        return [event for event in self._history if isinstance(event, wanted)]

    def _collect(self) -> None:
        while (event := self._events._take()) is not None:
            self._history.append(event)

    def saved(self, spec: Spec) -> Saved | None:
        """What the durable state holds of the torrent, as a crash at this moment would leave it; None: nothing."""
        record = self.disk._durable(self._state_dir / "torrents" / f"{spec_of(spec).info_hash.hex()}.jst")
        return None if record is None else decode_saved(record)


def _bits(pieces: list[int], spec: Spec) -> bytes | None:
    """As on the wire; None for no pieces."""
    if not pieces:
        return None
    bits = bytearray((spec.num_pieces + 7) // 8)
    for piece in pieces:
        bits[piece >> 3] |= 0x80 >> (piece & 7)
    return bytes(bits)
