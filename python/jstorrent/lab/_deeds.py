"""What may happen to a world: each deed is drawn into a few operations of a plan, small enough to be over soon."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jstorrent.lab._engine import CRASH_MODES
from jstorrent.lab._gates import ERRORS, POINTS

_SELF_GATES = tuple(point for point in POINTS if point not in ("announce.sent",))
_ERRORS = tuple(sorted(ERRORS))
_DISK_OPS = ("open", "read", "write", "allocate", "truncate", "rename", "unlink", "sync", "sync_dir", "any")


@dataclass
class Draw:
    """One plan in the making."""

    rng: random.Random
    pieces: int = 0
    engines: list[str] = field(default_factory=list)
    peers: list[str] = field(default_factory=list)
    clients: list[str] = field(default_factory=list)
    breaks_until: float = 0.0
    slowest: float = 10e6
    longest_latency: float = 0.01
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
    return [{"op": f"torrent.{what}", "node": d.client()}]


@deed
def priority(d: Draw) -> Ops:
    piece, value = d.rng.randrange(d.pieces), d.rng.choice([0, 0, 1, 7])
    return [{"op": "torrent.set_piece_priority", "node": d.client(), "piece": piece, "priority": value}]


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
    return [{"op": "session.ban", "node": d.client(), "host": "10.0.0.77", "seconds": 5.0}]


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


@deed
def disk_fails(d: Draw) -> Ops:
    operation = d.rng.choice(_DISK_OPS)
    errors = ["EIO", "ENOSPC", "EROFS", "EACCES"] + (["short"] if operation in ("read", "write", "any") else [])
    words: dict[str, Any] = {"nth": d.rng.randint(1, 6), "times": d.rng.choice([1, 1, 2, None])}
    return [
        {"op": "disk.fail", "as": d.handle(), "node": d.rng.choice(d.clients), "operation": operation,
         "error": d.rng.choice(errors), **words}
    ]  # fmt: skip


@deed
def disk_stalls(d: Draw) -> Ops:
    name = d.handle()
    stall = {"op": "disk.stall", "as": name, "node": d.client(), "seconds": d.rng.choice([0.05, 1.0]), "operation": d.rng.choice(_DISK_OPS)}
    return [stall, {"op": "disk.clear", "of": name, "later": d.rng.choice([0.5, 3.0])}]


@deed
def disk_full(d: Draw) -> Ops:
    return [{"op": "disk.quota", "as": d.handle(), "node": d.client(), "nbytes": d.rng.choice([0, 20_000, 100_000])}]


@deed
def gate(d: Draw) -> Ops:
    point = d.rng.choice(_SELF_GATES)
    action = d.rng.choice([word for word in POINTS[point].actions if word != "observe"] or ["observe"])
    name = d.handle()
    words: dict[str, Any] = {"point": point, "action": action, "nth": d.rng.choice([1, 1, 2, 3, 5, 9]), "where": {"node": d.client()}}
    if action == "fail":
        words |= {"error": d.rng.choice(_ERRORS), "times": d.rng.choice([1, 2])}
    if action == "hold" and d.rng.random() < 0.5:
        words["times"] = 1
    made: Ops = [{"op": "gate", "as": name, **words}]
    if action == "hold" and d.rng.random() < 0.6:
        made.append({"op": "gate.remove", "of": name, "later": d.rng.choice([0.02, 0.5, 4.0])})
    return made


@deed
def observe(d: Draw) -> Ops:
    return [{"op": "gate", "as": d.handle(), "point": d.rng.choice(_SELF_GATES), "action": "observe", "where": {"node": d.client()}}]


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
