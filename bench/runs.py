"""One run of one client, by the part that it has: who serves it or is served, what it cost, whether all is right."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jstorrent as jst

from bench import other_end
from bench.child import Job
from bench.clients import Client, own_address
from bench.data import Data, write_tiny_torrents
from bench.process import Child, ClientFailed, Cost, child
from bench.tracker import Tracker

Peers = tuple[tuple[str, int], ...]
_BLOCK = 16384
_SETTLED = 0.5  # seconds until nothing comes any more from peers that have nothing to say


@dataclass
class Outcome:
    """`figures`: what this workload asks for besides its cost."""

    cost: Cost
    ok: bool
    size: int
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Setting:
    """What all runs of a workload share."""

    data: Data
    folder: Path
    tracker: Tracker
    seeder: str = "fast"
    #: The CPU that the client has alone; None: it takes what it finds.
    cpu: int | None = None


@contextmanager
def _own_folder(setting: Setting) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=setting.folder))
    try:
        yield folder
    finally:
        if len(setting.data.files) > 1:
            _empty(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _empty(folder: Path) -> None:
    """Gives back the space of many files and leaves their names until all is over.

    ext4 takes no inode again within a minute of its deletion, and looks at all of those for each new file: the next run would
    pay for what this one deleted.
    """
    for place, _, names in os.walk(folder):
        for name in names:
            os.truncate(Path(place) / name, 0)


def _work(client: Client, command: list[str], folder: Path, cpu: int | None) -> tuple[Cost, dict[str, Any], float]:
    """Runs a client until its work is done: cost of the whole process, what it told, and when it was done."""
    with child(command, folder, cpu) as process:
        told: dict[str, Any] = process.facts() if client.speaks else {}
        if not client.speaks:
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        done_at = time.monotonic()
        return process.cost_to_the_end(done_at), told, done_at


def _job(client: Client, setting: Setting, folder: Path, **more: Any) -> Job:
    torrent = setting.data.announced if client.needs_tracker else setting.data.torrent
    return Job(str(torrent), str(folder), **more)


def _dialled(client: Client, setting: Setting, peers: Peers) -> Peers:
    """The peers as this client can reach them."""
    own = own_address()
    if not client.refuses_loopback or own is None:
        return peers
    if len(peers) > 1 or setting.seeder != "fast":
        raise ClientFailed(f"{client.name} takes no peers on loopback, and only one fast seeder is reached elsewhere")
    return ((own, peers[0][1]),)


def leech(
    client: Client, setting: Setting, *, peers: int = 1, parts: bool = False, stalls: bool = False, **options: Any
) -> Outcome:
    """The client downloads everything. `stalls`: with half of it, a peer falls silent; `figures` has the time from then to the end."""
    stall_after = setting.data.size // _BLOCK // 2 if stalls else 0
    many = other_end.seeders(setting.seeder, setting.data, peers, parts=parts, stall_after=stall_after)
    with many as seeders, _own_folder(setting) as folder:
        dialled = _dialled(client, setting, seeders.peers)
        setting.tracker.peers = list(dialled)
        job = _job(client, setting, folder, peers=dialled, options=options)
        cost, told, done_at = _work(client, client.roles["leech"](job), folder, setting.cpu)
        figures = {"transfer": told["wall"]} if told else {}
        if told.get("hash_calls"):
            figures["lanes"] = told["hashed_messages"] / told["hash_calls"]
        if stalls:
            last = dict(line.split() for line in seeders.process.rest().splitlines())
            figures["after_stall"] = done_at - float(last.get("stalled", "nan"))
            figures["held"] = float(last["held"])
        return Outcome(cost, setting.data.is_right(folder), setting.data.size, figures)


def _seeding(client: Client, setting: Setting) -> AbstractContextManager[Child]:
    return child(client.roles["seed"](_job(client, setting, setting.data.folder)), cpu=setting.cpu)


def _served(process: Child, wall: float) -> Cost:
    """What the serving alone cost, told by the client itself at its end."""
    anonymous = process.anonymous()
    return Cost(**json.loads(process.rest().split(maxsplit=1)[1]) | {"wall": wall, "anonymous": anonymous})


def seed(client: Client, setting: Setting, *, connections: int) -> Outcome:
    """The client serves everything once to plain connections; what came before is not counted."""
    with _seeding(client, setting) as process:
        wall = other_end.sink(setting.data, process.facts()["ports"][0], connections)
        return Outcome(_served(process, wall or float("nan")), wall is not None, setting.data.size)


def seed_to(client: Client, setting: Setting, leecher: Client) -> Outcome:
    """The client serves one other client, who takes everything."""
    with _seeding(client, setting) as process, _own_folder(setting) as to:
        address = ("127.0.0.1", process.facts()["ports"][0])
        command = leecher.roles["leech"](_job(leecher, setting, to, peers=(address,)))
        cost, _, _ = _work(leecher, command, to, None)
        return Outcome(_served(process, cost.wall), setting.data.is_right(to), setting.data.size)


def alone(client: Client, setting: Setting, role: str) -> Outcome:
    """recheck or create: no network. Clients in Python tell what the work took, without their start."""
    with _own_folder(setting) as folder:
        target = setting.data.path if role == "create" else setting.data.folder
        torrent = Path(shutil.copy(setting.data.torrent, folder))
        cost, told, _ = _work(client, client.roles[role](Job(str(torrent), str(target))), folder, setting.cpu)
        made = Path(f"{torrent}.made")
        ok = role != "create" or (made.exists() and _pieces(made) == _pieces(setting.data.torrent))
    return Outcome(dataclasses.replace(cost, **told), ok, setting.data.size)


def _pieces(torrent: Path) -> Any:
    document: Any = jst.bdecode(torrent.read_bytes())
    return document[b"info"][b"piece length"], document[b"info"][b"pieces"]


def swarm(client: Client, setting: Setting, *, leechers: int, **options: Any) -> Outcome:
    """One seed and so many leechers in one process; each leecher knows all the others."""
    with _own_folder(setting) as folder:
        job = _job(client, setting, folder, count=leechers, source=str(setting.data.folder), options=options)
        cost, told, _ = _work(client, client.roles["swarm"](job), folder, setting.cpu)
        ok = all(setting.data.is_right(folder / f"leecher{number}") for number in range(1, leechers + 1))
    taken = {field.name: told[field.name] for field in dataclasses.fields(Cost) if field.name in told}
    return Outcome(dataclasses.replace(cost, **taken), ok, setting.data.size * leechers)


def idle_peers(client: Client, setting: Setting, *, peers: int) -> Outcome:
    """Anonymous memory for each peer that shook hands and has nothing to say."""
    with _seeding(client, setting) as process:
        port, before = process.facts()["ports"][0], process.anonymous()
        with other_end.idlers(setting.data, port, peers):
            time.sleep(_SETTLED)
            each = (process.anonymous() - before) / peers
        return Outcome(process.cost_to_the_end(), True, setting.data.size, {"bytes_each": each})


def idle_torrents(client: Client, setting: Setting, *, torrents: int) -> Outcome:
    """Anonymous memory for each torrent that is on and has no peers."""
    with _own_folder(setting) as folder:
        write_tiny_torrents(folder, torrents + 1)
        command = client.roles["torrents"](_job(client, setting, folder))
        cost, told, _ = _work(client, command, folder, setting.cpu)
        return Outcome(cost, True, setting.data.size, {"bytes_each": told["bytes_each"]})
