"""Bencoding (BEP 3), strict where it matters to a judge: bounded depth and size, nothing guessed."""

from __future__ import annotations

from typing import Any

MAX_DEPTH = 32
"""Lists and dictionaries within each other; one more is malformed."""
MAX_DIGITS = 20


class Malformed(ValueError):
    """These bytes are not what they should be."""


def encode(value: Any) -> bytes:
    """Bytes of ints, bytes, texts, lists and dictionaries; keys are sorted."""
    out: list[bytes] = []
    _encode(value, out)
    return b"".join(out)


def _encode(value: Any, out: list[bytes]) -> None:
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bool) or not isinstance(value, int | bytes | bytearray | list | tuple | dict):
        raise TypeError(f"cannot be bencoded: {value!r}")
    if isinstance(value, int):
        out.append(b"i%de" % value)
    elif isinstance(value, bytes | bytearray):
        out += (b"%d:" % len(value), bytes(value))
    elif isinstance(value, dict):
        out.append(b"d")
        pairs = {key.encode() if isinstance(key, str) else key: item for key, item in value.items()}
        for key in sorted(pairs):
            _encode(key, out)
            _encode(pairs[key], out)
        out.append(b"e")
    else:
        out.append(b"l")
        for item in value:
            _encode(item, out)
        out.append(b"e")


def decode(data: bytes) -> Any:
    """The one value that these bytes are."""
    value, end = decode_prefix(data)
    if end != len(data):
        raise Malformed(f"{len(data) - end} bytes after the end")
    return value


def decode_prefix(data: bytes, begin: int = 0) -> tuple[Any, int]:
    """The value that begins there, and where it ends."""
    return _value(data, begin, 0)


def _value(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    first = data[at : at + 1]
    if first == b"i":
        end = data.find(b"e", at, at + MAX_DIGITS + 3)
        return _number(data[at + 1 : end] if end > 0 else b""), end + 1
    if first.isdigit():
        return _string(data, at)
    if first not in (b"l", b"d"):
        raise Malformed(f"no value at {at}" if first else "it ends too early")
    if depth >= MAX_DEPTH:
        raise Malformed(f"nested deeper than {MAX_DEPTH}")
    return _list(data, at + 1, depth) if first == b"l" else _dict(data, at + 1, depth)


def _list(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    items = []
    while data[at : at + 1] != b"e":
        item, at = _value(data, at, depth + 1)
        items.append(item)
    return items, at + 1


def _dict(data: bytes, at: int, depth: int) -> tuple[dict[bytes, Any], int]:
    pairs: dict[bytes, Any] = {}
    while data[at : at + 1] != b"e":
        if not data[at : at + 1].isdigit():
            raise Malformed(f"no key at {at}")
        key, at = _string(data, at)
        if key in pairs:
            raise Malformed(f"the key {key!r} twice")
        pairs[key], at = _value(data, at, depth + 1)
    return pairs, at + 1


def _string(data: bytes, at: int) -> tuple[bytes, int]:
    colon = data.find(b":", at, at + MAX_DIGITS)
    length = _number(data[at:colon]) if colon > 0 else -1
    if not 0 <= length <= len(data) - colon - 1:
        raise Malformed(f"a string at {at} that does not fit")
    return data[colon + 1 : colon + 1 + length], colon + 1 + length


def _number(digits: bytes) -> int:
    bare = digits[1:] if digits[:1] == b"-" else digits
    if not bare.isdigit() or len(bare) > MAX_DIGITS or (bare[:1] == b"0" and len(digits) > 1):
        raise Malformed(f"not an integer: {digits!r}")
    return int(digits)
