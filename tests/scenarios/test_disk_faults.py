"""A disk that fails while torrents use it: `error` with a path, back by itself, nothing claimed that may not be there."""

from __future__ import annotations

import itertools

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Spec

from tests.scenarios.s0 import BLOCK, PLAIN, completes, until_events

BOTH = pytest.mark.lanes("sim", "real")


def in_error(lab: Lab, t: jst.Torrent, within: float = 30) -> None:
    lab.until(lambda: t.state == "error", within=within)


def says_where(client: Engine, t: jst.Torrent, spec: Spec) -> None:
    """The message names the disk and a path of the torrent."""
    message = t.error_message
    assert "disk" in message.lower()
    assert isinstance(t.error, jst.DiskError)
    assert str(client.path(spec, str(spec.metainfo.files[0].path)).parent) in message, message


# ---- into error, and out of it


@pytest.mark.parametrize(
    ("op", "error"),
    [("write", "ENOSPC"), ("write", "EIO"), ("write", "short"), ("write", "EDQUOT"), ("open", "EROFS"), ("open", "EMFILE"),
     ("allocate", "ENOSPC"), ("sync", "ENOSPC"), ("sync", "EIO")],
)  # fmt: skip
@pytest.mark.covers("S0-8.3")
def test_a_disk_that_fails_and_works_again(lab: Lab, op: str, error: str) -> None:
    """The torrent names the place, the others go on, and it goes on by itself."""
    spec = lab.torrent(pieces=32, piece_length=4 * BLOCK, name="bad")
    other = lab.torrent(pieces=32, piece_length=4 * BLOCK, name="other")
    client = lab.engine("client", save_interval=1.0)
    lab.net.access(client, down=1_000_000)
    fault = client.disk.fail(op, nth=3 if op == "write" else 1, error=error, times=2, path=f"{client.downloads}/bad")
    t = client.add(spec, peers=[lab.seeder("good", spec)])
    client.add(other, peers=[lab.seeder("beside", other)])
    in_error(lab, t)
    says_where(client, t, spec)
    assert len(until_events(lab, client, jst.TorrentFailed)) == 1
    completes(lab, client, other)
    completes(lab, client, spec)
    assert fault.hits >= 1
    assert len(client.history(jst.TorrentFailed)) == 1, "the same trouble is told once"


@pytest.mark.covers("S0-8.3")
def test_a_full_disk_is_tried_with_growing_waits_and_told_once(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, piece_length=4 * BLOCK)
    client = lab.engine("client")
    client.disk.quota(0, under=client.downloads)
    t = client.add(spec, peers=[lab.seeder("good", spec)])
    in_error(lab, t)
    lab.run_for(400)
    entered = [event.time for event in client.history(jst.StateChanged) if event.new == "error"]
    waits = [b - a for a, b in itertools.pairwise(entered)]
    for wait, least in zip(waits, [5, 10, 20, 40, 80], strict=False):
        assert least <= wait < least + 20, "and some seconds until the peer is dialled again"
    assert len(waits) >= 5
    assert len(client.history(jst.TorrentFailed)) == 1
    client.disk.quota(None, under=client.downloads)
    completes(lab, client, spec, within=310)


@BOTH
@pytest.mark.covers("S0-8.3")
def test_start_tries_at_once(lab: Lab) -> None:
    """And what the user asked for and did not get is news."""
    spec = lab.torrent(pieces=8, piece_length=4 * BLOCK)
    client = lab.engine("client")
    good = lab.seeder("good", spec)
    with lab.gate("disk.write", "fail", error="ENOSPC", torrent=spec, node=client):
        t = client.add(spec, peers=[good])
        until_events(lab, client, jst.TorrentFailed, 1)
        t.start()
        lab.until(lambda: t.state not in ("error", "queued", "checking"), within=2)
        until_events(lab, client, jst.TorrentFailed, 2, within=30)
    t.resume()
    lab.until(lambda: t.state not in ("error", "queued", "checking"), within=2)
    completes(lab, client, spec)


@BOTH
@pytest.mark.covers("S0-8.3")
def test_what_time_does_not_mend_waits_for_the_user(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, piece_length=4 * BLOCK)
    client = lab.engine("client")
    good = lab.seeder("good", spec)
    with lab.gate("disk.done", "fail", error="EACCES", op="open", node=client):
        t = client.add(spec, peers=[good])
        in_error(lab, t)
    lab.run_for(7)
    assert t.state == "error"
    assert len(client.history(jst.TorrentFailed)) == 1
    t.start()
    completes(lab, client, spec)


