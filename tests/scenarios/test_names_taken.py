"""Files that others have, or are about to have: a move and a rename never make two of one, and delete nobody's bytes."""

import jstorrent as jst
import pytest
from jstorrent.lab import Lab

from tests.scenarios.s0 import BLOCK, back, completes


@pytest.mark.parametrize("second", ["x", "x/y", "X"])
def test_two_files_do_not_get_one_name_in_the_same_instant(lab: Lab, second: str) -> None:
    spec = lab.torrent(files=[("a", 4 * BLOCK), ("b", 4 * BLOCK)], piece_length=4 * BLOCK)
    client = lab.engine("client")
    t = client.add(spec, peers=[lab.seeder("good", spec)], stopped=True)
    t.rename_file(0, "x")
    with pytest.raises(jst.DiskError):
        t.rename_file(1, second)
    t.rename_file(1, "y")
    t.start()
    lab.until(lambda: t.state == "seeding", within=20)
    assert client.disk.read(client.downloads / "x") == spec.data(0, 4 * BLOCK)
    assert client.disk.read(client.downloads / "y") == spec.data(4 * BLOCK, 4 * BLOCK)


def test_a_rename_that_is_taken_back_in_the_same_instant_changes_nothing(lab: Lab) -> None:
    spec = lab.torrent(pieces=2)
    client = lab.engine("client")
    t = client.add(spec, have="all")
    name = str(t.files()[0].path)
    t.rename_file(0, "x")
    t.rename_file(0, name)
    lab.run_for(2)
    assert str(t.files()[0].path) == name
    completes(lab, client, spec)


@pytest.mark.covers("S0-10.2")
@pytest.mark.parametrize("ours", [False, True])
def test_a_move_that_a_restart_takes_up_deletes_no_source_for_somebody_elses_file(lab: Lab, ours: bool) -> None:
    spec = lab.torrent(pieces=40)
    client = lab.engine("client")
    t = client.add(spec, have="all")
    lab.until(lambda: t.state == "seeding", within=10)
    source, there = client.path(spec, 0), client.disk.root / "elsewhere"
    target = there / source.relative_to(client.downloads)
    truth = client.disk.read(source)
    other = truth if ours else truth[:-1] + bytes([truth[-1] ^ 1])
    client.disk.write(target, 0, other)
    t.move(there)
    client.stop()  # before it has begun
    t = back(lab, client, spec)
    lab.until(lambda: t.state in ("seeding", "error"), within=10)
    assert client.disk.exists(source) is not ours and client.disk.read(target) == other
    if not ours:
        assert t.state == "error" and "exists" in str(t.status().error)
        client.disk.delete(target)
        t.start()
    lab.until(lambda: t.state == "seeding", within=10)
    assert client.disk.read(target) == truth
