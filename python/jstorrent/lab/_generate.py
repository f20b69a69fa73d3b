"""Plans by the thousand: plan number n of a seed, drawn by a plain PRNG, the same in every process.

Each draws first what is banned in it (swarm testing), so that some plans are all churn, some all lies, some nearly quiet.
Then two phases: everything breaks, and at the end all is healed, while liars stay, and everybody must complete.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any, Final

from jstorrent.lab import _deeds, _deeds_more, _deeds_trackers
from jstorrent.lab._deeds import Deed, Draw, Ops
from jstorrent.lab._deeds_trackers import TRACKER_FEATURES, trackers
from jstorrent.lab._plan import Plan
from mock_peer import KINDS

VERSION: Final = 7
"""Of the generator: a finding names it, and it goes up when the same number draws another plan."""
_ALWAYS = 900.0
"""Seconds in which any honest core must have served everybody, over what the lines need: every timer, several times."""
_SETTINGS: Final[dict[str, tuple[Any, ...]]] = {
    "max_memory": (1 << 20, 4 << 20), "endgame_copies": (1, 2, 3), "endgame_fraction": (0.0, 1.0), "upload_slots": (1, 2, None),
    "max_active_pieces": (1, 3), "max_requests_per_peer": (1, 5, 64), "max_queued_requests": (1, 4),
    "piece_order": ("rarest", "sequential"), "max_connections_per_torrent": (3, 5), "max_connections": (3, 5), "request_timeout": (1.0, 5.0),
    "snub_timeout": (5.0, 30.0), "reconnect_interval": (1.0, 10.0), "save_interval": (1.0, 5.0), "choke_interval": (1.0, 10.0),
    "metadata_request_timeout": (1.0,), "handshake_timeout": (3.0,), "inactivity_timeout": (30.0,), "keepalive_interval": (2.0, 10.0),
    "max_half_open": (1, 4), "max_connections_per_host": (1, 2), "choker": ("tit-for-tat", "round-robin"),
    "download_rate_limit": (50_000, 200_000), "upload_rate_limit": (50_000, 200_000),
    "disk_timeout": (5.0,), "ban_duration": (60.0,), "optimistic_interval": (5.0,), "max_pending_incoming": (1, 4),
}  # fmt: skip
_OFTEN = {"gate": 4, "disk_fails": 4, "disk_full": 2, "disk_stalls": 2, "observe": 1}
"""Deeds that lie in wait: they are to be there from the beginning, and many come to nothing."""

_MALFORMED = (
    "ffffffff", "00000000", "0000000105", "00000005040000ffff", "0000000214ff", "000000050700000000", "00100009070000000000000000",
)  # fmt: skip
_LONG_PIECE, _SHORT_MEMORY = 524_288, 1 << 20  # so there is room for half of its blocks
"""A piece that does not fit into its part of that memory, and goes to disk before its hash is known."""

KINDS_DRAWN: Final = tuple(KINDS)

_MODULES: Final = [module.__name__ for module in (_deeds, _deeds_more, _deeds_trackers)]
DEEDS: Final[dict[str, Deed]] = dict(sorted(_deeds.DEEDS.items(), key=lambda item: _MODULES.index(item[1].__module__)))
"""All that may happen, in an order that no import changes: a plan's number depends on it."""


