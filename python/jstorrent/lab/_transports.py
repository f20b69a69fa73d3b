"""What scripted peers and trackers stand on: links, datagrams and timers of the world that a laboratory runs in."""

from __future__ import annotations

import contextlib
from typing import Any

from jstorrent import _core
from jstorrent.lab._lanes import SimLane
from mock_peer.udp import net_transport


def transport_of(lane: Any, number: int, host: str) -> Any:
    """The transport of a node that lives at this host."""
    if isinstance(lane, SimLane):
        return SimTransport(lane.world, number)
    return net_transport(lane.sockets(), host)


class SimTransport:
    """Links of a simulated world. Facts go to the core directly: a delivered run of bytes costs one call."""

    lock = contextlib.nullcontext()

    def __init__(self, world: Any, number: int) -> None:
        self._world = world
        self._facts = _Facts()
        self._participant = _core.lab.Participant(world, number, self._facts)
        self.send = self._participant.send
        self.unsent = self._participant.unsent
        self.tell_below = self._participant.tell_below
        self.pause = self._participant.pause_reading
        self.timer = self._participant.timer
        self.stop_listening = self._participant.stop_listening

    @property
    def now(self) -> float:
        """Seconds of the world."""
        return float(self._world.now)

    @property
    def seconds_spent(self) -> float:
        """Real time that the node has used so far, what it sends included."""
        return float(self._participant.seconds_spent)

    def listen(self, port: int) -> int:
        """Takes links there; the port, for 0 means any."""
        return pair_of(self._participant.listen(port))[1]

    def open_udp(self, port: int) -> int:
        """Hears datagrams there; the port, for 0 means any."""
        return pair_of(self._participant.open_udp(port))[1]

    def send_to(self, address: tuple[str, int], data: bytes) -> None:
        """One datagram."""
        self._participant.send_to(text_of(address), data)

    def tell(self, core: Any) -> None:
        """Facts go there from now on."""
        self._facts.tell(core)

    def connect(self, address: tuple[str, int], source_port: int) -> int:
        """Dials."""
        return int(self._participant.connect(text_of(address), source_port))

    def close(self, link: int, how: str) -> None:
        """Ends a link."""
        if how == "blackhole":
            self._participant.drop(link)
        else:
            self._participant.close(link, how == "rst")

    def end(self) -> None:
        """Gives everything back; the world, its participant and the facts hold each other no more."""
        self._facts.__dict__.clear()
        self.__dict__.clear()


class _Facts:
    """What a participant of the world tells: addresses in the form that mock_peer knows, all else as it is."""

    def tell(self, core: Any) -> None:
        self.core = core
        self.received, self.closed, self.failed = core.received, core.closed, core.failed
        self.drained, self.timer = core.drained, core.timer

    def accepted(self, link: int, local: str, remote: str) -> None:
        self.core.accepted(link, pair_of(local), pair_of(remote))

    def connected(self, link: int, local: str) -> None:
        self.core.connected(link, pair_of(local))

    def datagram(self, source: str, data: bytes) -> None:
        self.core.datagram(pair_of(source), data)


def text_of(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def pair_of(text: str) -> tuple[str, int]:
    """Host and port of an address in one word."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
