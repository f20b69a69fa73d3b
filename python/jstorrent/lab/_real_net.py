"""The network of the real lane: who stands behind which address, and what is broken between whom.

Each node has a host that others see and one where it really listens and dials; between the two stands a relay. The same
port number is used on both, so that what a client says of its own port leads to its relay as well. A program that
cannot be told where to dial from gets doors of its own: what comes through these is its.
"""

from __future__ import annotations

import ipaddress
import random
import socket
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from jstorrent.lab._datagrams import DatagramDoor
from jstorrent.lab._failure import LaneLacks
from jstorrent.lab._reactor import Reactor
from jstorrent.lab._relay import MOST_LINKS, Access, Door, Line, Link, LinkRecord, Path

_SHIFT = 0x80 << 16


def inner_host(host: str) -> str:
    """Where a node of this host really lives: another address of the loopback net."""
    return str(ipaddress.IPv4Address(int(ipaddress.IPv4Address(host)) ^ _SHIFT))


@dataclass(slots=True)
class Place:
    """What the network knows of a node."""

    number: int
    name: str
    host: str
    inner: tuple[str, int] | None = None
    """Where it really listens."""
    door: Door | None = None
    datagrams: DatagramDoor | None = None
    """Where datagrams to it go in."""
    views: dict[int, Door] = field(default_factory=dict)
    """Doors to it that are for one dialler alone."""
    sees: Callable[[int, str], str] | None = None
    """The host under which this node sees another (number, host): for those behind a namespace."""
    has_views: bool = False
    """It cannot be told from the address that it dials from."""


