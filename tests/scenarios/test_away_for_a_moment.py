"""A file that is away for a moment, and back, or another in its place, before anybody looks again: it is not believed."""

import os
from collections.abc import Callable
from pathlib import Path

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Spec, phases

from tests.scenarios.s0 import BLOCK, back, until_events


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


def stood_meanwhile(lab: Lab, client: Engine, t: jst.Torrent, change: Callable[[], object]) -> None:
    t.stop()
    lab.run_for(2)
    change()
    t.start()
    lab.run_for(2)


def changes(client: Engine, path: Path) -> dict[str, Callable[[], object]]:
    return {
        "deleted": lambda: client.disk.delete(path),
        "written to": lambda: client.disk.write(path, 3 * BLOCK + 7, b"\x55"),
        "longer": lambda: client.disk.write(path, 9 * BLOCK, b"\x55"),
    }


@pytest.mark.parametrize("change", ["deleted", "written to", "longer"])
@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("first", [6, 8])
def test_what_others_did_to_a_file_while_its_torrent_stood_is_seen_at_the_start(
    lab: Lab, first: int, durable: bool, change: str
) -> None:
    """No word is asked for it, and nothing is fetched that is there."""
    client, spec, t, path = half_of_two_files(lab, range(first))
    if durable:
        saved(lab, client)
    stood_meanwhile(lab, client, t, changes(client, path)[change])
    lost = {"deleted": {*range(first)}, "written to": {3}, "longer": set()}[change]
    assert t.state in ("downloading", "stalled")
    assert {piece for piece in range(16) if t.piece(piece).state == "complete"} == {*range(first)} - lost
    t.connect(lab.peer("more", spec, have="all"))
    lab.until(lambda: t.state == "seeding", within=60)
    assert client.complete(spec) == (change != "longer")
    assert t.status().counters.payload_verified == (16 + len(lost)) * BLOCK


def test_a_seed_that_lost_a_file_while_it_stood_says_so_at_the_start(lab: Lab) -> None:
    client, _spec, t, path = half_of_two_files(lab, range(16))
    stood_meanwhile(lab, client, t, changes(client, path)["deleted"])
    assert t.state != "seeding" and t.status().pieces_complete == 8


@pytest.mark.parametrize("slow", [False, True])
def test_a_torrent_that_stood_looks_at_its_files_and_reads_none_of_them(lab: Lab, slow: bool) -> None:
    """Slow: what we wrote ourselves is not saved yet, and its files are not as they were when it was last."""
    client, _spec, t, _ = half_of_two_files(lab, range(6))
    if slow:
        client.disk.stall(8, op="sync")
    stood_meanwhile(lab, client, t, lambda: None)
    lab.run_for(10)
    states = [event.new for event in client.history(jst.StateChanged)]
    assert "checking" not in states[states.index("stopped") :]
    assert t.state in ("downloading", "stalled") and t.status().pieces_complete == 6


def test_no_file_is_made_in_the_place_of_one_that_was_there(lab: Lab) -> None:
    """It would be believed to hold what the old one held: that it is gone is an error, and then it is fetched again."""
    client, spec, t, path = half_of_two_files(lab, range(6))
    t.stop()
    lab.run_for(0.5)  # its files are closed, and it does not look at them again
    client.disk.delete(path)
    t.start()
    t.connect(lab.peer("more", spec, have="all"))
    failed = until_events(lab, client, jst.TorrentFailed)
    assert str(path) in str(failed[0].error)
    lab.until(lambda: t.state == "seeding", within=60)
    assert client.complete(spec) and t.status().counters.payload_verified == 22 * BLOCK
