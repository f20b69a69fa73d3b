"""Made-up torrents whose every byte is known: the truth that downloads are compared with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from jstorrent import _core
from jstorrent._metadata import FileEntry, Metainfo
from jstorrent._urls import tiers_of
from jstorrent.lab._args import whole
from jstorrent.lab._failure import check_word, not_yet

_RUN = 4 << 20  # bytes made at once
_LARGEST = 1 << 40


class Spec:
    """A torrent and its truth. Contents follow from the seed and the name; long ones are made when asked for."""

    def __init__(self, key: int, metainfo: Metainfo, content: bytes | None = None) -> None:
        self._key = key
        self._content = content
        self.metainfo = metainfo
        self.magnet = metainfo.magnet()
        self.total_size = metainfo.total_size
        self.name = metainfo.name
        self.info_hash: bytes = metainfo.info_hash or b""
        self.num_pieces = metainfo.num_pieces
        self.piece_length = metainfo.piece_length

    def data(self, offset: int, length: int) -> bytes:
        """So many bytes of the truth from there, cut at its end."""
        if offset < 0 or length < 0:
            raise ValueError(f"no such run: {length} bytes from {offset}")
        if self._content is not None:
            return self._content[offset : offset + length]
        return _truth(self._key, offset, max(0, min(length, self.total_size - offset)))

    def piece(self, index: int) -> bytes:
        """The bytes of one piece."""
        return self.data(index * self.piece_length, self.metainfo.piece_size(index))

    def file_data(self, file: FileEntry, run: int = _RUN) -> Iterator[tuple[int, bytes]]:
        """The file in runs: (offset in the file, bytes)."""
        for at in range(0, file.size, run):
            yield at, self.data(file.offset + at, min(run, file.size - at))

    def runs(self, pieces: Iterable[int]) -> Iterator[tuple[FileEntry, int, bytes]]:
        """What these pieces are on disk: (file, offset in the file, bytes)."""
        for index in pieces:
            begin = index * self.piece_length
            end = begin + self.metainfo.piece_size(index)
            for file in self._files_over(begin, end):
                low, high = max(begin, file.offset), min(end, file.offset + file.size)
                yield file, low - file.offset, self.data(low, high - low)

    def _files_over(self, begin: int, end: int) -> Iterator[FileEntry]:
        files = self.metainfo.files
        low, high = 0, len(files)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if files[middle].offset + files[middle].size <= begin else (low, middle)
        for file in files[low:]:
            if file.offset >= end:
                return
            if file.size:
                yield file

    def file(self, which: int | str) -> FileEntry:
        """A file by its index, or by its path with or without the torrent's name in front."""
        if isinstance(which, int):
            return self.metainfo.files[which]
        wanted = PurePosixPath(which)
        for file in self.metainfo.files:
            if wanted in (PurePosixPath(file.path), PurePosixPath(*file.path.parts[1:])):
                return file
        raise ValueError(f"no such file in {self.name}: {which!r}")

    def __repr__(self) -> str:
        return f"<Spec {self.name!r} {self.num_pieces} x {self.piece_length}>"


def spec_of(value: Any) -> Spec:
    """A torrent of a laboratory, or TypeError."""
    if not isinstance(value, Spec):
        raise TypeError(f"a torrent is here what lab.torrent gave, not {value!r}")
    return value


def _truth(key: int, offset: int, length: int) -> bytes:
    made: bytes = _core.lab.truth(key, offset, length)
    return made


def make_spec(
    seed: int,
    name: str,
    *,
    pieces: int | None,
    piece_length: int,
    tail: int | None,
    files: Sequence[tuple[str, int]] | None,
    version: str,
    private: bool,
    trackers: Iterable[Any],
) -> Spec:
    """A torrent of so many pieces in one file, or of these files."""
    if check_word(version, ("v1", "v2", "hybrid"), "version") != "v1":
        not_yet(f"a torrent of version {version!r}")
    piece_length = whole(piece_length, "piece_length is bytes, at least 1", 1)
    if not isinstance(name, str):
        raise TypeError(f"the name of a torrent is a str, not {name!r}")
    if files is None:
        entries = [([name], _size_of(pieces, piece_length, tail))]
    elif tail is not None:
        raise ValueError("files fix the sizes: tail goes with pieces")
    else:
        entries = [_file(entry) for entry in files]
    total = sum(size for _, size in entries)
    if total == 0:
        raise ValueError("a torrent has at least one byte: files fix the sizes")
    if total > _LARGEST:
        raise ValueError(f"a torrent of the laboratory has at most {_LARGEST:,} bytes, for each is hashed: {total:,}")
    key = int(_core.lab.truth_key(seed & (2**64 - 1), name))
    content = _truth(key, 0, total) if total <= _RUN else None
    core = _core.build_torrent(
        "v1", name, files is None, entries, piece_length, _hashes(key, total, piece_length, content), private, None,
        tiers_of([_urls(tier) for tier in trackers]), [], None, "jstorrent lab", None,
    )  # fmt: skip
    return Spec(key, Metainfo(core), content)


def _urls(tier: Any) -> str | list[str]:
    """Of a tracker, a url, or a tier of such."""
    url = getattr(tier, "url", tier)
    return url if isinstance(url, str) else [getattr(one, "url", one) for one in url]


def _file(entry: Any) -> tuple[list[str], int]:
    if isinstance(entry, str) or not isinstance(entry, Sequence) or len(entry) != 2:
        raise ValueError(f"files are (path, size) each, not {entry!r}")
    path, size = entry
    return str(path).split("/"), whole(size, f"the size of {path} is bytes, at least 0")


def _size_of(pieces: int | None, piece_length: int, tail: int | None) -> int:
    pieces = whole(pieces, "pieces: a torrent has at least one piece", 1)
    last = whole(piece_length if tail is None else tail, f"the last piece has 1 to {piece_length} bytes", 1, piece_length)
    return (pieces - 1) * piece_length + last


def _hashes(key: int, total: int, piece_length: int, content: bytes | None) -> bytes:
    at_once = max(_RUN // piece_length, 1) * piece_length
    digests = []
    for begin in range(0, total, at_once):
        length = min(at_once, total - begin)
        run = memoryview(_truth(key, begin, length) if content is None else content[begin : begin + length])
        digests += [hashlib.sha1(run[at : at + piece_length]).digest() for at in range(0, len(run), piece_length)]
    return b"".join(digests)
