"""When the space of files is taken: as bytes come, with the first byte of a large file, or all at the start."""

import pytest
from jstorrent.lab import Lab

from tests.scenarios.s0 import completes

BOTH = pytest.mark.lanes("sim", "real")
BLOCK = 16384
FILES = [("a", 3 * BLOCK), ("skipped", 40 * BLOCK), ("empty", 0), ("d/large", 128 * BLOCK)]


@BOTH
@pytest.mark.parametrize("how", ["sparse", "by-file", "full"])
def test_what_is_on_disk_after_the_first_piece(lab: Lab, how: str) -> None:
    spec = lab.torrent(files=FILES, piece_length=4 * BLOCK)
    client = lab.engine("client", allocation=how)
    t = client.add(spec, priorities={"*skipped": 0})
    lab.until(lambda: t.state in ("downloading", "stalled"), within=10)
    lab.until(lambda: client.session.status().disk_operations == 0, within=5)
    a, skipped, empty, large = (client.path(spec, n) for n in range(4))
    assert client.disk.exists(empty) and not client.disk.exists(skipped)
    if how == "full":
        assert (client.disk.size(a), client.disk.size(large)) == (3 * BLOCK, 128 * BLOCK)
    else:
        assert not client.disk.exists(a) and not client.disk.exists(large)
    last = spec.num_pieces - 1
    good = lab.peer("good", spec, have=[20])
    t.connect(good)
    t.wait_piece(20, 20)
    assert last > 20
    assert client.disk.size(large) == {"sparse": (20 * 4 - 43 + 4) * BLOCK, "by-file": 128 * BLOCK, "full": 128 * BLOCK}[how]
    t.set_file_priority(1, 4)
    if how == "full":
        lab.until(lambda: client.disk.exists(skipped) and client.disk.size(skipped) == 40 * BLOCK, within=5)
    t.connect(lab.seeder("rest", spec))
    completes(lab, client, spec)


def test_no_room_for_all_is_an_error_of_the_disk_before_any_block(lab: Lab) -> None:
    spec = lab.torrent(files=[("a", 4 * BLOCK), ("b", 64 * BLOCK)], piece_length=4 * BLOCK)
    client = lab.engine("client", allocation="full")
    files = client.path(spec, 0).parent
    client.disk.quota(32 * BLOCK, under=files)
    t = client.add(spec, peers=[lab.seeder("good", spec)])
    lab.until(lambda: t.state == "error", within=10)
    assert "disk" in t.error_message and str(client.path(spec, 1)) in t.error_message
    assert t.error is not None and t.error.code == "disk_full"
    client.disk.quota(None, under=files)
    t.start()
    completes(lab, client, spec)


def test_room_counts_for_wanted_files_only(lab: Lab) -> None:
    spec = lab.torrent(files=[("a", 4 * BLOCK), ("b", 64 * BLOCK)], piece_length=4 * BLOCK)
    client = lab.engine("client", allocation="full")
    client.disk.quota(32 * BLOCK, under=client.path(spec, 0).parent)
    t = client.add(spec, peers=[lab.seeder("good", spec)], priorities={1: 0})
    t.wait_complete(20)
    t.set_file_priority(1, 4)
    lab.until(lambda: t.state == "error", within=10)
    assert t.error is not None and t.error.code == "disk_full"


def test_the_setting_may_change_while_it_runs(lab: Lab) -> None:
    spec = lab.torrent(files=[("a", 4 * BLOCK), ("b", 64 * BLOCK)], piece_length=4 * BLOCK)
    client = lab.engine("client", allocation="sparse")
    client.add(spec)
    lab.run_for(2)
    assert not client.disk.exists(client.path(spec, 1))
    client.session.configure(allocation="full")
    lab.run_for(2)
    assert client.disk.size(client.path(spec, 1)) == 64 * BLOCK


@BOTH
@pytest.mark.covers("S0-10.2")
def test_an_empty_file_that_is_wanted_later_is_made_then(lab: Lab) -> None:
    spec = lab.torrent(files=[("a", 3 * BLOCK), ("empty", 0)], piece_length=4 * BLOCK)
    client = lab.engine("client")
    t = client.add(spec, peers=[lab.seeder("good", spec)], priorities={1: 0})
    t.wait_complete(20)
    assert not client.disk.exists(client.path(spec, 1))
    t.set_file_priority(1, 4)
    completes(lab, client, spec)
    assert client.disk.exists(client.path(spec, 1))
