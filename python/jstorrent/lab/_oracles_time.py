"""Oracles of time: progress where it is possible, peace where there is nothing to do, and no circles."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jstorrent._events import PeerDisconnected, StateChanged
from jstorrent._settings import Settings
from jstorrent._status import TorrentStatus
from jstorrent._torrent import Torrent
from jstorrent.lab._engine import Engine
from jstorrent.lab._facts import EngineFacts, running
from jstorrent.lab._lanes import SimLane
from jstorrent.lab._oracles_links import no_honest_link_is_ended
from jstorrent.lab._oracles_wire import honest_hosts_are_free, links_are_kept_alive, nothing_flaps

if TYPE_CHECKING:
    from jstorrent.lab._lab import Lab

_BLOCK = 16384
_QUEUED_AHEAD = 2 << 20
"""Bytes that may stand before one peer's block in another's line: its send buffer, and what the socket took."""
_CHANCES = 20
"""Optimistic rounds per rival until a peer must have had its turn: all but certain."""

# -- liveness


def liveness(lab: Lab) -> None:
    """Who wants pieces and has a link to somebody complete and able to give gets a block within liveness_bound()."""
    links_are_kept_alive(lab)
    honest_hosts_are_free(lab)
    no_honest_link_is_ended(lab)
    for engine, facts in running(lab.engines):
        status = engine.session.status()
        if status.disk_operations or status.hash_jobs:
            continue  # an operation that is out is waited for
        for torrent in engine.session.torrents:
            now = torrent.status()
            known = facts.of(torrent)
            if now.state not in ("downloading", "stalled") or now.wanted_verified == now.wanted:
                continue
            if not _unlimited(engine.session.settings) or not _own_limits_allow(torrent):
                continue
            since = max(known.changed_at, known.progress_at)
            for giver, its_since in _givers(lab, engine, torrent):
                began = max(_world_time(lab, engine, since), its_since, lab._disturbed_at)
                bound = liveness_bound(lab, engine, giver)
                if lab.now - began > bound:
                    lab._fail("liveness", _stuck(torrent, now, giver, lab.now - began, bound), engine)


def _stuck(torrent: Torrent, now: TorrentStatus, giver: Engine, waited: float, bound: float) -> str:
    return (
        f"{torrent.name} wants {now.wanted - now.wanted_verified} bytes, {giver.name} is complete and linked, and no"
        f" block came for {waited:.0f} s; {bound:.0f} s would excuse it"
    )


def liveness_bound(lab: Lab, engine: Engine, giver: Engine) -> float:
    """Seconds that may pass without a block: every timer that may stand in the way, one after the other, and the line.

    The turn to be unchoked, two requests that time out, a snub, a rejection's pause, a disk on each side, and what the
    slowest line needs for everything that may stand before the block.
    """
    mine, its = engine.session.settings, giver.session.settings
    rivals = max(giver.session.status().num_peers, 1)
    slots = math.inf if its.upload_slots is None else its.upload_slots
    rounds = 2 if rivals <= slots else _CHANCES * rivals
    turn = rounds * max(its.optimistic_interval, its.choke_interval) + its.choke_interval
    timers = 2 * mine.request_timeout + mine.snub_timeout + 60 + mine.disk_timeout + its.disk_timeout
    limits = [mine.download_rate_limit, its.upload_rate_limit, lab.net._slowest]
    slowest = min(limit for limit in limits if limit is not None)
    return turn + timers + 20 * lab.net._longest_latency + rivals * _QUEUED_AHEAD / slowest


def _unlimited(settings: Settings) -> bool:
    return settings.download_rate_limit is None or settings.download_rate_limit >= _BLOCK


def _own_limits(torrent: Torrent) -> dict[str, Any]:
    limits: dict[str, Any] = torrent._session._engine.limits(torrent._key)
    return limits


def _own_limits_allow(torrent: Torrent) -> bool:
    limits = _own_limits(torrent)
    rates = (limits["download_rate_limit"], limits["upload_rate_limit"])
    return all(rate is None or rate >= _BLOCK for rate in rates)


def _givers(lab: Lab, engine: Engine, torrent: Torrent) -> Iterator[tuple[Engine, float]]:
    """Complete engines at the other end of a link that both know of, and since when, in the world's time."""
    for other, facts in running(lab.engines):
        theirs = None if other is engine else other.session.find(torrent.info_hash or b"")
        if theirs is None or theirs.state != "seeding" or not _can_give(other, theirs) or _is_cut(lab, engine, other):
            continue
        if any(p.address[0] == other._host for p in torrent.peers()) and any(
            p.address[0] == engine._host for p in theirs.peers()
        ):
            yield other, _world_time(lab, other, facts.of(theirs).changed_at)


