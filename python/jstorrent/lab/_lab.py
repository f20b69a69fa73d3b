"""The laboratory itself: one world, its inhabitants, its time and its judges."""

from __future__ import annotations

import contextlib
import itertools
import math
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from typing import Any, Literal, NoReturn, Self, overload

from jstorrent.lab._along import Along
from jstorrent.lab._args import callable_of, is_over
from jstorrent.lab._engine import Engine
from jstorrent.lab._failure import LabFailure, Last, check_word
from jstorrent.lab._foreign import SEEDERS, Foreign, Program, foreign_seeder
from jstorrent.lab._gates import Gating
from jstorrent.lab._lab_session import one_look
from jstorrent.lab._lanes import LANES, Lane, SimLane
from jstorrent.lab._net import Clocks, Net
from jstorrent.lab._node import Client, Node
from jstorrent.lab._oracles import NAMES, ORACLES, leaks
from jstorrent.lab._oracles_content import told_too_soon
from jstorrent.lab._peer import Peer
from jstorrent.lab._record import Record
from jstorrent.lab._recorder import Recorded
from jstorrent.lab._report import make_report, source_of
from jstorrent.lab._spec import Spec, make_spec
from jstorrent.lab._tracker import ProgramTracker, Tracker, TrackerNode, make_tracker
from jstorrent.lab._watched import Ordered, Watched


