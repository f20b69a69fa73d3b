"""Events: frozen values that say what happened, when, and to which torrent. They stay valid for ever."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jstorrent import _core
from jstorrent._errors import Error
from jstorrent._metadata import Metainfo
from jstorrent._status import Direction, State
from jstorrent._values import Address, Value, dataclass

if TYPE_CHECKING:
    from jstorrent._torrent import Torrent


@dataclass(frozen=True, slots=True)
class Event(Value):
    """Base of all events. `time` is in the seconds of `session.now`; `torrent` is None where none is concerned."""

    time: float
    torrent: Torrent | None

    def to_dict(self) -> dict[str, Any]:
        """All fields and the name of the event, ready for JSON; a torrent as its info-hash."""
        return {"event": type(self).__name__, **Value.to_dict(self)}


@dataclass(frozen=True, slots=True)
class TorrentEvent(Event):
    """Base of the events of one torrent."""

    torrent: Torrent


@dataclass(frozen=True, slots=True)
class StateChanged(TorrentEvent):
    """The torrent went from one state into another."""

    old: State
    new: State


@dataclass(frozen=True, slots=True)
class MetadataReceived(TorrentEvent):
    """The metadata of a magnet link is there and fits its info-hash."""

    metainfo: Metainfo


@dataclass(frozen=True, slots=True)
class PeerConnected(TorrentEvent):
    """The handshake with a peer is done. `source`: how it was found, as in `PeerStatus`."""

    address: Address
    direction: Direction
    source: str = "user"


@dataclass(frozen=True, slots=True)
class PeerDisconnected(TorrentEvent):
    """A link to a peer ended, or was never made. `reason` is one of the stable words of docs/events.md."""

    address: Address
    reason: str


@dataclass(frozen=True, slots=True)
class BlockReceived(TorrentEvent):
    """A block came. Made only for streams that name this class."""

    piece: int
    begin: int
    length: int
    address: Address


@dataclass(frozen=True, slots=True)
class PieceCompleted(TorrentEvent):
    """A piece is verified and on disk."""

    piece: int


@dataclass(frozen=True, slots=True)
class PieceFailed(TorrentEvent):
    """A piece did not have its hash; `addresses` contributed to it."""

    piece: int
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class FileCompleted(TorrentEvent):
    """All pieces of a file are complete."""

    file: int
    path: Path


@dataclass(frozen=True, slots=True)
class FilesMoved(TorrentEvent):
    """The files are at another place now."""

    path: Path


@dataclass(frozen=True, slots=True)
class PeersDiscovered(TorrentEvent):
    """New addresses were learned from `source`."""

    source: str
    count: int


@dataclass(frozen=True, slots=True)
class AnnounceCompleted(TorrentEvent):
    """A tracker answered."""

    url: str
    seeds: int | None
    leechers: int | None
    interval: float | None


@dataclass(frozen=True, slots=True)
class AnnounceFailed(TorrentEvent):
    """A tracker did not answer, or said no; it is asked again in `retry_in` seconds."""

    url: str
    message: str
    retry_in: float | None


@dataclass(frozen=True, slots=True)
class TorrentFailed(TorrentEvent):
    """The torrent went into `error`; once for each time."""

    error: Error


@dataclass(frozen=True, slots=True)
class TorrentRemoved(TorrentEvent):
    """The last operation of a removed torrent is over."""


@dataclass(frozen=True, slots=True)
class PeerBanned(Event):
    """A host is banned, with the reason."""

    host: str
    reason: str


@dataclass(frozen=True, slots=True)
class AcceptFailed(Event):
    """Links to our own `address` can not be accepted for now; tried again in `retry_in` seconds. Once until one can."""

    address: Address
    message: str
    retry_in: float


@dataclass(frozen=True, slots=True)
class RecordRejected(Event):
    """A file of the state_dir could not be used, and why; it is kept, at `path`. Its torrent is not there, its files are."""

    path: Path
    error: Error


@dataclass(frozen=True, slots=True)
class EventsDropped(Event):
    """The stream was full: so many events are missing here. No state change is among them."""

    count: int


CLASSES: tuple[type[Event], ...] = (
    StateChanged, MetadataReceived, PeerConnected, PeerDisconnected, BlockReceived, PieceCompleted, PieceFailed,
    FileCompleted, FilesMoved, PeersDiscovered, AnnounceCompleted, AnnounceFailed, TorrentFailed, TorrentRemoved,
    PeerBanned, AcceptFailed, RecordRejected, EventsDropped,
)  # fmt: skip
"""In the order of the engine's kinds."""

_DROPPED = len(CLASSES) - 1
_ARGUMENTS: dict[type[Event], Any] = {
    MetadataReceived: lambda metainfo: (Metainfo(metainfo),),
    FileCompleted: lambda file, path: (file, Path(path)),
    FilesMoved: lambda path: (Path(path),),
    RecordRejected: lambda path, error: (Path(path), error),
}


def mask_of(types: tuple[type[Event], ...]) -> int:
    """The kinds that a stream of these classes hears: with base classes all below, BlockReceived only by its name."""
    mask = 0
    for wanted in types or (Event,):
        if not (isinstance(wanted, type) and issubclass(wanted, Event)):
            raise TypeError(f"not an event class: {wanted!r}")
        for kind, cls in enumerate(CLASSES[:_DROPPED]):
            if issubclass(cls, wanted) and (cls is wanted or cls is not BlockReceived):
                mask |= 1 << kind
    return mask


def event_of(facts: _core.EventFacts, torrent: Torrent | None) -> Event:
    """The event for what the engine said."""
    kind, time, _, arguments = facts
    cls = CLASSES[kind]
    convert = _ARGUMENTS.get(cls)
    return cls(time, torrent, *(convert(*arguments) if convert else arguments))
