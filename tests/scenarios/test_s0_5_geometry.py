"""S0-5: sizes of torrents and pieces."""

from typing import Any

import pytest
from jstorrent.lab import Lab

from tests.scenarios.s0 import completes

BOTH = pytest.mark.lanes("sim", "real")

SIZES = [
    pytest.param({"pieces": 3, "piece_length": 262_144, "tail": 1024}, id="513KiB", marks=pytest.mark.covers("S0-5.1")),
    pytest.param({"pieces": 1, "piece_length": 262_144, "tail": 16_384}, id="one-block", marks=pytest.mark.covers("S0-5.2")),
    pytest.param({"pieces": 10, "piece_length": 16_384}, id="ten-blocks", marks=pytest.mark.covers("S0-5.3")),
    pytest.param({"pieces": 4, "piece_length": 4 << 20}, id="16MiB", marks=pytest.mark.covers("S0-5.4")),
    pytest.param({"pieces": 1, "piece_length": 16_384, "tail": 1}, id="one-byte"),
    pytest.param({"pieces": 2, "piece_length": 32_768, "tail": 1}, id="tail-of-one-byte"),
]


@BOTH
@pytest.mark.parametrize("shape", SIZES)
def test_a_torrent_of_this_shape_completes(lab: Lab, shape: dict[str, Any]) -> None:
    spec = lab.torrent(**shape)
    client = lab.engine("client")
    t = client.add(spec, peers=[lab.seeder("good", spec)])
    completes(lab, client, spec)
    assert t.status().counters.payload_verified == spec.total_size


@BOTH
@pytest.mark.covers("S0-5.5")
@pytest.mark.parametrize("sequential", [True, False])
def test_the_first_and_the_last_piece_can_be_waited_for(lab: Lab, sequential: bool) -> None:
    spec = lab.torrent(pieces=40, piece_length=262_144)
    client = lab.engine("client")
    t = client.add(spec, peers=[lab.seeder("good", spec)], sequential=sequential)
    t.wait_piece(0, 60)
    assert t.piece(0).state == "complete"
    t.wait_piece(39, 60)
    assert t.piece(39).state == "complete"
    completes(lab, client, spec)


@pytest.mark.covers("S0-5.5")
def test_a_piece_with_priority_comes_first(lab: Lab) -> None:
    spec = lab.torrent(pieces=40, piece_length=262_144)
    client = lab.engine("client")
    t = client.add(spec, stopped=True)
    t.set_piece_priority(39, 7)
    t.start()
    t.connect(lab.seeder("good", spec))
    t.wait_piece(39, 60)
    assert t.status().pieces_complete <= 4
    completes(lab, client, spec)
