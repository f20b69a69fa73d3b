"""The network between nodes: lines, links, and what is broken on them: simulated, or done by the relays of the real lane."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

from jstorrent.lab._args import LONGEST, span, whole
from jstorrent.lab._failure import LaneLacks, check_word
from jstorrent.lab._lanes import SimLane
from jstorrent.lab._node import Node, node_of

if TYPE_CHECKING:
    from jstorrent.lab._lab import Lab

Ends = Node | Iterable[Node]
CUTS = ("blackhole", "fin", "rst")


class Net:
    """`lab.net`. Default link: 10 ms each way, 10 MB/s, a window of 256 KiB, lossless. a, b: a node or nodes."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._slowest = 10_000_000.0  # of all lines that ever were, as oracles see it
        self._longest_latency = 0.01
        self._lies = False  # bytes were changed on the way

    def _world(self) -> Any:
        self._lab._check_thread()
        self._lab._disturbed_at = self._lab.now
        return self._lab._lane.network

    def _each(self, a: Ends, b: Ends) -> Iterator[tuple[Any, int, int]]:
        world = self._world()
        for one, other in itertools.product(_numbers(a), _numbers(b)):
            if one != other:
                yield world, one, other

    def access(
        self,
        node: Ends,
        *,
        up: float | None = None,
        down: float | None = None,
        latency: float = 0,
        jitter: float = 0,
    ) -> None:
        """The node's own line: bytes per second each way (None: no limit of its own), seconds."""
        world = self._world()
        latency, jitter = span(latency, "latency"), span(jitter, "jitter")
        rates = _rate("up", up), _rate("down", down)
        self._note(latency + jitter, up, down)
        for number in _numbers(node):
            world.access(number, *rates, latency, jitter)

    def link(self, a: Ends, b: Ends, **settings: Any) -> None:
        """What lies between: latency, rate, jitter, window; loss, duplicate, reorder (datagrams); one_way.

        What is not told stays as it is.
        """
        known = ("latency", "rate", "jitter", "window", "loss", "duplicate", "reorder", "one_way")
        for key in settings:
            if key not in known:
                raise ValueError(f"no such link setting: {key!r} (known: {', '.join(known)})")
        if "rate" in settings:
            settings["rate"] = _rate("rate", settings["rate"])
        for key in ("latency", "jitter"):
            if key in settings:
                settings[key] = span(settings[key], key)
        for key in ("loss", "duplicate", "reorder"):
            if key in settings:
                settings[key] = _chance(settings[key])
        if "window" in settings:
            settings["window"] = whole(settings["window"], "window is bytes, at least 1", 1)
        self._note(settings.get("latency", 0) + settings.get("jitter", 0), settings.get("rate"))
        for world, one, other in self._each(a, b):
            world.link(one, other, **settings)

    def _note(self, latency: float, *rates: float | None) -> None:
        self._longest_latency = max(self._longest_latency, latency)
        self._slowest = min([self._slowest, *(rate for rate in rates if rate)])

    def partition(self, a: Ends, b: Ends, one_way: bool = False, only: str | None = None) -> None:
        """Nothing gets through any more (only: "tcp" or "udp"); one_way: from a to b."""
        for world, one, other in self._each(a, b):
            world.partition(one, other, one_way, only)

    def heal(self) -> None:
        """Undoes partitions and corruption, and cuts that still wait for their bytes; then the oracles look."""
        self._world().heal()
        self._lab.check()

    def name(self, name: str, nodes: Node | str | Iterable[Node | str] = ()) -> None:
        """What a host name means from now on, in the sim lane: nodes or hosts; none: nothing. Nodes have their names."""
        self._lab._check_thread()
        lane = self._lab._lane
        if not isinstance(lane, SimLane):
            raise LaneLacks("net.name needs the sim lane")
        given = [nodes] if isinstance(nodes, Node | str) else nodes
        lane.world.set_name(name, [node.address[0] if isinstance(node, Node) else node for node in given])

    def hold(self, a: Ends, b: Ends) -> None:
        """What a sends to b waits."""
        for world, one, other in self._each(a, b):
            world.hold(one, other)

    def release(self, a: Ends, b: Ends) -> None:
        """What was held goes on its way, in order."""
        for world, one, other in self._each(a, b):
            world.release(one, other)

    def fragment(self, a: Ends, b: Ends, sizes: Sequence[int]) -> None:
        """What a sends to b comes in pieces of these sizes, the seed choosing; () ends it."""
        sizes = [whole(size, "a fragment has at least one byte", 1) for size in sizes]
        for world, one, other in self._each(a, b):
            world.fragment(one, other, sizes)

    def split_after(self, a: Ends, b: Ends, nbytes: int) -> None:
        """What a sends to b comes torn in two, once, in the sim lane: nbytes more bytes of TCP payload, and by itself what follows."""
        nbytes = whole(nbytes, "nbytes counts bytes from now on, at least 1", 1)
        if not isinstance(self._lab._lane, SimLane):
            raise LaneLacks("net.split_after needs the sim lane")
        for world, one, other in self._each(a, b):
            world.split(one, other, nbytes)

    def cut_after(self, a: Ends, b: Ends, nbytes: int, how: str) -> None:
        """When b has got nbytes more bytes of TCP payload from a, the connection that carried the last one ends.

        fin, rst: b reads exactly these bytes, then the end; a hears of it a latency later, and what was under way to it
        is lost. blackhole: neither hears anything any more. 0: what is open between them now. Once; new ones live.
        """
        check_word(how, CUTS, "way to cut")
        nbytes = whole(nbytes, "nbytes counts bytes from now on, at least 0")
        for world, one, other in self._each(a, b):
            world.cut_after(one, other, nbytes, how)

    def corrupt(self, a: Ends, b: Ends, p: float) -> None:
        """Each byte of TCP payload between a and b, either way, changes with chance p, by the seed; 0 ends it."""
        p = _chance(p)
        self._lies = self._lies or p > 0
        for world, one, other in self._each(a, b):
            world.corrupt(one, other, p)
            world.corrupt(other, one, p)


