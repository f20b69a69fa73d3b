"""The workloads by name: what is run, with which clients it can be, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench import runs
from bench.clients import CLIENTS, Client
from bench.runs import Outcome, Setting

_MIB = 1 << 20
_LEECHERS = 10


@dataclass(frozen=True)
class Figure:
    """One number of a run, by which clients are compared; `scale` is 1 / unit, `each_gib` divides by payload."""

    name: str
    heading: str
    scale: float = 1.0
    each_gib: bool = False


CPU = Figure("cpu", "CPU s/GiB", each_gib=True)
WALL = Figure("wall", "wall s")
ANONYMOUS = Figure("anonymous", "anonymous MiB", 1 / _MIB)
AFTER_STALL = Figure("after_stall", "s after the stall")
HELD = Figure("held", "requests held")
EACH = Figure("bytes_each", "bytes each")

Run = Callable[[Client, Setting, dict[str, Any]], Outcome]


@dataclass(frozen=True)
class Workload:
    """`variants`: options of one client that are compared, instead of clients. `part`: of --size, where all is too much. `copies`: that are written."""

    name: str
    meaning: str
    role: str
    run: Run
    figures: tuple[Figure, ...] = (CPU, WALL, ANONYMOUS)
    clients: tuple[str, ...] = tuple(CLIENTS)
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    small_files: bool = False
    in_memory: bool = False
    part: float = 1.0
    copies: int = 1


_BOTH = ("libtorrent", "jstorrent")
_OF_MANY_PEERS = tuple(name for name, client in CLIENTS.items() if not client.refuses_loopback)


def _leech(name: str, meaning: str, *, peers: int = 1, parts: bool = False, stalls: bool = False, **more: Any) -> Workload:
    def run(client: Client, setting: Setting, options: dict[str, Any]) -> Outcome:
        return runs.leech(client, setting, peers=peers, parts=parts, stalls=stalls, **options)

    able = tuple(CLIENTS) if peers == 1 else _OF_MANY_PEERS
    return Workload(name, meaning, "leech", run, **({"clients": able} | more))


def _seed(connections: int) -> Workload:
    return Workload(
        f"seed-{connections}",
        f"the file served once in all to {connections} plain connections; its check is not counted",
        "seed",
        lambda client, setting, options: runs.seed(client, setting, connections=connections),
        clients=_BOTH,
    )


def _stalled(helpers: int) -> Workload:
    others = "another peer" if helpers == 1 else f"{helpers} others"
    return _leech(
        f"stalled-{helpers}",
        f"with half of the file there, a peer takes requests and answers none any more, beside {others}",
        peers=helpers + 1,
        stalls=True,
        figures=(AFTER_STALL, HELD, WALL, CPU),
        clients=_BOTH,
        part=1 / 4,
    )


def _alone(role: str, meaning: str) -> Workload:
    return Workload(
        role, meaning, role, lambda client, setting, options: runs.alone(client, setting, role),
        figures=(CPU, WALL),
    )  # fmt: skip


def _swarm(name: str, meaning: str, **more: Any) -> Workload:
    def run(client: Client, setting: Setting, options: dict[str, Any]) -> Outcome:
        return runs.swarm(client, setting, leechers=_LEECHERS, **options)

    return Workload(name, meaning, "swarm", run, in_memory=True, copies=_LEECHERS, **({"clients": _BOTH} | more))


def _idle(what: str, meaning: str, run: Run, role: str) -> Workload:
    return Workload(f"idle-{what}", meaning, role, run, figures=(EACH,), clients=_BOTH, part=1 / 64)


_ALL = (
    _leech("leech", "one file from one seeder"),
    _seed(4),
    _seed(50),
    Workload(
        "seed-libtorrent",
        "the file served to one libtorrent leecher",
        "seed",
        lambda client, setting, options: runs.seed_to(client, setting, CLIENTS["libtorrent"]),
        clients=_BOTH,
    ),
    _leech("seeders-8", "one file from eight seeders", peers=8),
    _leech("seeders-10", "one file from ten seeders", peers=10),
    _leech("peers-100", "100 peers with half of the pieces, the others announced one by one", peers=100, parts=True),
    _leech("peers-1000", "1,000 such peers", peers=1000, parts=True),
    _leech("small-files", "up to 10,000 files of 16 to 100 KiB from one seeder", small_files=True,
           clients=tuple(name for name in CLIENTS if name != "anacrolix")),
    _alone("recheck", "files that are complete are checked; the start of the program is not counted"),
    _alone("create", "a v1 torrent is made; the start of the program is not counted"),
    _swarm("swarm", "one seed and ten leechers in one process, each knowing all others; in memory where there is room"),
    _stalled(1),
    _stalled(2),
    _stalled(8),
    _leech("memory", "leech with max_memory at 8 MiB", clients=("jstorrent",), variants={"8 MiB": {"memory": 8 * _MIB}},
           figures=(ANONYMOUS, CPU, WALL)),
    _idle("peers", "memory for each of 500 peers that have nothing to say",
          lambda client, setting, options: runs.idle_peers(client, setting, peers=500), "seed"),
    _idle("torrents", "memory for each of 1,000 torrents of 64 pieces that are on and have no peers",
          lambda client, setting, options: runs.idle_torrents(client, setting, torrents=1000), "torrents"),
    _leech("order", "rarest first against sequential, from eight seeders", peers=8, clients=("jstorrent",),
           variants={"rarest": {"order": "rarest"}, "sequential": {"order": "sequential"}}),
    _swarm("order-swarm", "the same in the swarm", clients=("jstorrent",),
           variants={"rarest": {"order": "rarest"}, "sequential": {"order": "sequential"}}),
    _swarm("choker", "the swarm with the choker (four slots and one by chance) and with nobody choked", clients=("jstorrent",),
           variants={"on": {}, "off": {"open": True}}),
)  # fmt: skip
WORKLOADS = {workload.name: workload for workload in _ALL}
#: What a run without --workloads does.
USUAL = ("leech", "seed-4")
