"""Commands that come at the worst moment."""

from typing import Any

import jstorrent as jst
import pytest
from jstorrent.lab import Lab

from tests.scenarios.raw_peer import RawPeer
from tests.scenarios.s0 import BLOCK, answer, asked_for, by_hand, completes, requests_out, rescued, until_events

BOTH = pytest.mark.lanes("sim", "real")


@BOTH
@pytest.mark.covers("S0-6.4", "S3-1")
def test_stop_and_start_twice_while_the_same_piece_is_being_verified(lab: Lab) -> None:
    spec = lab.torrent(pieces=4, piece_length=4 * BLOCK)
    giver = by_hand(lab, "giver", spec)
    client = lab.engine("client")
    t = client.add(spec, peers=[giver], sequential=True)
    with lab.gate("hash.done", piece=0) as gate:
        answer(lab, giver, 0, 4)
        lab.until(lambda: gate.hit, within=5)
        for _ in range(2):
            t.stop()
            lab.run_for(0.2)
            t.start()
            lab.run_for(0.2)
    lab.until(lambda: t.state in ("downloading", "stalled"), within=10)
    completed = [event.piece for event in client.history(jst.PieceCompleted)]
    assert completed.count(0) <= 1
    rescued(lab, client, spec)
    completed = [event.piece for event in client.history(jst.PieceCompleted)]
    assert sorted(completed) == [0, 1, 2, 3], "each piece completes once"


@BOTH
@pytest.mark.covers("S3-24")
def test_recheck_of_a_complete_torrent_whose_first_piece_is_broken(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, piece_length=2 * BLOCK)
    seed = lab.engine("seed")
    t = seed.add(spec, have="all")
    lab.until(lambda: t.state == "seeding", within=10)
    leecher = lab.engine("leecher", download_rate_limit=100_000)
    leecher.add(spec, peers=[seed])
    lab.run_for(0.5)
    seed.disk.corrupt(seed.path(spec), 0, bytes(b ^ 0xFF for b in spec.data(0, 100)))
    t.recheck()
    lab.until(lambda: t.state not in ("checking", "queued", "seeding"), within=20)
    assert t.piece(0).state == "missing"
    assert t.status().pieces_complete == 7
    leecher.session.configure(download_rate_limit=None)
    witness = lab.peer("witness", spec, have="none")
    witness.connect(seed)
    lab.until(lambda: witness.connected and len(witness.ledger.claimed) == 7, within=10)
    assert 0 not in witness.ledger.claimed
    rescued(lab, seed, spec)
    completes(lab, leecher, spec)


@BOTH
@pytest.mark.covers("S3-24")
def test_recheck_while_blocks_are_in_flight(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, piece_length=4 * BLOCK)
    giver = by_hand(lab, "giver", spec)
    client = lab.engine("client")
    t = client.add(spec, peers=[giver], sequential=True)
    answer(lab, giver, 0, 4)
    lab.until(lambda: t.piece(0).state == "complete", within=5)
    answer(lab, giver, 1, 2)
    in_flight = list(giver.ledger.outstanding)
    t.recheck()
    for request in in_flight:
        giver.answer(request)
    lab.until(lambda: t.state not in ("checking", "queued"), within=20)
    assert t.piece(0).state == "complete"
    rescued(lab, client, spec)


@BOTH
@pytest.mark.covers("S2-9")
def test_completion_with_requests_outstanding(lab: Lab) -> None:
    """What is no longer wanted is cancelled; what comes all the same is counted and ignored."""
    spec = lab.torrent(pieces=4, piece_length=8 * BLOCK)
    giver = by_hand(lab, "giver", spec)
    client = lab.engine("client")
    t = client.add(spec, peers=[giver], sequential=True)
    lab.until(lambda: len(giver.ledger.outstanding) == 32, within=5)
    answer(lab, giver, 0, 8)
    lab.until(lambda: t.piece(0).state == "complete", within=5)
    late = asked_for(giver, 3)
    for piece in (1, 2, 3):
        t.set_piece_priority(piece, 0)
    lab.until(lambda: requests_out(t) == 0, within=5)
    assert t.progress == 1.0
    lab.until(lambda: len(giver.ledger.cancels) == 24, within=5)
    for request in late:
        giver.send_piece(request.piece, request.begin)
    lab.run_for(0.5)
    assert t.piece(3).state == "missing"
    for piece in (1, 2, 3):
        t.set_piece_priority(piece, 4)
    rescued(lab, client, spec)


