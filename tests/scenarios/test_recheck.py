"""A recheck shows how far it is, reads several pieces at a time, and gives way to whatever the user wants next."""

from __future__ import annotations

import jstorrent as jst
import pytest
from jstorrent.lab import DiskFault, Engine, Lab, Spec

from tests.scenarios.s0 import BLOCK

PIECES = 200
MOST_LANES = 32


def checking(lab: Lab) -> tuple[Engine, Spec, jst.Torrent, DiskFault]:
    """A seed in the middle of a recheck, on a disk that takes 50 ms for each read."""
    spec = lab.torrent(pieces=PIECES, piece_length=BLOCK)
    client = lab.engine("client")
    t = client.add(spec, have=range(PIECES))
    lab.until(lambda: t.state == "seeding", within=10)
    slow = client.disk.stall(0.05, "read", path=client.downloads)
    t.recheck()
    lab.until(lambda: t.state == "checking" and 0.1 < t.status().progress < 0.9, within=30)
    return client, spec, t, slow


@pytest.mark.covers("S3-24")
def test_a_recheck_shows_how_far_it_is_and_reads_side_by_side(lab: Lab) -> None:
    client, _, t, slow = checking(lab)
    at_once = lab.watch(lambda: client.session.status().disk_operations)
    seen = [t.status().progress]
    while t.state == "checking":
        seen.append(t.status().progress)
        lab.run_for(0.02)
    assert seen == sorted(seen), "it never goes back"
    assert len(set(seen)) >= 4
    assert 4 <= at_once.max <= MOST_LANES + 4
    assert t.state == "seeding"
    slow.clear()


@pytest.mark.parametrize("deed", ["stop", "pause", "recheck", "move", "remove", "close"])
@pytest.mark.covers("S3-24")
def test_a_recheck_gives_way(lab: Lab, deed: str) -> None:
    client, spec, t, slow = checking(lab)
    began = lab.now
    if deed == "close":
        client.stop()
        assert lab.now - began < 2
        slow.clear()
        client.start()
        lab.run_for(0.1)
        again = client.torrent(spec)
        assert again is not None
        lab.until(lambda: again.state == "seeding", within=30)
        return
    if deed == "move":
        t.move(client.disk.root / "elsewhere")
        lab.until(lambda: client.history(jst.FilesMoved) != [], within=5)
    elif deed == "remove":
        t.remove()
        lab.until(lambda: t.state == "removed", within=2)
        return
    else:
        getattr(t, deed)()
        after = {"stop": "stopped", "pause": "checking", "recheck": "checking"}[deed]
        lab.until(lambda: t.state == after, within=2)
    if deed == "recheck":
        lab.until(lambda: t.status().progress < 0.1, within=2)
    if deed == "stop":
        before = client.disk.ops
        lab.run_for(3)
        assert client.disk.ops - before < MOST_LANES + 16, "what was under way, and the record"
    t.start()
    lab.until(lambda: t.state == "seeding", within=60)
    assert t.status().pieces_complete == PIECES
    slow.clear()


@pytest.mark.parametrize("cause", ["recheck", "changed"])
def test_after_a_check_what_was_not_wanted_is_not_wanted(lab: Lab, cause: str) -> None:
    """Of the second file only one piece is, and that of the first which the user does not want is not."""
    spec = lab.torrent(piece_length=BLOCK, files=[("wanted", 8 * BLOCK), ("skipped", 8 * BLOCK)])
    client, giver = lab.engine("client"), lab.peer("giver", spec)
    t = client.add(spec, paused=True)
    t.set_file_priority("*skipped", 0)
    t.set_piece_priority(3, 0)
    t.set_piece_priority(12, 7)
    t.resume()
    wanted = {0, 1, 2, 4, 5, 6, 7, 12}
    t.connect(giver)
    lab.until(lambda: t.state == "seeding", within=20)
    if cause == "recheck":
        t.recheck()
    else:
        path = t.save_path / t.metainfo.files[0].path
        client.stop()
        client.disk.corrupt(path, 0, b"\0\xff\0")
        client.start()
        lab.until(lambda: client.torrent(spec) is not None, within=2)
        t = client.torrent(spec)
        t.connect(giver)
    lab.run_for(20)
    assert t.state == "seeding"
    assert {piece for piece in range(16) if t.piece(piece).state == "complete"} == wanted
    assert [file.priority for file in t.files()] == [4, 0]