def behaviour(rng: random.Random, kind: str) -> dict[str, Any]:
    """Something that a peer does wrong, of that kind, small enough to be over soon."""
    made: dict[str, Any] = {"kind": kind}
    words: dict[str, Callable[[], dict[str, Any]]] = {
        "wrong": lambda: rng.choice([{"index": 0}, {"begin": 1}, {"length": 100}, {"length": 20_000}, {}]),
        "duplicate": lambda: {"count": rng.choice([2, 5])},
        "reorder": lambda: {"window": rng.choice([2, 8])},
        "unsolicited": lambda: {"count": rng.choice([1, 4])},
        "late": lambda: {"seconds": rng.choice([0.2, 3.0, 20.0])},
        "trickle": lambda: {"rate": rng.choice([200, 5000])},
        "burst": lambda: {"seconds": rng.choice([0.1, 2.0])},
        "choke_flap": lambda: {"period": rng.choice([0.3, 2.0, 15.0])},
        "choke_with_outstanding": lambda: {"seconds": rng.choice([0.1, 2.0])},
        "cut": lambda: {"nbytes": rng.choice([0, 1, 13, 500, 16_397]), "how": rng.choice(["fin", "rst", "blackhole"])},
        "slow_handshake": lambda: {"nbytes": rng.choice([1, 20]), "seconds": rng.choice([0.01, 1.0])},
        "malformed": lambda: {"bytes": rng.choice(_MALFORMED)},
        "bencode_bomb": lambda: {"depth": rng.choice([50, 3000])},
        "metadata": lambda: rng.choice([{"size": 10}, {"size": 1 << 30}, {"data": "corrupt"}, {"piece": 3}, {"total_size": 1}, {"reply": "reject"}, {"reply": "silent"}]),
        "pex_flood": lambda: {"count": rng.choice([10, 200])},
        "keepalive_flood": lambda: {"rate": 2},
        "request_flood": lambda: {"count": rng.choice([20, 100])},
        "lie_have": lambda: rng.choice([{}, {"pieces": [0]}]),
        "remap": lambda: {"id": rng.choice([7, 0])},
    }  # fmt: skip
    if kind in words:
        made |= words[kind]()
    if kind in ("corrupt", "withhold", "reject", "late", "wrong", "duplicate") and rng.random() < 0.6:
        made["p"] = rng.choice([0.1, 0.5])
    if kind == "cut" and rng.random() < 0.7:
        made |= {"on": rng.choice(["request", "handshake", "interested", "send"]), "nth": rng.choice([1, 2, 6])}
    if rng.random() < 0.3:
        made["times"] = rng.choice([1, 3])
    return made


