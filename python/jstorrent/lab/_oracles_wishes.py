"""Oracles of what the user said: limits hold, what he set outlives a clean close, and files go when he says so and only then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from jstorrent._torrent import Torrent
from jstorrent.lab._engine import Engine
from jstorrent.lab._facts import TorrentFacts, is_held, running, was_failed
from jstorrent.lab._lanes import SimLane
from jstorrent.lab._oracles_links import hears, sole_peers
from jstorrent.lab._wishes import Removal, wishes_of

if TYPE_CHECKING:
    from jstorrent.lab._lab import Lab
    from jstorrent.lab._peer import Peer

_SETTLED = 1.0
"""Seconds in which an engine does what a new limit asks of it."""
_BURST = 1.0
"""Seconds of a limited rate that may pass at once; the engine's own is half of it."""
_BESIDE = 64 * 1024
"""Bytes that no limit holds back: what is said before and beside the payload."""
_RECORDS_READ = 1.0
"""Seconds in which a session has its torrents again, where its disk does not stand still."""
_AT_THE_DOOR = 2.0
"""Seconds over the time that a handshake may take."""

# -- bounds


def what_was_allowed(lab: Lab) -> None:
    """bounds: no more are unchoked, linked from one host or taken at once than the user allows, and nobody whom he banned."""
    for engine, _ in running(lab.engines):
        is_settled = lab.now - engine._limits_at > _SETTLED
        links: Counter[str] = Counter()
        banned = {ban.host for ban in engine.session.bans()}
        for torrent in engine.session.torrents:
            unchoked = 0
            for peer in torrent.peers():
                links[peer.address[0]] += 1
                unchoked += not peer.am_choking
                if peer.address[0] in banned:
                    lab._fail("bounds", f"{torrent.name}: it has a link with {peer.address[0]}, which is banned", engine)
            slots = _slots(engine, torrent)
            if is_settled and slots is not None and unchoked > slots:
                lab._fail("bounds", f"{torrent.name}: {unchoked} peers are unchoked where {slots} are allowed", engine)
        most = _most_of_one_host(engine)
        for host, count in links.items():
            if most is not None and count > most:
                lab._fail("bounds", f"{count} links with {host} where {most} are allowed", engine)
        _rates_hold(lab, engine)
        _guests_say_who_they_are(lab, engine)


def _most_of_one_host(engine: Engine) -> int | None:
    """Who was there when it was lowered may stay."""
    now: int | None = engine.session.settings.max_connections_per_host
    first: int | None = engine._settings.get("max_connections_per_host", now)
    return None if now is None or first is None else max(now, first)


def _slots(engine: Engine, torrent: Torrent) -> int | None:
    """Peers of it that may be unchoked; None: any number."""
    settings = engine.session.settings
    own = torrent._session._engine.limits(torrent._key)["upload_slots"]
    slots: int | None = settings.upload_slots if own is None else own
    return slots if not slots else slots + settings.optimistic_slots


def _rates_hold(lab: Lab, engine: Engine) -> None:
    """Since the limits were last changed: payload that went out, all that came in from peers."""
    if not isinstance(lab._lane, SimLane):
        return
    settings, status = engine.session.settings, engine.session.status()
    span = status.time - engine._limits_set["time"]
    # What had been given to the sockets when the limit came goes out.
    under_way = 0 if engine._limits_at <= engine._began_at else settings.max_send_buffer * (1 + status.num_peers)
    for what, limit, moved, beside in (
        ("sent", settings.upload_rate_limit, status.counters.payload_sent - engine._limits_set["sent"], _BESIDE + under_way),
        ("received", settings.download_rate_limit, status.counters.wire_received - engine._limits_set["received"], _BESIDE),
    ):
        if limit and moved > limit * (span + _BURST) + beside:
            lab._fail("bounds", f"{moved} bytes {what} in {span:.1f} s where {limit} are allowed in a second", engine)