def _can_give(other: Engine, theirs: Torrent) -> bool:
    settings = other.session.settings
    if settings.upload_rate_limit is not None and settings.upload_rate_limit < _BLOCK:
        return False
    own = _own_limits(theirs)["upload_slots"]
    slots = own if own is not None else settings.upload_slots
    if slots == 0 or (settings.optimistic_slots == 0 and slots is not None):
        return False
    status = theirs.status()
    return status.pieces_complete == status.num_pieces and _own_limits_allow(theirs)


def _is_cut(lab: Lab, a: Engine, b: Engine) -> bool:
    if not isinstance(lab._lane, SimLane):
        return False
    world = lab._lane.world
    return bool(world.is_blocked(a._number, b._number) or world.is_blocked(b._number, a._number))


def _world_time(lab: Lab, engine: Engine, when: float) -> float:
    return when - (engine.session.now - lab.now)


# -- quiet

_FREE_TURNS = 1000
"""For opening, loading, closing."""
_PER_SECOND = 3.0
"""Turns of timers: of an engine, of each torrent, of each link."""


def quiet(lab: Lab) -> None:
    """Who has nothing to do takes no turns, and an address that failed is dialled again only after its wait."""
    if not isinstance(lab._lane, SimLane):
        return
    world = lab._lane.world
    for engine, facts in running(lab.engines):
        _turns_are_earned(lab, engine, facts, world.ledger(engine._number))
        _dials_wait(lab, engine, facts)


def _turns_are_earned(lab: Lab, engine: Engine, facts: EngineFacts, books: dict[str, int]) -> None:
    status = engine.session.status()
    books["disk"] = engine.disk.ops
    before = facts.ledger or dict.fromkeys(books, 0)
    done = {key: books[key] - before[key] for key in books}
    span = status.time - facts.looked_at
    holders = 1 + status.num_torrents + status.num_peers + status.num_half_open + done["accepts"] + done["dials"]
    earned = (
        _FREE_TURNS + 3 * (done["arrivals"] + done["writes"]) + 4 * done["disk"] + 30 * (done["dials"] + done["accepts"])
        + done["commands"] + span * _PER_SECOND * holders
    )  # fmt: skip
    earned += 4 * sum(torrent.num_pieces or 0 for torrent in engine.session.torrents)  # a check hashes them
    facts.ledger, facts.looked_at = books, status.time
    if books["life"] == before.get("life") and done["turns"] > earned:
        lab._fail("quiet", f"{done['turns']} turns in {span:.1f} s, {earned:.0f} would be much: {done}", engine)


_LONGEST_WAIT = 3600.0
_STARVED_WAIT = 12.0
"""An engine to which nothing came any more may dial old friends this often: so it notices a network that healed."""
_FORGIVEN = 3
"""Early dials of one address: one that was added with the torrent and had to wait is not told from a bad habit."""


_OUR_DOING = ("limit", "paused", "stopped", "removed", "shutdown")


def _dials_wait(lab: Lab, engine: Engine, facts: EngineFacts) -> None:
    assert isinstance(lab._lane, SimLane)
    base = engine.session.settings.reconnect_interval
    starved = any(event.new == "stalled" for event in engine.history(StateChanged))
    longest = max(base, _STARVED_WAIT if starved else _LONGEST_WAIT)
    by_address: dict[tuple[int, str], list[tuple[float, float | None, bool, bool]]] = {}
    for serial, torrent, to, at, ended, connected, by_hand in _dials_of_peers(lab, engine):
        by_address.setdefault((torrent, to), []).append((at, ended, connected, by_hand))
        facts.dials_seen = max(facts.dials_seen, serial)
    for address, dials in by_address.items():
        early = _early(dials, base, longest)
        if early > _FORGIVEN:
            lab._fail("quiet", f"{address[1]} was dialled {len(dials)} times, {early} times before its wait was over", engine)


def _dials_of_peers(lab: Lab, engine: Engine) -> Iterator[tuple[int, int, str, float, float | None, bool, bool]]:
    """Serial number, torrent, to whom, when, its end, whether it was answered or ended by us, whether a user asked for it."""
    assert isinstance(lab._lane, SimLane)
    trackers = _places_of_trackers(lab)
    wishes = list(engine._links_asked_for)
    by_us = {(_written(e.address), e.time) for e in engine.history(PeerDisconnected) if e.reason in _OUR_DOING}
    for serial, torrent, to, at, ended, connected, by_hand in lab._lane.world.dials(engine._number):
        if to in trackers:
            continue
        granted = [wish for wish in wishes if wish[0] == to and wish[1] <= at]  # it had to wait for room, or for the torrent
        wishes = [wish for wish in wishes if wish not in granted]
        yield serial, torrent, to, at, ended, connected is not None or (to, ended) in by_us, by_hand or bool(granted)


