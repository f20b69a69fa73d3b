"""Trackers of the laboratory: mock_peer's tracker on a node of its own, HTTP or UDP, in both lanes; and real programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jstorrent.lab._failure import LaneLacks, check_word
from jstorrent.lab._lanes import RealLane, SimLane
from jstorrent.lab._node import Node
from jstorrent.lab._spec import Spec
from jstorrent.lab._tracker_programs import PROGRAMS, TrackerProgram
from jstorrent.lab._transports import transport_of
from mock_peer._tracker_server import Server
from mock_peer.tracker import Announce, Reply, Request, TrackerBehaviour, TrackerCore

if TYPE_CHECKING:
    from jstorrent.lab._lab import Lab

KINDS = ("http", "udp", *PROGRAMS)
_PORT = 6969
_START = 90.0


class TrackerNode(Node):
    """A tracker with an address of its own. In the real lane it names nodes by the addresses under which they are found."""

    def __init__(self, lab: Lab, name: str, kind: str = "http", *, host: Node | str | None = None,
                 port: int | None = None) -> None:  # fmt: skip
        super().__init__(lab, name, host=host, port=_usual_port(lab, host, port))
        self.kind = kind
        if isinstance(lab._lane, SimLane):
            lab._lane.world.be_service(self._number)
        lab._trackers.append(self)

    @property
    def url(self) -> str:
        """What a torrent says of it."""
        return self._url(*self.address)

    def _url(self, host: str, port: int) -> str:
        return f"{self.kind if self.kind == 'udp' else 'http'}://{f'[{host}]' if ':' in host else host}:{port}/announce"

    def url_for(self, number: int) -> str:
        """The url under which that node finds it."""
        lane = self._lab._lane
        if self.kind == "udp" or not isinstance(lane, RealLane):
            return self.url
        return self._url(*lane.network.address_for(number, self._number))

    def _names(self, spec: Spec) -> None:
        """A torrent that may name it was made."""

    def _requests(self) -> Sequence[Request]:
        """What oracles read; of a program nothing is known."""
        return ()

    def _announces(self) -> Sequence[Announce]:
        """The same of announces."""
        return ()

    def _drop(self) -> None:
        raise NotImplementedError


class Tracker(TrackerNode):
    """A scripted one: honest unless told otherwise, and it keeps all that was said."""

    def __init__(self, lab: Lab, name: str, kind: str = "http", *, interval: int = 1800,
                 min_interval: int | None = None, behave: Any = (), **place: Any) -> None:  # fmt: skip
        core = TrackerCore(kind, interval=interval, min_interval=min_interval, behave=behave,
                           who=self._who, swarm=self._as_seen)  # fmt: skip
        super().__init__(lab, name, kind, **place)
        self._core = core
        self._is_up = True
        lane = lab._lane
        host = self._host
        if isinstance(lane, RealLane):
            opened = lane.network.open_datagrams if kind == "udp" else lane.network.open
            self._port = opened(self._number, self._port)
            host = lane.network.inner_of(self._number)[0]
        self._transport = transport_of(lane, self._number, host)
        self._server = Server(self._transport, self)
        self._listen()

    def _listen(self) -> None:
        listen = self._transport.open_udp if self.kind == "udp" else self._transport.listen
        self._port = listen(self._port or 0)

    def stop(self) -> None:
        """Out of order: calls are refused, datagrams are not heard. It forgets nothing."""
        self._lab._check_thread()
        self._is_up = False
        if self._lab.lane == "real":
            self._lab._lane.leave(self._number)
        elif self.kind == "http":
            self._transport.stop_listening()

    def start(self) -> None:
        """In order again, at the same place."""
        self._lab._check_thread()
        if self._is_up:
            return
        self._is_up = True
        if isinstance(self._lab._lane, RealLane):
            opened = self._lab._lane.network.open_datagrams if self.kind == "udp" else self._lab._lane.network.open
            opened(self._number, self._port)
        elif self.kind == "http":
            self._listen()

    # -- what it knows

    @property
    def announces(self) -> list[Announce]:
        """All that was announced, in order."""
        with self._transport.lock:
            return list(self._core.announces)

    @property
    def requests(self) -> list[Request]:
        """All requests of any kind, also those that were not answered."""
        with self._transport.lock:
            return list(self._core.requests)

    def _requests(self) -> Sequence[Request]:
        return self._core.requests

    def _announces(self) -> Sequence[Announce]:
        return self._core.announces

    @property
    def peers(self) -> list[tuple[str, int]]:
        """The addresses of who announced and did not stop since."""
        with self._transport.lock:
            return [self._public(address) for address in self._core.peers()]

    @property
    def behave(self) -> tuple[TrackerBehaviour, ...]:
        """What it does wrong; may be assigned at any time."""
        return self._core.behave

    @behave.setter
    def behave(self, value: Any) -> None:
        with self._transport.lock:
            self._core.behave = value

    # -- what its server asks

    def http(self, head: bytes, source: tuple[str, int], now: float) -> Reply | None:
        """The answer to a request."""
        return self._core.http(head, source, now)

    def udp(self, datagram: bytes, source: tuple[str, int], now: float) -> Reply | None:
        """The answer to a datagram."""
        return self._core.udp(datagram, source, now) if self._is_up else None

    # -- who is who

    def _who(self, address: tuple[str, int]) -> str | None:
        lane = self._lab._lane
        if isinstance(lane, RealLane):
            number = lane.network.number_of(address[0])
            return None if number is None else lane.network.place(number).name
        there = [node for node in [*self._lab._clients, *self._lab._peers] if node._host == address[0]]
        exact = [node for node in there if node._port == address[1]]
        return exact[0].name if exact else there[0].name if there else None

    def _public(self, address: tuple[str, int]) -> tuple[str, int]:
        lane = self._lab._lane
        number = lane.network.number_of(address[0]) if isinstance(lane, RealLane) else None
        door = None if number is None else lane.network.place(number).door
        return address if door is None else door.address

    def _as_seen(self, said: Announce, known: list[tuple[str, int]]) -> list[tuple[str, int]]:
        """Who is known, as the one who asks can dial them."""
        lane = self._lab._lane
        if not isinstance(lane, RealLane):
            return known
        network = lane.network
        me = network.number_of(said.address[0])
        seen = []
        for address in known:
            number = network.number_of(address[0])
            if number is None or me is None:
                seen.append(address)
            elif number != me and network.place(number).inner is not None:
                seen.append(network.address_for(me, number))
        return seen

    def _drop(self) -> None:
        self._lab._lane.leave(self._number)
        self._transport.end()


class ProgramTracker(TrackerNode):
    """A real tracker program behind a relay. It does not say what was announced."""

    def __init__(self, lab: Lab, name: str, kind: str, *, interval: int = 1800, min_interval: int | None = None,
                 behave: Any = (), **place: Any) -> None:  # fmt: skip
        lane = lab._lane
        if not isinstance(lane, RealLane):
            raise LaneLacks(f"{kind} is a program: it needs the real lane")
        if min_interval is not None or behave:
            raise ValueError(f"{kind} does as it was written: it has no min_interval and no behave")
        made: TrackerProgram = PROGRAMS[kind](interval)
        super().__init__(lab, name, kind, **place)
        self._program = made
        self._hashes: list[bytes] = []
        port = lane.network.open(self._number, self._port)
        self._port = lane.network.open_datagrams(self._number, port)
        folder = lane.root / f"{name}.tracker"
        folder.mkdir()
        made.start(folder, *lane.network.inner_of(self._number))
        lab.until(lambda: made.is_ready or not made.running, within=_START)
        if not made.running:
            made.kill()
            raise RuntimeError(f"{kind} ended at once; it said: {made.output}")

    @property
    def udp_url(self) -> str:
        """The same tracker over UDP."""
        host, port = self.address
        return f"udp://{host}:{port}/announce"

    @property
    def output(self) -> str:
        """The end of what it said."""
        return self._program.output

    def allow(self, spec: Spec) -> None:
        """It serves this torrent. Torrents of the laboratory that name it are allowed by themselves."""
        if spec.info_hash not in self._hashes:
            self._hashes.append(spec.info_hash)
            self._program.allow(self._hashes)
            self._lab.until(lambda: self._program.serves(spec.info_hash) or not self._program.running, within=_START)
            if not self._program.running:
                raise RuntimeError(f"{self.kind} ended; it said: {self._program.output}")

    def _names(self, spec: Spec) -> None:
        own = {self.url, self.udp_url}
        if any(url in own for tier in spec.metainfo.trackers for url in tier):
            self.allow(spec)

    def _drop(self) -> None:
        self._lab._lane.leave(self._number)
        self._program.kill()


def make_tracker(lab: Lab, name: str, kind: str, words: dict[str, Any]) -> Any:
    """A tracker of that kind."""
    made = Tracker if check_word(kind, KINDS, "kind of tracker") in ("http", "udp") else ProgramTracker
    return made(lab, name, kind, **words)


def _usual_port(lab: Lab, host: Node | str | None, port: int | None) -> int | None:
    return _PORT if port is None and host is None and lab.lane == "sim" else port
