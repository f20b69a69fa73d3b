"""Long pieces take less memory than they are long: what one peer was expected to give must not keep others from giving."""

from __future__ import annotations

import struct

import pytest
from jstorrent.lab import Lab

from tests.scenarios.raw_peer import CHOKE, KEEPALIVE, PIECE, REQUEST, RawPeer

BLOCK = 16384
MEMORY = 1 << 20  # the least; a piece of a MiB may hold a quarter of it


def answer(peer: RawPeer, number: int) -> bytes:
    """What it was asked for as number so and so, as a frame."""
    asked = [message.payload for message in peer.messages if message.id == REQUEST][number]
    piece, begin, length = struct.unpack(">III", asked)
    return struct.pack(">IBII", length + 9, PIECE, piece, begin) + peer.spec.piece(piece)[begin : begin + length]


def first_answer(peer: RawPeer) -> bytes:
    """What it was asked for first."""
    return answer(peer, 0)


@pytest.mark.parametrize("deed", ["stays", "chokes", "leaves"])
def test_places_for_blocks_that_do_not_come_go_to_those_that_do(lab: Lab, deed: str) -> None:
    spec = lab.torrent(pieces=1, piece_length=1 << 20)
    mute, honest = RawPeer(lab, "mute", spec, serves=False), RawPeer(lab, "honest", spec)
    client = lab.engine("client", max_memory=MEMORY, max_requests_per_peer=32)
    t = client.add(spec, peers=[mute])
    lab.until(lambda: mute.count(REQUEST) == 32, within=5)
    mute.say(KEEPALIVE)  # it is read from, with places at hand for what it might give
    lab.run_for(0.1)
    began = lab.now
    t.connect(honest)
    lab.until(lambda: honest.count(REQUEST) >= 1, within=5)
    if deed == "chokes":
        mute.say(CHOKE)
    if deed == "leaves":
        mute.close()
    lab.until(lambda: t.state == "seeding", within=30)
    assert lab.now - began < 7  # a peer that never gave anything counts as silent after 5 s
    assert client.complete(spec)


@pytest.mark.parametrize("deed", ["go on", "leave"])
def test_who_waits_for_memory_is_read_again_when_a_place_is_free(lab: Lab, deed: str) -> None:
    """Blocks that are on their way hold every place. When they are there no run is whole, and nobody asks for a place any more."""
    places = MEMORY // 4 // BLOCK
    spec = lab.torrent(pieces=1, tail=(places + 2) * BLOCK, piece_length=1 << 20)
    peers = [RawPeer(lab, f"raw{i}", spec, serves=False) for i in range(places + 2)]
    client = lab.engine("client", max_memory=MEMORY, max_requests_per_peer=1, endgame_fraction=0.0)
    t = client.add(spec, peers=peers)
    lab.until(lambda: all(peer.count(REQUEST) for peer in peers), within=5)
    honest, *holders, _ = sorted(peers, key=first_answer)  # the first run waits for its block, and the second for another's
    frames = [first_answer(peer) for peer in holders]
    for peer, frame in zip(holders, frames, strict=True):
        peer.push(frame[:9000])
    lab.run_for(0.1)
    honest.push(first_answer(honest))
    lab.run_for(0.1)
    assert t.status().counters.payload_partial == 0  # it waits
    for peer, frame in zip(holders, frames, strict=True):
        if deed == "go on":
            peer.push(frame[9000:])
        else:
            peer.close()
    wanted = places + 1 if deed == "go on" else 1
    lab.until(lambda: t.status().counters.payload_partial == wanted * BLOCK, within=1)


def test_a_block_that_was_lost_for_want_of_memory_is_asked_for_again(lab: Lab) -> None:
    """By who is asked after the others, while nothing else happens. Uploads have their part, and blocks on their way all the rest."""
    spec, other = lab.torrent(pieces=3, piece_length=1 << 20), lab.torrent(pieces=16, piece_length=4 * BLOCK)
    places = MEMORY // 4 // BLOCK
    client = lab.engine("client", max_memory=MEMORY, max_requests_per_peer=2, endgame_fraction=0.0, choke_interval=0.5)
    client.add(other, have="all")
    deaf = lab.peer("deaf", other, have="none", auto={"claims"}, behave=["never_read"])
    deaf.connect(client)
    deaf.send_interested()
    lab.run_for(1)
    for n in range(40):
        deaf.send_request(n % 16, n // 16 * BLOCK, BLOCK)
    t = client.add(spec)
    holders = [RawPeer(lab, f"raw{n}", spec, have=[n % 3], serves=False) for n in range(3 * places - 1)]
    for peer in holders:
        t.connect(peer)
        lab.until(lambda peer=peer: peer.count(REQUEST) == 2, within=5)  # type: ignore[misc]
        peer.push(first_answer(peer)[:9000])
    last = RawPeer(lab, "last", spec, have=[2], serves=False)
    t.connect(last)
    lab.until(lambda: last.count(REQUEST) == 2, within=5)
    last.push(answer(last, 1))  # the place at hand was for the other
    lab.until(lambda: t.status().counters.payload_discarded == BLOCK, within=1)
    lab.run_for(0.5)
    assert client.session.status().memory == MEMORY
    assert last.count(REQUEST) == 3