class RealNet:
    """The faces of SimLane's world that `lab.net` uses, over relays."""

    def __init__(self, seed: int) -> None:
        self.reactor = Reactor()
        self.links: deque[LinkRecord] = deque(maxlen=MOST_LINKS)
        self._seed = seed
        self._places: list[Place] = []
        self._paths: dict[tuple[int, int], Path] = defaultdict(Path)
        self._access: dict[int, Access] = defaultdict(Access)
        self._live: list[tuple[int, int, Link]] = []

    # -- places

    def add(self, name: str, host: str) -> int:
        """A new inhabitant; its number."""
        self._places.append(Place(len(self._places), name, host))
        return len(self._places) - 1

    def place(self, number: int) -> Place:
        """Of that node."""
        return self._places[number]

    def open(self, number: int, port: int | None, inner: tuple[str, int] | None = None) -> int:
        """The node's door opens; its port, which stays the same. inner: where it really listens, if not as usual."""
        place = self._places[number]
        with self.reactor.lock:
            if place.door is None:
                place.door = self._door(place, place.host, port or 0, None)
            place.door.open()
            for view in place.views.values():
                view.open()
            place.inner = inner or (inner_host(place.host), place.door.port)
            return place.door.port

    def open_datagrams(self, number: int, port: int | None) -> int:
        """The node's door for datagrams opens; its port, which stays the same."""
        place = self._places[number]

        def allowed(host: str, inward: bool) -> bool:
            other = self.number_of(host)
            ends = (other, number) if inward else (number, other)
            return other is None or not self._paths[ends].datagrams_cut  # type: ignore[index]

        def seen_as(host: str) -> str:
            other = self.number_of(host)
            return host if other is None else self._places[other].host

        def inner() -> tuple[str, int]:
            return self.inner_of(number)

        with self.reactor.lock:
            place.datagrams = DatagramDoor(self.reactor, place.host, port or 0, inner, seen_as, allowed)
            place.inner = place.inner or (inner_host(place.host), place.datagrams.port)
            return place.datagrams.port

    def inner_of(self, number: int) -> tuple[str, int]:
        """Where the node really listens."""
        inner = self._places[number].inner
        assert inner is not None
        return inner

    def shut(self, number: int) -> None:
        """Its doors are closed: calls are refused."""
        place = self._places[number]
        if place.datagrams is not None:
            place.datagrams.close()
        for door in filter(None, (place.door, *place.views.values())):
            door.close()

    def address_for(self, dialler: int, target: int) -> tuple[str, int]:
        """The address under which this node finds that one."""
        me, place = self._places[dialler], self._places[target]
        with self.reactor.lock:
            if place.door is None or place.inner is None:
                raise LaneLacks(f"{place.name} does not listen")
            if not me.has_views:
                return place.door.address
            if dialler not in place.views:
                host = place.host if me.sees is None else me.sees(target, place.host)
                place.views[dialler] = self._door(place, host, 0, dialler)
            return place.views[dialler].address

    def number_of(self, host: str) -> int | None:
        """Who lives at that host, on either side of its relay."""
        for place in self._places:
            if host in (place.host, inner_host(place.host) if host.startswith("127.") else None):
                return place.number
            if place.inner is not None and place.inner[0] == host:
                return place.number
        return None

    def _door(self, place: Place, host: str, port: int, dialler: int | None) -> Door:
        def accepted(near: socket.socket, source: str) -> None:
            self._link(near, place, self.number_of(source) if dialler is None else dialler)

        return Door(self.reactor, host, port, accepted)

    def _link(self, near: socket.socket, target: Place, dialler: int | None) -> None:
        if target.inner is None:
            near.close()
            return
        number = -1 if dialler is None else dialler
        name = None if dialler is None else self._places[dialler].name
        record = LinkRecord(name, target.name, self.reactor.now())
        self.links.append(record)
        luck = random.Random(f"{self._seed}/relay/{len(self.links)}")
        paths = self._paths[number, target.number], self._paths[target.number, number]
        ends = self._access[number], self._access[target.number]

        def gone(link: Link) -> None:
            self._live = [entry for entry in self._live if entry[2] is not link]

        link = Link(self.reactor, record, near, lambda: self._dial(number, target), paths, ends, luck, gone)
        if not link.is_over:
            self._live.append((number, target.number, link))

    def _dial(self, number: int, target: Place) -> socket.socket:
        assert target.inner is not None
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if number >= 0:
                host = self._places[number].host
                sock.bind((host if target.sees is None else target.sees(number, host), 0))
            sock.connect_ex(target.inner)
        except OSError:
            sock.close()
            raise
        return sock

    # -- what lab.net does, by numbers

    def access(self, node: int, up: int, down: int, latency: float, jitter: float) -> None:
        """The node's own line; rate 0: no limit."""
        with self.reactor.lock:
            access = self._access[node]
            access.up.rate, access.down.rate = up, down
            access.latency, access.jitter = latency, jitter

    def link(self, a: int, b: int, *, one_way: bool = False, **settings: float) -> None:
        """Latency, jitter and rate. What is told of datagrams and windows has nothing to work on here."""
        for key in settings:
            if key not in ("latency", "jitter", "rate"):
                raise LaneLacks(f"a relay carries streams over loopback: {key} needs the sim lane")
        with self.reactor.lock:
            for pair in [(a, b)] if one_way else [(a, b), (b, a)]:
                path = self._paths[pair]
                path.latency = settings.get("latency", path.latency)
                path.jitter = settings.get("jitter", path.jitter)
                if "rate" in settings:
                    path.line = Line(int(settings["rate"]))

    def partition(self, a: int, b: int, one_way: bool, only: str | None) -> None:
        """Nothing gets through. TCP needs both ways to carry anything, but what b sends may still reach a.

        Datagrams go through relays only to trackers, which are all in the laboratory that hear any.
        """
        if only not in (None, "tcp", "udp"):
            raise ValueError(f"no such traffic: {only!r} (known: tcp, udp)")

        def cut(path: Path) -> None:
            path.is_cut = path.is_cut or only != "udp"
            path.datagrams_cut = path.datagrams_cut or only != "tcp"

        for pair in [(a, b)] if one_way else [(a, b), (b, a)]:
            self._set(pair, cut)

    def heal(self) -> None:
        """Undoes partitions, corruption and cuts that still wait."""
        with self.reactor.lock:
            for path in self._paths.values():
                path.is_cut, path.datagrams_cut, path.corrupt, path.cut_after = False, False, 0.0, None
            self._update()

    def hold(self, a: int, b: int) -> None:
        """What a sends to b waits."""
        self._set((a, b), lambda path: setattr(path, "is_held", True))

    def release(self, a: int, b: int) -> None:
        """What was held goes on."""
        self._set((a, b), lambda path: setattr(path, "is_held", False))

    def fragment(self, a: int, b: int, sizes: list[int]) -> None:
        """One fragment each send; the kernel may still join two that nobody has read."""
        if any(size < 1 for size in sizes):
            raise ValueError(f"a fragment has at least one byte: {sizes}")
        self._set((a, b), lambda path: setattr(path, "sizes", tuple(sizes)))

    def corrupt(self, a: int, b: int, p: float) -> None:
        """Each byte changes with chance p."""
        self._set((a, b), lambda path: setattr(path, "corrupt", p))

    def cut_after(self, a: int, b: int, nbytes: int, how: str) -> None:
        """After so many more bytes the link ends; 0: now."""
        with self.reactor.lock:
            if nbytes == 0:
                for one, other, link in list(self._live):
                    if {one, other} == {a, b}:
                        link.sever(how)
            else:
                self._paths[a, b].cut_after = (nbytes, how)

    def _set(self, pair: tuple[int, int], change: Callable[[Path], None]) -> None:
        with self.reactor.lock:
            change(self._paths[pair])
            self._update()

    def _update(self) -> None:
        for _, _, link in list(self._live):
            link.update()

    def close(self) -> None:
        """Ends all links and doors."""
        with self.reactor.lock:
            for place in self._places:
                self.shut(place.number)
            for _, _, link in list(self._live):
                link.close("network", "rst")
        self.reactor.close()