def _guests_say_who_they_are(lab: Lab, engine: Engine) -> None:
    """A link on which one side never shakes hands ends when its time is over."""
    if not isinstance(lab._lane, SimLane) or lab.net._lies or engine.session.settings.download_rate_limit is not None:
        return
    if engine.sockets.were_short or is_held(lab, engine, "peer.accept"):
        return  # they wait where the engine does not see them
    turns = 1 + len(lab._peers)  # who comes when all places at the door are taken waits for one
    most = turns * (engine.session.settings.handshake_timeout + _AT_THE_DOOR) + 20 * lab.net._longest_latency
    for peer in sole_peers(lab, engine):
        if not hears(lab, engine, peer) or lab.net._slowest < 1000:
            continue
        greeted = _greeted(peer)
        for number, link in enumerate(peer.ledger.connections):
            if link.opened_at is None or link.closed_at is not None or link.opened_at < engine._began_at:
                continue
            waited = lab.now - max(link.opened_at, lab._disturbed_at)
            if waited > most and (link.handshake_at is None or number not in greeted):
                lab._fail("bounds", f"it keeps a link with {peer.name}, on which no hands were shaken for {waited:.0f} s", engine)


def _greeted(peer: Peer) -> set[int]:
    return {m.connection for m in peer.ledger.messages if m.direction == "out" and m.kind in ("handshake", "raw")}


# -- accounting


def announces_are_true(lab: Lab) -> None:
    """accounting: trackers hear of no more than was moved, and of nothing missing only from who has it all."""
    for engine, _ in running(lab.engines):
        if len(engine._starts_at) > 1 or engine._removals or lab.net._lies:
            continue  # it may be of an earlier life
        for torrent in engine.session.torrents:
            counters = torrent.status().counters
            for said in (said for tracker in lab._trackers for said in tracker._announces()):
                if said.node != engine.name or said.info_hash != torrent.info_hash:
                    continue
                if said.uploaded > counters.payload_sent or said.downloaded > counters.payload_received:
                    what = f"{said.uploaded} bytes sent, {said.downloaded} received"
                    lab._fail("accounting", f"{torrent.name}: it told a tracker of {what}, which is more than there were", engine)
                if said.event == "completed" and said.left != 0:
                    lab._fail("accounting", f"{torrent.name}: it told a tracker that it is complete and lacks {said.left} bytes", engine)


def what_is_wanted(lab: Lab) -> None:
    """accounting: nothing is asked for that nobody wants, and nothing at all, nor given, by who is at rest."""
    for engine, _ in running(lab.engines) if isinstance(lab._lane, SimLane) else ():
        for torrent in engine.session.torrents:
            state, peers = torrent.state, torrent.peers()
            owed, unchoked = sum(peer.outstanding for peer in peers), sum(not peer.am_choking for peer in peers)
            if owed and state not in _ASKS:
                lab._fail("accounting", f"{torrent.name} is {state}, and waits for {owed} blocks", engine)
            if unchoked and state not in (*_ASKS, "seeding"):
                lab._fail("accounting", f"{torrent.name} is {state}, and lets {unchoked} peers ask", engine)
            unwanted = [piece for piece in _skipped(engine, torrent) if torrent.piece(piece).pending_requests] if owed else []
            if unwanted:
                lab._fail("accounting", f"{torrent.name}: it asks for pieces {unwanted}, which nobody wants", engine)


def _skipped(engine: Engine, torrent: Torrent) -> list[int]:
    """Pieces that the user does not want; where he said nothing of a piece, its files say."""
    if torrent.metainfo is None or engine.disk.failed:  # what he said may not have been saved
        return []
    priorities = [file.priority for file in torrent.files()]
    of_files = {piece for file, own in zip(torrent.metainfo.files, priorities, strict=True) if own and file.size for piece in file.pieces}
    said = engine._piece_priorities.get(torrent.info_hash or b"", {})
    return [piece for piece in range(torrent.num_pieces or 0) if not said.get(piece, piece in of_files)]


