"""What may happen to a world: each deed is drawn into a few operations of a plan, small enough to be over soon."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jstorrent.lab._disk_faults import ERRORS as DISK_ERRORS
from jstorrent.lab._disk_faults import OPS
from jstorrent.lab._engine import CRASH_MODES
from jstorrent.lab._gates import ERRORS, POINTS

_ERRORS = tuple(sorted(ERRORS))
_SELDOM = {"disk.read": 5, "disk.read.done": 4, "peer.accept": 6, "announce.sent": 6, "hash.start": 2, "hash.done": 2}
"""Points that few engines come by: they are drawn more often."""
_POINTS = tuple(point for point in POINTS for _ in range(_SELDOM.get(point, 1)))
_RESERVED = 20
"""Pieces of torrents whose file is reserved before it is written."""
_OF_GIVERS = ("disk.read", "disk.read.done", "peer.accept")
_DISK_OPS = (*OPS, "read", "read", "read", "unlink", "write")


@dataclass
class Draw:
    """One plan in the making."""

    rng: random.Random
    pieces: int = 0
    engines: list[str] = field(default_factory=list)
    peers: list[str] = field(default_factory=list)
    clients: list[str] = field(default_factory=list)
    trackers: dict[str, str] = field(default_factory=dict)
    """Names and protocols."""
    breaks_until: float = 0.0
    slowest: float = 10e6
    longest_latency: float = 0.01
    has_long_pieces: bool = False
    has_long_metadata: bool = False
    handles: int = 0

    @property
    def nodes(self) -> list[str]:
        """All of them."""
        return self.engines + self.peers

    def client(self) -> str:
        """One that downloads."""
        return self.rng.choice(self.clients)

    def other(self, than: str) -> str:
        """Another node."""
        return self.rng.choice([name for name in self.nodes if name != than])

    def giver(self) -> str:
        """One that others may fetch from, if there is any."""
        return self.rng.choice(self.engines[1:] or self.engines)

    def handle(self) -> str:
        """A name for a fault or a gate."""
        self.handles += 1
        return f"h{self.handles}"


Ops = list[dict[str, Any]]
Deed = Callable[[Draw], Ops]
DEEDS: dict[str, Deed] = {}


def deed(make: Deed) -> Deed:
    """Registers something that may happen under its name."""
    DEEDS[make.__name__] = make
    return make


@deed
def wish(d: Draw) -> Ops:
    """The user changes his mind."""
    what = d.rng.choice(["pause", "resume", "stop", "start", "recheck", "stop", "announce"])
    made: Ops = [{"op": f"torrent.{what}", "node": d.client()}]
    return [*made, {"op": "check", "later": d.rng.choice([0.02, 0.3])}] if d.rng.random() < 0.3 else made


@deed
def priority(d: Draw) -> Ops:
    piece, value = d.rng.randrange(d.pieces), d.rng.choice([0, 0, 1, 7])
    made: Ops = [{"op": "torrent.set_piece_priority", "node": d.client(), "piece": piece, "priority": value}]
    return [*made, {"op": "check", "later": d.rng.choice([0.02, 0.3])}] if d.rng.random() < 0.3 else made


@deed
def order(d: Draw) -> Ops:
    return [{"op": "torrent.set_sequential", "node": d.client(), "on": d.rng.random() < 0.5}]


@deed
def limits(d: Draw) -> Ops:
    what = d.rng.choice(["download_rate_limit", "upload_rate_limit"])
    return [{"op": "session.configure", "node": d.rng.choice(d.engines), what: d.rng.choice([0, 20_000, 100_000, None])}]


@deed
def remove(d: Draw) -> Ops:
    node = d.client()
    gone: dict[str, Any] = {"op": "torrent.remove", "node": node, "delete_files": d.rng.random() < 0.5}
    again = {"op": "add", "node": node, "peers": [d.other(node)]}
    return [gone, {**again, "later": d.rng.choice([0, 0.01, 1.0])}] if d.rng.random() < 0.7 else [gone]


@deed
def dial(d: Draw) -> Ops:
    node = d.client()
    return [{"op": "torrent.connect", "node": node, "address": d.other(node)}]


@deed
def restart(d: Draw) -> Ops:
    return [{"op": "restart", "node": d.rng.choice(d.engines)}]


@deed
def crash(d: Draw) -> Ops:
    node = d.rng.choice(d.engines)
    mode = d.rng.choice(CRASH_MODES)
    later = d.rng.choice([0, 0.1, 2.0])
    return [{"op": "crash", "node": node, "mode": mode}, {"op": "start", "node": node, "later": later}]


@deed
def close(d: Draw) -> Ops:
    node = d.rng.choice(d.engines)
    return [{"op": "stop", "node": node}, {"op": "start", "node": node, "later": d.rng.choice([0, 0.1, 2.0])}]


@deed
def save(d: Draw) -> Ops:
    return [{"op": "session.save", "node": d.rng.choice(d.engines)}]


@deed
def ban(d: Draw) -> Ops:
    host = d.rng.choice(["10.0.0.77", *(f"10.0.0.{number + 1}" for number in range(len(d.nodes)))])
    return [{"op": "session.ban", "node": d.client(), "host": host, "seconds": 5.0}]


@deed
def partition(d: Draw) -> Ops:
    a = d.client()
    words: dict[str, Any] = {"one_way": True} if d.rng.random() < 0.3 else {}
    made: Ops = [{"op": "net.partition", "a": [a], "b": [d.other(a)], **words}]
    return [*made, {"op": "net.heal", "later": d.rng.choice([0.1, 1.0, 5.0])}] if d.rng.random() < 0.4 else made


@deed
def hold(d: Draw) -> Ops:
    a = d.client()
    ends = [[a], [d.other(a)]]
    d.rng.shuffle(ends)
    words = dict(zip(("a", "b"), ends, strict=True))
    return [{"op": "net.hold", **words}, {"op": "net.release", **words, "later": d.rng.choice([0.05, 0.5, 3.0])}]


@deed
def line(d: Draw) -> Ops:
    a = d.client()
    latency, rate = d.rng.choice([0, 0.001, 0.05, 0.3]), d.rng.choice([None, 50_000, 1_000_000])
    d.longest_latency = max(d.longest_latency, latency)
    d.slowest = min(d.slowest, rate or 10e6)
    jitter = d.rng.choice([0, 0.01])
    return [{"op": "net.link", "a": [a], "b": [d.other(a)], "latency": latency, "rate": rate, "jitter": jitter}]


@deed
def fragment(d: Draw) -> Ops:
    a = d.client()
    return [{"op": "net.fragment", "a": [d.other(a)], "b": [a], "sizes": d.rng.choice([[1, 7, 1000], [1460], [5, 16384]])}]


@deed
def tear(d: Draw) -> Ops:
    """What comes is in two parts, once."""
    a = d.client()
    ends = [a, d.other(a)]
    d.rng.shuffle(ends)
    nbytes = d.rng.choice([1, 4, 67, 69, 73, 81, 300, 16_397, 16_401, d.rng.randint(1, 100_000)])
    return [{"op": "net.split_after", "a": ends[0], "b": ends[1], "nbytes": nbytes}]


@deed
def cut(d: Draw) -> Ops:
    a = d.client()
    ends = [a, d.other(a)]
    d.rng.shuffle(ends)
    nbytes = d.rng.choice([0, 1, 67, 68, 69, 300, 5000, 16397, 16398, 40_000, d.rng.randrange(100_000)])
    return [{"op": "net.cut_after", "a": ends[0], "b": ends[1], "nbytes": nbytes, "how": d.rng.choice(["rst", "fin", "blackhole"])}]


@deed
def noise(d: Draw) -> Ops:
    a = d.client()
    return [{"op": "net.corrupt", "a": [a], "b": [d.other(a)], "p": d.rng.choice([1e-6, 1e-5, 1e-4])}]


@deed
def clock(d: Draw) -> Ops:
    if d.rng.random() < 0.5:
        return [{"op": "clock.jump_mono", "seconds": d.rng.choice([0.5, 20.0, 500.0]), "engine": d.client()}]
    return [{"op": "clock.jump_wall", "seconds": d.rng.choice([-3600.0, 60.0, 1e6]), "engine": d.client()}]


def _disk_op(d: Draw) -> str:
    return "allocate" if d.pieces == _RESERVED and d.rng.random() < 0.8 else d.rng.choice(_DISK_OPS)


@deed
def disk_fails(d: Draw) -> Ops:
    operation = _disk_op(d)
    errors = ["EIO", "ENOSPC", "EROFS", "EACCES"] * 2 + [word for word in DISK_ERRORS if word != "short"]
    errors += ["short"] * 6 if operation in ("read", "write", "any") else []
    nth = 1 if operation == "allocate" else d.rng.randint(1, 6)  # the space of a file is taken once
    words: dict[str, Any] = {"nth": nth, "times": d.rng.choice([1, 1, 2, None])}
    node = d.giver() if operation == "read" else d.client()
    if operation in ("read", "write", "any", "sync") and d.rng.random() < 0.1:
        words["path"] = d.rng.choice(["downloads", "state"])
    if operation in ("read", "write") and d.rng.random() < 0.1:
        words["offset"] = d.rng.choice([[0, 1], [16384, 32768]])
    return [
        {"op": "disk.fail", "as": d.handle(), "node": node, "operation": operation, "error": d.rng.choice(errors), **words}
    ]


@deed
def disk_stalls(d: Draw) -> Ops:
    name = d.handle()
    operation = _disk_op(d)
    node = d.giver() if operation == "read" else d.client()
    stall = {"op": "disk.stall", "as": name, "node": node, "seconds": d.rng.choice([0.05, 1.0]), "operation": operation}
    return [stall, {"op": "disk.clear", "of": name, "later": d.rng.choice([0.5, 3.0])}]


@deed
def disk_full(d: Draw) -> Ops:
    return [{"op": "disk.quota", "as": d.handle(), "node": d.client(), "nbytes": d.rng.choice([0, 20_000, 100_000]),
             **({"under": "downloads"} if d.rng.random() < 0.3 else {})}]  # fmt: skip


def _gated(d: Draw) -> tuple[str, dict[str, Any]]:
    """A point, and whose."""
    point = d.rng.choice(_POINTS if d.trackers else [point for point in _POINTS if point != "announce.sent"])
    where: dict[str, Any] = {"node": d.giver() if point in _OF_GIVERS else d.client()}
    if "piece" in POINTS[point].keys and d.rng.random() < 0.2:
        where["piece"] = d.rng.randrange(d.pieces)
    return point, where


@deed
def gate(d: Draw) -> Ops:
    point, where = _gated(d)
    action = d.rng.choice([word for word in POINTS[point].actions if word != "observe"])
    name = d.handle()
    rare = point in _OF_GIVERS or "piece" in where
    words: dict[str, Any] = {"point": point, "action": action, "nth": 1 if rare else d.rng.choice([1, 1, 2, 3, 5, 9]), "where": where}
    if action == "fail":
        words |= {"error": d.rng.choice(_ERRORS), "times": d.rng.choice([1, 2])}
    if action == "crash" and d.rng.random() < 0.6:
        words["mode"] = d.rng.choice(CRASH_MODES)
    if action == "hold" and d.rng.random() < 0.5:
        words["times"] = 1
    made: Ops = [{"op": "gate", "as": name, **words}]
    if action == "hold" and d.rng.random() < 0.6:
        made.append({"op": d.rng.choice(["gate.remove", "gate.release"]), "of": name, "later": d.rng.choice([0.02, 0.5, 4.0])})
    return made


@deed
def observe(d: Draw) -> Ops:
    point, where = _gated(d)
    return [{"op": "gate", "as": d.handle(), "point": point, "action": "observe", "where": where}]


@deed
def leave(d: Draw) -> Ops:
    how = d.rng.choice(["fin", "rst", "blackhole"])
    return [{"op": "peer.disconnect", "node": d.rng.choice(d.peers), "how": how}] if d.peers else []


@deed
def come(d: Draw) -> Ops:
    return [{"op": "peer.connect", "node": d.rng.choice(d.peers), "client": d.client()}] if d.peers else []


@deed
def damage(d: Draw) -> Ops:
    """Somebody else writes into the files, and the user has them checked."""
    node, op = d.client(), d.rng.choice(["delete", "truncate", "corrupt"])
    kinds: dict[str, dict[str, Any]] = {
        "delete": {}, "truncate": {"size": 5}, "corrupt": {"offset": 0, "data": {"hex": "00ff00"}},
    }  # fmt: skip
    return [
        {"op": "torrent.stop", "node": node},
        {"op": f"disk.{op}", "node": node, "path": "downloads/torrent-1", **kinds[op], "later": 1.0},
        {"op": "torrent.recheck", "node": node, "later": 1.0},
        {"op": "torrent.start", "node": node, "later": 1.0},
    ]
