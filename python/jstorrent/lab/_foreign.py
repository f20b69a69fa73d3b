"""Anybody's client in the real lane: a program, behind a relay as everybody there."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jstorrent.lab._drivers import Driver, Job, driver_of
from jstorrent.lab._failure import LaneLacks
from jstorrent.lab._lanes import RealLane
from jstorrent.lab._libtorrent import Libtorrent
from jstorrent.lab._namespace import Namespace
from jstorrent.lab._node import Client, Have, Node
from jstorrent.lab._real_net import inner_host
from jstorrent.lab._spec import Spec
from jstorrent.lab._transports import transport_of
from mock_peer._tracker_server import Server
from mock_peer.tracker import TrackerCore

if TYPE_CHECKING:
    from jstorrent.lab._lab import Lab

Program = str | Iterable[str] | Driver
SEEDERS = ("engine", "libtorrent", "mock", "transmission", "aria2c")
"""The kinds of seeders."""
_PORTS = (12_000, 32_000)
_ports = itertools.count()
_START = 30.0  # seconds that a seed may take to be ready
_AGAIN = 5  # seconds between two announces to the tracker of the laboratory


def foreign_seeder(lab: Lab, name: str, kind: str) -> Client:
    """Who is to seed: libtorrent within this process, which is quick, or a program."""
    return Libtorrent(lab, name) if kind == "libtorrent" else Foreign(lab, name, kind)


def _free_port() -> int:
    """For a program that may listen on all addresses: free on all of them, and none that the system gives to dialling."""
    while True:
        port = _PORTS[0] + (os.getpid() * 97 + next(_ports)) % (_PORTS[1] - _PORTS[0])
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
            return port


class Foreign(Client):
    """A client that is a program of its own. It runs one torrent; it learns its peers from a tracker that is its own."""

    def __init__(self, lab: Lab, name: str, program: Program = "libtorrent", *, host: Node | str | None = None,
                 port: int | None = None) -> None:  # fmt: skip
        if not isinstance(lab._lane, RealLane):
            raise LaneLacks("programs of others live in the real lane only")
        self._driver = driver_of(program)
        namespace = Namespace() if getattr(self._driver, "refuses_loopback", False) else None
        super().__init__(lab, name, host=host, port=port)
        self._namespace = namespace
        self._network = lab._lane.network
        self._home = lab._lane.root / f"{name}.own"
        self._home.mkdir()
        self.downloads.mkdir(parents=True)
        self._tracker: Any = None
        self._tracker_port = 0
        self._peers: list[tuple[str, int]] = []
        self._job: Job | None = None
        self._spec: Spec | None = None
        self._up = False
        self._inner = self._settle()
        # Who listens where it is told has one port on both sides of its relay: what it says of itself to strangers is true.
        same = self._inner[1] if port is None and getattr(self._driver, "dials_from_host", False) else port
        self._port = self._network.open(self._number, same, self._inner)

    def _settle(self) -> tuple[str, int]:
        place = self._network.place(self._number)
        place.has_views = not getattr(self._driver, "dials_from_host", False)
        host = inner_host(self._host)
        if self._namespace is not None:
            namespace = self._namespace
            place.sees = lambda number, _: namespace.host_of(number)
            host = namespace.inside
            return host, 51413
        return host, _free_port()

    # -- life

    @property
    def running(self) -> bool:
        return self._up and bool(getattr(self._driver, "running", True))

    @property
    def output(self) -> str:
        """The end of what it said."""
        return str(getattr(self._driver, "output", ""))

    @property
    def last_words(self) -> str:
        """How its process ended, in words; empty while it runs, or where nobody knows."""
        return str(getattr(self._driver, "last_words", ""))

    def start(self) -> None:
        """Runs it on its torrent, also again."""
        self._lab._check_thread()
        if self._job is None or self.running:
            return
        self._network.open(self._number, self._port, self._inner)
        self._driver.start(self._job)
        self._up = True
        if self._job.is_seed:
            self._lab.until(lambda: getattr(self._driver, "ready", True) or not self.running, within=_START)

    def stop(self) -> None:
        """A clean end."""
        self._end(self._driver.stop)

    def crash(self, mode: str = "drop-all") -> None:
        """SIGKILL. What it wrote is as the page cache has it."""
        if mode != "drop-all":
            raise LaneLacks(f"a crash of mode {mode!r} needs the sim lane")
        self._end(self._driver.kill)

    def _end(self, end: Any) -> None:
        if self._up:
            self._up = False
            try:
                end()
            finally:
                self._network.shut(self._number)

    def _drop(self) -> None:
        with contextlib.ExitStack() as rest:
            if self._namespace is not None:
                rest.callback(self._namespace.close)
            if self._tracker is not None:
                rest.callback(self._tracker.end)
            self._end(self._driver.kill)

    # -- its torrent

    def add(self, spec: Spec, *, peers: Iterable[Any] = (), have: Have = "none", magnet: bool = False) -> Job:
        """Starts it with the torrent; `peers` are what its tracker names. Without any it has only those of the torrent."""
        self._lab._check_thread()
        if self._spec is not None:
            raise LaneLacks(f"{self.name} runs one torrent: make another client for the next")
        given = self._put(spec, have, self.downloads)
        self._spec = spec
        self._peers = [self._seen(peer) for peer in peers]
        trackers = self._trackers_of(spec)
        if getattr(self._driver, "uses_tracker", True) and (self._peers or not trackers):
            trackers.insert(0, [self._own_tracker()])
        metainfo = spec.metainfo.replace(trackers=trackers)
        torrent = Path(self._home / f"{spec.info_hash.hex()}.torrent")
        metainfo.save(torrent)
        self._job = Job(
            torrent=torrent, magnet=metainfo.magnet(), dir=self.downloads, host=self._inner[0], port=self._inner[1],
            peers=tuple(self._peers), is_seed=len(given) == spec.num_pieces,
            from_magnet=magnet, home=self._home, enter=() if self._namespace is None else self._namespace.enter,
        )  # fmt: skip
        self.start()
        return self._job

    def _seen(self, peer: Any) -> tuple[str, int]:
        if isinstance(peer, Node):
            return self._network.address_for(self._number, peer._number)
        host, port = peer.rsplit(":", 1) if isinstance(peer, str) else peer
        return str(host), int(port)

    def _trackers_of(self, spec: Spec) -> list[list[str]]:
        """Those of the torrent, where they are of the laboratory under the urls that lead there from in here."""
        own = {tracker.url: tracker for tracker in self._lab._trackers}
        return [
            [own[url].url_for(self._number) if url in own else url for url in tier] for tier in spec.metainfo.trackers
        ]

    def _own_tracker(self) -> str:
        host = inner_host(self._host) if self._namespace is None else self._namespace.outside
        if self._tracker is None:
            core = TrackerCore(interval=_AGAIN, swarm=lambda said, known: self._peers)
            self._tracker = transport_of(self._lab._lane, self._number, host)
            Server(self._tracker, core)
            self._tracker_port = self._tracker.listen(0)
        return f"http://{host}:{self._tracker_port}/announce"
