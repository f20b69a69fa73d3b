"""Torrents as values: what a .torrent file says, before anything is downloaded."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, cast

from jstorrent import _core
from jstorrent._errors import ParseError, _from_os_error
from jstorrent._plain import plain
from jstorrent._urls import TrackersLike, tiers_of, urls_of
from jstorrent._values import Address, Value, dataclass, to_json

_Core = _core.Metainfo

Tiers = tuple[tuple[str, ...], ...]
"""Trackers: the first tier is asked first; within a tier any may be asked."""


class _Keep:
    """Says that an argument was not given."""

    def __repr__(self) -> str:
        return "KEEP"


_KEEP = _Keep()


@dataclass(frozen=True, slots=True)
class FileEntry(Value):
    """One file of a torrent."""

    index: int
    path: Path
    """Where it goes below the save path: harmless and unique whatever the torrent says."""
    size: int
    offset: int
    """Of its first byte in the row of all pieces."""
    pieces: range
    """The pieces that hold its bytes; empty for an empty file."""
    is_pad: bool = False
    """Zeros between files, never written to disk (BEP 47)."""
    is_executable: bool = False
    is_hidden: bool = False
    symlink_target: str | None = None
    """Set for a symbolic link, which is shown but neither followed nor made."""
    pieces_root: bytes | None = None
    """v2: the root of the file's hash tree (BEP 52)."""


