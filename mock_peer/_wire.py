"""The messages of BEP 3, 6 and 10 as bytes: frames out of a stream, and frames into it.

Knows no connection and no time. What comes is hostile: a frame is bounded, and what cannot be read says why.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from mock_peer._bencode import Malformed, encode

BLOCK = 16384
MAX_FRAME = 2 << 20
"""Bytes of one frame behind its length; a longer one ends the reading of that link."""
HANDSHAKE_SIZE = 68
PROTOCOL = b"\x13BitTorrent protocol"

IDS = {
    "choke": 0, "unchoke": 1, "interested": 2, "not_interested": 3, "have": 4, "bitfield": 5, "request": 6, "piece": 7,
    "cancel": 8, "port": 9, "suggest": 13, "have_all": 14, "have_none": 15, "reject": 16, "allowed_fast": 17,
    "extended": 20,
}  # fmt: skip
_BARE = frozenset(("choke", "unchoke", "interested", "not_interested", "have_all", "have_none"))
_ONE = frozenset(("have", "suggest", "allowed_fast"))
_THREE = frozenset(("request", "cancel", "reject"))
FAST = frozenset(("suggest", "have_all", "have_none", "reject", "allowed_fast"))
_NAMES = {number: name for name, number in IDS.items()}

_HEAD = struct.Struct(">IB")
_HEAD_ONE = struct.Struct(">IBI")
_HEAD_TWO = struct.Struct(">IBII")
_HEAD_THREE = struct.Struct(">IBIII")
_ONE_NUMBER = struct.Struct(">I")
_TWO_NUMBERS = struct.Struct(">II")
_THREE_NUMBERS = struct.Struct(">III")


class Parsed(NamedTuple):
    """One frame as it was understood. `problem`: why it was not."""

    kind: str
    piece: int | None = None
    begin: int | None = None
    length: int | None = None
    data: bytes | None = None
    problem: str | None = None


class Frame:
    """One message on its way out, which behaviours may still change. delay: seconds until it goes."""

    __slots__ = ("begin", "data", "delay", "kind", "length", "name", "ok", "piece", "raw", "request")

    def __init__(
        self,
        kind: str,
        piece: int = 0,
        begin: int = 0,
        length: int = 0,
        data: bytes = b"",
        *,
        name: str | None = None,
        raw: bytes | None = None,
    ) -> None:
        self.kind = kind
        self.piece = piece
        self.begin = begin
        self.length = length
        self.data = data
        self.name = name  # what the ledger calls it, where that says more than the kind
        self.raw = raw  # these bytes and no others
        self.delay = 0.0
        self.request: Any = None  # what it answers
        self.ok: bool | None = None  # True: its data came from the truth

    def copy(self) -> Frame:
        """Another one like it."""
        made = Frame(self.kind, self.piece, self.begin, self.length, self.data, name=self.name, raw=self.raw)
        made.delay, made.request = self.delay, self.request
        return made

    def encode(self) -> bytes:
        """Its bytes."""
        return self.raw if self.raw is not None else encode_frame(self)


def encode_frame(frame: Frame) -> bytes:
    """The bytes of a message; ValueError for a kind that there is not."""
    kind = frame.kind
    if kind == "piece":
        return _HEAD_TWO.pack(9 + len(frame.data), 7, frame.piece, frame.begin) + frame.data
    if kind in _THREE:
        return _HEAD_THREE.pack(13, IDS[kind], frame.piece, frame.begin, frame.length)
    if kind in _BARE:
        return _HEAD.pack(1, IDS[kind])
    if kind in _ONE:
        return _HEAD_ONE.pack(5, IDS[kind], frame.piece)
    if kind == "keepalive":
        return b"\0\0\0\0"
    if kind == "bitfield":
        return _HEAD.pack(1 + len(frame.data), 5) + frame.data
    if kind == "port":
        return struct.pack(">IBH", 3, 9, frame.length)
    if kind == "extended":
        return _HEAD.pack(2 + len(frame.data), 20) + bytes((frame.piece,)) + frame.data
    raise ValueError(f"no such message: {kind!r}")


def _bare(kind: str, body: bytes) -> Parsed:
    return Parsed(kind, problem=f"{len(body)} bytes too many" if body else None)


def _one(kind: str, body: bytes) -> Parsed:
    if len(body) != 4:
        return Parsed(kind, problem=f"{len(body)} bytes, not 4")
    return Parsed(kind, piece=_ONE_NUMBER.unpack(body)[0])


def _three(kind: str, body: bytes) -> Parsed:
    if len(body) != 12:
        return Parsed(kind, problem=f"{len(body)} bytes, not 12")
    return Parsed(kind, *_THREE_NUMBERS.unpack(body))


def _piece(kind: str, body: bytes) -> Parsed:
    if len(body) < 8:
        return Parsed(kind, problem=f"{len(body)} bytes, not 8 and a block")
    piece, begin = _TWO_NUMBERS.unpack_from(body)
    return Parsed(kind, piece, begin, len(body) - 8, body[8:])


def _port(kind: str, body: bytes) -> Parsed:
    if len(body) != 2:
        return Parsed(kind, problem=f"{len(body)} bytes, not 2")
    return Parsed(kind, length=int.from_bytes(body, "big"))


def _bitfield(kind: str, body: bytes) -> Parsed:
    return Parsed(kind, length=len(body), data=body)


def _extended(kind: str, body: bytes) -> Parsed:
    if not body:
        return Parsed(kind, problem="no bytes, not an id and a payload")
    return Parsed(kind, piece=body[0], length=len(body) - 1, data=body[1:])


_READ: dict[int, Callable[[str, bytes], Parsed]] = {
    **{IDS[kind]: _bare for kind in _BARE},
    **{IDS[kind]: _one for kind in _ONE},
    **{IDS[kind]: _three for kind in _THREE},
    IDS["piece"]: _piece,
    IDS["port"]: _port,
    IDS["bitfield"]: _bitfield,
    IDS["extended"]: _extended,
}


def parse(raw: bytes) -> Parsed:
    """One frame, its length in front. Never raises."""
    if len(raw) == 4:
        return Parsed("keepalive")
    number = raw[4]
    read = _READ.get(number)
    if read is None:
        return Parsed("unknown", piece=number, length=len(raw) - 5, data=raw[5:])
    return read(_NAMES[number], raw[5:])


class Reader:
    """Frames out of a stream of bytes."""

    def __init__(self) -> None:
        self._rest = b""
        self._parts: list[bytes] = []  # of a frame that is longer than what came so far
        self._missing = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that are whole now, each with its length in front. Malformed: one is too long to be read."""
        if self._missing > len(data):
            self._parts.append(data)
            self._missing -= len(data)
            return []
        if self._rest:
            data = b"".join((self._rest, *self._parts, data))
        self._parts, self._missing = [], 0
        frames: list[bytes] = []
        at, end = 0, len(data)
        while end - at >= 4:
            length = int.from_bytes(data[at : at + 4], "big")
            if length > MAX_FRAME:
                self._rest = b""
                raise TooLong(f"a frame of {length} bytes", frames)
            if end - at - 4 < length:
                self._missing = length - (end - at - 4)
                break
            frames.append(data[at : at + 4 + length])
            at += 4 + length
        self._rest = data[at:] if at else data
        return frames


class TooLong(Malformed):
    """A frame that nobody has to read; `frames` came before it."""

    def __init__(self, what: str, frames: list[bytes]) -> None:
        super().__init__(what)
        self.frames = frames


def bits_of(pieces: set[int], count: int) -> bytes:
    """A bitfield of so many pieces."""
    bits = bytearray((count + 7) // 8)
    for piece in pieces:
        if 0 <= piece < count:
            bits[piece >> 3] |= 0x80 >> (piece & 7)
    return bytes(bits)


def pieces_of(bits: bytes) -> set[int]:
    """The pieces that a bitfield names."""
    return {at * 8 + bit for at, byte in enumerate(bits) if byte for bit in range(8) if byte & 0x80 >> bit}


def extended(number: int, payload: Any, name: str | None = None) -> Frame:
    """A message of BEP 10; a payload that is not bytes is bencoded."""
    body = payload if isinstance(payload, bytes) else encode(payload)
    return Frame("extended", number, 0, len(body), body, name=name)
