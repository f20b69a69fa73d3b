"""Files that another program writes to while the session runs: no record says that they are as they were."""

import jstorrent as jst
import pytest
from jstorrent.lab import Lab

from tests.scenarios.s0 import BLOCK, back, completes


@pytest.mark.covers("S0-6.3")
@pytest.mark.parametrize("saves", [1, 3])
def test_a_file_that_changed_while_it_was_seeded_is_checked_at_the_next_start(lab: Lab, saves: int) -> None:
    spec = lab.torrent(files=[("a", 4 * BLOCK), ("b", 4 * BLOCK)], piece_length=4 * BLOCK)
    client = lab.engine("client")
    t = client.add(spec, peers=[lab.seeder("good", spec)])
    completes(lab, client, spec)
    client.session.save()
    lab.run_for(10)
    client.disk.corrupt(client.path(spec, 0), 100, b"other bytes")
    for number in range(saves):
        t.configure(upload_slots=number + 1)  # there is something to save
        client.session.save()
        lab.run_for(10)
    client.stop()
    assert back(lab, client, spec).status().pieces_complete == 1
    assert client.history(jst.PieceFailed) == []


def test_copies_of_a_move_are_no_change(lab: Lab) -> None:
    spec = lab.torrent(files=[("a", 4 * BLOCK), ("b", 4 * BLOCK)], piece_length=4 * BLOCK)
    client = lab.engine("client")
    t = client.add(spec, have="all")
    lab.until(lambda: t.state == "seeding", within=10)
    client.session.save()
    client.disk.fail("rename", error="EXDEV", times=None, path=client.downloads)
    lab.run_for(10)
    t.move(client.disk.root / "elsewhere")
    lab.until(lambda: client.history(jst.FilesMoved) != [], within=10)
    lab.settle()
    client.stop()
    with lab.gate("disk.read", "observe", path="a") as reads:
        t = back(lab, client, spec)
        assert t.state == "seeding" and not reads.hit
