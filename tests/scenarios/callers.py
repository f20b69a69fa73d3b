"""Those who dial an engine and say just what a test tells them, in both lanes: they send bytes, and know when they are closed.

In the real lane they are plain sockets, each from a loopback address of its own, and reach the engine without a relay.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
from collections.abc import Iterable
from typing import Any

from jstorrent import _core
from jstorrent.lab import Engine, Lab, Node, Spec
from jstorrent.lab._lanes import SimLane

HANDSHAKE = 68
_HOME = "127.77.0.1"
_FIRST = int(ipaddress.IPv4Address("127.78.0.1"))


def an_engine(lab: Lab, name: str = "client", **settings: Any) -> Engine:
    """One that callers of the real lane reach directly."""
    if lab.lane == "sim":
        return lab.engine(name, **settings)
    return lab.engine(name, host=_HOME, listen=(_HOME,), **settings)


def handshake(spec: Spec, peer_id: bytes = b"-CA0001-000000000000", info_hash: bytes | None = None) -> bytes:
    """What a peer of the torrent opens with; it knows no extension."""
    return b"\x13BitTorrent protocol" + bytes(8) + (info_hash or spec.info_hash) + peer_id


class Caller:
    """One link, seen from its far side."""

    def __init__(self) -> None:
        self.host = ""
        self._received = b""
        self._why: str | None = None

    def send(self, data: bytes) -> None:
        """These bytes, if the link is still there."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends it."""
        raise NotImplementedError

    def _look(self) -> None:
        pass

    @property
    def received(self) -> bytes:
        """All that came."""
        self._look()
        return self._received

    @property
    def greeted(self) -> bool:
        """The engine's handshake came."""
        return len(self.received) >= HANDSHAKE

    @property
    def closed(self) -> bool:
        """The engine (or nobody, where nobody listens) ended it."""
        self._look()
        return self._why is not None


class Crowd:
    """Makes callers of one engine."""

    def __init__(self, lab: Lab, client: Engine) -> None:
        self.lab, self.client = lab, client
        self.callers: list[Caller] = []
        self._hosts: dict[int, _SimHost] = {}

    def dial(self, says: bytes = b"", *, host: int | None = None, port: int | None = None) -> Caller:
        """A link from the host of that number (None: one of its own), which says this as soon as it is there."""
        number = len(self.callers) + 1000 if host is None else host
        to = self.client.address[0], port or self.client.address[1]
        made: Caller
        if isinstance(self.lab._lane, SimLane):
            if number not in self._hosts:
                self._hosts[number] = _SimHost(self.lab, f"caller{number}")
            made = self._hosts[number].dial(to, says)
        else:
            made = _RealCaller(str(ipaddress.IPv4Address(_FIRST + number)), to, says)
        self.callers.append(made)
        return made

    def several(self, count: int, says: bytes = b"") -> list[Caller]:
        """So many, each from a host of its own."""
        return [self.dial(says) for _ in range(count)]

    def close(self) -> None:
        """All of them hang up."""
        for one in self.callers:
            one.close()


def still_open(callers: Iterable[Caller]) -> int:
    """How many the engine has not ended."""
    return sum(not one.closed for one in callers)


class _SimCaller(Caller):
    def __init__(self, host: _SimHost, says: bytes) -> None:
        super().__init__()
        self.host, self._home, self._says = host.address[0], host, says
        self._number = -1
        self._up = False

    def send(self, data: bytes) -> None:
        if self._up:
            self._home.participant.send(self._number, data)
        else:
            self._says += data

    def close(self) -> None:
        if self._up and self._why is None:
            self._home.participant.close(self._number)
        self._up = False


class _SimHost(Node):
    """A host of the simulated world: what it is told, it tells its callers."""

    def __init__(self, lab: Lab, name: str) -> None:
        super().__init__(lab, name)
        assert isinstance(lab._lane, SimLane)
        self.participant = _core.lab.Participant(lab._lane.world, self._number, self)
        self._callers: dict[int, _SimCaller] = {}

    def dial(self, to: tuple[str, int], says: bytes) -> _SimCaller:
        made = _SimCaller(self, says)
        made._number = int(self.participant.connect(f"{to[0]}:{to[1]}", 0))
        self._callers[made._number] = made
        return made

    def connected(self, number: int, local: str) -> None:
        made = self._callers[number]
        made._up = True
        if made._says:
            self.participant.send(number, made._says)

    def received(self, number: int, data: bytes) -> None:
        self._callers[number]._received += data

    def failed(self, number: int, why: str) -> None:
        self._callers[number]._why = why

    def closed(self, number: int, why: str) -> None:
        made = self._callers[number]
        if made._why is None:
            made._why = why
            if made._up:
                self.participant.close(number)


class _RealCaller(Caller):
    def __init__(self, host: str, to: tuple[str, int], says: bytes) -> None:
        super().__init__()
        self.host = host
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.bind((host, 0))
        self._socket.setblocking(False)
        self._unsent = says
        with contextlib.suppress(BlockingIOError):
            self._socket.connect(to)
        self._look()

    def send(self, data: bytes) -> None:
        self._unsent += data
        self._look()

    def close(self) -> None:
        self._why = self._why or "us"
        self._socket.close()

    def _look(self) -> None:
        if self._why is not None:
            return
        try:
            if self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
            while data := self._socket.recv(65536):
                self._received += data
            self._why = "end_of_stream"
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno == errno.ENOTCONN:  # not yet
                return
            self._why = error.strerror or "error"
        self._socket.close()
