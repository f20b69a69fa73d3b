"""A move or a rename that finds files missing: that is told, and they are fetched again. Where nothing is left it fails."""

from __future__ import annotations

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Spec

from tests.scenarios.s0 import BLOCK, completes


def seeding(lab: Lab) -> tuple[Spec, Engine, jst.Torrent]:
    spec = lab.torrent(pieces=None, piece_length=BLOCK, files=[("a", 3 * BLOCK), ("b", 2 * BLOCK)])
    client = lab.engine("client")
    t = client.add(spec, have="all", peers=[lab.seeder("good", spec)])
    lab.until(lambda: t.state == "seeding", within=20)
    return spec, client, t


def tells_of_it(lab: Lab, client: Engine) -> None:
    lab.until(lambda: client.history(jst.TorrentFailed) != [], within=20)
    assert [failed.error.code for failed in client.history(jst.TorrentFailed)] == ["not_found"]


@pytest.mark.covers("S0-6.3")
def test_a_file_that_is_gone_is_fetched_again_where_the_others_went(lab: Lab) -> None:
    spec, client, t = seeding(lab)
    client.disk.delete(client.path(spec, 0))
    t.move(client.disk.root / "elsewhere")
    tells_of_it(lab, client)
    assert len(client.history(jst.FilesMoved)) == 1
    lab.until(lambda: client.disk.exists(client.disk.root / "elsewhere" / t.files()[0].path), within=90)
    lab.until(lambda: t.state == "seeding", within=90)
    completes(lab, client, spec)


@pytest.mark.covers("S0-6.3")
@pytest.mark.parametrize("how", ["rename", "move"])
def test_what_lies_on_a_disk_that_is_gone_stays_where_it_belongs(lab: Lab, how: str) -> None:
    """Else all of it would be fetched once more, to another place."""
    spec, client, t = seeding(lab)
    before = t.save_path, t.files()[0].path
    gone = client.disk.fail("any", error="ENOENT", times=None, path=client.downloads / spec.name)
    if how == "rename":
        t.rename_file(0, "other/name")
    else:
        t.move(client.disk.root / "elsewhere")
    tells_of_it(lab, client)
    assert client.history(jst.FilesMoved) == [] and (t.save_path, t.files()[0].path) == before
    gone.clear()
    lab.until(lambda: t.state == "seeding", within=90)
    assert t.status().counters.payload_received == 0


def test_a_file_that_was_never_made_is_no_loss(lab: Lab) -> None:
    spec = lab.torrent(pieces=None, piece_length=BLOCK, files=[("a", 3 * BLOCK), ("b", 2 * BLOCK)])
    client = lab.engine("client")
    t = client.add(spec)
    lab.until(lambda: t.state == "stalled", within=60)
    t.rename_file(0, "other")
    lab.until(lambda: client.history(jst.FilesMoved) != [], within=20)
    lab.run_for(20)
    assert client.history(jst.TorrentFailed) == [] and t.error is None


def crash_and_lose_the_disk(lab: Lab, how: str, k: int) -> bool | None:
    """None: with a crash after the k-th operation something has moved. Whether the move was written down."""
    spec, client, t = seeding(lab)
    client.session.save()
    before = t.save_path, t.files()[0].path
    lab.gate("disk.done", "crash", nth=k, mode="keep-prefix", node=client)
    if how == "rename":
        target, wish = client.downloads / "other/name", b"other/name"
        t.rename_file(0, "other/name")
    else:
        target, wish = client.disk.root / "elsewhere" / before[1], b"/elsewhere"
        t.move(client.disk.root / "elsewhere")
    lab.until(lambda: not client.running or client.history(jst.FilesMoved) != [], within=20)
    if client.running or client.disk.exists(target):
        return None
    if wish not in client.disk.read(client._state_dir / "torrents" / f"{spec.info_hash.hex()}.jst"):
        return False
    gone = client.disk.fail("any", error="ENOENT", times=None, path=client.downloads / spec.name)
    client.start()
    tells_of_it(lab, client)
    again = client.torrent(spec)
    assert again is not None and client.history(jst.FilesMoved) == []
    assert (again.save_path, again.files()[0].path) == before
    gone.clear()
    lab.until(lambda: again.state == "seeding", within=90)
    assert again.status().counters.payload_received == 0
    return True


@pytest.mark.covers("S0-6.3")
@pytest.mark.parametrize("how", ["rename", "move"])
def test_a_move_that_a_crash_cut_short_does_not_go_on_without_the_disk_of_its_files(how: str) -> None:
    """It was written down and not begun; then the machine comes up without that disk."""
    written_down = 0
    for k in range(1, 60):
        with Lab("sim", seed=k) as lab:
            found = crash_and_lose_the_disk(lab, how, k)
        if found is None:
            break
        written_down += found
    assert written_down > 2
