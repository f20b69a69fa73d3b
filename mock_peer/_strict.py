"""Rules that a subject must keep, whatever the timing: what breaks one is written into the ledger."""

from __future__ import annotations

from mock_peer._link import Link
from mock_peer._wire import BLOCK, FAST, Parsed

MAX_REQUEST = 128 * 1024
"""Bytes; what is longer is not served. More than 16384 is written down."""


def is_beyond(link: Link, piece: int | None, begin: int | None, length: int | None) -> bool:
    """The request is for something that there is not."""
    if piece is None or begin is None or length is None or not 0 < length <= MAX_REQUEST:
        return True
    if link.truth is None:
        return False
    return piece >= link.truth.num_pieces or begin + length > link.truth.piece_size(piece)


def judge(link: Link, parsed: Parsed, ok: bool | None) -> list[str]:
    """The rules that this message breaks."""
    kind = parsed.kind
    if parsed.problem is not None:
        return [f"malformed: {parsed.problem}"]
    why = []
    if kind in FAST and not link.fast:
        why.append("a message of BEP 6, which was not agreed on")
    if kind == "unknown":
        why.append(f"no message has the number {parsed.piece}")
    elif kind in ("bitfield", "have_all", "have_none"):
        why += _claims(link, parsed)
    elif kind == "have":
        why += _have(link, parsed)
    elif kind == "request":
        why += _request(link, parsed)
    elif kind == "piece":
        why += _piece(link, parsed, ok)
    return why


def _claims(link: Link, parsed: Parsed) -> list[str]:
    why = [] if link.heard == 0 else [f"{parsed.kind} is not the first message"]
    if parsed.kind == "bitfield" and link.truth is not None:
        data, count = parsed.data or b"", link.truth.num_pieces
        if len(data) != (count + 7) // 8:
            why.append(f"a bitfield of {len(data)} bytes for {count} pieces")
        elif count % 8 and data[-1] & (0xFF >> count % 8):
            why.append("spare bits of the bitfield are set")
    return why


def _have(link: Link, parsed: Parsed) -> list[str]:
    if link.truth is not None and (parsed.piece or 0) >= link.truth.num_pieces:
        return [f"HAVE of piece {parsed.piece} of {link.truth.num_pieces}"]
    return [f"HAVE of piece {parsed.piece} again"] if parsed.piece in link.claimed else []


def _request(link: Link, parsed: Parsed) -> list[str]:
    if is_beyond(link, parsed.piece, parsed.begin, parsed.length):
        return ["a request for what is not there"]
    if (parsed.length or 0) > BLOCK:
        return [f"a request of {parsed.length} bytes"]
    if link.spoke_raw or link.truth is None:
        return []
    why = [] if parsed.piece in link.told else [f"a request for piece {parsed.piece}, which was never claimed"]
    may_ask = link.has_unchoked or parsed.piece in link.allowed
    return why if may_ask else [*why, "a request before any unchoke"]


def _piece(link: Link, parsed: Parsed, ok: bool | None) -> list[str]:
    why = [] if (parsed.piece, parsed.begin) in link.asked else ["a block that was never asked for"]
    return [*why, "payload that is not the truth"] if ok is False else why
