"""Peers that make an engine talk and read nothing of it: what waits for them stays small."""

import struct
from collections.abc import Callable

import pytest
from jstorrent.lab import Engine, Handshake, Lab

from tests.scenarios.s0 import BLOCK, PLAIN, completes, reasons

SPEAKS = {"claims", "extended", "keepalive"}
UNREAD = 65536


def frame(number: int, payload: bytes = b"") -> bytes:
    return struct.pack(">IB", 1 + len(payload), number) + payload


def said_again_and_again(
    lab: Lab,
    to: Engine,
    words: Callable[[int], bytes],
    *,
    have: str = "none",
    handshake: Handshake | None = None,
    ends: tuple[str, ...] = ("protocol_error",),
) -> int:
    """Says so many things to the engine and reads nothing. The most that ever waited for it."""
    (spec,) = to._specs.values()
    deaf = lab.peer("deaf", spec, have=have, auto=SPEAKS, behave=["never_read"], handshake=handshake)
    deaf.connect(to)
    most = lab.watch(lambda: to.session.status().send_buffered)
    lab.until(lambda: to.session.status().num_peers == 1, within=5)
    for n in range(20):
        deaf.send_raw(b"".join(words(1000 * n + i) for i in range(1000)))
        lab.run_for(0.2)
    assert reasons(to) == [*ends] and to.session.is_healthy()
    return most.max


@pytest.mark.covers("S1-4")
def test_cancels_that_are_answered_and_never_read(lab: Lab) -> None:
    seed = lab.engine("seed", max_send_buffer=UNREAD)
    seed.add(lab.torrent(pieces=8, piece_length=2 * BLOCK), have="all")

    def ask_and_cancel(n: int) -> bytes:
        block = struct.pack(">III", n % 8, 0, 1 + n % BLOCK)
        return frame(2) + frame(6, block) + frame(8, block)

    assert said_again_and_again(lab, seed, ask_and_cancel) < 3 * UNREAD


@pytest.mark.covers("S1-4")
def test_requests_that_are_refused_and_never_read(lab: Lab) -> None:
    seed = lab.engine("seed", max_send_buffer=UNREAD)
    seed.add(lab.torrent(pieces=8, piece_length=2 * BLOCK), have="all")
    refused = said_again_and_again(lab, seed, lambda n: frame(2) + frame(6, struct.pack(">III", n % 8, 0, 1 + n % BLOCK)))
    assert refused < 3 * UNREAD


@pytest.mark.covers("S1-4")
def test_chokes_that_follow_interest_and_are_never_read(lab: Lab) -> None:
    seed = lab.engine("seed")
    seed.add(lab.torrent(pieces=8), have="all")
    assert said_again_and_again(lab, seed, lambda n: (frame(2) + frame(3)) * 10, ends=()) < 4096


@pytest.mark.covers("S1-4")
def test_requests_that_follow_each_unchoke_and_are_never_read(lab: Lab) -> None:
    """Ten bytes for which a kilobyte is said: what is choked without Fast is asked for anew, and soon no more."""
    client = lab.engine("client")
    client.add(lab.torrent(pieces=64, piece_length=4 * BLOCK))
    asked = said_again_and_again(lab, client, lambda n: frame(1) + frame(0), have="all", handshake=PLAIN, ends=())
    assert asked < 8 * 1024


@pytest.mark.covers("S1-4")
def test_requests_for_metadata_that_is_offered_again_and_again(lab: Lab) -> None:
    spec = lab.torrent(pieces=3000, piece_length=BLOCK)
    client = lab.engine("client")
    client.add(spec, magnet=True)
    offer = frame(20, b"\0d1:md11:ut_metadatai3ee13:metadata_sizei%dee" % len(spec.metainfo.info_bytes))
    withdrawn = frame(20, b"\0d1:md11:ut_metadatai0eee")
    assert said_again_and_again(lab, client, lambda n: offer + withdrawn) < 3 * UNREAD


@pytest.mark.covers("S1-4")
def test_who_takes_nothing_of_what_it_asked_for_gives_its_memory_back(lab: Lab) -> None:
    """Five ask for more than there is for uploads, and send keep-alives. A leecher of another torrent gets its turn."""
    held, other = (lab.torrent(pieces=64, piece_length=4 * BLOCK) for _ in range(2))
    seed = lab.engine("seed", max_memory=8 << 20, inactivity_timeout=30)
    for spec in (held, other):
        seed.add(spec, have="all")
    hogs = [lab.peer(f"hog{i}", held, have="none", auto=SPEAKS, behave=["never_read"]) for i in range(5)]
    for hog in hogs:
        hog.connect(seed)
    lab.until(lambda: seed.session.status().num_peers == 5, within=5)
    for hog in hogs:
        hog.send_raw(frame(2))
    lab.run_for(15)  # until they are unchoked
    for hog in hogs:
        hog.send_raw(b"".join(frame(6, struct.pack(">III", n % 64, n // 64 * BLOCK, BLOCK)) for n in range(200)))
    lab.every(10, lambda: [hog.send_raw(bytes(4)) for hog in hogs])
    lab.run_for(5)
    assert seed.session.status().memory > 1 << 20
    leecher = lab.engine("leecher")
    leecher.add(other, peers=[seed])
    completes(lab, leecher, other, within=30)
    lab.run_for(60)
    assert reasons(seed).count("inactive") == 5 and seed.session.status().memory == 0


@pytest.mark.covers("S1-4")
def test_short_blocks_that_are_never_read_take_no_more_memory_than_whole_ones(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, piece_length=4 * BLOCK)
    seed = lab.engine("seed", max_send_buffer=1 << 20)
    seed.add(spec, have="all")
    deaf = lab.peer("deaf", spec, have="none", auto=SPEAKS, behave=["never_read"])
    deaf.connect(seed)
    lab.until(lambda: seed.session.status().num_peers == 1, within=5)
    deaf.send_raw(frame(2))
    lab.run_for(15)  # until it is unchoked
    deaf.send_raw(b"".join(frame(6, struct.pack(">III", 0, 16 * n, 4096)) for n in range(1900)))
    lab.run_for(5)
    assert BLOCK < seed.session.status().memory <= 1 << 20
