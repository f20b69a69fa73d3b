"""What the scripted peers of a laboratory heard, as oracles ask it: their strict ledgers against what an engine says."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from jstorrent._torrent import Torrent
from jstorrent.lab._engine import Engine
from jstorrent.lab._facts import running, was_failed
from jstorrent.lab._lanes import SimLane
from jstorrent.lab._oracles_links import blocks_were_asked_for, hears, owed, sole_peers

if TYPE_CHECKING:
    from jstorrent.lab._lab import Lab
    from jstorrent.lab._peer import Peer

_CLAIMS = ("have", "bitfield", "have_all", "have_none")
_GRACE = 20.0
"""Seconds over the interval that a keep-alive may take: the round, the line, the next look."""


def payload_is_true(lab: Lab) -> None:
    """integrity: no engine serves what is not the truth, unless somebody changed its files."""
    if lab.net._lies or any(engine.disk.touched for engine in lab.engines):
        return
    for peer in lab._peers:
        _no_violation(lab, "integrity", peer, "not the truth")


def _no_violation(lab: Lab, oracle: str, peer: Peer, words: str) -> None:
    for violation in peer.ledger.violations:
        if words in violation.why:
            lab._fail(oracle, f"{peer.name} heard {violation.why}: {violation.message}", peer)


# -- accounting


def books_agree(lab: Lab) -> None:
    """accounting: nobody is told what was never asked, and what an engine waits for is what the peer knows that it owes."""
    if lab.net._lies:
        return
    for peer in lab._peers:
        for words in ("never asked for", "never claimed", "before any unchoke"):
            _no_violation(lab, "accounting", peer, words)
    if not isinstance(lab._lane, SimLane):
        return
    for engine, facts in running(lab.engines):
        for torrent in engine.session.torrents:
            for peer in sole_peers(lab, engine):
                if lab._lane.world.idle:
                    _stored_was_asked(lab, engine, torrent, peer)
                    blocks_were_asked_for(engine, facts.of(torrent), lab, peer)
                    if hears(lab, engine, peer):
                        owed(lab, engine, torrent, peer, facts.of(torrent))


def _stored_was_asked(lab: Lab, engine: Engine, torrent: Torrent, peer: Peer) -> None:
    kept = sum(
        p.counters.payload_verified + p.counters.payload_failed + p.counters.payload_partial
        for p in torrent.peers()
        if p.address[0] == peer._host
    )
    asked = sum(message.length or 0 for message in peer.ledger.requests)
    if kept > asked and peer.ledger.dropped == 0:
        lab._fail("accounting", f"{torrent.name}: it kept {kept} bytes of {peer.name}, whom it asked for {asked}", engine)


# -- loops


def nothing_flaps(lab: Lab) -> None:
    """loops: no HAVE twice, no more HAVEs than pieces and links, interest that changes only when there is a reason."""
    if lab.net._lies:
        return
    for peer in lab._peers:
        if not any(engine.disk.failed_to_read or was_failed(lab, engine, "disk.read") for engine in lab.engines):  # what it lost, it tells anew
            _no_violation(lab, "loops", peer, "again")
        changes: Counter[int] = Counter()
        reasons: Counter[int] = Counter()
        for message in peer.ledger.messages:
            if message.direction == "in" and message.kind in ("interested", "not_interested"):
                changes[message.connection] += 1
            elif message.kind in _CLAIMS:
                reasons[message.connection] += 1
        for connection, count in changes.items():
            most = 8 + 2 * reasons[connection] + 2 * _wishes(lab)
            if count > most:
                lab._fail("loops", f"its interest in {peer.name} changed {count} times, {most} would be much", peer)


def _wishes(lab: Lab) -> int:
    """Changes of state, which change what is wanted, and what users did."""
    found = 0
    for engine, facts in running(lab.engines):
        found += sum(known.states + sum(known.rounds.values()) for known in facts.torrents.values())
        if isinstance(lab._lane, SimLane):
            found += lab._lane.world.ledger(engine._number)["commands"]
    return found


# -- liveness


def links_are_kept_alive(lab: Lab) -> None:
    """liveness: on an open link an engine is never silent for longer than its keep-alive interval."""
    if not isinstance(lab._lane, SimLane):
        return
    for engine, _ in running(lab.engines):
        most = engine.session.settings.keepalive_interval + _GRACE + lab.net._longest_latency
        began = max(lab._disturbed_at, engine._began_at)
        for peer in sole_peers(lab, engine):
            if not hears(lab, engine, peer) or lab.net._slowest < 1000:
                continue
            last = _last_words(peer)
            for number, connection in enumerate(peer.ledger.connections):
                if connection.handshake_at is None or connection.closed_at is not None or connection.handshake_at < engine._began_at:
                    continue  # with an engine that crashed it may stay open for ever
                silent = lab.now - max(last.get(number, connection.handshake_at), began)
                if silent > most:
                    lab._fail("liveness", f"it said nothing to {peer.name} for {silent:.0f} s on an open link", engine)


def _last_words(peer: Peer) -> dict[int, float]:
    return {message.connection: message.time for message in peer.ledger.messages if message.direction == "in"}


def honest_hosts_are_free(lab: Lab) -> None:
    """liveness: nobody is banned for bad data who has only good data, where no line changes it."""
    if lab.net._lies:
        return
    liars = {node._host for node in lab._peers} | {node._host for node in lab.engines if node.disk.touched}
    honest = {node._host: node.name for node in lab.engines if node._host not in liars}
    for engine, _ in running(lab.engines):
        for ban in engine.session.bans():
            if ban.reason != "user" and ban.host in honest:
                lab._fail("liveness", f"it banned {honest[ban.host]} ({ban.reason}), which has nothing but the truth", engine)
