"""Two torrents of one session whose files have the same names: neither spoils what the other has."""

from __future__ import annotations

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Spec

from tests.scenarios.s0 import BLOCK, completes

FILES = [("a", 3 * BLOCK), ("b", 5 * BLOCK)]


def album(lab: Lab, files: list[tuple[str, int]] = FILES) -> Spec:
    """What is in a file depends on what comes before it."""
    return lab.torrent(pieces=None, piece_length=BLOCK, files=files, name="album")


def is_refused(lab: Lab, client: Engine, spec: Spec) -> jst.Torrent:
    t = client.torrent(spec)
    assert t is not None
    lab.until(lambda: t.state == "error", within=20)
    assert isinstance(t.error, jst.DiskError) and t.error.code == "exists" and str(t.error.filename).endswith("album/b")
    return t


def two(lab: Lab, when: str = "later") -> tuple[Engine, Spec, Spec, jst.Torrent]:
    """The second one would write to the files of the first."""
    first, second = album(lab), album(lab, FILES[::-1])
    client = lab.engine("client")
    client.add(first, peers=[lab.seeder("one", first)])
    if when == "later":
        completes(lab, client, first)
    client.add(second, peers=[lab.seeder("two", second)])
    return client, first, second, is_refused(lab, client, second)


@pytest.mark.parametrize("when", ["at once", "later"])
def test_a_torrent_does_not_write_over_the_files_of_another(lab: Lab, when: str) -> None:
    client, first, second, t = two(lab, when)
    completes(lab, client, first)
    t.resume()
    lab.run_for(2)
    is_refused(lab, client, second)
    client.session.save()
    client.restart()
    lab.until(lambda: client.torrent(first) is not None and client.torrent(second) is not None, within=5)
    is_refused(lab, client, second)
    completes(lab, client, first)


def test_a_torrent_that_goes_elsewhere_leaves_the_files_of_another(lab: Lab) -> None:
    client, first, _, t = two(lab)
    t.move(client.disk.root / "elsewhere")
    t.resume()
    lab.until(lambda: t.state == "seeding", within=30)
    assert t.save_path == client.disk.root / "elsewhere"
    completes(lab, client, first)
    client.torrent(first).recheck()  # type: ignore[union-attr]
    lab.run_for(2)
    completes(lab, client, first)


def test_a_torrent_that_is_deleted_leaves_the_files_of_another(lab: Lab) -> None:
    client, first, second, t = two(lab)
    t.remove(delete_files=True)
    lab.until(lambda: client.torrent(second) is None, within=20)
    client.torrent(first).recheck()  # type: ignore[union-attr]
    lab.run_for(2)
    assert completes(lab, client, first).status().counters.payload_received == sum(size for _, size in FILES)
    client.torrent(first).remove(delete_files=True)  # type: ignore[union-attr]
    lab.until(lambda: not client.disk.exists(client.downloads / "album"), within=20)


def test_when_the_first_is_gone_the_second_may_write(lab: Lab) -> None:
    client, first, second, t = two(lab)
    client.torrent(first).remove()  # type: ignore[union-attr]
    lab.until(lambda: client.torrent(first) is None, within=20)
    t.resume()
    completes(lab, client, second)


def test_a_torrent_goes_on_while_a_later_one_of_its_files_is_removed(lab: Lab) -> None:
    client, first, second, t = two(lab)
    completes(lab, client, first)
    t.remove(delete_files=True)
    lab.until(lambda: client.torrent(second) is None, within=20)
    lab.run_for(1)
    told = [event.new for event in client.history(jst.StateChanged) if event.torrent == client.torrent(first)]
    assert told[-1] == "seeding" and "queued" not in told[told.index("seeding") :]


def test_a_torrent_that_was_moved_is_seen_where_it_is(lab: Lab) -> None:
    first, second = album(lab), album(lab, FILES[::-1])
    client = lab.engine("client")
    client.add(first, peers=[lab.seeder("one", first)], save_path=client.disk.root / "before")
    moved = completes(lab, client, first)
    moved.move(client.disk.root / "after")
    lab.until(lambda: moved.save_path == client.disk.root / "after", within=20)
    client.add(second, peers=[lab.seeder("two", second)], save_path=client.disk.root / "after")
    is_refused(lab, client, second)



@pytest.mark.parametrize("magnet", [False, True])
def test_a_torrent_that_was_stopped_before_its_check_keeps_its_place(lab: Lab, magnet: bool) -> None:
    first, second = album(lab), album(lab, FILES[::-1])
    client = lab.engine("client")
    older = client.add(first, peers=[lab.seeder("one", first)], magnet=magnet)
    lab.until(lambda: older.metainfo is not None, within=20)
    older.stop()
    assert older.status().pieces_complete == 0
    client.add(second, peers=[lab.seeder("two", second)])
    is_refused(lab, client, second)


def test_a_torrent_at_the_root_of_the_disk_does_not_write_to_the_records(lab: Lab) -> None:
    client = lab.engine("client")
    spec = lab.torrent(pieces=None, piece_length=BLOCK, files=[("torrents/made-up.jst", BLOCK)], name="state")
    t = client.add(spec, peers=[lab.seeder("one", spec)], save_path="/")
    lab.until(lambda: t.state == "error", within=20)
    assert t.error is not None and t.error.code == "bad_path"