class Lab(Gating, Recorded):
    """One world of one seed, to be used as a context manager.

    >>> from jstorrent.lab import Lab
    >>> with Lab(lane="sim", seed=7) as lab:
    ...     spec = lab.torrent(pieces=4)
    ...     client = lab.engine("client")
    ...     t = client.add(spec, peers=[lab.seeder("good", spec)])
    ...     lab.until(lambda: t.state == "seeding", within=60)
    ...     client.complete(spec)
    True

    lane "sim": simulated network, disks and clocks; the same seed and the same calls give the same fingerprint.
    lane "real": the same names over loopback sockets and real files. `without` switches oracles off by name.
    """

    def __init__(self, lane: str = "sim", *, seed: int | None = None, without: str | Iterable[str] = ()) -> None:
        check_word(lane, LANES, "lane")
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise ValueError(  # noqa: TRY004
                "a world needs a seed: Lab(seed=7); the same seed gives the same world"
            )
        self._without = {without} if isinstance(without, str) else set(without)
        for word in self._without:
            check_word(word, NAMES, "oracle")
        self._lane: Lane = LANES[lane](seed)
        self._thread = threading.get_ident()
        self._wall_start = time.monotonic()
        self._names: set[str] = set()
        self._nodes: list[Node] = []
        self._clients: list[Client] = []
        self._peers: list[Peer] = []
        self._trackers: list[TrackerNode] = []
        self._specs = itertools.count(1)
        self._along = Along(self)
        self._streams: dict[str, random.Random] = {}
        self._closed = False
        self._excused = 0  # suspicions that were looked into
        self._disturbed_at = 0.0  # when somebody last changed the network or a clock
        self._first_spec: Spec | None = None
        self.net = Net(self)
        self.clock = Clocks(self)
        self._record()

    # -- what it is

    @property
    def lane(self) -> str:
        """sim or real."""
        return self._lane.name

    @property
    def seed(self) -> int:
        """The one number that everything follows from."""
        return self._lane.seed

    @property
    def now(self) -> float:
        """Seconds since the world began; virtual ones in the sim lane."""
        return self._lane.now

    @property
    def wall_time(self) -> float:
        """Real seconds since the world began."""
        return time.monotonic() - self._wall_start

    @property
    def fingerprint(self) -> str | None:
        """The rolling hash of every turn; None in the real lane."""
        return self._lane.fingerprint

    @property
    def engines(self) -> list[Engine]:
        """All engines, in order of creation, running or not."""
        return [client for client in self._clients if isinstance(client, Engine)]

    # -- inhabitants

    def torrent(
        self,
        pieces: int | None = 16,
        piece_length: int = 65536,
        *,
        tail: int | None = None,
        files: Sequence[tuple[str, int]] | None = None,
        name: str | None = None,
        version: str = "v1",
        private: bool = False,
        trackers: Iterable[Any] = (),
    ) -> Spec:
        """A made-up torrent. files=[(path, size), ...] fixes the sizes; tail is the length of the last piece."""
        spec = make_spec(
            self.seed, name or f"torrent-{next(self._specs)}", pieces=pieces, piece_length=piece_length, tail=tail,
            files=files, version=version, private=private, trackers=trackers,
        )  # fmt: skip
        for tracker in self._trackers:
            tracker._names(spec)
        return spec

    def engine(
        self,
        name: str,
        *,
        peer_id: bytes | None = None,
        host: Node | str | None = None,
        port: int | None = None,
        **settings: Any,
    ) -> Engine:
        """An engine on an address of its own; everything else are settings of its session."""
        self._check_thread()
        return Engine(self, name, peer_id=peer_id, host=host, port=port, settings=settings)

    def peer(self, name: str, spec: Spec | None = None, **words: Any) -> Peer:
        """A scripted peer: have=, behave=, auto=, handshake=, reqq=, host=, port=."""
        self._check_thread()
        return Peer(self, name, spec, **words)

    @overload
    def seeder(self, name: str, spec: Spec, kind: Literal["mock"]) -> Peer: ...  # type: ignore[overload-overlap]
    @overload
    def seeder(self, name: str, spec: Spec, kind: str | None = None) -> Client: ...
    def seeder(self, name: str, spec: Spec, kind: str | None = None) -> Client | Peer:
        """A node that has everything. kind: engine (in sim unless told), libtorrent (in real unless told), mock."""
        self._check_thread()
        chosen = check_word(kind or ("engine" if self.lane == "sim" else "libtorrent"), SEEDERS, "kind of seeder")
        if chosen == "mock":
            return self.peer(name, spec)
        node: Client = self.engine(name) if chosen == "engine" else foreign_seeder(self, name, chosen)
        node.add(spec, have="all")
        return node

    def client(self, name: str, program: Program = "libtorrent", **place: Any) -> Foreign:
        """Anybody's client, in the real lane: libtorrent, aria2c, transmission, jstorrent, a [command] or a Driver."""
        self._check_thread()
        return Foreign(self, name, program, **place)

    @overload
    def tracker(self, name: str, kind: Literal["http", "udp"] = "http", **words: Any) -> Tracker: ...
    @overload
    def tracker(self, name: str, kind: Literal["opentracker", "bittorrent-tracker"], **words: Any) -> ProgramTracker: ...
    @overload
    def tracker(self, name: str, kind: str, **words: Any) -> Any: ...
    def tracker(self, name: str, kind: str = "http", **words: Any) -> Any:
        """A tracker, http or udp: interval=, min_interval=, behave=, host=, port=. Real lane: also real programs."""
        self._check_thread()
        return make_tracker(self, name, kind, words)

    # -- time

    def until(self, condition: Callable[[], object], within: float, *, every: float = 0) -> None:
        """Lets time pass until the condition holds: asked at once, then after every turn, or each `every` seconds."""
        self._check_thread()
        callable_of(condition, "a condition")
        if not self._wait(condition, within, every):
            self._fail("until", f"not within {within:g} s: {source_of(condition)}")

    def _wait(self, condition: Callable[[], object], within: float, every: float = 0) -> bool:
        limit, every = self.now + _checked(within), _checked(every)
        if isinstance(self._lane, SimLane) and not every:
            return self._wait_sim(self._lane, condition, limit)
        while not condition():
            if not self._advance(limit, every):
                return bool(condition())
        return True

    # The loop itself is the world's: it comes back when the oracles of turns have something to look at.
    def _wait_sim(self, lane: SimLane, condition: Callable[[], object], limit: float) -> bool:
        heeds, judge = "broken_rule" not in self._without, None if "integrity" in self._without else lane.judge
        after = self._along.after_turns
        while (held := lane.world.wait(condition, limit, after, heeds, judge, self._excused)) is None:
            self._check_rules()
        return bool(held)

    def _advance(self, limit: float, every: float) -> bool:
        if is_over(self.now, limit):
            return False
        if every > 0:
            self._run_until(min(self.now + every, limit))
            return True
        more = self._lane.step(limit)
        self._along.after_turn()
        self._check_rules()
        return more

    def run_for(self, seconds: float) -> None:
        """Lets so much time pass."""
        self._check_thread()
        self._run_until(self.now + _checked(seconds))

    def _run_until(self, when: float) -> None:
        along = self._along
        while not along.looks_at_turns and along.next_call is not None and along.next_call <= when:
            self._lane.run_until(along.next_call)
            along.call_due()
        if along.looks_at_turns:
            while self._lane.step(when):
                along.after_turn()
            along.after_turn()
        else:
            self._lane.run_until(when)
        self._check_rules()

    def settle(self, within: float = 60) -> None:
        """Until nothing is in flight and no operation is pending; timers do not count. Then the oracles look."""
        self._check_thread()
        limit = self.now + _checked(within)
        if isinstance(self._lane, SimLane):
            settled = self._settle_sim(self._lane.world, limit)
        else:
            settled = self._settle_real(limit)
        if not settled:
            self._fail("settle", f"not settled within {within:g} s")
        self.check()

    def _settle_sim(self, world: Any, limit: float) -> bool:
        if not self._along.in_use:
            return bool(world.settle(limit))
        while not world.idle:
            due = world.next_event_time
            if due is None or due > limit:
                return False
            self._lane.step(due)
            self._along.after_turn()
        return True

    def _settle_real(self, limit: float) -> bool:
        quiet_since, seen = self.now, self._traffic()
        while self.now - quiet_since < 0.1:
            if not self._lane.step(limit):
                return False
            self._along.after_turn()
            found = self._traffic()
            if found != seen or found[1]:
                quiet_since, seen = self.now, found
        return True

    def _traffic(self) -> tuple[int, int]:
        statuses = [engine.session.status() for engine in self.engines if engine.running]
        moved = sum(s.counters.wire_received + s.counters.wire_sent for s in statuses)
        return moved, sum(s.disk_operations + s.hash_jobs + s.num_half_open for s in statuses)

    # -- what runs along

    def always(self, condition: Callable[[], object], why: str) -> None:
        """From now on asked after every turn; the first False is a LabFailure."""
        self._check_thread()
        self._along.add_rule(callable_of(condition, "a condition"), why)

    def watch(self, fn: Callable[[], Ordered]) -> Watched[Ordered]:
        """Sampled now and after every turn."""
        self._check_thread()
        return self._along.add_watch(callable_of(fn, "what is watched"))

    def at(self, time: float, call: Callable[..., object], *args: object) -> None:
        """Calls it at that time of the world, between two turns."""
        self._check_thread()
        callable_of(call, "what is called at a time")
        self._along.add_call(max(_checked(time), self.now), lambda: call(*args))

    def every(self, seconds: float, call: Callable[..., object], *args: object) -> None:
        """Calls it each so many seconds, from `seconds` from now on."""
        self._check_thread()
        if not seconds > 0:
            raise ValueError(f"seconds must be more than 0, not {seconds!r}")
        callable_of(call, "what is called each so many seconds")
        self._repeat(seconds, lambda: (call(*args), True)[1])

    def _repeat(self, seconds: float, call: Callable[[], bool]) -> None:
        began, count = self.now, itertools.count(1)

        def again() -> None:
            if call():
                self._along.add_call(began + next(count) * seconds, again)

        self._along.add_call(began + next(count) * seconds, again)

    def record(self, every: float = 1.0) -> Record:
        """Notes how all torrents stand, now and each so many seconds: `.torrents` is a table."""
        self._check_thread()
        if not every > 0:
            raise ValueError(f"every must be more than 0 seconds, not {every!r}")
        record = Record(self)
        record._sample()
        self._repeat(every, record._sample)
        return record

    def rng(self, name: str) -> random.Random:
        """The stream of luck of that name, always the same one: equal in each run of one seed."""
        if name not in self._streams:
            self._streams[name] = random.Random(f"{self.seed}/{name}")
        return self._streams[name]

    # -- judgement

    def check(self) -> tuple[str, ...]:
        """Asks all oracles now, moving no time; the names of those that ran."""
        self._check_thread()
        names = tuple(name for name in ORACLES if name not in self._without)
        with one_look(self.engines if isinstance(self._lane, SimLane) else ()):
            for name in names:
                ORACLES[name](self)
        return names

    def _check_rules(self) -> None:
        if self._lane.broken_rules and "broken_rule" not in self._without:
            ORACLES["broken_rule"](self)
        if self._lane.suspicions > self._excused and "integrity" not in self._without:
            told_too_soon(self)

    def _fail(self, oracle: str, what: str, node: Node | None = None) -> NoReturn:
        who = f"{node.name}: " if node is not None else ""
        report = make_report(self, ok=False, oracle=oracle, error=f"{oracle}: {who}{what}")
        Last.told = report.token
        raise LabFailure(report.text, report=report, node=None if node is None else node.name)

    def _check_thread(self) -> None:
        if threading.get_ident() != self._thread:
            raise RuntimeError("a Lab belongs to the thread that made it")
        if self._closed:
            raise RuntimeError("this Lab is over")

    def _take_name(self, name: str) -> None:
        if not name or not name.isprintable() or "/" in name or name in (".", ".."):
            raise ValueError(f"not a name for a node: {name!r}")
        if name in self._names:
            raise ValueError(f"there is a node {name!r} already")
        self._names.add(name)

    # -- the end

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if self._recorder is not None:
            self._recorder.finish()
        Last.told = None if kind is None else self.token
        try:
            if kind is None:
                self.check()
                self._remove_gates()
                if "leaks" not in self._without:
                    leaks(self)
        finally:
            self.close()

    def close(self) -> None:
        """Ends everything at once, without a question. Safe twice."""
        if self._closed:
            return
        self._closed = True
        with contextlib.ExitStack() as rest:  # one that can not be ended leaves none of the others
            rest.callback(self._lane.close)
            for node in itertools.chain[Any](reversed(self._trackers), reversed(self._peers), reversed(self._clients)):
                rest.callback(node._drop)


def _checked(seconds: float) -> float:
    if not isinstance(seconds, Real) or math.isnan(seconds) or seconds < 0:
        raise ValueError(f"seconds must be a number of at least 0, not {seconds!r}")
    return float(seconds)
