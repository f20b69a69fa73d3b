"""Trackers over UDP (BEP 15, 41, 48): datagrams read and written."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mock_peer._tracker_answer import Address, Answer, Reply
from mock_peer._tracker_http import compact

MAGIC = 0x41727101980
CONNECT, ANNOUNCE, SCRAPE, ERROR = range(4)
KINDS = ("connect", "announce", "scrape")
EVENTS = ("", "completed", "started", "stopped")
ANNOUNCE_SIZE = 98
MOST_SCRAPED = 74
_MOST_ZEROS = 60_000
_MOST_PEERS = 65_000  # bytes of addresses in one datagram


@dataclass(frozen=True, slots=True)
class UdpRequest:
    """The head of a datagram, and its bytes."""

    connection: int
    action: int
    transaction: int
    data: bytes

    @property
    def is_connect(self) -> bool:
        """It asks for a connection id, as one does."""
        return self.action == CONNECT and self.connection == MAGIC and len(self.data) >= 16

    @property
    def kind(self) -> str:
        """connect, announce, scrape or other"""
        if self.action == CONNECT:
            return "connect" if self.is_connect else "other"
        return KINDS[self.action] if self.action < ERROR else "other"

    def hashes(self) -> tuple[bytes, ...]:
        """Of a scrape."""
        rest = self.data[16:]
        return tuple(rest[at : at + 20] for at in range(0, min(len(rest), MOST_SCRAPED * 20) - 19, 20))

    def path(self) -> str:
        """What BEP 41 says behind an announce: path and query of the tracker's url."""
        data, at, path = self.data, ANNOUNCE_SIZE, b""
        while at < len(data) and data[at] != 0:
            if data[at] == 1:
                at += 1
                continue
            length = data[at + 1] if at + 1 < len(data) else 0
            if data[at] == 2:
                path += data[at + 2 : at + 2 + length]
            at += 2 + length
        return path.decode("latin-1")


def read_datagram(data: bytes) -> UdpRequest | None:
    """None: it is too short to be of this protocol."""
    if len(data) < 16:
        return None
    connection, action, transaction = struct.unpack_from(">QII", data)
    return UdpRequest(connection, action, transaction, data)


def udp_reply(answer: Answer, request: UdpRequest, source: Address, connection: int) -> Reply:
    """The answer as a datagram."""
    data = answer.content if answer.content is not None else _datagram(answer, request, source, connection)
    return Reply(data if answer.cut is None else data[: answer.cut], delay=answer.delay)


def _datagram(answer: Answer, request: UdpRequest, source: Address, connection: int) -> bytes:
    action = ERROR if answer.failure is not None else request.action
    head = struct.pack(
        ">II",
        action if answer.action is None else answer.action,
        (request.transaction + answer.transaction_lie) & 0xFFFFFFFF,
    )
    if answer.failure is not None:
        body = answer.failure.encode()[:_MOST_ZEROS]
    elif request.action == CONNECT:
        body = struct.pack(">Q", connection)
    elif request.action == SCRAPE:
        body = b"".join(struct.pack(">III", seeds, done, leechers) for _, seeds, done, leechers in answer.files)
    else:
        size = 16 if ":" in source[0] else 4
        peers = compact(answer.peers[: _MOST_PEERS // (size + 2)], size)
        body = struct.pack(">III", (answer.interval or 0) & 0xFFFFFFFF, answer.leechers, answer.seeds) + peers
    return head + body + bytes(min(_MOST_ZEROS if answer.zeros is None else answer.zeros, _MOST_ZEROS))