@pytest.mark.covers("S0-8.3")
def test_an_error_is_left_by_stop_pause_recheck_and_remove(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, piece_length=4 * BLOCK)
    client = lab.engine("client")
    good = lab.seeder("good", spec)
    quota = client.disk.quota(3 * 4 * BLOCK, under=client.downloads)
    t = client.add(spec, peers=[good])
    for leave, states in ((t.stop, ["stopped"]), (t.pause, ["paused"]), (t.recheck, ["checking", "stalled"])):
        in_error(lab, t)
        leave()
        lab.until(lambda states=states: t.state in states, within=1)
        assert t.error is None and t.error_message == ""
        t.start()
    in_error(lab, t)
    quota.clear()
    t.remove(delete_files=True)
    lab.until(lambda: t.state == "removed", within=5)
    lab.run_for(30)
    assert t.state == "removed"


@pytest.mark.covers("S0-8.3")
def test_one_operation_that_hangs_costs_its_torrent_only(lab: Lab) -> None:
    """It fails when the disk does not answer in time, does not try while it hangs, and goes on afterwards."""
    spec = lab.torrent(pieces=16, piece_length=4 * BLOCK, name="bad")
    other = lab.torrent(pieces=16, piece_length=4 * BLOCK, name="other")
    client = lab.engine("client", disk_timeout=20.0)
    with lab.gate("disk.write", "hold", node=client, piece=3, path="bad", times=1):
        t = client.add(spec, peers=[lab.seeder("good", spec)])
        client.add(other, peers=[lab.seeder("beside", other)])
        completes(lab, client, other)
        in_error(lab, t, within=40)
        says_where(client, t, spec)
        lab.run_for(60)
        assert t.state == "error"
        assert len(client.history(jst.TorrentFailed)) == 1
    completes(lab, client, spec, within=310)


# ---- what is believed afterwards


@pytest.mark.covers("S0-8.3", "S3-24")
def test_files_that_changed_during_an_error_are_checked(lab: Lab) -> None:
    spec = lab.torrent(pieces=32, piece_length=4 * BLOCK)
    client = lab.engine("client")
    good = lab.seeder("good", spec)
    fault = client.disk.fail("write", nth=20, error="ENOSPC", times=None, path=client.downloads)
    t = client.add(spec, peers=[good])
    in_error(lab, t)
    lab.run_for(1)
    done = [i for i, state in enumerate(t.pieces()) if state == 3]
    assert len(done) >= 10
    path = client.path(spec, str(spec.metainfo.files[0].path))
    client.disk.corrupt(path, done[0] * spec.piece_length, b"spoiled")
    received = client.session.status().counters.payload_received
    fault.clear()
    completes(lab, client, spec)
    fetched = client.session.status().counters.payload_received - received
    assert fetched == (32 - len(done) + 1) * spec.piece_length
    assert client.history(jst.PieceFailed) == []


@pytest.mark.covers("S0-8.3", "S3-24")
def test_files_that_did_not_change_are_not_read_again(lab: Lab) -> None:
    spec = lab.torrent(pieces=32, piece_length=4 * BLOCK)
    client = lab.engine("client")
    good = lab.seeder("good", spec)
    fault = client.disk.fail("write", nth=20, error="ENOSPC", times=None, path=client.downloads)
    t = client.add(spec, peers=[good])
    in_error(lab, t)
    lab.run_for(3)
    reads = lab.gate("disk.read", "observe", torrent=spec)
    t.start()
    lab.run_for(0.05)
    assert t.state in ("downloading", "stalled")
    assert t.status().pieces_complete >= 10
    assert len(reads.hits) <= 2, "at most what was being written"
    fault.clear()
    completes(lab, client, spec)


@pytest.mark.parametrize("mode", ["drop-all", "metadata-first", "random"])
@pytest.mark.covers("S0-8.3", "S3-23")
def test_what_a_failed_sync_left_is_fetched_again(lab: Lab, mode: str) -> None:
    """The kernel may have dropped it, and show it all the same: it is neither trusted nor read."""
    spec = lab.torrent(pieces=32, piece_length=4 * BLOCK)
    client = lab.engine("client", save_interval=1.0)
    lab.net.access(client, down=400_000)
    good = lab.seeder("good", spec)
    fault = client.disk.fail("sync", nth=3, error="EIO", times=1, path=client.downloads)
    t = client.add(spec, peers=[good])
    in_error(lab, t)
    lab.until(lambda: t.state != "error", within=10)
    assert fault.hits == 1
    completes(lab, client, spec)
    counters = client.session.status().counters
    assert counters.payload_verified > spec.total_size, "some came twice"
    assert counters.payload_verified < 2 * spec.total_size, "what had been synced before stayed"
    assert len(client.history(jst.TorrentFailed)) == 1


