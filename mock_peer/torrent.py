"""Truths of torrents: of a .torrent and the files that it is about, or made up from a seed."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from mock_peer._bencode import Malformed, decode, decode_prefix, encode

_CACHED = 8  # pieces


class MadeUp:
    """A torrent of one file whose contents follow from a seed; `torrent` is its .torrent."""

    def __init__(self, *, pieces: int = 16, piece_length: int = 65536, seed: int = 0, name: str = "made-up") -> None:
        if pieces < 1 or piece_length < 1:
            raise ValueError(f"a torrent has pieces of some length, not {pieces} of {piece_length}")
        self._seed, self._length = seed, piece_length
        self._piece = lru_cache(_CACHED)(self._make)
        self.num_pieces = pieces
        hashes = b"".join(hashlib.sha1(self._make(piece)).digest() for piece in range(pieces))
        info = {"length": pieces * piece_length, "name": name, "piece length": piece_length, "pieces": hashes}
        self.metadata = encode(info)
        self.info_hash = hashlib.sha1(self.metadata).digest()
        self.torrent = encode({"created by": "mock_peer", "info": info})

    def _make(self, piece: int) -> bytes:
        return random.Random(f"{self._seed}/{piece}").randbytes(self._length)

    def piece_size(self, piece: int) -> int:
        """Bytes of that piece."""
        return self._length

    def data(self, piece: int, begin: int, length: int) -> bytes:
        """So many bytes of a piece from there."""
        return self._piece(piece)[begin : begin + length]


class OnDisk:
    """A torrent with a v1 part, and its files below a folder. What is missing or short there reads as zeros."""

    def __init__(self, torrent: bytes, below: str | os.PathLike[str] | None) -> None:
        self.metadata = raw_info(torrent)
        self.info_hash = hashlib.sha1(self.metadata).digest()
        info = decode(self.metadata)
        if not isinstance(info, dict) or not isinstance(info.get(b"pieces"), bytes):
            raise Malformed("no torrent of BEP 3: it has no piece hashes")
        self._length = _positive(info, b"piece length")
        self.num_pieces = len(info[b"pieces"]) // 20
        self._below = None if below is None else Path(below)
        self._files = list(_files(info))
        self._total = self._files[-1][0] + self._files[-1][1] if self._files else 0
        if self.num_pieces != -(-self._total // self._length):
            raise Malformed(f"{self.num_pieces} piece hashes for {self._total} bytes")

    def piece_size(self, piece: int) -> int:
        """Bytes of that piece."""
        return min(self._length, self._total - piece * self._length)

    def data(self, piece: int, begin: int, length: int) -> bytes:
        """So many bytes of a piece from there."""
        low = piece * self._length + begin
        made = bytearray(length)
        for offset, size, path in self._files:
            start, end = max(low, offset), min(low + length, offset + size)
            if start < end and path is not None:
                found = self._read(path, start - offset, end - start)
                made[start - low : start - low + len(found)] = found
        return bytes(made)

    def _read(self, path: Path, offset: int, length: int) -> bytes:
        if self._below is None:
            return b""
        at = self._below if self._below.is_file() else self._below / path
        try:
            with at.open("rb") as file:
                file.seek(offset)
                return file.read(length)
        except OSError:
            return b""


def raw_info(torrent: bytes) -> bytes:
    """The info dictionary of a .torrent, as it stands there."""
    if torrent[:1] != b"d":
        raise Malformed("not a .torrent: no dictionary")
    at = 1
    while torrent[at : at + 1] != b"e":
        key, begin = decode_prefix(torrent, at)
        _, at = decode_prefix(torrent, begin)
        if key == b"info":
            return torrent[begin:at]
    raise Malformed("not a .torrent: it has no info")


def _files(info: dict[bytes, Any]) -> Iterator[tuple[int, int, Path | None]]:
    name = _part(info.get(b"name"))
    if b"files" not in info:
        yield 0, _positive(info, b"length", 0), Path(name)
        return
    offset = 0
    for entry in info[b"files"]:
        size = _positive(entry, b"length", 0)
        is_pad = b"p" in entry.get(b"attr", b"")
        yield offset, size, None if is_pad else Path(name, *map(_part, entry.get(b"path", [])))
        offset += size


def _part(name: Any) -> str:
    text = name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else ""
    if text in ("", ".", "..") or "/" in text or "\0" in text:
        raise Malformed(f"not a name for a file: {name!r}")
    return text


def _positive(entry: Any, key: bytes, least: int = 1) -> int:
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, int) or value < least:
        raise Malformed(f"{key.decode()} is {value!r}")
    return value
