"""What an engine's durable state says of a torrent, read by a decoder of the laboratory's own.

It shares nothing with the engine's loader but bencode: a mistake in one does not hide in the other.
"""

from __future__ import annotations

import hashlib
import ipaddress
import struct
from dataclasses import dataclass

from jstorrent import bdecode
from jstorrent._errors import ParseError
from jstorrent._values import Address, Value

_HEAD = b"jsttrec\n"
_KNOWN_VERSION = 1
_DIGEST = 20
_PEER = 18
_STATES = ("running", "paused", "stopped")
_MOST_PIECES = 1 << 24


@dataclass(frozen=True, slots=True)
class Saved(Value):
    """What would be there after a power cut at this moment."""

    have: frozenset[int]
    """Pieces that the record claims."""
    state: str
    """What the user wants: running, paused or stopped."""
    peers: tuple[Address, ...]
    """Known addresses, IPv4 ones as such."""
    num_pieces: int
    save_path: str


def decode_saved(record: bytes) -> Saved:
    """The record of one torrent; ParseError (code bad_record) when a single bit of it is wrong."""
    if record[: len(_HEAD)] != _HEAD or hashlib.sha1(record[:-_DIGEST]).digest() != record[-_DIGEST:]:
        raise _bad("it is damaged")
    (version,) = struct.unpack_from(">I", record, len(_HEAD))
    if version != _KNOWN_VERSION:
        raise _bad(f"it is of version {version}")
    body = bdecode(record[len(_HEAD) + 4 : -_DIGEST])
    if not isinstance(body, dict):
        raise _bad("it holds no dictionary")
    num_pieces = body.get(b"pieces", 0)
    state = body.get(b"wanted", 0)
    peers = body.get(b"peers", b"")
    save_path = body.get(b"save_path", b"")
    if not (isinstance(num_pieces, int) and 0 <= num_pieces <= _MOST_PIECES):
        raise _bad("its number of pieces")
    if not (isinstance(state, int) and 0 <= state < len(_STATES)):
        raise _bad("its state")
    if not isinstance(peers, bytes) or len(peers) % _PEER or not isinstance(save_path, bytes):
        raise _bad("its peers or its save_path")
    return Saved(
        have=_pieces(body.get(b"have", b""), num_pieces),
        state=_STATES[state],
        peers=tuple(_address(peers[at : at + _PEER]) for at in range(0, len(peers), _PEER)),
        num_pieces=num_pieces,
        save_path=save_path.decode("utf-8", "surrogateescape"),
    )


def _pieces(bits: object, count: int) -> frozenset[int]:
    if not isinstance(bits, bytes) or (bits and len(bits) != (count + 7) // 8):
        raise _bad("its have bits")
    found = frozenset(8 * i + j for i, byte in enumerate(bits) for j in range(8) if byte & 0x80 >> j)
    if any(piece >= count for piece in found):
        raise _bad("its have bits: one is past the end")
    return found


def _address(packed: bytes) -> Address:
    host = ipaddress.IPv6Address(packed[:16])
    (port,) = struct.unpack_from(">H", packed, 16)
    return str(host.ipv4_mapped or host), port


def _bad(what: str) -> ParseError:
    return ParseError(f"a saved record that cannot be used: {what}", code="bad_record")