# ---- reads that fail


@BOTH
@pytest.mark.covers("S0-8.3")
def test_a_read_that_fails_costs_one_request(lab: Lab) -> None:
    """The piece is read again and found good: nobody is closed, everybody completes."""
    spec = lab.torrent(pieces=16, piece_length=4 * BLOCK)
    client = lab.engine("client")
    t = client.add(spec, have=range(16))
    lab.until(lambda: t.state == "seeding", within=10)
    with lab.gate("disk.read", "fail", error="EIO", torrent=spec, times=1) as gate:
        takers = [lab.engine(f"taker{i}") for i in range(2)]
        for taker in takers:
            taker.add(spec, peers=[client])
        for taker in takers:
            completes(lab, taker, spec)
        assert len(gate.hits) == 1
    assert t.state == "seeding"
    assert client.history(jst.TorrentFailed) == []
    assert client.session.is_healthy()


@BOTH
@pytest.mark.covers("S0-8.3")
def test_a_read_that_fails_is_told_by_a_choke_to_who_knows_no_reject(lab: Lab) -> None:
    spec = lab.torrent(pieces=16, piece_length=4 * BLOCK)
    client = lab.engine("client", choke_interval=1.0)
    client.add(spec, have=range(16))
    plain = lab.peer("plain", spec, have=[], handshake=PLAIN, auto={"extended", "keepalive"})
    plain.connect(client)
    plain.send_interested()
    lab.until(lambda: plain.unchoked, within=15)
    with lab.gate("disk.read", "fail", error="EIO", torrent=spec, times=1):
        plain.send_request(3, 0, BLOCK)
        lab.until(lambda: "choke" in [m.kind for m in plain.ledger.messages], within=5)
    lab.until(lambda: plain.unchoked, within=15)
    plain.send_request(3, 0, BLOCK)
    lab.until(lambda: "piece" in [m.kind for m in plain.ledger.messages if m.direction == "in"], within=5)


@pytest.mark.covers("S0-8.3", "S3-24")
def test_a_piece_that_cannot_be_read_is_fetched_again(lab: Lab) -> None:
    spec = lab.torrent(pieces=16, piece_length=4 * BLOCK)
    client = lab.engine("client")
    t = client.add(spec, have=range(16))
    lab.until(lambda: t.state == "seeding", within=10)
    at = 5 * spec.piece_length
    fault = client.disk.fail("read", error="EIO", times=None, path=client.downloads, offset=(at, at + 1))
    taker = lab.engine("taker")
    taker.add(spec, peers=[client])
    lab.until(lambda: t.status().pieces_complete == 15, within=20)
    assert t.state == "downloading"
    fault.clear()
    t.connect(lab.seeder("good", spec))
    completes(lab, client, spec)
    completes(lab, taker, spec)
    assert client.history(jst.TorrentFailed) == []


@pytest.mark.covers("S0-8.3")
def test_a_disk_that_gives_nothing_back_is_an_error_and_heals(lab: Lab) -> None:
    spec = lab.torrent(pieces=40, piece_length=BLOCK)
    client = lab.engine("client")
    t = client.add(spec, have=range(40))
    lab.until(lambda: t.state == "seeding", within=10)
    fault = client.disk.fail("read", error="EIO", times=None, path=client.downloads)
    taker = lab.engine("taker")
    taker.add(spec, peers=[client])
    in_error(lab, t, within=60)
    says_where(client, t, spec)
    fault.clear()
    lab.until(lambda: t.state == "seeding", within=60)
    completes(lab, taker, spec, within=120)


def seeding_with_files_closed(lab: Lab, *names: str) -> tuple[Spec, Engine, jst.Torrent]:
    """Files of eight pieces each, seeded, and none of them open."""
    spec = lab.torrent(pieces=None, piece_length=4 * BLOCK, files=[(name, 8 * 4 * BLOCK) for name in names])
    client = lab.engine("client")
    t = client.add(spec, have=range(spec.num_pieces))
    lab.until(lambda: t.state == "seeding", within=10)
    t.stop()
    lab.until(lambda: t.state == "stopped", within=5)
    t.start()
    lab.until(lambda: t.state == "seeding", within=5)
    return spec, client, t


