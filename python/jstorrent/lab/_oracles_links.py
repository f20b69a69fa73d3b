"""Oracles of single links: what scripted peers said and heard, frame by frame and block by block, against what an engine made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from jstorrent._torrent import Torrent
from jstorrent.lab._engine import Engine
from jstorrent.lab._facts import TorrentFacts, running
from jstorrent.lab._lanes import SimLane
from mock_peer import Handshake
from mock_peer.frames import breach

if TYPE_CHECKING:
    from jstorrent.lab._lab import Lab
    from jstorrent.lab._peer import Peer

_HANDSHAKE = 68  # bytes
_PLAIN = (Handshake(), Handshake(fast=False), Handshake(extended=False), Handshake(fast=False, extended=False))
_DEAF = {"never_read", "half_open"}
_SLOW = {"trickle", "cut", "slow_handshake", "malformed"}
"""What they say may not have gone out, or only in part."""
_OWN_BOOKS = {*_DEAF, *_SLOW, "reject"}
"""With these an engine may wait for what they do not know of."""
_AHEAD = 2 << 20
"""Bytes of each peer that may stand before it in a line."""
_AT_ONCE = 1.0
"""Seconds that an engine may take to end a link on which the protocol was broken."""


def sole_peers(lab: Lab, engine: Engine) -> Iterator[Peer]:
    """Scripted peers with a host of their own, all of whose links are with this engine."""
    hosts = Counter(node._host for node in [*lab.engines, *lab._peers])
    for peer in lab._peers:
        connections = peer.ledger.connections
        if hosts[peer._host] == 1 and connections and all(c.address[0] == engine._host for c in connections):
            yield peer


def hears(lab: Lab, engine: Engine, peer: Peer) -> bool:
    """What one says comes to the other."""
    if peer._misdeeds & _DEAF:
        return False
    assert isinstance(lab._lane, SimLane)
    world = lab._lane.world
    return not (world.is_blocked(engine._number, peer._number) or world.is_blocked(peer._number, engine._number))


def reads_slowly(engine: Engine, torrent: Torrent) -> bool:
    """What came may wait in the socket for a limit of its rate."""
    own = engine.session._engine.limits(torrent._key)["download_rate_limit"]
    return own is not None or engine.session.settings.download_rate_limit is not None


# -- accounting: blocks


def blocks_were_asked_for(engine: Engine, known: TorrentFacts, lab: Lab, peer: Peer) -> None:
    """accounting: what an engine took of a peer the peer had said, and had been asked for, block for block."""
    taken, ledger = known.taken.get(peer._host), peer.ledger
    if not taken or ledger.dropped:
        return
    said = Counter((message.piece, message.begin) for message in ledger.served)
    asked = {(message.piece, message.begin) for message in ledger.requests}
    is_whole = len(ledger.connections) == 1 and ledger.connections[0].closed_at is None and hears(lab, engine, peer)
    for block, times in taken.items():
        where = f"begin {block[1]} of piece {block[0]}"
        if times > said[block]:
            lab._fail("accounting", f"it took {times} times {where} of {peer.name}, who said it {said[block]} times", engine)
        if is_whole and block not in asked:
            lab._fail("accounting", f"it took {where} of {peer.name}, whom it had not asked for it", engine)


def owed(lab: Lab, engine: Engine, torrent: Torrent, peer: Peer, known: TorrentFacts) -> None:
    """accounting: in a world where nothing is on its way, what an engine waits for is what the peer knows that it owes."""
    links = [p for p in torrent.peers() if p.address[0] == peer._host]
    if len(links) != 1 or links[0].send_buffered or peer._misdeeds & _OWN_BOOKS or peer._core.handshake.dribble:
        return
    if sum(connection.closed_at is None for connection in peer.ledger.connections) != 1:
        return  # it left without a word: the engine still has the link
    outstanding, said = peer.ledger.outstanding, {message.block for message in peer.ledger.served}
    if reads_slowly(engine, torrent):
        return
    if links[0].outstanding > len(outstanding):
        lab._fail(
            "accounting",
            f"{torrent.name}: it waits for {links[0].outstanding} blocks of {peer.name}, which owes {len(outstanding)}",
            engine,
        )
    young = engine.session.settings.request_timeout / 2  # it asked earlier than the peer heard, and may have given up by now
    taken_back = {message.block: message.time for message in peer.ledger.cancels}  # who hears nothing does not answer that either
    # What it said unasked, or is asked for again, it may owe no more.
    asked = [m for m in outstanding if m.block not in said and taken_back.get(m.block, -1.0) < m.time]
    fresh = [m for m in asked if m.time > lab._disturbed_at and lab.now - m.time < young]
    if links[0].outstanding < len(fresh):
        lab._fail(
            "accounting",
            f"{torrent.name}: it waits for {links[0].outstanding} blocks of {peer.name}, whom it asked for {len(fresh)} just now",
            engine,
        )
    ahead = engine.session.now - lab.now
    for message in asked:
        done = known.completed.get(message.piece if message.piece is not None else -1)
        asked_at = message.time + ahead - lab.clock._jumped(engine, message.time)  # by its own clock
        if done is not None and done < asked_at + young:
            lab._fail("accounting", f"{torrent.name}: no CANCEL to {peer.name} for what came from others: {message}", engine)


# -- bounds and liveness: breaches


def breaches_end_links(lab: Lab) -> None:
    """bounds: a frame that is beyond all limits, or has no legal length, is not waited for: the link ends."""
    if lab.net._lies or not isinstance(lab._lane, SimLane):
        return
    for engine, _ in running(lab.engines):
        status = engine.session.status()
        if status.disk_operations or status.hash_jobs or any(reads_slowly(engine, torrent) for torrent in engine.session.torrents):
            continue  # it may not read
        for peer in sole_peers(lab, engine):
            if not peer._misdeeds & {*_DEAF, *_SLOW} - {"malformed"} and hears(lab, engine, peer):
                _its_links_ended(lab, engine, peer)


def _its_links_ended(lab: Lab, engine: Engine, peer: Peer) -> None:
    for number, when in _breaches(peer).items():
        link = peer.ledger.connections[number]
        if link.closed_at is not None or link.handshake_at is None or (link.opened_at or 0.0) < engine._began_at:
            continue
        waited = lab.now - max(when, link.handshake_at, lab._disturbed_at)
        most = _AT_ONCE + 20 * lab.net._longest_latency + len([*lab.engines, *lab._peers]) * _AHEAD / lab.net._slowest
        if shake := peer._core.handshake.dribble:  # what it said after that comes behind it
            most += _HANDSHAKE / shake[0] * shake[1]
        if waited > most:
            lab._fail("bounds", f"{peer.name} broke the protocol {waited:.1f} s ago, and its link is still open", engine)


def _breaches(peer: Peer) -> dict[int, float]:
    """When the protocol was broken first, for each link on which it was."""
    found: dict[int, float] = {}
    greeted: set[int] = set()
    lost: set[int] = set()
    for message in peer.ledger.messages:
        link = message.connection
        if message.direction != "out" or link in lost:
            continue
        if message.kind == "handshake":
            greeted.add(link)
        elif message.kind in ("raw", "piece") and link in greeted and message.raw is not None:
            judged = breach(message.raw)
            if judged:
                found.setdefault(link, message.time)
            if judged is not False:
                lost.add(link)  # what follows is not where a frame begins
    return found


def no_honest_link_is_ended(lab: Lab) -> None:
    """liveness: who says nothing but what everybody may say is not closed for a breach of the protocol."""
    if lab.net._lies:
        return
    hosts = Counter(node._host for node in [*lab.engines, *lab._peers])
    for node in [*lab.engines, *(peer for peer in lab._peers if _is_plain(peer))]:
        if hosts[node._host] > 1:
            continue
        for engine, facts in running(lab.engines):
            if any(node._host in known.ended_for_breach for known in facts.torrents.values()):
                lab._fail("liveness", f"it ended its link with {node.name} for a breach, who said what everybody may say", engine)


def _is_plain(peer: Peer) -> bool:
    return not peer._misdeeds and not peer._spoke_by_hand and peer._core.handshake in _PLAIN