@BOTH
@pytest.mark.covers("S0-10.2")
def test_priorities_flipped_while_a_shared_piece_is_half_done(lab: Lab) -> None:
    spec = lab.torrent(files=[("a", 3 * BLOCK), ("b", 5 * BLOCK)], piece_length=4 * BLOCK)
    giver = by_hand(lab, "giver", spec)
    client = lab.engine("client")
    t = client.add(spec, peers=[giver], sequential=True)
    answer(lab, giver, 0, 2)
    lab.until(lambda: t.piece(0).blocks_received == 2, within=5)
    for priority in (0, 4, 0):
        t.set_file_priority(1, priority)
        lab.run_for(0.05)
    rescued_without_b(lab, client, spec, t)
    t.set_file_priority(1, 4)
    rescued(lab, client, spec)


def rescued_without_b(lab: Lab, client: Any, spec: Any, t: jst.Torrent) -> None:
    t.connect(lab.seeder("first", spec))
    t.wait_complete(30)
    assert client.disk.read(client.path(spec, 0)) == spec.data(0, 3 * BLOCK)
    b = client.path(spec, 1)
    assert not client.disk.exists(b), "a file that nobody wants is not made"


@BOTH
@pytest.mark.covers("S3-27")
def test_remove_and_add_again_while_a_piece_is_being_hashed(lab: Lab) -> None:
    spec = lab.torrent(pieces=4, piece_length=4 * BLOCK)
    client = lab.engine("client")
    giver = by_hand(lab, "giver", spec)
    old = client.add(spec, peers=[giver], sequential=True)
    with lab.gate("hash.done", piece=0) as gate:
        answer(lab, giver, 0, 4)
        lab.until(lambda: gate.hit, within=5)
        old.remove(delete_files=True)
        new = client.add(spec)
        lab.run_for(0.3)
        assert old.state != "seeding" and new.state == "queued"
    lab.until(lambda: old.state == "removed", within=10)
    lab.until(lambda: new.state in ("downloading", "stalled"), within=10)
    assert new.piece(0).state == "missing", "the old generation's hash counts for nothing"
    rescued(lab, client, spec)


@pytest.mark.parametrize("moment", ["connecting", "accepting", "handshake", "hashing", "stuck disk", "black hole"])
def test_close_is_bounded_at_any_moment(lab: Lab, moment: str) -> None:
    spec = lab.torrent(pieces=64, piece_length=4 * BLOCK)
    client = lab.engine("client", close_timeout=5.0, download_rate_limit=100_000)
    giver = lab.peer("giver", spec, auto=() if moment == "handshake" else "all")
    if moment == "connecting":
        lab.net.partition(client, giver)
    gate = {"hashing": "hash.start", "stuck disk": "disk.write"}.get(moment)
    held = lab.gate(gate) if gate else None
    t = client.add(spec, peers=[] if moment == "accepting" else [giver])
    if moment == "accepting":  # it came in and says nothing
        RawPeer(lab, "caller", spec, speaks=False).connect(client)
    lab.run_for(0.5)
    if held is not None:
        lab.until(lambda: held.hit, within=5)
    if moment == "black hole":
        lab.until(lambda: bool(t.peers()), within=5)
        giver.disconnect("blackhole")
    began = lab.now
    client.session.close()
    assert lab.now - began <= 5.5
    status = client.session.status()
    assert (status.sockets, status.timers, status.num_peers) == (0, 0, 0)
    if held is not None:
        held.remove()


