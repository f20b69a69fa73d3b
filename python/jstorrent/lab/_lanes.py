"""The two worlds that a laboratory runs in: time, places and the making of engines, under one set of names.

SimLane: a simulated world of one seed; nothing moves but in step(), run_until() and settle(). RealLane: sockets on
loopback addresses, files in a temporary directory, wall time.
"""

from __future__ import annotations

import ipaddress
import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jstorrent import _core
from jstorrent.lab._disk import Disk, RealDisk, SimDisk
from jstorrent.lab._failure import LaneLacks
from jstorrent.lab._real_net import RealNet, inner_host
from jstorrent.lab._spec import Spec
from mock_peer.tcp import Loop

_PORT = 6881
_PAUSE = 0.002  # seconds between two looks in the real lane
_labs = itertools.count()


class Lane:
    """One world."""

    name: str
    network: Any
    """What `lab.net` acts on: the simulated world, or the relays of the real lane."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.instruments = _core.lab.Instruments()
        self._hosts: dict[str, list[int]] = {}  # ports in use by host
        self._next_host = 1

    @property
    def now(self) -> float:
        """Seconds since the beginning of the world."""
        raise NotImplementedError

    @property
    def fingerprint(self) -> str | None:
        """The rolling hash of all that happened."""
        return None

    @property
    def broken_rules(self) -> int:
        """How often code of ours broke a rule of its own."""
        return 0

    def commands_of(self, node: int) -> int:
        """How many commands a node was given in its present life; 0 where nobody counts."""
        return 0

    def time_of(self, ns: int) -> float:
        """Seconds since the beginning, of a time that an instrument tells."""
        return ns / 1e9

    def step(self, limit: float) -> bool:
        """The next turns that are due by then. False: there are none, and the time is `limit`."""
        raise NotImplementedError

    def run_until(self, when: float) -> None:
        """Lets the time come."""
        raise NotImplementedError

    def add_node(self, name: str, host: str) -> int:
        """A new inhabitant; its number."""
        raise NotImplementedError

    def arrive(self, number: int, host: str, port: int | None) -> tuple[str, int | None]:
        """A node comes up: where it is to listen and to dial from, so that others find it at its address."""
        return host, port

    def leave(self, number: int) -> None:
        """A node is down."""

    def disk(self, name: str, number: int) -> Disk:
        """The disk of a new inhabitant."""
        raise NotImplementedError

    def engine(
        self, name: str, number: int, settings: dict[str, Any], state_dir: str, peer_id: bytes | None, events: int
    ) -> _core.Engine:
        """A running engine, and its stream of these events from the beginning."""
        raise NotImplementedError

    def crash(self, number: int, mode: str) -> None:
        """What happens to a node around its engine when that crashes."""
        raise NotImplementedError

    def alarm(self, when: float) -> None:
        """There will be a turn at that time."""

    def follow(self, node: str, spec: Spec, below: Path) -> None:
        """Each piece that a node says it has is compared at that moment, where the lane can."""

    @property
    def suspicions(self) -> int:
        """How many pieces were not what they should be when a node said that it has them."""
        return 0

    def close(self) -> None:
        """Gives everything back."""

    # -- addresses

    def take_host(self, host: str | None) -> str:
        """A host of its own, or this one."""
        if host is not None:
            address = str(ipaddress.ip_address(host))
            self._hosts.setdefault(address, [])
            return address
        while True:
            address = self._host_number(self._next_host)
            self._next_host += 1
            if address not in self._hosts:
                self._hosts[address] = []
                return address

    def take_port(self, host: str, port: int | None) -> int | None:
        """The port that a node of this host listens on; None: the system chooses."""
        if port is None:
            port = self._default_port(self._hosts[host])
        if port is not None:
            self._hosts[host].append(port)
        return port

    def _host_number(self, n: int) -> str:
        raise NotImplementedError

    def _default_port(self, used: list[int]) -> int | None:
        raise NotImplementedError


class _Alarm:
    """The inhabitant behind lab.at(): it only wakes up."""

    def timer(self, number: int) -> None:
        """The turn is all that is needed."""


class SimLane(Lane):
    """A simulated world."""

    name = "sim"

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.world: Any = _core.lab.World(seed & (2**64 - 1))
        self.judge: Any = _core.lab.FactJudge(self.world)
        self.instruments.add_watcher(self.judge)
        self.network = self.world
        self._clock: Any = None
        self._alarms = itertools.count()

    @property
    def now(self) -> float:
        return float(self.world.now)

    @property
    def fingerprint(self) -> str | None:
        return f"{self.world.fingerprint:016x}"

    @property
    def broken_rules(self) -> int:
        return int(self.world.broken_rules)

    def commands_of(self, node: int) -> int:
        return int(self.world.ledger(node)["commands"])

    def step(self, limit: float) -> bool:
        return bool(self.world.step(limit))

    def run_until(self, when: float) -> None:
        self.world.run_until(when)

    def add_node(self, name: str, host: str) -> int:
        return int(self.world.add_node(name, host))

    def disk(self, name: str, number: int) -> Disk:
        return SimDisk(self, number)

    def engine(
        self, name: str, number: int, settings: dict[str, Any], state_dir: str, peer_id: bytes | None, events: int
    ) -> _core.Engine:
        return _core.Engine.start_in(self.world, number, settings, state_dir, peer_id, self.instruments, events)

    def crash(self, number: int, mode: str) -> None:
        self.world.abandon(number, mode)

    def follow(self, node: str, spec: Spec, below: Path) -> None:
        files = [(f"{below}/{file.path}", file.offset, file.size) for file in spec.metainfo.files]
        parts = str(below / f".{spec.info_hash.hex()}.parts")
        self.judge.expect(node, spec.info_hash, spec._key, spec.piece_length, spec.total_size, files, parts)

    @property
    def suspicions(self) -> int:
        return int(self.judge.count)

    def alarm(self, when: float) -> None:
        if self._clock is None:
            number = self.add_node("(alarm)", "10.255.255.254")
            self._clock = _core.lab.Participant(self.world, number, _Alarm())
        self._clock.timer(when, next(self._alarms))

    def _host_number(self, n: int) -> str:
        return str(ipaddress.IPv4Address((10 << 24) + n))

    def _default_port(self, used: list[int]) -> int | None:
        return next(port for port in itertools.count(_PORT) if port not in used)


class RealLane(Lane):
    """This machine: loopback sockets and a temporary directory."""

    name = "real"

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.root = Path(tempfile.mkdtemp(prefix="jstorrent-lab-"))
        self._began = time.monotonic()
        self._net = (127 << 24) + ((os.getpid() % 120 + 1) << 16) + ((next(_labs) % 250) << 8)
        self.network: RealNet = RealNet(seed)
        self._sockets: Loop | None = None

    @property
    def now(self) -> float:
        return time.monotonic() - self._began

    def time_of(self, ns: int) -> float:
        return ns / 1e9 - self._began

    def step(self, limit: float) -> bool:
        left = limit - self.now
        if left <= 0:
            return False
        time.sleep(min(left, _PAUSE))
        self._check_sockets()
        return True

    def run_until(self, when: float) -> None:
        time.sleep(max(when - self.now, 0.0))
        self._check_sockets()

    def sockets(self) -> Loop:
        """Scripted peers run on it, in a thread of its own: they live while this one waits for something else."""
        if self._sockets is None:
            self._sockets = Loop(lambda: self.now)
            self._sockets.start()
        return self._sockets

    def _check_sockets(self) -> None:
        if self._sockets is not None and self._sockets.error is not None:
            error, self._sockets.error = self._sockets.error, None
            raise error

    def add_node(self, name: str, host: str) -> int:
        if not ipaddress.ip_address(host).is_loopback:
            raise LaneLacks(f"the real lane has loopback addresses only, not {host}")
        return self.network.add(name, host)

    def arrive(self, number: int, host: str, port: int | None) -> tuple[str, int | None]:
        return inner_host(host), self.network.open(number, port)

    def leave(self, number: int) -> None:
        self.network.shut(number)

    def disk(self, name: str, number: int) -> Disk:
        return RealDisk(self, self.root / name)

    def engine(
        self, name: str, number: int, settings: dict[str, Any], state_dir: str, peer_id: bytes | None, events: int
    ) -> _core.Engine:
        seed = int(_core.lab.truth_key(self.seed & (2**64 - 1), name))
        return _core.Engine.start(settings, state_dir, peer_id, seed, self.instruments, name, events)

    def crash(self, number: int, mode: str) -> None:
        if mode != "drop-all":
            raise LaneLacks(f"a crash of mode {mode!r} needs the sim lane")

    @property
    def broken_rules(self) -> int:
        return len(self.network.reactor.errors)

    def close(self) -> None:
        if self._sockets is not None:
            self._sockets.close()
        self.network.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def _host_number(self, n: int) -> str:
        return str(ipaddress.IPv4Address(self._net + n))

    def _default_port(self, used: list[int]) -> int | None:
        return None


LANES: dict[str, Callable[[int], Lane]] = {"sim": SimLane, "real": RealLane}
