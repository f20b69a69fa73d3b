"""Oracles: judges that know nothing of the engine but its public face, its files and the truth.

Each is a function (lab) -> None that raises through `lab._fail`. They look at settle, heal, check() and the end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from jstorrent._status import Counters
from jstorrent._torrent import Torrent
from jstorrent.lab._engine import Engine
from jstorrent.lab._lanes import SimLane
from jstorrent.lab._spec import Spec

if TYPE_CHECKING:
    from jstorrent.lab._lab import Lab

NAMES = (
    "integrity", "liveness", "bounds", "accounting", "leaks", "statistics", "convergence", "monotone", "quiet", "loops",
    "broken_rule",
)  # fmt: skip
"""All that there will be; the words of without=."""

_COMPLETE = 3
_LEFT_BEHIND = ("sockets", "disk_operations", "hash_jobs", "timers", "num_peers", "num_half_open", "num_pending_incoming",
                "send_buffered", "draining")  # fmt: skip


def broken_rule(lab: Lab) -> None:
    """No engine broke a rule of its own."""
    for engine in lab.engines:
        if engine.running and not engine.session.is_healthy():
            said = [torrent.error_message for torrent in engine.session.torrents]
            lab._fail("broken_rule", " ".join(filter(None, said)) or "it broke a rule of its own", engine)
    if lab._lane.broken_rules:
        lab._fail("broken_rule", f"{lab._lane.broken_rules} rules were broken in this world")


def integrity(lab: Lab) -> None:
    """What an engine says it has is on its disk, byte for byte."""
    for engine in lab.engines:
        if not engine.running or not isinstance(lab._lane, SimLane) or engine._judged_at == engine.disk.ops:
            continue
        for info_hash, spec in engine._specs.items():
            torrent = engine.session.find(info_hash)
            if torrent is not None:
                _compare(lab, engine, torrent, spec)
        engine._judged_at = engine.disk.ops


def _compare(lab: Lab, engine: Engine, torrent: Torrent, spec: Spec) -> None:
    pieces = torrent.pieces()
    below = torrent.save_path
    for file, now in zip(spec.metainfo.files, torrent.files(), strict=True):
        path = below / now.path
        if now.priority == 0 or file.size == 0 or path in engine.disk.touched:
            continue
        held = [i for i in file.pieces if pieces[i] == _COMPLETE]
        for index in held:
            low = max(index * spec.piece_length, file.offset)
            high = min((index + 1) * spec.piece_length, file.offset + file.size)
            at = low - file.offset
            if not engine.disk.exists(path):
                lab._fail("integrity", f"piece {index} of {spec.name} is complete, but {path} is not there", engine)
            found = engine.disk.read(path, at, high - low)
            if found != spec.data(low, high - low):
                digest = hashlib.sha1(found).hexdigest()[:12]
                lab._fail(
                    "integrity",
                    f"piece {index} of {spec.name} is complete, but {path} holds other bytes at {at} (sha1 {digest})",
                    engine,
                )


def accounting(lab: Lab) -> None:
    """Counters add up exactly, for each session, torrent and peer."""
    for engine in lab.engines:
        if not engine.running:
            continue
        _add_up(lab, engine, "the session", engine.session.status().counters)
        for torrent in engine.session.torrents:
            _add_up(lab, engine, torrent.name, torrent.status().counters)
            for peer in torrent.peers():
                _add_up(lab, engine, f"{torrent.name} with {peer.address}", peer.counters)


def _add_up(lab: Lab, engine: Engine, whose: str, c: Counters) -> None:
    parts = c.payload_verified + c.payload_failed + c.payload_redundant + c.payload_discarded + c.payload_partial
    if parts != c.payload_received:
        lab._fail("accounting", f"{whose}: received {c.payload_received} is not the sum of its parts {parts}: {c}", engine)


def bounds(lab: Lab) -> None:
    """Never more links than the settings allow."""
    for engine in lab.engines:
        if not engine.running:
            continue
        settings, status = engine.session.settings, engine.session.status()
        for what, count, limit in (
            ("peers", status.num_peers, settings.max_connections),
            ("half-open links", status.num_half_open, settings.max_half_open),
            ("pending links", status.num_pending_incoming, settings.max_pending_incoming),
        ):
            if limit is not None and count > limit:
                lab._fail("bounds", f"{count} {what} where {limit} are allowed", engine)


def leaks(lab: Lab) -> None:
    """Of a closed session nothing is left."""
    for engine in lab.engines:
        if not engine.running:
            continue
        engine.stop()
        status = engine.session.status()
        left = {name: getattr(status, name) for name in _LEFT_BEHIND if getattr(status, name)}
        if left:
            lab._fail("leaks", f"left behind after close: {left}", engine)


ORACLES: dict[str, Callable[[Lab], None]] = {
    "broken_rule": broken_rule,
    "accounting": accounting,
    "bounds": bounds,
    "integrity": integrity,
}
"""What check() runs, in this order; leaks runs on leaving."""
