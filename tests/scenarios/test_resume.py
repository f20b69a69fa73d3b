"""What a session keeps for the next one: journals, pieces left half done, torrents of one instant, records set aside."""

from __future__ import annotations

import random

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Spec

from tests.scenarios.s0 import BLOCK, answer, back, by_hand, completes, rescued, until_events

BOTH = pytest.mark.lanes("sim", "real")


def record_path(spec: Spec, suffix: str = ".jst") -> str:
    return f"state/torrents/{spec.info_hash.hex()}{suffix}"


def replace(client: Engine, spec: Spec, record: bytes) -> None:
    """Puts another record in the place of the torrent's."""
    if client.disk.exists(record_path(spec)):
        client.disk.delete(record_path(spec))
    client.disk.write(record_path(spec), 0, record)


# ---- the journal


def test_the_journal_takes_one_write_for_the_pieces_of_a_round_and_goes_with_the_record(lab: Lab) -> None:
    spec = lab.torrent(pieces=64, piece_length=BLOCK)
    client = lab.engine("client", save_interval=3600.0)
    journal = record_path(spec, ".journal")
    appends = lab.gate("disk.write", "observe", path=str(client.disk.full(journal)))
    done = lab.gate("piece.verified", "observe", node=client)
    t = client.add(spec, peers=[lab.peer("half", spec, have=range(40))])
    lab.until(lambda: t.status().pieces_complete == 40, within=20)
    lab.run_for(1)
    assert client.disk.exists(journal)
    rounds = len({hit.time for hit in done.hits})
    assert 1 <= len(appends.hits) <= rounds + 1
    client.session.save()
    lab.run_for(1)
    assert not client.disk.exists(journal)
    t.connect(lab.seeder("good", spec))
    completes(lab, client, spec)
    client.stop()
    assert not client.disk.exists(journal)
    assert client.disk.list("state/torrents") == [record_path(spec).rpartition("/")[2]]


