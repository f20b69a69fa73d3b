"""S0-10: torrents of several files."""

import pytest
from jstorrent.lab import Lab

from tests.scenarios.s0 import completes

BOTH = pytest.mark.lanes("sim", "real")


@BOTH
@pytest.mark.covers("S0-10.1")
def test_pieces_that_span_files(lab: Lab) -> None:
    spec = lab.torrent(files=[("a", 10_000), ("b", 10_000), ("c", 10_000)], piece_length=16_384)
    client = lab.engine("client")
    client.add(spec, peers=[lab.seeder("good", spec)])
    completes(lab, client, spec)


@BOTH
@pytest.mark.covers("S0-10.2")
def test_a_file_that_is_not_wanted(lab: Lab) -> None:
    spec = lab.torrent(files=[("wanted.txt", 100_000), ("unwanted.txt", 100_000)], piece_length=16_384)
    client = lab.engine("client")
    t = client.add(spec, priorities={"*unwanted.txt": 0}, peers=[lab.seeder("good", spec)])
    t.wait_complete(60)
    wanted, unwanted = client.path(spec, 0), client.path(spec, 1)
    assert client.disk.read(wanted) == spec.data(0, 100_000)
    assert not client.disk.exists(unwanted) or client.disk.size(unwanted) <= 100_000
    status = t.status()
    assert (status.wanted_verified, status.progress) == (status.wanted, 1.0)
    assert status.pieces_complete == 7  # those of the wanted file, the one it shares included
    t.set_file_priority(1, 4)
    completes(lab, client, spec)


@BOTH
@pytest.mark.covers("S0-10.3")
@pytest.mark.parametrize("at", [0, 1, 2])
def test_an_empty_file_first_between_and_last(lab: Lab, at: int) -> None:
    files = [("a", 20_000), ("b", 20_000)]
    files.insert(at, ("empty", 0))
    spec = lab.torrent(files=files, piece_length=16_384)
    client = lab.engine("client")
    client.add(spec, peers=[lab.seeder("good", spec)])
    completes(lab, client, spec)
    path = client.path(spec, at)
    assert client.disk.exists(path) and client.disk.size(path) == 0
