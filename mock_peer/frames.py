"""Frames as BEP 3, 6 and 10 have them, judged by their first bytes: what a reader may not accept, and what it may not refuse."""

from __future__ import annotations

from mock_peer._wire import BLOCK, IDS, MAX_FRAME

_LENGTHS = {"choke": 1, "unchoke": 1, "interested": 1, "not_interested": 1, "have_all": 1, "have_none": 1, "have": 5, "suggest": 5,
            "allowed_fast": 5, "request": 13, "cancel": 13, "reject": 13, "port": 3}  # fmt: skip
_FIXED = {IDS[name]: length for name, length in _LENGTHS.items()}
_PIECE, _EXTENDED = IDS["piece"], IDS["extended"]
_PIECE_HEAD = 9
_OF_V2 = (21, 22, 23)
"""Numbers of BEP 52, whose lengths are not judged here."""


def breach(data: bytes) -> bool | None:
    """Whether one of these frames is beyond what any reader may wait for. None: they do not end where a frame ends."""
    while data:
        if len(data) < 4:
            return None
        length = int.from_bytes(data[:4], "big")
        if length > MAX_FRAME or (length and len(data) > 4 and _is_wrong(data[4], length)):
            return True
        if len(data) < 4 + length:
            return None
        data = data[4 + length :]
    return False


def _is_wrong(number: int, length: int) -> bool:
    if number == _PIECE:
        return not _PIECE_HEAD <= length <= _PIECE_HEAD + BLOCK
    return length != _FIXED.get(number, length) or (number == _EXTENDED and length < 2)


def is_news(data: bytes) -> bool:
    """It is one whole message of a number that nobody knows: what is new is passed over."""
    length = int.from_bytes(data[:4], "big")
    known = {*IDS.values(), *_OF_V2}
    return len(data) == 4 + length and 0 < length <= BLOCK and data[4] not in known