@pytest.mark.covers("S2-16")
def test_a_thousand_pauses_in_one_second(lab: Lab) -> None:
    spec = lab.torrent(pieces=64, piece_length=4 * BLOCK)
    client = lab.engine("client")
    good = lab.seeder("good", spec)
    t = client.add(spec, peers=[good])
    lab.until(lambda: bool(t.peers()), within=5)
    before = client.session.status()
    for _ in range(1000):
        t.pause()
        lab.run_for(0.0005)
        t.resume()
        lab.run_for(0.0005)
    after = client.session.status()
    assert after.timers <= before.timers + 8
    assert after.sockets <= before.sockets + 1
    completes(lab, client, spec)


def test_stop_and_start_many_times_leaks_nothing(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, piece_length=2 * BLOCK)
    client = lab.engine("client")
    good = lab.seeder("good", spec)
    t = client.add(spec, peers=[good], stopped=True)
    lab.settle()
    before = client.session.status()
    for _ in range(200):
        t.start()
        lab.run_for(0.013)
        t.stop()
        lab.run_for(0.007)
    lab.settle()
    after = client.session.status()
    assert (after.sockets, after.timers, after.num_peers) == (before.sockets, before.timers, before.num_peers)
    t.start()
    t.connect(good)
    completes(lab, client, spec)


def begun(lab: Lab, **settings: Any) -> tuple[Any, Any, Any]:
    """A client that downloads from a peer which answers by hand."""
    spec = lab.torrent(pieces=4, piece_length=4 * BLOCK)
    client = lab.engine("client", **settings)
    giver = by_hand(lab, "giver", spec)
    client.add(spec, peers=[giver], sequential=True)
    return spec, client, giver


@BOTH
@pytest.mark.covers("S3-27")
@pytest.mark.parametrize("point", ["hash.start", "hash.done", "disk.write", "disk.write.done"])
@pytest.mark.parametrize("delete", [True, False])
def test_remove_and_add_again_twice_under_one_held_operation(lab: Lab, point: str, delete: bool) -> None:
    spec, client, giver = begun(lab)
    ts = [client.torrent(spec)]
    with lab.gate(point, piece=0, node=client) as gate:
        answer(lab, giver, 0, 4)
        lab.until(lambda: gate.hit, within=5)
        for _ in range(2):
            ts[-1].remove(delete_files=delete)
            ts.append(client.add(spec))
            lab.run_for(0.2)
        assert ts[0].state != "removed" and ts[2].state == "queued", "it waits for the oldest"
        assert len(client.session.torrents) == 1
    lab.until(lambda: [t.state for t in ts[:2]] == ["removed", "removed"], within=10)
    lab.until(lambda: ts[2].state in ("downloading", "stalled"), within=10)
    counters = ts[2].status().counters
    assert (counters.payload_received, counters.payload_verified) == (0, 0), "what the old one received is the old one's"
    assert ts[2].piece(0).state == ("missing" if delete else "complete"), "what the old one wrote is checked like any file"
    rescued(lab, client, spec)
    assert len(client.history(jst.TorrentRemoved)) == 2


@BOTH
@pytest.mark.covers("S3-27")
@pytest.mark.parametrize("point", ["hash.done", "disk.write"])
def test_who_was_removed_under_a_held_operation_does_not_come_back(lab: Lab, point: str) -> None:
    spec, client, giver = begun(lab, close_timeout=2.0)
    client.session.save()
    gate = lab.gate(point, piece=0, node=client)
    answer(lab, giver, 0, 4)
    lab.until(lambda: gate.hit, within=5)
    old = client.torrent(spec)
    assert old is not None
    old.remove()
    lab.run_for(0.5)
    began = lab.now
    client.stop()
    assert lab.now - began <= 2.5
    gate.remove()
    client.start()
    lab.run_for(1)
    assert client.session.torrents == []
    new = client.add(spec)
    lab.until(lambda: new.state in ("downloading", "stalled"), within=5)
    rescued(lab, client, spec)


