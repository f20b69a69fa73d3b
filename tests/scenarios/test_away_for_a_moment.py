"""A file that is away for a moment, and back, or another in its place, before anybody looks again: it is not believed."""

import os
from pathlib import Path

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Spec, phases

from tests.scenarios.s0 import BLOCK, back


@pytest.mark.parametrize("skipped", [False, True])
@pytest.mark.parametrize("nth", range(1, 21))
def test_an_open_that_finds_nothing_once_is_no_promise(lab: Lab, nth: int, skipped: bool) -> None:
    """Whichever open it is, of the files or of the part file: the oracle compares what is said to be complete with the disk."""
    spec = lab.torrent(piece_length=65536, files=[("a", 100_000), ("b", 100_000), ("c", 100_000)])
    client, seed = lab.engine("client"), lab.engine("seed")
    seed.add(spec, have="all")
    t = client.add(spec, peers=[seed])
    if skipped:
        t.set_file_priority(1, 0)
    fault = client.disk.fail(error="ENOENT", nth=nth, op="open")
    lab.run_for(6)
    client.crash(mode="metadata-first")
    lab.run_for(9)
    phases.recover(lab, [seed], [fault])
    phases.finish(lab, within=1000)


def half_of_two_files(lab: Lab, pieces: range) -> tuple[Engine, Spec, jst.Torrent, Path]:
    """A client that has these pieces, the first file, and saves when it is told to."""
    spec = lab.torrent(piece_length=BLOCK, files=[("a", 8 * BLOCK), ("b", 8 * BLOCK)])
    client = lab.engine("client", save_interval=3600.0)
    t = client.add(spec, peers=[lab.peer("first", spec, have=pieces)])
    lab.until(lambda: t.status().pieces_complete == len(pieces), within=20)
    assert t.metainfo is not None
    return client, spec, t, t.save_path / t.metainfo.files[0].path


def saved(lab: Lab, client: Engine) -> None:
    client.session.save()
    lab.run_for(0.2)


def gets(lab: Lab, spec: Spec, t: jst.Torrent, pieces: range) -> None:
    before = t.status().pieces_complete
    t.connect(lab.peer("more", spec, have=pieces))
    lab.until(lambda: t.status().pieces_complete == before + len(pieces), within=20)


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("size", [0, 8])
def test_what_others_put_in_the_place_of_a_file_is_not_believed_when_more_was_written(
    lab: Lab, size: int, durable: bool
) -> None:
    """Its sync succeeds then, and so does that of whatever lies there."""
    first = 8 if durable else 7
    client, spec, t, path = half_of_two_files(lab, range(first))
    if durable:
        saved(lab, client)
    client.disk.delete(path)
    saved(lab, client)
    client.disk.write(path, 0, b"\x55" * size * BLOCK)
    gets(lab, spec, t, range(first, 12))
    for _ in range(2):
        saved(lab, client)
    client.stop()
    t = back(lab, client, spec)
    there = {piece for piece in range(16) if t.piece(piece).state == "complete"}
    assert {8, 9, 10, 11} <= there <= {*range(first, 12)}


@pytest.mark.lanes("real")
def test_a_file_that_comes_back_as_it_was_is_believed_without_a_look_into_it(lab: Lab) -> None:
    client, spec, t, path = half_of_two_files(lab, range(8))
    saved(lab, client)
    path.rename(path.with_name("elsewhere"))
    t.set_sequential(True)
    saved(lab, client)
    path.with_name("elsewhere").rename(path)
    t.set_sequential(False)
    saved(lab, client)
    client.stop()
    times, content = path.stat(), path.read_bytes()
    path.write_bytes(bytes(len(content)))  # who looks into it finds nothing
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert back(lab, client, spec).status().pieces_complete == 8
    path.write_bytes(content)