class Clocks:
    """`lab.clock`: an engine's clocks step while the world stands still."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._jumps: list[tuple[float, Node, float]] = []
        """Of monotonic clocks: when, whose, and how far."""

    def jump_mono(self, seconds: float, engine: Node | None = None) -> None:
        """The monotonic clock goes forward."""
        if span(seconds, "a jump", -LONGEST) < 0:
            raise ValueError("the monotonic clock goes forward only")
        self._jump("jump_mono", seconds, engine)

    def jump_wall(self, seconds: float, engine: Node | None = None) -> None:
        """The wall clock goes forward or back."""
        self._jump("jump_wall", span(seconds, "a jump", -LONGEST), engine)

    def _jump(self, what: str, seconds: float, engine: Node | None) -> None:
        self._lab._check_thread()
        lane = self._lab._lane
        if not isinstance(lane, SimLane):
            raise LaneLacks(f"clock.{what} needs the sim lane")
        self._lab._disturbed_at = self._lab.now
        jump: Callable[[int, float], None] = getattr(lane.world, what)
        for node in self._lab.engines if engine is None else [node_of(engine)]:
            jump(node._number, seconds)
            if what == "jump_mono":
                self._jumps.append((self._lab.now, node, seconds))

    def _jumped(self, engine: Node, since: float) -> float:
        """Seconds that its monotonic clock has jumped since that time of the world."""
        return sum(seconds for at, node, seconds in self._jumps if node is engine and at >= since)


def _numbers(ends: Ends) -> list[int]:
    if isinstance(ends, str) or not isinstance(ends, Node | Iterable):
        node_of(ends)
    return [node_of(node)._number for node in ([ends] if isinstance(ends, Node) else ends)]


def _chance(value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= value <= 1:
        raise ValueError(f"a chance lies between 0 and 1: {value!r}")
    return value


def _rate(name: str, rate: float | None) -> int:
    if rate is not None and (not isinstance(rate, Real) or not 0 < rate < 1e15):
        raise ValueError(f"{name} is bytes per second, more than 0, or None: {rate!r}")
    return 0 if rate is None else max(int(rate), 1)
