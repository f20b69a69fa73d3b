"""A BitTorrent engine whose whole swarm also runs deterministically in simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    from jstorrent import _core as _core
except ImportError as error:  # pragma: no cover - only without the build
    if error.name != __name__:  # it is there, and says itself why it can not be loaded
        raise
    raise ImportError(
        "the compiled module of jstorrent is missing: run `pip install .` (or `make test`) in the repository"
    ) from error

if TYPE_CHECKING:
    from jstorrent._core import bdecode, bencode
    from jstorrent._create import create_torrent
    from jstorrent._errors import (
        DiskError,
        Error,
        NetworkError,
        ParseError,
        RemovedError,
        SettingsError,
        TimeoutError,
    )
    from jstorrent._events import (
        AcceptFailed,
        AnnounceCompleted,
        AnnounceFailed,
        BlockReceived,
        Event,
        EventsDropped,
        FileCompleted,
        FilesMoved,
        MetadataReceived,
        PeerBanned,
        PeerConnected,
        PeerDisconnected,
        PeersDiscovered,
        PieceCompleted,
        PieceFailed,
        RecordRejected,
        StateChanged,
        TorrentEvent,
        TorrentFailed,
        TorrentRemoved,
    )
    from jstorrent._magnet import Magnet
    from jstorrent._metadata import FileEntry, Metainfo
    from jstorrent._session import Session
    from jstorrent._settings import Settings
    from jstorrent._status import (
        Ban,
        Counters,
        FileStatus,
        PeerStatus,
        PieceStatus,
        SessionStatus,
        TorrentStatus,
        TrackerStatus,
    )
    from jstorrent._stream import EventStream
    from jstorrent._torrent import Torrent
    from jstorrent._values import Address

__version__ = _core.version

__all__ = [
    "AcceptFailed",
    "Address",
    "AnnounceCompleted",
    "AnnounceFailed",
    "Ban",
    "BlockReceived",
    "Counters",
    "DiskError",
    "Error",
    "Event",
    "EventStream",
    "EventsDropped",
    "FileCompleted",
    "FileEntry",
    "FileStatus",
    "FilesMoved",
    "Magnet",
    "MetadataReceived",
    "Metainfo",
    "NetworkError",
    "ParseError",
    "PeerBanned",
    "PeerConnected",
    "PeerDisconnected",
    "PeerStatus",
    "PeersDiscovered",
    "PieceCompleted",
    "PieceFailed",
    "PieceStatus",
    "RecordRejected",
    "RemovedError",
    "Session",
    "SessionStatus",
    "Settings",
    "SettingsError",
    "StateChanged",
    "TimeoutError",
    "Torrent",
    "TorrentEvent",
    "TorrentFailed",
    "TorrentRemoved",
    "TorrentStatus",
    "TrackerStatus",
    "__version__",
    "bdecode",
    "bencode",
    "create_torrent",
]

# Where each public name is. A module is loaded when the first of its names is used: a download needs few of them.
_HOME = {
    name: module
    for module, names in {
        "_core": ["bdecode", "bencode"],
        "_create": ["create_torrent"],
        "_errors": ["DiskError", "Error", "NetworkError", "ParseError", "RemovedError", "SettingsError", "TimeoutError"],
        "_events": [
            "AcceptFailed", "AnnounceCompleted", "AnnounceFailed", "BlockReceived", "Event", "EventsDropped",
            "FileCompleted", "FilesMoved", "MetadataReceived", "PeerBanned", "PeerConnected", "PeerDisconnected",
            "PeersDiscovered", "PieceCompleted", "PieceFailed", "RecordRejected", "StateChanged", "TorrentEvent",
            "TorrentFailed", "TorrentRemoved",
        ],
        "_magnet": ["Magnet"],
        "_metadata": ["FileEntry", "Metainfo"],
        "_session": ["Session"],
        "_settings": ["Settings"],
        "_status": [
            "Ban", "Counters", "FileStatus", "PeerStatus", "PieceStatus", "SessionStatus", "TorrentStatus", "TrackerStatus",
        ],
        "_stream": ["EventStream"],
        "_torrent": ["Torrent"],
        "_values": ["Address"],
    }.items()
    for name in names
}  # fmt: skip

if not TYPE_CHECKING:  # for a type checker it would stand for any name

    def __getattr__(name):
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        found = globals()[name] = getattr(import_module(f"jstorrent.{_HOME[name]}"), name)
        return found

    def __dir__():
        return sorted({*globals(), *__all__})