def _written(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _places_of_trackers(lab: Lab) -> set[str]:
    """What is dialled there is no peer, and has its own rule: no_storm_of_announces."""
    return {f"{tracker._host}:{tracker._port}" for tracker in lab._trackers}


def _early(dials: list[tuple[float, float | None, bool, bool]], base: float, longest: float) -> int:
    """How many dials came before three quarters of the wait were over, which doubles with each failure in a row."""
    count = failures = 0
    for (_, ended, connected, _), (at, _, _, by_hand) in itertools.pairwise(dials):
        failures = 0 if connected else failures + 1
        wait = min(base * 2 ** min(max(failures - 1, 0), 64), longest)
        if not by_hand and (ended is None or at - ended < 0.75 * wait - 0.001):
            count += 1
    return count


# -- loops

_MOST_FAILURES = 4
_MOST_ROUNDS = 8
_MOST_DIALS = 16


def loops(lab: Lab) -> None:
    """Nothing goes round: no piece from the same bad hands again and again, no storm of dials, no flapping state."""
    for engine, facts in running(lab.engines):
        settings, now = engine.session.settings, engine.session.now
        for torrent in engine.session.torrents:
            known = facts.of(torrent)
            blocks = max(1, (torrent.metainfo.piece_length if torrent.metainfo else _BLOCK) // _BLOCK)
            for (piece, host), times in known.failures.items():
                suspects = sum(each == piece for each, _ in known.failures)  # each round clears one, or finds the liar
                bans = now // settings.ban_duration  # that may have ended since
                if times >= _MOST_FAILURES + suspects + bans and settings.ban_duration >= 60:
                    lab._fail("loops", f"{torrent.name}: piece {piece} failed {times} times with bytes of {host}", engine)
            for piece, stored in known.stored.items():
                if stored > _MOST_ROUNDS * blocks + known.links * blocks:
                    lab._fail("loops", f"{torrent.name}: {stored} blocks went into piece {piece}, which has {blocks}", engine)
            most = 20 + 4 * known.links + 2 * now / settings.snub_timeout + _commands(lab, engine)
            if known.states > most:
                lab._fail("loops", f"{torrent.name} changed its state {known.states} times, {most:.0f} would be much", engine)
        _no_storm(lab, engine)
        _no_storm_of_announces(lab, engine)
    nothing_flaps(lab)


def _commands(lab: Lab, engine: Engine) -> float:
    lane = lab._lane
    return 3 * lane.world.ledger(engine._number)["commands"] if isinstance(lane, SimLane) else math.inf


def _no_storm(lab: Lab, engine: Engine) -> None:
    """In no minute more dials of one address than the shortest wait gives room for."""
    lane = lab._lane
    if not isinstance(lane, SimLane):
        return
    most = _MOST_DIALS + 60 / (0.5 * engine.session.settings.reconnect_interval)
    times: dict[str, list[float]] = {}
    for _, _, to, at, _, _, by_hand in _dials_of_peers(lab, engine):
        if not by_hand:
            times.setdefault(to, []).append(at)
    torrents = max(engine.session.status().num_torrents, 1)
    for to, dialled in times.items():
        if (busiest := _in_a_minute(dialled)) > most * torrents:
            lab._fail("loops", f"{to} was dialled {busiest} times within a minute", engine)


def _in_a_minute(times: list[float]) -> int:
    """How many came in the busiest minute."""
    first = busiest = 0
    for last, at in enumerate(times):
        while times[first] < at - 60:
            first += 1
        busiest = max(busiest, last - first + 1)
    return busiest


_MOST_REQUESTS = 40
"""Of one torrent to one tracker in a minute: started, completed, stopped, retries, and redirects that lead back to it."""


def _no_storm_of_announces(lab: Lab, engine: Engine) -> None:
    """No tracker is asked more often than events, intervals and the user give reason for."""
    if not isinstance(lab._lane, SimLane):
        return
    torrents = max(engine.session.status().num_torrents, 1)
    most = _MOST_REQUESTS * torrents + _commands(lab, engine)
    for tracker in lab._trackers:
        times = [request.time for request in tracker._requests() if request.node == engine.name]
        if (busiest := _in_a_minute(times)) > most:
            lab._fail("loops", f"{tracker.name} was asked {busiest} times within a minute, {most:.0f} would be much", engine)