def events_are_told(lab: Lab) -> None:
    """accounting: what became complete was told once it was, and not before."""
    for engine, facts in running(lab.engines):
        for torrent in engine.session.torrents:
            known = facts.of(torrent)
            if known.early and not (engine.disk.failed_to_read or was_failed(lab, engine, "disk.read")):  # what it lost, it fetches again
                lab._fail("accounting", f"{torrent.name}: files {sorted(known.early)} were told before their last piece", engine)
            states = torrent.pieces()
            if _untold(known, states):  # in real time it may have been told between the two questions
                engine.session._ask("facts", engine._facts.update)
            silent = _untold(known, states)
            if silent:
                lab._fail("accounting", f"{torrent.name}: pieces {sorted(silent)} became complete, and nobody was told", engine)


def _untold(known: TorrentFacts, states: bytes) -> list[int]:
    return [piece for piece, blocks in known.stored.items() if blocks and states[piece] == _COMPLETE]


_COMPLETE = 3
_ASKS = ("downloading", "stalled")

# -- monotone and convergence


def wishes_outlive_a_close(lab: Lab) -> None:
    """monotone: what was set before a clean close is set after it, as long as nobody says otherwise."""
    if not isinstance(lab._lane, SimLane):
        return
    for engine, _ in running(lab.engines):
        if engine.disk.failed or engine.disk.touched or was_failed(lab, engine):
            engine._closed_wishes = {}
        if not engine._closed_wishes or lab._lane.world.ledger(engine._number)["commands"] != engine._commands_at_start:
            continue
        if lab.now - engine._began_at > _RECORDS_READ and not engine.session.status().disk_operations and not is_held(lab, engine, "disk."):
            missing = [key.hex() for key in engine._closed_wishes if engine.session.find(key) is None]
            if missing:
                lab._fail("monotone", f"torrents {missing} were there when it was closed, and are not", engine)
        for torrent in engine.session.torrents:
            before = engine._closed_wishes.get(torrent.info_hash or b"")
            for what, value in wishes_of(torrent).items() if before else ():
                kept = before[what] if before else value
                is_more = what == "sent" and value > kept
                is_not_known = what == "priorities" and not (kept and value)
                is_moved = what == "save_path" and engine._names_changed
                if value != kept and not (is_more or is_not_known or is_moved):
                    lab._fail("monotone", f"{torrent.name}: {what} was {kept} when it was closed, and is {value}", engine)


def files_stay(lab: Lab) -> None:
    """monotone: a torrent that is removed leaves its files, unless the user says otherwise."""
    for engine, removal in _removals(lab):
        if any(each.deletes for each in engine._removals if each.info_hash == removal.info_hash):
            continue
        gone = [path for path in removal.paths if path in removal.went or not engine.disk.exists(path)]
        names = [str(path) for path in gone if path not in engine.disk.touched]
        if names:
            lab._fail("monotone", f"a torrent was removed, and took along {names}, which were to stay", engine)


def files_go(lab: Lab) -> None:
    """convergence: a torrent that is removed with its files leaves none of them, once nothing of it is under way."""
    for engine, removal in _removals(lab):
        is_under_way = engine.session.status().draining or is_held(lab, engine, "disk.")
        if not removal.deletes or removal.came_back or is_under_way or engine.disk.failed or was_failed(lab, engine):
            continue
        left = [str(path) for path in removal.paths if path not in engine.disk.touched and engine.disk.exists(path)]
        if left:
            lab._fail("convergence", f"a torrent was removed with its files, and {left} are still there", engine)


def _removals(lab: Lab) -> Iterator[tuple[Engine, Removal]]:
    """Those of the present lives, where every file has the name that it had."""
    for engine, _ in running(lab.engines) if isinstance(lab._lane, SimLane) else ():
        for removal in engine._removals:
            if removal.life == len(engine._starts_at) and not engine._names_changed:
                yield engine, removal