@BOTH
@pytest.mark.covers("S3-24", "S0-6.4")
@pytest.mark.parametrize("point", ["hash.done", "disk.write", "disk.write.done"])
def test_recheck_stop_and_start_under_a_held_operation(lab: Lab, point: str) -> None:
    spec, client, giver = begun(lab)
    t = client.torrent(spec)
    assert t is not None
    with lab.gate(point, piece=0, node=client) as gate:
        answer(lab, giver, 0, 4)
        lab.until(lambda: gate.hit, within=5)
        for command in (t.recheck, t.stop, t.start, t.recheck, t.pause, t.recheck, t.resume):
            command()
            lab.run_for(0.05)
            assert t.piece(0).state != "complete"
    lab.until(lambda: t.state in ("downloading", "stalled"), within=10)
    assert client.session.status().hash_jobs == 0
    rescued(lab, client, spec)
    completed = [event.piece for event in client.history(jst.PieceCompleted)]
    assert completed.count(0) <= 1, "a piece completes once, or is found by the check"


@BOTH
@pytest.mark.covers("S3-27")
def test_who_is_to_delete_the_files_waits_for_who_still_writes_to_them(lab: Lab) -> None:
    spec, client, giver = begun(lab)
    old = client.torrent(spec)
    assert old is not None
    with lab.gate("disk.write", piece=0, node=client) as gate:
        answer(lab, giver, 0, 4)
        lab.until(lambda: gate.hit, within=5)
        old.remove()
        new = client.add(spec)
        new.remove(delete_files=True)
        lab.run_for(0.3)
        assert new.state != "removed"
    lab.until(lambda: (old.state, new.state) == ("removed", "removed"), within=5)
    assert not client.disk.exists(client.path(spec))


@pytest.mark.covers("S3-1")
@pytest.mark.parametrize("how", ["rename", "move"])
@pytest.mark.parametrize("point", ["hash.done", "disk.write", "journal"])
def test_files_wait_for_the_last_operation_without_a_turn_and_go_with_its_end(lab: Lab, point: str, how: str) -> None:
    spec = lab.torrent(pieces=4, piece_length=4 * BLOCK)
    client = lab.engine("client")
    if point == "journal":
        journal = client.disk.full(f"state/torrents/{spec.info_hash.hex()}.journal")
        held = lab.gate("disk.write", path=str(journal), times=1, node=client)
    else:
        held = lab.gate(point, piece=0, times=1, node=client)
    t = client.add(spec, peers=[lab.seeder("good", spec)], sequential=True)
    with held:
        lab.until(lambda: held.hit, within=10)
        if how == "move":
            t.move(client.disk.root / "elsewhere")
        else:
            t.rename_file(0, "deep/name")
        lab.run_for(2)
        turns: list[float] = []
        lab.watch(lambda: turns.append(lab.now) or 0)  # type: ignore[func-returns-value]
        lab.run_for(10)
        assert len(turns) < 50
        assert not client.history(jst.FilesMoved)
    let_go = lab.now
    until_events(lab, client, jst.FilesMoved)
    assert lab.now - let_go < 0.5
    completes(lab, client, spec)


def test_what_was_under_way_when_it_failed_is_no_failure_of_the_next_try(lab: Lab) -> None:
    """A slow write ends with its own error just after the user has started the torrent again."""
    spec = lab.torrent(files=[("a", 8 * BLOCK), ("b", 8 * BLOCK)], piece_length=4 * BLOCK)
    client, giver = lab.engine("client"), by_hand(lab, "giver", spec)
    for name in "ab":
        client.disk.fail("write", error="ENOSPC", path=client.path(spec, name))
    t = client.add(spec, peers=[giver], sequential=True)
    with lab.gate("disk.write", piece=0, node=client) as gate:
        answer(lab, giver, 0, 4)
        lab.until(lambda: gate.hit, within=5)
        answer(lab, giver, 2, 4)
        lab.until(lambda: t.state == "error", within=5)
        t.start()
        lab.run_for(1)
    t.connect(lab.seeder("good", spec).address)
    completes(lab, client, spec)
    assert len(client.history(jst.TorrentFailed)) == 1
