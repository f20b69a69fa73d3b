"""Trackers of a plan, and what may go wrong with them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final

from jstorrent.lab._deeds import Draw, Ops, deed
from mock_peer.tracker import KINDS

TRACKER_KINDS: Final = tuple(KINDS)
TRACKER_FEATURES: Final = tuple(f"tracker {kind}" for kind in KINDS)


def tracker_behaviour(rng: random.Random, kind: str) -> dict[str, Any]:
    """Something that a tracker does wrong, of that kind."""
    words: dict[str, Callable[[], dict[str, Any]]] = {
        "interval": lambda: {"value": rng.choice([None, -1, 0, 1, 60, 1 << 40])},
        "min_interval": lambda: {"value": rng.choice([-5, 0, 30, 1 << 40])},
        "failure": lambda: rng.choice([{}, {"nbytes": 50_000}, {"text": "<b>\u0000"}]),
        "peers": lambda: {"addresses": [["10.0.0.200", 6881], ["127.0.0.1", 0], ["255.255.255.255", 1]], "only": rng.random() < 0.5},
        "flood": lambda: {"count": rng.choice([20, 300])},
        "extra": lambda: {"keys": {rng.choice(["interval", "peers", "complete", "zz"]): rng.choice([-1, "x", 1 << 70])}},
        "status": lambda: {"code": rng.choice([404, 503, 204])},
        "redirect": lambda: rng.choice([{}, {"url": "http://10.0.0.200/"}, {"url": "nonsense:"}]),
        "content": lambda: {"data": rng.choice(["", "6465", "64383a696e74657276616c", "00" * 20, "6c" * 300])},
        "body": lambda: {"nbytes": rng.choice([10, 50_000, 1 << 20])},
        "raw": lambda: {"data": rng.choice(["", "0d0a0d0a", "485454502f312e3120323030", "ff" * 100])},
        "gzip_bomb": lambda: {"nbytes": 4 << 20},
        "chunked": lambda: {"size": rng.choice([1, 30])},
        "late": lambda: {"seconds": rng.choice([0.5, 10.0, 100.0])},
        "drip": lambda: {"nbytes": rng.choice([1, 20]), "seconds": rng.choice([0.1, 2.0])},
        "cut": lambda: {"nbytes": rng.choice([0, 1, 15, 40]), "how": rng.choice(["fin", "rst"])},
        "wrong_action": lambda: {"value": rng.choice([0, 3, 7])},
    }  # fmt: skip
    made = {"kind": kind, **words.get(kind, dict)()}
    if rng.random() < 0.3:
        made |= {"nth": rng.choice([1, 2]), "times": rng.choice([1, 3])}
    return made


def trackers(d: Draw, banned: set[str]) -> Ops:
    """They are there from the beginning, and every engine announces to them."""
    rng = d.rng
    ops: Ops = []
    for number in range(rng.choice([1, 1, 2])):
        protocol, name = rng.choice(["http", "udp"]), f"trk{number}"
        kinds = [kind for kind in KINDS if protocol in KINDS[kind].protocols and f"tracker {kind}" not in banned]
        lies = [tracker_behaviour(rng, rng.choice(kinds)) for _ in range(rng.choice([0, 1, 1, 2]))] if kinds else []
        more: dict[str, Any] = {"behave": lies} if lies else {}
        if rng.random() < 0.5:
            more["interval"] = rng.choice([10, 60])
        d.trackers[name] = protocol
        ops.append({"at": 0.0, "op": "tracker", "name": name, "kind": protocol, **more})
    names = list(d.trackers)
    tiers = [names] if rng.random() < 0.5 else [[name] for name in names]
    return [*ops, *({"at": 0.0, "op": "torrent.set_trackers", "node": node, "tiers": tiers} for node in d.engines)]


@deed
def tracker_leaves(d: Draw) -> Ops:
    """It is out of order for a while."""
    if not d.trackers:
        return []
    name = d.rng.choice(list(d.trackers))
    return [{"op": "tracker.stop", "node": name}, {"op": "tracker.start", "node": name, "later": d.rng.choice([0.5, 20.0])}]


@deed
def tracker_changes(d: Draw) -> Ops:
    """It begins to lie, or stops."""
    if not d.trackers:
        return []
    name = d.rng.choice(list(d.trackers))
    kinds = [kind for kind in KINDS if d.trackers[name] in KINDS[kind].protocols]
    lies = [tracker_behaviour(d.rng, d.rng.choice(kinds))] if d.rng.random() < 0.7 else []
    asked = {"op": "torrent.announce", "node": d.client(), "later": d.rng.choice([0.0, 1.0])}
    return [{"op": "tracker.behave", "node": name, "value": lies}, asked]


@deed
def tracker_line(d: Draw) -> Ops:
    """Datagrams on the way to it are lost, come twice or in another order; or nothing at all gets there."""
    if not d.trackers:
        return []
    ends = {"a": [d.client()], "b": [d.rng.choice(list(d.trackers))]}
    if d.rng.random() < 0.3:
        made = [{"op": "net.partition", **ends, "only": d.rng.choice(["tcp", "udp"])}]
        return [*made, {"op": "net.heal", "later": d.rng.choice([1.0, 20.0])}]
    what = d.rng.choice(["loss", "duplicate", "reorder"])
    return [{"op": "net.link", **ends, what: d.rng.choice([0.3, 1.0] if what != "loss" else [0.3, 0.9])}]
