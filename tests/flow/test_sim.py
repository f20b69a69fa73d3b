"""Flow in, flow out in a simulated world: the same shapes, the same engine."""

import pytest

from tests.flow.samples import SHAPES, Shape

lab_module = pytest.importorskip("jstorrent.lab")


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.name)
def test_it_comes_as_it_went(shape: Shape) -> None:
    with lab_module.Lab(lane="sim", seed=7) as lab:
        if shape.is_single:
            spec = lab.torrent(pieces=None, piece_length=shape.piece_length, files=list(shape.files), name="data.bin")
        else:
            spec = lab.torrent(pieces=None, piece_length=shape.piece_length, files=list(shape.files), name="sample")
        assert spec.total_size == shape.total
        seed = lab.seeder("seed", spec, kind="engine")
        client = lab.engine("client")
        torrent = client.add(spec, peers=[seed])
        lab.until(lambda: torrent.state == "seeding", within=600)
        counters = torrent.status().counters
        assert counters.payload_verified == counters.payload_received == shape.total
        assert client.complete(spec)
