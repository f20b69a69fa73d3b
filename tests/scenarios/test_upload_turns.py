"""Memory for what is sent, where more want it than there is: everybody has a share, and who takes nothing no more than that."""

import struct
from typing import Any

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Peer, Spec

from tests.scenarios.raw_peer import CHOKE, UNCHOKE, RawPeer
from tests.scenarios.s0 import BLOCK, completes, reasons

SPEAKS = {"claims", "extended", "keepalive"}


def frame(number: int, payload: bytes = b"") -> bytes:
    return struct.pack(">IB", 1 + len(payload), number) + payload


def scattered(count: int) -> bytes:
    """Requests for so many blocks of which no two lie together: each needs memory of its own."""
    return b"".join(frame(6, struct.pack(">III", n % 64, n // 64 * BLOCK, BLOCK)) for n in range(count))


def short_seed(lab: Lab, mib: int = 2, **settings: Any) -> tuple[Spec, Engine, jst.Torrent]:
    """One with so little memory that it is the memory and no choke that makes peers wait."""
    spec = lab.torrent(pieces=64, piece_length=4 * BLOCK)
    seed = lab.engine("seed", max_memory=mib << 20, upload_slots=None, choke_interval=0.5, **settings)
    return spec, seed, seed.add(spec, have="all")


def on_a_slow_line(lab: Lab, seed: Engine, spec: Spec) -> Peer:
    """One that asked for 200 blocks, and takes what comes as fast as its line lets it."""
    peer = lab.peer("slow", spec, have="none", auto=SPEAKS)
    lab.net.access(peer, down=20_000)
    peer.connect(seed)
    lab.run_for(1)
    peer.send_interested()
    lab.run_for(1)
    for n in range(200):
        peer.send_request(n % 64, n // 64 * BLOCK, BLOCK)
    return peer


def deaf(lab: Lab, seed: Engine, spec: Spec, count: int, *, asks: int) -> list[Any]:
    """So many peers that asked for blocks and read nothing of what comes, after a while."""
    peers = [lab.peer(f"deaf{i}", spec, have="none", auto=SPEAKS, behave=["never_read"]) for i in range(count)]
    before = seed.session.status().num_peers
    for peer in peers:
        peer.connect(seed)
    lab.until(lambda: seed.session.status().num_peers == before + count, within=10)
    for peer in peers:
        peer.send_raw(frame(2))
    lab.run_for(2)  # until they are unchoked
    for peer in peers:
        peer.send_raw(scattered(asks))
    lab.run_for(2)
    return peers


@pytest.mark.covers("S1-1")
@pytest.mark.parametrize("slots", [4, None])
def test_interest_that_comes_and_goes_is_judged_once_a_round(lab: Lab, slots: int | None) -> None:
    """Not once a message: each time all peers are looked at, and somebody is told."""
    spec = lab.torrent(pieces=64, piece_length=4 * BLOCK)
    seed = lab.engine("seed", upload_slots=slots)
    seed.add(spec, have="all")
    fickle = RawPeer(lab, "fickle", spec, have="none", serves=False)
    fickle.connect(seed)
    lab.run_for(1)
    fickle.push((frame(2) + frame(3)) * 5000 + frame(2))
    lab.run_for(15)
    told = [message.id for message in fickle.messages if message.id in (CHOKE, UNCHOKE)]
    assert 1 <= len(told) < 100 and told[-1] == UNCHOKE


@pytest.mark.lanes("sim", "real")
@pytest.mark.covers("S1-4")
@pytest.mark.parametrize("asks", [32, 200])
@pytest.mark.parametrize(("mib", "count"), [(32, 60), (2, 24)])
def test_those_who_take_nothing_leave_others_their_share(lab: Lab, mib: int, count: int, asks: int) -> None:
    spec, seed, _ = short_seed(lab, mib)
    deaf(lab, seed, spec, count, asks=asks)
    leecher = lab.engine("leecher")
    leecher.add(spec, peers=[seed])
    completes(lab, leecher, spec, within=40)
    assert seed.session.status().num_peers >= count, "nobody was closed for it"
    assert "inactive" not in reasons(seed)


@pytest.mark.covers("S1-4")
@pytest.mark.parametrize("count", [33, 60])
def test_more_who_take_nothing_than_there_are_blocks_do_not_keep_them_all(lab: Lab, count: int) -> None:
    """What has begun cannot be given back: they lose their links, long before inactivity_timeout."""
    spec, seed, _ = short_seed(lab)
    deaf(lab, seed, spec, count, asks=32)
    leecher = lab.engine("leecher")
    leecher.add(spec, peers=[seed])
    completes(lab, leecher, spec, within=60)


@pytest.mark.covers("S1-4")
@pytest.mark.parametrize("count", [24, 25])
def test_who_takes_nothing_stays_while_a_quarter_of_the_memory_is_left(lab: Lab, count: int) -> None:
    spec, seed, _ = short_seed(lab)
    slow = on_a_slow_line(lab, seed, spec)
    peers = deaf(lab, seed, spec, count, asks=32)
    lab.run_for(60)
    expected = ["inactive"] * count if count > 24 else []
    assert [reason for peer in peers for reason in reasons(seed, peer.address)] == expected
    assert reasons(seed, slow.address) == []


@pytest.mark.covers("S1-4")
def test_a_share_that_shrinks_does_not_make_who_takes_nothing_look_alive(lab: Lab) -> None:
    """What was on its way to it when its line broke is taken back, and it is given less and less."""
    spec, seed, _ = short_seed(lab, inactivity_timeout=30)
    cut = on_a_slow_line(lab, seed, spec)
    lab.every(10, lambda: cut.send_raw(bytes(4)))
    lab.run_for(30)
    lab.net.partition(seed, cut, one_way=True)
    lab.run_for(15)  # what was under way arrives
    sent = seed.session.status().counters.payload_sent
    for n in range(8):  # each of them makes the shares of those before it smaller
        late = lab.peer(f"late{n}", spec, have="none", auto=SPEAKS, behave=["never_read"])
        late.connect(seed)
        lab.run_for(1)
        late.send_raw(frame(2))
        lab.run_for(1)
        late.send_raw(scattered(32))
        lab.run_for(1)
    lab.until(lambda: reasons(seed, cut.address) == ["inactive"], within=10)
    assert seed.session.status().counters.payload_sent == sent + 8 * 15 * BLOCK


@pytest.mark.covers("S1-4")
def test_what_is_taken_back_from_a_peer_that_is_choked_is_refused(lab: Lab) -> None:
    """It was on its way when the choke came; it would wait with us for ever, and its place with the peer as well."""
    spec, seed, t = short_seed(lab)
    fickle = lab.peer("fickle", spec, have="none", auto=SPEAKS)
    fickle.connect(seed)
    fickle.send_interested()
    lab.run_for(2)
    lab.net.hold(seed, fickle)
    with lab.gate("disk.read.done", node="seed"):  # many are written together
        for n in range(60):
            fickle.send_request(n, 0, BLOCK)
        lab.run_for(2)
    lab.run_for(2)
    fickle.send_not_interested()
    lab.until(lambda: t.peers()[0].am_choking, within=5)
    assert t.peers()[0].upload_queued > 8
    deaf(lab, seed, spec, 24, asks=32)
    lab.run_for(3)
    assert t.peers()[0].upload_queued <= 1, "no more than what had begun"
    lab.net.release(seed, fickle)
    lab.run_for(5)
    assert len(fickle.ledger.rejects) > 40 and fickle.ledger.outstanding == []


@pytest.mark.covers("S1-4")
def test_a_turn_is_worth_a_whole_share(lab: Lab) -> None:
    """Read together and written together, also where no two blocks lie together: a round for each block would cost thrice as much."""
    spec, seed, t = short_seed(lab)
    deaf(lab, seed, spec, 2, asks=200)
    reader = RawPeer(lab, "reader", spec, have="none", serves=False)
    reader.connect(seed)
    lab.run_for(1)
    reader.push(frame(2))
    lab.run_for(2)
    with lab.gate("disk.read.done", node="seed") as gate:
        reader.push(scattered(64))
        lab.run_for(0.5)
        times = [hit.time for hit in gate.hits if hit.peer[0] == reader.address[0]]
        assert len(times) == 10, "a third of the memory"
        assert times[-1] - times[0] < 10 * BLOCK / 1e9, "asked for in one round: the disk gives a GB/s"
    lab.until(lambda: t.peers()[-1].counters.payload_sent == 64 * BLOCK, within=5)
