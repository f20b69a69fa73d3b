"""Trackers in the real lane: mock_peer's tracker behind a port, HTTP or UDP, carried by the laboratory's own thread."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jstorrent.lab._failure import check_word, not_yet
from jstorrent.lab._lanes import RealLane
from jstorrent.lab._node import Node
from jstorrent.lab._reactor import Reactor, Timer
from jstorrent.lab._relay import Door
from mock_peer.tracker import Announce, Reply, TrackerBehaviour, TrackerCore

if TYPE_CHECKING:
    from jstorrent.lab._lab import Lab

MOST_CONNECTIONS = 256
"""Requests that are served at once; one more is hung up on."""
MOST_HEAD = 16 << 10
"""Bytes of a request."""
_PATIENCE = 30.0
_CHUNK = 64 << 10
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_KINDS = ("http", "udp", "opentracker", "bittorrent-tracker")

Answer = Callable[[bytes, str], Reply | None]


class HttpPort:
    """A port that reads one request a connection and answers with what `answer` (head, host) says."""

    def __init__(self, reactor: Reactor, host: str, port: int, answer: Answer) -> None:
        self._reactor = reactor
        self._answer = answer
        self._open: set[_Request] = set()
        self._door = Door(reactor, host, port, self._accepted)
        self.port = self._door.port

    def _accepted(self, sock: socket.socket, host: str) -> None:
        if len(self._open) >= MOST_CONNECTIONS:
            sock.close()
        else:
            self._open.add(_Request(self._reactor, sock, host, self._answer, self._open.discard))

    def close(self) -> None:
        """Ends it with all its connections."""
        with self._reactor.lock:
            self._door.close()
            for request in list(self._open):
                request.close()


class _Request:
    def __init__(self, reactor: Reactor, sock: socket.socket, host: str, answer: Answer,
                 gone: Callable[[_Request], None]) -> None:  # fmt: skip
        self._reactor, self._socket, self._host = reactor, sock, host
        self._answer, self._gone = answer, gone
        self._head = bytearray()
        self._reply: Reply | None = None
        self._sent = 0
        self._is_over = False
        self._timer: Timer = reactor.after(_PATIENCE, self.close)
        reactor.watch(sock, _READ, self._ready)

    def _ready(self, events: int) -> None:
        if self._is_over:
            return
        try:
            if self._reply is None:
                self._read()
            else:
                self._write(self._reply)
        except BlockingIOError:
            pass
        except OSError:
            self.close()

    def _read(self) -> None:
        data = self._socket.recv(MOST_HEAD)
        if not data:
            return self.close()
        if b"\r\n\r\n" in self._head:
            return  # it is silent, and only waits for the other to leave
        self._head += data
        if b"\r\n\r\n" in self._head:
            self._reply = self._answer(bytes(self._head), self._host)
            if self._reply is not None:
                self._reactor.watch(self._socket, _WRITE, self._ready)
        elif len(self._head) > MOST_HEAD:
            self.close()

    def _write(self, reply: Reply) -> None:
        total = len(reply.data) + reply.zeros
        while self._sent < total:
            rest = reply.data[self._sent : self._sent + _CHUNK]
            self._sent += self._socket.send(rest or bytes(min(_CHUNK, total - self._sent)))
        self._socket.shutdown(socket.SHUT_WR)
        self.close()

    def close(self) -> None:
        """Ends it."""
        if not self._is_over:
            self._is_over = True
            self._timer.cancel()
            self._reactor.watch(self._socket, 0, self._ready)
            self._socket.close()
            self._gone(self)


class UdpPort:
    """A port that answers datagrams."""

    def __init__(self, reactor: Reactor, host: str, answer: Callable[[bytes, tuple[str, int]], bytes | None]) -> None:
        self._reactor = reactor
        self._answer = answer
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((host, 0))
        self.port = int(self._socket.getsockname()[1])
        reactor.watch(self._socket, _READ, self._ready)

    def _ready(self, events: int) -> None:
        try:
            data, source = self._socket.recvfrom(65536)
            answer = self._answer(data, source)
            if answer is not None:
                self._socket.sendto(answer, source)
        except OSError:
            pass  # who asked is gone

    def close(self) -> None:
        """Ends it."""
        with self._reactor.lock:
            self._reactor.watch(self._socket, 0, self._ready)
            self._socket.close()


class Tracker(Node):
    """A tracker of the laboratory. It names nodes by the addresses under which whoever asks finds them."""

    def __init__(self, lab: Lab, name: str, kind: str = "http", *, interval: int = 1800,
                 min_interval: int | None = None, behave: Any = ()) -> None:  # fmt: skip
        if check_word(kind, _KINDS, "kind of tracker") not in ("http", "udp"):
            not_yet(f"a tracker of kind {kind!r}")
        if not isinstance(lab._lane, RealLane):
            not_yet("a tracker in the sim lane")
        core = TrackerCore(kind, interval=interval, min_interval=min_interval, behave=behave,
                           who=self._who, swarm=self._as_seen)  # fmt: skip
        super().__init__(lab, name)
        self.kind = kind
        self._core = core
        self._network = lab._lane.network
        self._reactor = self._network.reactor
        self._port_of: HttpPort | UdpPort
        if kind == "http":
            host, port = lab._lane.arrive(self._number, self._host, None)
            self._port_of = HttpPort(self._reactor, host, port or 0, self._http)
        else:
            self._port_of = UdpPort(self._reactor, self._host, self._udp)
            port = self._port_of.port
        self._port = port
        lab._trackers.append(self)

    @property
    def url(self) -> str:
        """What a torrent says of it."""
        return self._url(*self.address)

    def _url(self, host: str, port: int) -> str:
        return f"{self.kind}://{host}:{port}/announce"

    def url_for(self, number: int) -> str:
        """The url under which that node finds it."""
        return self.url if self.kind == "udp" else self._url(*self._network.address_for(number, self._number))

    @property
    def announces(self) -> list[Announce]:
        """All that was announced, in order."""
        with self._reactor.lock:
            return list(self._core.announces)

    @property
    def peers(self) -> list[tuple[str, int]]:
        """The addresses of who announced and did not stop since."""
        with self._reactor.lock:
            return [self._public(address) for address in self._core.peers()]

    @property
    def behave(self) -> tuple[TrackerBehaviour, ...]:
        """What it does wrong; may be assigned at any time."""
        return self._core.behave

    @behave.setter
    def behave(self, value: Any) -> None:
        with self._reactor.lock:
            self._core.behave = value

    def _http(self, head: bytes, host: str) -> Reply | None:
        return self._core.http(head, host, self._lab.now)

    def _udp(self, data: bytes, source: tuple[str, int]) -> bytes | None:
        return self._core.udp(data, source, self._lab.now)

    def _who(self, address: tuple[str, int]) -> str | None:
        number = self._network.number_of(address[0])
        return None if number is None else self._network.place(number).name

    def _public(self, address: tuple[str, int]) -> tuple[str, int]:
        number = self._network.number_of(address[0])
        door = None if number is None else self._network.place(number).door
        return address if door is None else door.address

    def _as_seen(self, said: Announce, known: list[tuple[str, int]]) -> list[tuple[str, int]]:
        """Who is known, as the one who asks can dial them."""
        me = self._network.number_of(said.address[0])
        seen = []
        for address in known:
            number = self._network.number_of(address[0])
            if number is None or me is None:
                seen.append(address)
            elif number != me and self._network.place(number).inner is not None:
                seen.append(self._network.address_for(me, number))
        return seen

    def _drop(self) -> None:
        self._port_of.close()
