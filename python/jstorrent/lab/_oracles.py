"""Oracles: judges that know nothing of the engine but its public face, its files, its events and the world's books.

Each is a function (lab) -> None that raises through `lab._fail`. They look at settle, heal, check() and the end; what
happened between is in the events and in the books, so nothing is asked per turn.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from jstorrent._events import TorrentRemoved
from jstorrent._status import Counters, PeerStatus, SessionStatus
from jstorrent._torrent import Torrent
from jstorrent.lab._engine import Engine
from jstorrent.lab._facts import running
from jstorrent.lab._lanes import SimLane
from jstorrent.lab._oracles_content import convergence, integrity, monotone
from jstorrent.lab._oracles_links import breaches_end_links
from jstorrent.lab._oracles_time import liveness, loops, quiet
from jstorrent.lab._oracles_wire import books_agree
from jstorrent.lab._oracles_wishes import announces_are_true, events_are_told, what_is_wanted, what_was_allowed

if TYPE_CHECKING:
    from jstorrent.lab._lab import Lab

NAMES = (
    "integrity", "liveness", "bounds", "accounting", "leaks", "statistics", "convergence", "monotone", "quiet", "loops",
    "broken_rule",
)  # fmt: skip
"""The words of without=."""

_LEFT_BEHIND = ("sockets", "disk_operations", "hash_jobs", "num_peers", "num_half_open", "num_pending_incoming",
                "send_buffered", "draining")  # fmt: skip


def broken_rule(lab: Lab) -> None:
    """No engine broke a rule of its own."""
    for engine in lab.engines:
        if engine.running and not engine.session.is_healthy():
            said = [torrent.error_message for torrent in engine.session.torrents]
            lab._fail("broken_rule", " ".join(filter(None, said)) or "it broke a rule of its own", engine)
    if lab._lane.broken_rules:
        lab._fail("broken_rule", f"{lab._lane.broken_rules} rules were broken in this world")


# -- accounting


def accounting(lab: Lab) -> None:
    """Counters add up exactly, for each session, torrent and peer; what pieces wait for is what peers owe."""
    for engine, _ in running(lab.engines):
        _add_up(lab, engine, "the session", engine.session.status().counters)
        for torrent in engine.session.torrents:
            _add_up(lab, engine, torrent.name, torrent.status().counters)
            peers = torrent.peers()
            for peer in peers:
                _add_up(lab, engine, f"{torrent.name} with {peer.address}", peer.counters)
            if isinstance(lab._lane, SimLane):  # elsewhere the engine goes on between two questions
                _requests(lab, engine, torrent, sum(peer.outstanding for peer in peers))
                _availability(lab, engine, torrent, peers)
    books_agree(lab)
    announces_are_true(lab)
    events_are_told(lab)
    what_is_wanted(lab)


def _add_up(lab: Lab, engine: Engine, whose: str, c: Counters) -> None:
    parts = c.payload_verified + c.payload_failed + c.payload_redundant + c.payload_discarded + c.payload_partial
    if parts != c.payload_received:
        lab._fail("accounting", f"{whose}: received {c.payload_received} is not the sum of its parts {parts}: {c}", engine)


def _requests(lab: Lab, engine: Engine, torrent: Torrent, owed: int) -> None:
    if torrent.metainfo is None:
        return
    waited_for = sum(
        torrent.piece(index).pending_requests for index, state in enumerate(torrent.pieces()) if state != _COMPLETE
    )
    if waited_for != owed:
        lab._fail("accounting", f"{torrent.name}: pieces wait for {waited_for} blocks, peers owe {owed}", engine)


def _availability(lab: Lab, engine: Engine, torrent: Torrent, peers: list[PeerStatus]) -> None:
    count = torrent.num_pieces
    if not count:
        return
    counted, claimed = sum(torrent.availability()), sum(round(peer.progress * count) for peer in peers)
    if counted != claimed:
        lab._fail("accounting", f"{torrent.name}: availability counts {counted} pieces, peers claim {claimed}", engine)


_COMPLETE = 3

# -- statistics


def statistics(lab: Lab) -> None:
    """Bytes on the wire are those that the world saw, exactly; and those of the torrents are those of the session."""
    for engine in lab.engines:
        total = engine.session.status().counters
        if isinstance(lab._lane, SimLane):
            books = lab._lane.world.ledger(engine._number)
            for what, said, seen in (
                ("received", total.wire_received, books["received"]),
                ("sent", total.wire_sent, books["sent"]),
            ):
                if said != seen and (engine.running or engine._was_closed):
                    lab._fail("statistics", f"it says {said} bytes {what}, its links {what} {seen}", engine)
        if engine.running and len(engine._starts_at) == 1:
            _parts_of(lab, engine, total)


def _parts_of(lab: Lab, engine: Engine, total: Counters) -> None:
    torrents = [torrent.status().counters for torrent in engine.session.torrents]
    was_removed = bool(engine.session.status().draining or engine.history(TorrentRemoved))
    if was_removed or len(torrents) != len(engine._specs):
        return  # a removed one took its part along
    after = engine.session.status().counters  # sockets do not stand still between two questions, the simulated world does
    for name in ("payload_received", "payload_sent", "wire_sent"):
        parts, whole, later = sum(getattr(c, name) for c in torrents), getattr(total, name), getattr(after, name)
        if not whole <= parts <= later:
            lab._fail("statistics", f"{name} of the session is {whole}, of its torrents together {parts}", engine)


# -- bounds

_RUN = 16 * 16384  # what one read adds to a send buffer that has room
_TIMERS = 16
_TIMERS_PER_TORRENT = 8


def bounds(lab: Lab) -> None:
    """Never more links, memory, timers, requests or addresses than the settings allow."""
    for engine, _ in running(lab.engines):
        now, first = engine.session.settings, engine._settings
        status = engine.session.status()

        def limit(name: str) -> int | None:  # lowered at run time, what is there may stay
            chosen = (getattr(now, name), first.get(name, getattr(now, name)))  # noqa: B023
            return None if None in chosen else max(chosen)

        links = status.num_peers + status.num_half_open + status.num_pending_incoming
        timers = _TIMERS + links + (status.num_torrents + status.draining) * _TIMERS_PER_TORRENT
        _within(lab, engine, "", [
            ("peers", status.num_peers, limit("max_connections")),
            ("half-open links", status.num_half_open, limit("max_half_open")),
            ("pending links", status.num_pending_incoming, limit("max_pending_incoming")),
            ("bytes of memory", status.memory, limit("max_memory")),
            ("bytes of memory once", status.memory_peak, limit("max_memory")),
            ("half-open links at once", _most_half_open(lab, engine), limit("max_half_open")),
            ("timers", status.timers, timers),
            ("timers in one turn", status.max_expiries, 1000),
        ])  # fmt: skip
        for torrent in engine.session.torrents:
            _torrent_within(lab, engine, torrent, limit)
    breaches_end_links(lab)
    what_was_allowed(lab)


def _most_half_open(lab: Lab, engine: Engine) -> int:
    """Dials that had neither failed nor gone through, at most at once: as the books of the world have them."""
    if not isinstance(lab._lane, SimLane):
        return 0
    trackers = {f"{tracker._host}:{tracker._port}" for tracker in lab._trackers}
    changes: list[tuple[float, int]] = []
    for _, _, to, at, ended, connected, _ in lab._lane.world.dials(engine._number):
        if to not in trackers:
            over = min((when for when in (ended, connected) if when is not None), default=math.inf)
            changes += ((at, 1), (over, -1))
    changes.sort()
    return max(itertools.accumulate(change for _, change in changes), default=0)


def _torrent_within(lab: Lab, engine: Engine, torrent: Torrent, limit: Callable[[str], int | None]) -> None:
    status = torrent.status()
    room = limit("max_send_buffer")
    _within(lab, engine, f" of {torrent.name}", [
        ("peers", status.num_peers, limit("max_connections_per_torrent")),
        ("active pieces", status.active_pieces, limit("max_active_pieces")),
        ("known addresses", status.num_known, _plus(limit("max_known_peers"), status.num_peers)),
    ])  # fmt: skip
    for peer in torrent.peers():
        _within(lab, engine, f" with {peer.address} in {torrent.name}", [
            ("requests", peer.outstanding, limit("max_requests_per_peer")),
            ("queued requests", peer.upload_queued, limit("max_queued_requests")),
            ("bytes to send", peer.send_buffered, _plus(room, _RUN + 65536)),
        ])  # fmt: skip


def _plus(limit: int | None, more: int) -> int | None:
    return None if limit is None else limit + more


def _within(lab: Lab, engine: Engine, where: str, facts: list[tuple[str, int, int | None]]) -> None:
    for what, count, limit in facts:
        if limit is not None and count > limit:
            lab._fail("bounds", f"{count} {what}{where} where {limit} are allowed", engine)


# -- the end


def leaks(lab: Lab) -> None:
    """Of a closed session nothing is left: asked when it had closed, before the world took its sockets away."""
    for engine in lab.engines:
        if not engine.running:
            continue
        engine.stop()
        facts = engine.session._engine.left_behind()
        if facts is None or not engine._was_closed:
            continue
        status = SessionStatus._of(facts)
        left = {name: getattr(status, name) for name in _LEFT_BEHIND if getattr(status, name)}
        if left:
            lab._fail("leaks", f"left behind after close: {left}", engine)


ORACLES: dict[str, Callable[[Lab], None]] = {
    "broken_rule": broken_rule,
    "accounting": accounting,
    "bounds": bounds,
    "statistics": statistics,
    "integrity": integrity,
    "monotone": monotone,
    "convergence": convergence,
    "loops": loops,
    "quiet": quiet,
    "liveness": liveness,
}
"""What check() runs, in this order; leaks runs on leaving."""