@plain
class Metainfo:
    """What a .torrent file says. Never changes; `replace()` gives another one.

    >>> import jstorrent as jst
    >>> m = jst.Metainfo.load("debian.torrent")  # doctest: +SKIP
    >>> m.name, m.total_size, m.num_pieces       # doctest: +SKIP
    """

    __slots__ = ("_core", "_files")
    _core: _Core
    _files: tuple[FileEntry, ...] | None

    def __init__(self, core: _Core) -> None:
        """Not for users: see `load()` and `parse()`."""
        object.__setattr__(self, "_core", core)
        object.__setattr__(self, "_files", None)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Metainfo does not change: cannot set {name!r}; see replace()")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Metainfo does not change: cannot delete {name!r}")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Metainfo:
        """Reads a .torrent file. ParseError when it is none, DiskError when it cannot be read."""
        data = _read(path)
        try:
            return cls.parse(data)
        except ParseError as error:
            raise ParseError(f"{error}: {os.fspath(path)}", code=error.code, offset=error.offset) from None

    @classmethod
    def parse(cls, data: bytes | bytearray | memoryview) -> Metainfo:
        """The torrent in these bytes; ParseError with a code and an offset when they are none."""
        return cls(_Core.parse(data))

    @property
    def name(self) -> str:
        """The suggested name, for people; the info-hash where the torrent gives none."""
        return self._core.name

    @property
    def version(self) -> Literal["v1", "v2", "hybrid"]:
        """BEP 3, BEP 52, or both at once."""
        return self._core.version

    @property
    def info_hash(self) -> bytes | None:
        """The v1 info-hash, 20 bytes."""
        return self._core.info_hash

    @property
    def info_hash_v2(self) -> bytes | None:
        """The v2 info-hash, 32 bytes."""
        return self._core.info_hash_v2

    @property
    def piece_length(self) -> int:
        """Bytes of each piece but the last."""
        return self._core.piece_length

    @property
    def num_pieces(self) -> int:
        """How many pieces there are."""
        return self._core.num_pieces

    @property
    def total_size(self) -> int:
        """Bytes of payload, pad files of v1 and hybrid torrents included: the sum of all piece sizes."""
        return self._core.total_size

    @property
    def info_bytes(self) -> bytes:
        """The info dictionary, exactly as it came."""
        return self._core.info_bytes

    @property
    def is_private(self) -> bool:
        """Peers only from the trackers (BEP 27)."""
        return self._core.is_private

    @property
    def is_single_file(self) -> bool:
        """One file, without a directory of its own."""
        return self._core.is_single_file

    @property
    def comment(self) -> str | None:
        """What its maker says of it to people."""
        return self._core.comment

    @property
    def created_by(self) -> str | None:
        """The program that made it."""
        return self._core.created_by

    @property
    def created_at(self) -> int | None:
        """Unix seconds."""
        return self._core.created_at

    @property
    def source(self) -> str | None:
        """A word that makes the same files another torrent, used by private trackers."""
        return self._core.source

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """All files in the order of the torrent, pad files included."""
        if self._files is None:
            files = tuple(_file_entry(i, facts) for i, facts in enumerate(self._core.files()))
            object.__setattr__(self, "_files", files)
        return cast("tuple[FileEntry, ...]", self._files)

    @property
    def trackers(self) -> Tiers:
        """Tracker URLs in tiers (BEP 12); malformed and dangerous ones are left out."""
        return tuple(tuple(tier) for tier in self._core.trackers)

    @property
    def web_seeds(self) -> tuple[str, ...]:
        """URLs that serve the same files (BEP 19)."""
        return tuple(self._core.web_seeds)

    @property
    def nodes(self) -> tuple[Address, ...]:
        """DHT nodes to begin with (BEP 5)."""
        return tuple(self._core.nodes)

    def piece_size(self, index: int) -> int:
        """Bytes of one piece; the last one is usually shorter (in v2 the last one of each file)."""
        return self._core.piece_size(index)

    def piece_hash(self, index: int) -> bytes:
        """v1: the SHA-1 of one piece. Empty in v2."""
        return self._core.piece_hash(index)

    def magnet(self) -> str:
        """A magnet link with the info-hashes, the name, the trackers and the web seeds."""
        return self._core.magnet()

    def encode(self) -> bytes:
        """The .torrent file."""
        return self._core.encode()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the .torrent file; DiskError when that fails, and what was there before is there still."""
        from jstorrent._files import write_whole  # a download writes none

        try:
            write_whole(path, self.encode())
        except OSError as error:
            raise _from_os_error(error, path) from error

    def replace(
        self,
        *,
        trackers: str | TrackersLike | _Keep = _KEEP,
        web_seeds: str | Iterable[str] | _Keep = _KEEP,
        comment: str | None | _Keep = _KEEP,
    ) -> Metainfo:
        """The same torrent (same info-hash) with other trackers, web seeds or comment; what is not given stays."""
        return Metainfo(
            self._core.replace(
                None if isinstance(trackers, _Keep) else tiers_of(trackers),
                None if isinstance(web_seeds, _Keep) else urls_of(web_seeds),
                not isinstance(comment, _Keep),
                None if isinstance(comment, _Keep) else comment,
            )
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything but `info_bytes`, ready for JSON."""
        return {name: to_json(getattr(self, name)) for name in _SHOWN}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Metainfo):
            return NotImplemented
        return self._core is other._core or self.encode() == other.encode()

    def __hash__(self) -> int:
        return hash((self.info_hash, self.info_hash_v2))

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.encode(),)

    def __repr__(self) -> str:
        info_hash = self.info_hash or self.info_hash_v2 or b""
        return f"<Metainfo {self.name!r} {self.version} {info_hash.hex()} {self.total_size} bytes>"


_SHOWN = (
    "name", "version", "info_hash", "info_hash_v2", "piece_length", "num_pieces", "total_size", "is_private",
    "is_single_file", "comment", "created_by", "created_at", "source", "trackers", "web_seeds", "nodes", "files",
)  # fmt: skip


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_core.max_torrent_size + 1)
    except OSError as error:
        raise _from_os_error(error, path) from error


def load_without_layers(path: str | os.PathLike[str]) -> Metainfo:
    """As Metainfo.load, of a file that may lack its piece layers."""
    return _restore(_read(path))


def _restore(data: bytes) -> Metainfo:
    """Unpickles. A torrent that came by magnet may lack its piece layers."""
    return Metainfo(_Core.parse(data, layers_required=False))


def _file_entry(index: int, facts: _core._FileFacts) -> FileEntry:
    path, size, offset, first, last, is_pad, is_executable, is_hidden, target, root = facts
    return FileEntry(
        index, Path(path), size, offset, range(first, last), is_pad, is_executable, is_hidden, target, root
    )