def _torrent(d: Draw) -> dict[str, Any]:
    rng = d.rng
    length = rng.choice([16384, 16384, 32768, 65536])
    d.pieces = rng.randint(1, max(1, 262144 // length)) if rng.random() < 0.5 else rng.randint(1, 5)
    made: dict[str, Any] = {"pieces": d.pieces, "piece_length": length}
    if rng.random() < 0.08:
        d.pieces = 20
        return {"pieces": 20, "piece_length": 65536}  # a file of a size that is reserved
    if rng.random() < 0.03:
        d.pieces, d.has_long_pieces = rng.randint(1, 2), True
        return {"pieces": d.pieces, "piece_length": _LONG_PIECE}
    if rng.random() < 0.03:
        return _described_at_length(d, length)
    if rng.random() < 0.15:
        sizes = [rng.choice([0, 1, 100, 16384, 20_000]) for _ in range(rng.randint(1, 4))] + [9]
        d.pieces = -(-sum(sizes) // length)
        return {"pieces": None, "piece_length": length, "files": [[f"d{i % 2}/f{i}", n] for i, n in enumerate(sizes)]}
    if rng.random() < 0.3:
        made["tail"] = rng.choice([1, length // 2 + 1, length - 1])
    return made


def _described_at_length(d: Draw, length: int) -> dict[str, Any]:
    """So many files that the metadata has two blocks."""
    d.has_long_metadata = True
    sizes = [*(d.rng.choice([0, 1, 300]) for _ in range(90)), 9]
    d.pieces = -(-sum(sizes) // length)
    return {"pieces": None, "piece_length": length, "files": [[f"{'n' * 180}{i}", n] for i, n in enumerate(sizes)]}


def _settings(d: Draw, banned: set[str]) -> dict[str, Any]:
    chosen = [name for name in _SETTINGS if name not in banned and d.rng.random() < 0.12]
    return {name: d.rng.choice(_SETTINGS[name]) for name in chosen}


def _some(d: Draw) -> list[int]:
    return [piece for piece in range(d.pieces) if d.rng.random() < 0.5]


def _inhabitants(d: Draw, banned: set[str], max_peers: int) -> tuple[Ops, Ops, list[str]]:
    """Engines, peers, and who is honest and complete."""
    rng = d.rng
    engines: Ops = [{"name": "client", **_settings(d, banned)}]
    if rng.random() < 0.2:
        engines[0]["have"] = _some(d)
    elif "magnet" not in banned and rng.random() < (0.7 if d.has_long_metadata else 0.2):
        engines[0]["magnet"] = True
    if d.has_long_pieces and rng.random() < 0.7:
        engines[0]["max_memory"] = _SHORT_MEMORY
    if "second" not in banned and rng.random() < 0.35:
        engines.append({"name": "second", **_settings(d, banned)})
    d.clients = [entry["name"] for entry in engines]
    core = []
    if rng.random() < 0.3:
        engines.append({"name": "seed", "have": "all"})
        core.append("seed")
    d.engines = [entry["name"] for entry in engines]
    peers: Ops = [] if core and rng.random() < 0.7 else [{"name": "good"}]
    core += [entry["name"] for entry in peers]
    kinds = [kind for kind in KINDS_DRAWN if kind not in banned]
    for number in range(min(rng.choice([0, 1, 1, 1, 2, 2, 3, max_peers]), max_peers) if kinds else 0):
        peers.append({"name": f"p{number}", "behave": [behaviour(rng, rng.choice(kinds)) for _ in range(rng.choice([1, 1, 2]))]})
        if rng.random() < 0.5:
            peers[-1]["have"] = rng.choice(["none", _some(d)])
        if rng.random() < 0.2:
            peers[-1]["handshake"] = _handshake(rng)
        if rng.random() < 0.01:
            peers[-1]["host"] = core[0]
            for entry in engines:
                entry.pop("max_connections_per_host", None)  # the liar would hold the only place of the honest one
    if "crowd" not in banned and rng.random() < 0.1:
        peers += [{"name": f"w{number}", "have": "none"} for number in range(rng.choice([2, 3, 5]))]
    d.peers = [entry["name"] for entry in peers]
    return engines, peers, core


def _handshake(rng: random.Random) -> dict[str, Any]:
    """How one opens that is no friend."""
    plain: list[dict[str, Any]] = [{"fast": False}, {"extended": False}, {"fast": False, "extended": False}]
    odd: list[dict[str, Any]] = [
        {"send": False}, {"delay": 2.0}, {"delay": 20.0}, {"reserved": "ff" * 8}, {"info_hash": "00" * 20}, {"peer_id": "00" * 20},
        {"dribble": [1, 0.2]},
    ]  # fmt: skip
    return rng.choice(plain if rng.random() < 0.6 else odd)


def _breaking(d: Draw, banned: set[str]) -> Ops:
    deeds = [name for name in DEEDS if name not in banned for _ in range({**_OFTEN, "look": 3}.get(name, 1))]
    ops: Ops = []
    span = d.rng.choice([0.1, 0.3, 1.0, 3.0, 20.0])
    for _ in range(d.rng.choice([0, 1, 1, 2, 2, 3, 4, 6]) if deeds else 0):
        chosen = d.rng.choice(deeds)
        at = 0.0 if chosen in _OFTEN and d.rng.random() < 0.6 else round(d.rng.random() * span, 3)
        for op in DEEDS[chosen](d):
            at = round(at + op.pop("later", 0), 3)
            ops.append({"at": at, **op})
    ops.sort(key=lambda op: op["at"])
    d.breaks_until = ops[-1]["at"] if ops else 0.0
    return ops


def generate(seed: int, number: int) -> Plan:
    """Plan `number` of a seed."""
    return drawn(random.Random(f"{seed}/{number}"))


def drawn(rng: random.Random, kinds: Iterable[str] | None = None, max_peers: int = 3) -> Plan:
    """A plan by the luck of `rng`, of these kinds of behaviour (None: all), with so many liars at most."""
    d = Draw(rng)
    features = [*DEEDS, *KINDS_DRAWN, *TRACKER_FEATURES, *_SETTINGS, "magnet", "second", "crowd", "lines"]
    share = rng.choice([0.2, 0.5, 0.8, 0.95])
    banned = {name for name in features if rng.random() < share}
    if kinds is not None:
        allowed = set(kinds)
        banned = (banned - allowed) | (set(KINDS_DRAWN) - allowed)
    torrent = _torrent(d)
    engines, peers, core = _inhabitants(d, banned, max_peers)
    links: Ops = []
    if rng.random() < (0.2 if "lines" in banned else 0.8):
        rate = rng.choice([20_000, 60_000, 200_000, 1_000_000])
        d.slowest = min(d.slowest, rate)
        links.append({"node": "client", "up": rng.choice([30_000, None]), "down": rate, "latency": rng.choice([0, 0.05])})
    asked = trackers(d, banned) if rng.random() < 0.2 else []
    ops = [*asked, *_breaking(d, banned)]
    at = round(d.breaks_until + rng.choice([0.5, 5.0, 30.0]), 3)
    looks: Ops = [{"at": at, "op": "check"}] if "look" not in banned and rng.random() < 0.5 else []
    recover = {"at": at, "op": "recover", "core": core}
    total = torrent["piece_length"] * d.pieces * len(d.clients)
    within = _ALWAYS + 20 * total / min(d.slowest, 30_000) + 100 * d.longest_latency
    return Plan(
        seed=rng.getrandbits(32), torrent=torrent, engines=engines, peers=peers, links=links, ops=[*ops, *looks, recover],
        within=round(within),
    )  # fmt: skip
