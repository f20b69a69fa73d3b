"""A peer of the simulated world that does exactly what it is told: for what no well-behaved engine would do.

It shakes hands, says what it has, unchokes and serves, each unless told not to. Everything it hears is kept.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from jstorrent import _core
from jstorrent.lab import Lab, Node, Spec
from jstorrent.lab._lanes import SimLane

CHOKE, UNCHOKE, INTERESTED, NOT_INTERESTED, HAVE, BITFIELD, REQUEST, PIECE, CANCEL = range(9)
HAVE_ALL, HAVE_NONE, REJECT = 14, 15, 16
EXTENDED = 20
KEEPALIVE = -1
_HANDSHAKE = 68
_FAST = 0x04
_EXTENDED = 0x10


@dataclass
class Heard:
    """One message of the other side. `id` is KEEPALIVE for one without."""

    time: float
    id: int
    payload: bytes


@dataclass
class Link:
    """One connection and what came over it."""

    number: int
    address: tuple[str, int]
    opened_at: float
    handshake: bytes = b""
    messages: list[Heard] = field(default_factory=list)
    closed_at: float | None = None
    why: str = ""
    unread: bytes = b""

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    def ids(self) -> list[int]:
        return [message.id for message in self.messages]


class RawPeer(Node):
    """speaks: sends its handshake. have: "all", "none" or pieces; None says nothing. serves: answers requests.
    extended: says that it knows BEP 10."""

    def __init__(
        self,
        lab: Lab,
        name: str,
        spec: Spec,
        *,
        have: str | Iterable[int] | None = "all",
        speaks: bool = True,
        unchokes: bool = True,
        serves: bool = True,
        extended: bool = False,
        host: Node | str | None = None,
        port: int | None = None,
    ) -> None:
        super().__init__(lab, name, host=host, port=port)
        assert isinstance(lab._lane, SimLane), "a raw peer lives in the sim lane"
        self.lab, self.spec = lab, spec
        self.have, self.speaks, self.unchokes, self.serves = have, speaks, unchokes, serves
        self.extended = extended
        self.peer_id = b"-RW0001-" + name.encode()[:12].rjust(12, b"0")
        self.links: list[Link] = []
        self.failures: list[str] = []
        self._participant = _core.lab.Participant(lab._lane.world, self._number, self)
        self._participant.listen(self.address[1])
        self._by_number: dict[int, Link] = {}

    # -- deeds

    def connect(self, to: Node, source_port: int = 0) -> int:
        host, port = to.address
        return int(self._participant.connect(f"{host}:{port}", source_port))

    def close(self, link: Link | None = None) -> None:
        for one in [link] if link else self.open_links:
            self._participant.close(one.number)
            self._ended(one, "us")

    def drop(self) -> None:
        """Silence on all links."""
        for one in self.open_links:
            self._participant.drop(one.number)
            self._ended(one, "us")

    def send(self, link: Link, kind: int, payload: bytes = b"") -> None:
        body = b"" if kind == KEEPALIVE else bytes([kind]) + payload
        self._participant.send(link.number, struct.pack(">I", len(body)) + body)

    def push(self, data: bytes) -> None:
        """Bytes without any framing, to all."""
        for link in self.open_links:
            self._participant.send(link.number, data)

    def say(self, kind: int, payload: bytes = b"") -> None:
        """To all."""
        for link in self.open_links:
            self.send(link, kind, payload)

    def request(self, piece: int, begin: int = 0, length: int = 16384) -> None:
        self.say(REQUEST, struct.pack(">III", piece, begin, length))

    # -- what it sees

    @property
    def open_links(self) -> list[Link]:
        return [link for link in self.links if link.is_open]

    @property
    def greeted(self) -> list[Link]:
        """Open links over which the other side's handshake came."""
        return [link for link in self.open_links if link.handshake]

    @property
    def messages(self) -> list[Heard]:
        return [message for link in self.links for message in link.messages]

    def count(self, kind: int) -> int:
        return sum(message.id == kind for message in self.messages)

    # -- what the world calls

    def accepted(self, number: int, local: str, remote: str) -> None:
        self._open(number, remote)

    def connected(self, number: int, local: str) -> None:
        self._open(number, local)

    def failed(self, number: int, why: str) -> None:
        self.failures.append(why)

    def received(self, number: int, data: bytes) -> None:
        link = self._by_number[number]
        link.unread += data
        if not link.handshake:
            if len(link.unread) < _HANDSHAKE:
                return
            link.handshake, link.unread = link.unread[:_HANDSHAKE], link.unread[_HANDSHAKE:]
            if self.speaks:
                self._claim(link)
        while len(link.unread) >= 4:
            length = int.from_bytes(link.unread[:4], "big")
            if len(link.unread) < 4 + length:
                return
            body, link.unread = link.unread[4 : 4 + length], link.unread[4 + length :]
            link.messages.append(Heard(self.lab.now, body[0] if body else KEEPALIVE, body[1:]))
            self._answer(link, link.messages[-1])

    def closed(self, number: int, why: str) -> None:
        link = self._by_number[number]
        if link.is_open:
            self._ended(link, why)
            self._participant.close(number)

    def _open(self, number: int, address: str) -> None:
        host, _, port = address.rpartition(":")
        link = self._by_number[number] = Link(number, (host, int(port)), self.lab.now)
        self.links.append(link)
        if self.speaks:
            reserved = bytes(5) + bytes([_EXTENDED if self.extended else 0, 0, _FAST])
            greeting = b"\x13BitTorrent protocol" + reserved + self.spec.info_hash + self.peer_id
            self._participant.send(number, greeting)

    def _claim(self, link: Link) -> None:
        if self.have == "all":
            self.send(link, HAVE_ALL)
        elif self.have == "none":
            self.send(link, HAVE_NONE)
        elif self.have is not None:
            bits = bytearray((self.spec.num_pieces + 7) // 8)
            for piece in self.have:
                assert isinstance(piece, int)
                bits[piece // 8] |= 0x80 >> piece % 8
            self.send(link, BITFIELD, bytes(bits))
        if self.unchokes:
            self.send(link, UNCHOKE)

    def _answer(self, link: Link, message: Heard) -> None:
        if message.id == REQUEST and self.serves:
            piece, begin, length = struct.unpack(">III", message.payload)
            data = self.spec.data(piece * self.spec.piece_length + begin, length)
            self.send(link, PIECE, struct.pack(">II", piece, begin) + data)

    def _ended(self, link: Link, why: str) -> None:
        link.closed_at, link.why = self.lab.now, why
