"""Files that are skipped or wanted again while bytes of their shared pieces are on the way: each byte has one place."""

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Spec

from tests.scenarios.s0 import BLOCK, answer, back, by_hand, completes

LONG = 128
"""Blocks of a piece that is written as it comes when downloads have 8 MiB."""


def long_piece(lab: Lab) -> tuple[Spec, Engine]:
    """One long piece that a and b share."""
    spec = lab.torrent(files=[("a", 60 * BLOCK), ("b", (LONG - 60) * BLOCK)], piece_length=LONG * BLOCK)
    return spec, lab.engine("client", max_memory=8 << 20)


@pytest.mark.covers("S0-10.2")
@pytest.mark.parametrize("point", ["disk.write", "disk.write.done"])
def test_a_file_that_is_skipped_while_its_first_bytes_are_written_stays_a_file(lab: Lab, point: str) -> None:
    files = [("a", 3 * BLOCK), ("b", BLOCK), ("c", 3 * BLOCK), ("d", BLOCK)]
    spec = lab.torrent(files=files, piece_length=4 * BLOCK)
    client, giver = lab.engine("client"), by_hand(lab, "giver", spec)
    t = client.add(spec, peers=[giver], priorities={3: 0})
    t.set_piece_priority(1, 7)
    answer(lab, giver, 1, 4)
    lab.until(lambda: t.status().pieces_complete == 1, within=5)  # there is a part file, with room for piece 0
    with lab.gate(point, path=client.path(spec, 1)) as gate:
        answer(lab, giver, 0, 4)
        lab.until(lambda: gate.hit, within=5)
        t.set_file_priority(1, 0)
        lab.run_for(1)
    lab.until(lambda: t.status().pieces_complete == 2, within=5)
    for file in (1, 3):
        t.set_file_priority(file, 4)
    completes(lab, client, spec)


@pytest.mark.covers("S0-10.2")
def test_a_long_piece_half_done_begins_anew_when_its_file_is_wanted(lab: Lab) -> None:
    spec, client = long_piece(lab)
    giver = by_hand(lab, "giver", spec)
    t = client.add(spec, peers=[giver], sequential=True, priorities={1: 0})
    while t.piece(0).blocks_received < 100:
        lab.until(lambda: bool(giver.ledger.outstanding), within=10)
        giver.answer(giver.ledger.outstanding[0])
        lab.run_for(0.1)
    t.set_file_priority(1, 4)
    t.connect(lab.seeder("good", spec))
    completes(lab, client, spec)
    assert client.history(jst.TorrentFailed) == [] and client.history(jst.PieceFailed) == []


@pytest.mark.covers("S0-10.2")
@pytest.mark.parametrize("point", ["hash.start", "hash.done"])
def test_a_file_that_is_wanted_while_its_long_piece_is_hashed_has_all_bytes(lab: Lab, point: str) -> None:
    spec, client = long_piece(lab)
    with lab.gate(point, piece=0, nth=LONG // 16) as gate:
        t = client.add(spec, peers=[lab.seeder("good", spec)], priorities={1: 0})
        lab.until(lambda: gate.hit, within=20)
        t.set_file_priority(1, 4)
        lab.run_for(1)
    completes(lab, client, spec)


@pytest.mark.covers("S0-10.2")
@pytest.mark.parametrize("restarts", [False, True])
def test_blocks_left_in_the_part_file_are_no_failed_piece_when_its_file_is_wanted(lab: Lab, restarts: bool) -> None:
    spec = lab.torrent(files=[("a", 3 * BLOCK), ("b", 5 * BLOCK)], piece_length=8 * BLOCK)
    client, giver = lab.engine("client"), by_hand(lab, "giver", spec)
    t = client.add(spec, peers=[giver], sequential=True, priorities={1: 0})
    answer(lab, giver, 0, 5)
    lab.until(lambda: t.piece(0).blocks_received == 5, within=5)
    t.stop()
    lab.settle()
    if restarts:
        client.stop()
        t = back(lab, client, spec)
    t.set_file_priority(1, 4)
    t.start()
    t.connect(lab.seeder("good", spec))
    completes(lab, client, spec)
    assert client.history(jst.PieceFailed) == []


@pytest.mark.covers("S0-10.2", "S0-6.3")
@pytest.mark.parametrize("skipped_again", [False, True])
def test_a_crash_while_a_file_leaves_the_part_file_overwrites_nothing(lab: Lab, skipped_again: bool) -> None:
    """b's first piece waits to be copied; what came of its last one meanwhile is in the file already."""
    files = [("a", 3 * BLOCK), ("b", 6 * BLOCK), ("c", 3 * BLOCK)]
    spec = lab.torrent(files=files, piece_length=4 * BLOCK)
    client, good = lab.engine("client"), lab.seeder("good", spec)
    t = client.add(spec, peers=[good], priorities={1: 0, 2: 0})
    t.wait_complete(20)
    parts = client.downloads / f".{spec.info_hash.hex()}.parts"
    with lab.gate("disk.read", path=parts):
        t.set_file_priority(1, 4)
        lab.until(lambda: t.status().pieces_complete == 3, within=20)
        if skipped_again:
            t.set_file_priority(1, 0)
        client.session.save()
        client.crash()
    t = back(lab, client, spec)
    lab.run_for(1)
    assert t.status().pieces_complete == 3 and client.session.status().counters.payload_received == 0
    for file in (1, 2):
        t.set_file_priority(file, 4)
    completes(lab, client, spec)
    assert client.session.status().counters.payload_received == 0, "nothing was lost"
