"""The two phases of a run that was broken on purpose: recover() makes all well again, finish() then demands completion.

>>> from jstorrent.lab import Lab, phases
>>> with Lab(seed=7) as lab:
...     spec = lab.torrent(pieces=4)
...     good, client = lab.seeder("good", spec), lab.engine("client")
...     t = client.add(spec, peers=[good])
...     lab.net.partition(good, client)
...     lab.run_for(5)
...     phases.recover(lab, [good])
...     phases.finish(lab, within=60)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from jstorrent._events import TorrentFailed
from jstorrent.lab._args import is_over
from jstorrent.lab._disk_faults import DiskFault
from jstorrent.lab._engine import Engine
from jstorrent.lab._lanes import SimLane
from jstorrent.lab._node import Node
from jstorrent.lab._peer import Peer
from jstorrent.lab._spec import Spec

if TYPE_CHECKING:
    from jstorrent.lab._lab import Lab

EXCUSES = ("no honest copy", "disk still full", "honest host shares a banned IP", "partition not healed")
"""Why somebody need not have completed. The list is closed."""
_FIRST_LOOK, _LONGEST_LOOK = 0.2, 8.0
_LAST_WORDS = 2.0
_RECORDS_READ = 0.1  # limits that a session remembers come with them
_COMPLETE = 3
_OWN_LIMITS = ("download_rate_limit", "upload_rate_limit", "upload_slots", "max_connections")
_SERVES = {"claims", "unchoke", "serve"}


def recover(lab: Lab, core: Iterable[Node] = (), faults: Iterable[DiskFault] = ()) -> None:
    """All is well again: gates open, these faults of disks end, the network heals, who is down comes back, every torrent
    runs without limits of its own, is checked if its files were changed by hand, and dials the core, which are honest
    nodes, and every other engine that has it: where one of the core shares a banned host, they have what is missing.

    Where a line changed bytes, bans of the core are lifted, and links to a core node end over which less was heard of what it has, or that
    wait for an unchoke: an engine cannot know that it was the line, nor whether it was heard itself.
    """
    for gate in lab._gates or []:
        gate.remove()
    for fault in faults:
        fault.clear()
    nodes = [*lab._clients, *lab._peers]
    if isinstance(lab._lane, SimLane):
        lab.net.release(nodes, nodes)
    lab.net.heal()
    core = list(core)
    for engine in lab.engines:
        if not engine.running:
            engine.start()
            lab._run_until(lab.now + _RECORDS_READ)
        _unlimit(engine)
        if lab.net._lies:
            _forgive(engine, core)
            _end_misheard(lab, engine, core)
        for spec in list(engine._specs.values()):
            others = [other for other in lab.engines if other not in core and spec.info_hash in other._specs]
            _restore(engine, spec, [node for node in [*core, *others] if node is not engine])


def _unlimit(engine: Engine) -> None:
    engine.sockets.quota(None)
    settings = engine.session.settings
    if settings.download_rate_limit is not None or settings.upload_rate_limit is not None:
        engine.session.configure(download_rate_limit=None, upload_rate_limit=None)


def _forgive(engine: Engine, core: list[Any]) -> None:
    """Lines changed what honest hosts sent: who was banned for it is not any more."""
    hosts = {node._host for node in core}
    for ban in engine.session.bans():
        if ban.host in hosts:
            engine.session.unban(ban.host)


def _end_misheard(lab: Lab, engine: Engine, core: list[Any]) -> None:
    for spec in engine._specs.values():
        torrent = engine.torrent(spec)
        for peer in torrent.peers() if torrent is not None and torrent.num_pieces else ():
            for node in core:
                claims_less = peer.progress * spec.num_pieces < len(_had(spec, [node])) - 0.5
                waits = peer.am_interested and peer.peer_choking
                if peer.address[0] == node._host and (claims_less or waits):
                    lab.net.cut_after(node, engine, 0, "rst")


def _restore(engine: Engine, spec: Spec, core: list[Node]) -> None:
    torrent = engine.torrent(spec)
    if torrent is None:
        engine.add(spec, peers=core)
        return
    files, below = torrent.files(), torrent.save_path
    if any(file.priority != 4 for file in files):
        torrent.set_file_priority("*", 4)
    for piece in range(torrent.num_pieces or 0):
        torrent.set_piece_priority(piece, 4)
    if engine.disk.touched & {below / file.path for file in files}:
        torrent.recheck()
    torrent.configure(**dict.fromkeys(_OWN_LIMITS))
    torrent.start()
    torrent.resume()
    for node in core:
        torrent.connect(node)


def finish(lab: Lab, within: float) -> str | None:
    """Lets time pass until every engine has every torrent that it was given, then until nothing is under way: on leaving,
    the oracles look. Gives the excuse of who did not complete, None when all did, and fails where there is none."""
    limit, look = lab.now + within, _FIRST_LOOK
    while (wanting := _wanting(lab)) and not is_over(lab.now, limit):
        lab._run_until(min(lab.now + look, limit))
        look = min(look * 1.5, _LONGEST_LOOK)
    excuses = {excuse_of(lab, engine, spec) for engine, spec in wanting}
    if None in excuses:
        engine, spec = next((e, s) for e, s in wanting if excuse_of(lab, e, s) is None)
        lab._fail("until", f"{spec.name} is not complete {within:g} s after all was well", engine)
    if isinstance(lab._lane, SimLane):
        lab._lane.world.settle(lab.now + _LAST_WORDS)
    return min((excuse for excuse in excuses if excuse is not None), default=None)


def _wanting(lab: Lab) -> list[tuple[Engine, Spec]]:
    """Who has not completed what. Whom a disk stopped once more goes on."""
    found = []
    for engine in lab.engines:
        if lab.net._lies and engine.running:
            _forgive(engine, list(_honest(lab)))  # what had come before a line was healed may still be found false
        for spec in engine._specs.values():
            torrent = engine.torrent(spec)
            state = None if torrent is None else torrent.state
            if torrent is not None and state == "error":
                torrent.start()
            if state != "seeding":
                found.append((engine, spec))
    return found


# -- excuses


def excuse_of(lab: Lab, engine: Engine, spec: Spec) -> str | None:
    """Why this engine need not have completed; None: it should have."""
    torrent = engine.torrent(spec) if engine.running else None
    if torrent is None:
        return None
    failures = engine.history(TorrentFailed)
    if failures and failures[-1].error.code == "disk_full":
        return EXCUSES[1]
    states = torrent.pieces()
    missing = {i for i in range(spec.num_pieces) if i >= len(states) or states[i] != _COMPLETE}
    honest = [node for node in _honest(lab) if node is not engine]
    if not missing <= _had(spec, honest):
        return EXCUSES[0]
    banned = {ban.host for ban in engine.session.bans()}
    shared = {node._host for node in lab._peers if node.behave}
    free = [node for node in honest if not (node._host in banned and node._host in shared)]
    if not missing <= _had(spec, free):
        return EXCUSES[2]
    if isinstance(lab._lane, SimLane):
        world = lab._lane.world
        free = [node for node in free if not world.is_blocked(node._number, engine._number)]
        free = [node for node in free if not world.is_blocked(engine._number, node._number)]
        if not missing <= _had(spec, free):
            return EXCUSES[3]
    return None


def _honest(lab: Lab) -> Iterator[Any]:
    yield from (engine for engine in lab.engines if engine.running)
    yield from (peer for peer in lab._peers if not peer.behave and peer.auto >= _SERVES)


def _had(spec: Spec, nodes: Iterable[Any]) -> set[int]:
    found: set[int] = set()
    for node in nodes:
        if isinstance(node, Peer):
            found |= node.have
        elif (torrent := node.torrent(spec)) is not None:
            found |= {index for index, state in enumerate(torrent.pieces()) if state == _COMPLETE}
    return found