@BOTH
@pytest.mark.parametrize("deed", ["deleted", "truncated"])
@pytest.mark.covers("S0-8.3", "S3-24")
def test_a_file_that_goes_while_it_is_seeded(lab: Lab, deed: str) -> None:
    spec, client, t = seeding_with_files_closed(lab, "a", "b")
    if deed == "deleted":
        client.disk.delete(client.path(spec, "b"))
    else:
        client.disk.truncate(client.path(spec, "b"), 3 * 4 * BLOCK + 5)
    taker = lab.engine("taker")
    taker.add(spec, peers=[client])
    lab.until(lambda: t.status().pieces_complete == (8 if deed == "deleted" else 11), within=30)
    assert t.state in ("downloading", "stalled")
    t.connect(lab.seeder("good", spec))
    completes(lab, client, spec)
    completes(lab, taker, spec)
    assert client.history(jst.TorrentFailed) == []


@pytest.mark.parametrize("left", [0, 4])
def test_one_request_finds_out_all_that_went_with_a_file(lab: Lab, left: int) -> None:
    spec = lab.torrent(files=[("a", 8 * 4 * BLOCK), ("b", 8 * 4 * BLOCK)], piece_length=4 * BLOCK)
    client = lab.engine("client")
    t = client.add(spec, have="all")
    asker = lab.peer("asker", spec, have="none")
    asker.connect(client)
    lab.until(lambda: asker.unchoked, within=30)
    client.disk.truncate(client.path(spec, 0), left * 4 * BLOCK)
    asker.send_request(6, 0, BLOCK)
    lab.run_for(5)
    assert t.pieces() == bytes([3] * left + [0] * (8 - left) + [3] * 8)


@pytest.mark.lanes("real")
@pytest.mark.parametrize("where", ["file", "directory"])
@pytest.mark.covers("S0-8.3", "S3-24")
def test_a_link_put_in_a_files_place_while_it_is_seeded_is_not_followed(lab: Lab, where: str) -> None:
    """Nothing behind it is read or written, though it holds the very same bytes."""
    spec, client, t = seeding_with_files_closed(lab, "a", "d/b")
    taken = client.path(spec, "d/b") if where == "file" else client.path(spec, "d/b").parent
    elsewhere = client.downloads.parent / "elsewhere"
    taken.rename(elsewhere)
    taken.symlink_to(elsewhere)
    before = elsewhere.stat() if where == "file" else (elsewhere / "b").stat()
    taker = lab.engine("taker")
    theirs = taker.add(spec, peers=[client])
    lab.until(lambda: t.state == "error" or t.status().pieces_complete == 8, within=30)
    assert theirs.status().pieces_complete <= 8
    t.stop()
    lab.until(lambda: t.state == "stopped", within=5)
    taken.unlink()
    t.start()
    t.connect(lab.seeder("good", spec))
    completes(lab, client, spec)
    theirs.connect(client.address)
    completes(lab, taker, spec)
    after = elsewhere.stat() if where == "file" else (elsewhere / "b").stat()
    assert (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)


@pytest.mark.parametrize("delete", [True, False])
@pytest.mark.covers("S0-8.3", "S3-27")
def test_a_torrent_that_is_removed_while_its_disk_is_slow_and_full_ends(lab: Lab, delete: bool) -> None:
    """Its writes fail when it is gone already: that is an end, too."""
    spec = lab.torrent(pieces=14, piece_length=BLOCK)
    client = lab.engine("client")
    t = client.add(spec, peers=[lab.seeder("good", spec)])
    slow = client.disk.stall(1.0)
    client.disk.quota(0)
    lab.run_for(0.7)
    t.remove(delete_files=delete)
    lab.until(lambda: t.state == "removed", within=30)
    slow.clear()
    assert client.session.status().draining == 0
    assert client.disk.exists(client.path(spec)) is not delete


@pytest.mark.covers("S0-8.3", "S3-27")
def test_a_torrent_that_is_removed_while_its_disk_hangs_takes_no_turns(lab: Lab) -> None:
    spec = lab.torrent(pieces=14, piece_length=BLOCK)
    client = lab.engine("client", snub_timeout=5.0)
    t = client.add(spec, peers=[lab.seeder("good", spec)])
    with lab.gate("disk.write", "hold", node=client, piece=0) as gate:
        lab.until(lambda: gate.hit, within=10)
        t.remove()
        turns: list[float] = []
        lab.watch(lambda: turns.append(lab.now) or 0)  # type: ignore[func-returns-value]
        lab.run_for(300)
        assert len(turns) < 50
        assert t.state != "removed"
    lab.until(lambda: t.state == "removed", within=10)
