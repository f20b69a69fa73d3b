"""A tracker behind a port: HTTP over links and UDP over datagrams, on any transport. No input or output of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from mock_peer._tracker_answer import Address, Reply
from mock_peer._transport import Transport

MOST_LINKS = 256
"""Requests that are served at once; for one more the oldest is hung up on."""
MOST_HEAD = 16 << 10
"""Bytes of a request."""
ROOM = 128 << 10
"""Bytes of an answer that wait to be sent."""
MOST_RUNS = 16
"""Runs of an answer that are sent before others get their turn: a link that broke takes them all."""


class Answering(Protocol):
    """What knows the answers."""

    def http(self, head: bytes, source: Address, now: float) -> Reply | None: ...
    def udp(self, datagram: bytes, source: Address, now: float) -> Reply | None: ...


class DatagramTransport(Transport, Protocol):
    """A transport that has datagrams, too. Another fact: datagram(source, data)."""

    def send_to(self, address: Address, data: bytes) -> None:
        """One datagram, as best it can."""


class Server:
    """Hears the facts of a transport and answers with what `core` says."""

    def __init__(self, transport: Any, core: Answering) -> None:
        self._transport: DatagramTransport = transport
        self._core = core
        self._links: dict[int, _Request] = {}
        self._calls: dict[int, Callable[[], None]] = {}
        self._numbers = itertools.count()
        transport.tell(self)

    # -- facts

    def accepted(self, number: int, local: Address, remote: Address) -> None:
        """A link came in."""
        if len(self._links) >= MOST_LINKS:
            self._end(next(iter(self._links)), "rst")
        self._links[number] = _Request(remote)

    def received(self, number: int, data: bytes) -> None:
        """More of a request; nothing is heard behind its head."""
        link = self._links.get(number)
        if link is None or link.is_read:
            return
        link.head += data
        if b"\r\n\r\n" in link.head:
            link.is_read = True
            reply = self._core.http(bytes(link.head.partition(b"\r\n\r\n")[0]), link.source, self._transport.now)
            if reply is not None:
                link.reply, link.runs = reply, reply.runs()
                self._later(reply.delay, lambda: self._go_on(number))
        elif len(link.head) > MOST_HEAD:
            self._end(number, "rst")

    def closed(self, number: int, error: str) -> None:
        """The other side has said all, or is gone. Who has asked is still answered."""
        link = self._links.get(number)
        if link is not None and (error != "end_of_stream" or link.reply is None):
            self._end(number, "fin")
        elif link is not None:
            self._transport.pause(number, True)

    def drained(self, number: int) -> None:
        """There is room for more of the answer."""
        self._go_on(number)

    def timer(self, number: int) -> None:
        """Something is due."""
        self._calls.pop(number)()

    def connected(self, number: int, local: Address) -> None:
        """It never dials."""

    def failed(self, number: int, error: str) -> None:
        """It never dials."""

    def datagram(self, source: Address, data: bytes) -> None:
        """A datagram came."""
        reply = self._core.udp(data, source, self._transport.now)
        if reply is not None:
            self._later(reply.delay, lambda: self._transport.send_to(source, reply.data))

    # -- the answer

    def _go_on(self, number: int) -> None:
        link = self._links.get(number)
        if link is None or link.reply is None:
            return
        for count, run in enumerate(link.runs, start=1):
            self._transport.send(number, run)
            if link.reply.pace is not None:
                return self._later(link.reply.pace[1], lambda: self._go_on(number))
            if self._transport.unsent(number) >= ROOM:
                return self._transport.tell_below(number, ROOM)
            if count == MOST_RUNS:
                return self._call_at(self._transport.now, lambda: self._go_on(number))
        self._end(number, link.reply.ending)

    def _end(self, number: int, how: str) -> None:
        del self._links[number]
        self._transport.close(number, how)

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        if seconds <= 0:
            call()
        else:
            self._call_at(self._transport.now + seconds, call)

    def _call_at(self, when: float, call: Callable[[], None]) -> None:
        number = next(self._numbers)
        self._calls[number] = call
        self._transport.timer(when, number)


class _Request:
    """One link."""

    def __init__(self, source: Address) -> None:
        self.source = source
        self.head = bytearray()
        self.is_read = False
        self.reply: Reply | None = None
        self.runs: Iterator[bytes] = iter(())


__all__ = ["MOST_HEAD", "MOST_LINKS", "ROOM", "Answering", "DatagramTransport", "Server"]