def test_a_journal_without_a_record_is_cleared_away(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    lab.run_for(1)
    client.stop()
    client.disk.write(record_path(spec, ".journal"), 0, b"left behind")
    client.start()
    lab.run_for(1)
    assert client.disk.list("state/torrents") == []


def test_a_journal_that_cannot_be_written_costs_nothing_but_itself(lab: Lab) -> None:
    spec = lab.torrent(pieces=16)
    client = lab.engine("client")
    fault = client.disk.fail("write", path=record_path(spec, ".journal"), times=None)
    client.add(spec, peers=[lab.seeder("good", spec)])
    completes(lab, client, spec)
    assert fault.hits >= 1
    assert client.history(jst.TorrentFailed) == []
    client.stop()


@pytest.mark.parametrize(("hint", "found"), [("nothing", 3), ("journal", 4), ("writing", 4)])
@pytest.mark.covers("S3-24")
def test_a_piece_that_the_record_lacks_is_checked_where_something_hints_at_it(lab: Lab, hint: str, found: int) -> None:
    """Also where size and time of the file say that nothing happened since the record was made."""
    storage = jst._core.lab.storage
    spec = lab.torrent(pieces=6, piece_length=BLOCK)
    client = lab.engine("client")
    t = client.add(spec, have=[0, 1, 2, 4])
    lab.until(lambda: t.status().pieces_complete == 4, within=5)
    client.stop()
    record = storage.decode_torrent_record(client.disk.read(record_path(spec)))
    record |= {"have": [n in (0, 1, 4) for n in range(6)], "writing": hint == "writing"}
    replace(client, spec, storage.encode_torrent_record(record))
    if hint == "journal":
        header = storage.journal_header(spec.info_hash, 7)
        entries = [storage.journal_entry(header, n, piece) for n, piece in enumerate([2, 3, 1])]
        client.disk.write(record_path(spec, ".journal"), 0, header + b"".join(entries))
    t = back(lab, client, spec)
    assert t.status().pieces_complete == found
    client.session.save()
    lab.run_for(1)
    assert not client.disk.exists(record_path(spec, ".journal"))
    rescued(lab, client, spec)
    assert client.session.status().counters.payload_received == (6 - found) * BLOCK


# ---- pieces left half done


def half_a_piece(lab: Lab, client: Engine, spec: Spec) -> jst.Torrent:
    """Two of four blocks of piece 0 are there."""
    giver = by_hand(lab, "giver", spec, have=[0])
    t = client.add(spec, peers=[giver])
    answer(lab, giver, 0, 2)
    lab.until(lambda: t.piece(0).blocks_received == 2, within=5)
    return t


@BOTH
@pytest.mark.parametrize("again", ["start", "restart"])
@pytest.mark.covers("S0-6.1", "S3-23")
def test_blocks_of_a_piece_left_half_done_are_not_fetched_again(lab: Lab, again: str) -> None:
    spec = lab.torrent(pieces=4, piece_length=4 * BLOCK)
    client = lab.engine("client")
    t = half_a_piece(lab, client, spec)
    t.stop()
    lab.until(lambda: client.session.status().disk_operations == 0, within=5)
    if again == "restart":
        client.stop()
        t = back(lab, client, spec)
    lab.until(lambda: t.piece(0).blocks_received == 2, within=5)
    assert t.piece(0).state == "incomplete"
    received = client.session.status().counters.payload_received
    t.start()
    rescued(lab, client, spec)
    assert client.session.status().counters.payload_received - received == (4 * 4 - 2) * BLOCK
    total = t.status().counters
    assert (total.payload_received, total.payload_verified, total.payload_partial) == (16 * BLOCK, 16 * BLOCK, 0)


@BOTH
def test_blocks_survive_a_close_while_it_runs(lab: Lab) -> None:
    spec = lab.torrent(pieces=4, piece_length=4 * BLOCK)
    client = lab.engine("client")
    half_a_piece(lab, client, spec)
    client.stop()
    back(lab, client, spec)
    rescued(lab, client, spec)
    assert client.session.status().counters.payload_received == (4 * 4 - 2) * BLOCK


def test_half_a_piece_that_changed_on_disk_is_fetched_again_and_nobody_is_blamed(lab: Lab) -> None:
    spec = lab.torrent(pieces=4, piece_length=4 * BLOCK)
    client = lab.engine("client")
    half_a_piece(lab, client, spec)
    client.stop()
    client.disk.corrupt(client.path(spec), 100, bytes(b ^ 0xFF for b in spec.data(100, 50)))
    back(lab, client, spec)
    rescued(lab, client, spec)
    assert client.session.status().counters.payload_received == 16 * BLOCK
    assert client.session.bans() == []


def test_half_a_piece_of_a_liar_fails_its_hash_and_nobody_is_blamed(lab: Lab) -> None:
    spec = lab.torrent(pieces=2, piece_length=4 * BLOCK)
    client = lab.engine("client")
    liar = by_hand(lab, "liar", spec, have=[0])
    t = client.add(spec, peers=[liar])
    lab.until(lambda: len(liar.ledger.outstanding) >= 2, within=10)
    for request in liar.ledger.outstanding[:2]:
        liar.answer(request, b"\7" * BLOCK)
    lab.until(lambda: t.piece(0).blocks_received == 2, within=5)
    liar.disconnect()
    t.stop()
    lab.run_for(1)
    t.start()
    rescued(lab, client, spec)
    assert [e.piece for e in client.history(jst.PieceFailed)] == [0]
    assert client.session.bans() == []
    counters = t.status().counters
    assert counters.payload_failed == 4 * BLOCK and counters.payload_partial == 0


def test_stop_and_start_while_half_a_piece_is_being_written(lab: Lab) -> None:
    spec = lab.torrent(pieces=4, piece_length=4 * BLOCK)
    client = lab.engine("client")
    t = half_a_piece(lab, client, spec)
    with lab.gate("disk.write", piece=0) as gate:
        for _ in range(3):
            t.stop()
            lab.run_for(0.1)
            t.start()
            lab.run_for(0.1)
        assert len(gate.hits) == 1
    rescued(lab, client, spec)
    assert t.status().counters.payload_received == 16 * BLOCK


def test_a_kill_may_lose_half_a_piece_and_loses_no_more(lab: Lab) -> None:
    spec = lab.torrent(pieces=4, piece_length=4 * BLOCK)
    client = lab.engine("client", save_interval=0.5)
    half_a_piece(lab, client, spec)
    lab.run_for(2)
    client.crash()
    back(lab, client, spec)
    rescued(lab, client, spec)
    assert client.session.status().counters.payload_received <= 16 * BLOCK


# ---- one instant


@BOTH
@pytest.mark.covers("S3-23")
def test_a_torrent_that_is_added_and_closed_in_the_same_instant_is_there_again(lab: Lab) -> None:
    spec, other = lab.torrent(pieces=4), lab.torrent(pieces=4)
    client = lab.engine("client")
    client.add(other)
    lab.run_for(1)
    client.stop()
    client.start()
    client.add(spec)
    client.stop()
    client.start()
    lab.until(lambda: client.torrent(spec) is not None, within=5)
    assert client.torrent(other) is not None
    assert {t.info_hash for t in client.session.torrents} == {spec.info_hash, other.info_hash}


def test_a_torrent_of_the_first_instant_of_all_is_there_again(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    client.add(spec)
    client.stop()
    client.start()
    lab.until(lambda: client.torrent(spec) is not None, within=5)


# ---- records that cannot be used


def damaged(lab: Lab, record: bytes, count: int) -> list[bytes]:
    """The record cut at some lengths, and with some bits flipped."""
    luck: random.Random = lab.rng("damage")
    cut = [record[: luck.randrange(len(record))] for _ in range(count)]
    flipped = []
    for _ in range(count):
        bit = luck.randrange(len(record) * 8)
        flipped.append(record[: bit // 8] + bytes([record[bit // 8] ^ 1 << bit % 8]) + record[bit // 8 + 1 :])
    return cut + flipped


@pytest.mark.covers("S3-23", "S3-24")
def test_a_damaged_record_is_kept_reported_and_never_believed(lab: Lab) -> None:
    spec = lab.torrent(pieces=6, piece_length=BLOCK)
    client = lab.engine("client")
    t = client.add(spec, have=[0, 1, 2])
    lab.until(lambda: t.status().pieces_complete == 3, within=5)
    client.stop()
    whole = client.disk.read(record_path(spec))
    client.disk.corrupt(client.path(spec), 0, b"\7" * BLOCK)  # what a record that is believed would claim
    for n, broken in enumerate(damaged(lab, whole, 12)):
        replace(client, spec, broken)
        client.start()
        lab.run_for(0.5)
        told = until_events(lab, client, jst.RecordRejected, n + 1)[-1]
        assert client.torrent(spec) is None
        assert told.error.code == "bad_record" and client.disk.read(told.path) == broken
        again = client.add(spec)
        lab.until(lambda t=again: t.state not in ("queued", "checking"), within=10)
        assert again.pieces() == bytes([0, 3, 3, 0, 0, 0])
        again.remove()
        lab.run_for(0.5)
        client.stop()
    assert client.disk.exists(client.path(spec)), "data is never deleted because state is missing"


def test_the_record_of_a_newer_version_is_kept_aside_and_not_overwritten(lab: Lab) -> None:
    spec = lab.torrent(pieces=6)
    client = lab.engine("client")
    t = client.add(spec, have=[0, 1])
    lab.until(lambda: t.status().pieces_complete == 2, within=5)
    client.stop()
    newer = jst._core.lab.storage.frame_record("t", 99, b"de")
    for _ in range(2):
        replace(client, spec, newer)
        client.start()
        lab.run_for(0.5)
        again = client.add(spec)
        lab.until(lambda t=again: t.status().pieces_complete == 2, within=10)
        client.stop()
    kept = {event.path: event.error.code for event in client.history(jst.RecordRejected)}
    assert len(kept) == 2 and set(kept.values()) == {"not_supported"}
    assert all(client.disk.read(path) == newer for path in kept)
    client.start()
    lab.until(lambda: client.torrent(spec) is not None, within=5)


def test_a_record_that_lies_about_half_pieces_costs_a_piece_and_no_more(lab: Lab) -> None:
    storage = jst._core.lab.storage
    spec = lab.torrent(pieces=6, piece_length=4 * BLOCK)
    client = lab.engine("client")
    t = client.add(spec, have=[5])
    lab.until(lambda: t.status().pieces_complete == 1, within=5)
    client.stop()
    record = storage.decode_torrent_record(client.disk.read(record_path(spec)))
    lies = [(0, b"\xf0"), (1, b"\x80"), (2, b"\xff\xff"), (3, b"\x0f"), (4, b""), (5, b"\x80"), (99, b"\x80"), (1, b"\x40")]
    replace(client, spec, storage.encode_torrent_record(record | {"partial": lies}))
    t = back(lab, client, spec)
    assert [t.piece(n).blocks_received for n in range(6)] == [0, 1, 0, 0, 0, 4]
    rescued(lab, client, spec)
    assert [e.piece for e in client.history(jst.PieceFailed)] == [1]
    assert client.session.bans() == []
    assert client.session.status().counters.payload_received == 5 * 4 * BLOCK + 3 * BLOCK


# ---- what is durable


@pytest.mark.parametrize("mode", ["drop-all", "keep-prefix", "torn-512", "metadata-first", "random"])
@pytest.mark.covers("S0-6.3")
def test_what_a_check_found_in_the_cache_is_durable_before_it_is_claimed(lab: Lab, mode: str) -> None:
    spec = lab.torrent(pieces=6)
    client = lab.engine("client", save_interval=3600.0)
    t = client.add(spec, peers=[lab.seeder("good", spec)])
    t.wait_complete(30)
    t.remove()
    lab.until(lambda: t.state == "removed", within=5)
    t = client.add(spec)
    t.wait_complete(30)
    client.session.save()
    client.crash(mode)
    client.start()
    lab.run_for(1)
    again = client.torrent(spec)
    assert again is not None
    assert again.pieces() == bytes([3] * 6) and client.complete(spec)
    assert client.session.status().counters.payload_received == 0


@pytest.mark.parametrize("where", ["state/session.jst.tmp", "state/torrents"])
@pytest.mark.parametrize("op", ["open", "sync", "rename"])
@pytest.mark.covers("S0-6.1")
def test_a_record_that_could_not_be_written_is_tried_again(lab: Lab, op: str, where: str) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client", save_interval=10.0)
    t = client.add(spec)
    lab.run_for(1)
    client.session.save()
    fault = client.disk.fail(op, error="ENOSPC", times=None, path=where)
    t.set_sequential(True)
    client.session.configure(download_rate_limit=12345)
    for _ in range(2):
        with pytest.raises(jst.DiskError):
            client.session.save()
    lab.run_for(100)
    assert 3 <= fault.hits <= 15, "not all the time"
    fault.clear()
    client.session.save()
    client.crash()
    client.start()
    lab.run_for(1)
    assert client.session.settings.download_rate_limit == 12345
    assert client.torrent(spec) is not None
