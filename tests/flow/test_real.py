"""Flow in, flow out over sockets: each shape is seeded and downloaded by our own engine, hash-exact."""

from pathlib import Path

import jstorrent as jst
import pytest

from tests.flow.samples import SHAPES, Shape
from tests.support.files import digests, write_tree

pytestmark = pytest.mark.xdist_group("flow")


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.name)
def test_it_comes_as_it_went(shape: Shape, tmp_path: Path) -> None:
    data, to = tmp_path / "data", tmp_path / "to"
    write_tree(data if shape.is_single else data / "sample", shape.files)
    source = data / (shape.files[0][0] if shape.is_single else "sample")
    metainfo = jst.create_torrent(source, piece_length=shape.piece_length)
    assert metainfo.total_size == shape.total
    with jst.Session(jst.Settings(listen=("127.0.0.1",))) as seeding, jst.Session(jst.Settings(listen=())) as leeching:
        seed = seeding.add(metainfo, data)
        seed.wait("seeding", 60)
        torrent = leeching.add(metainfo, to, peers=[("127.0.0.1", seeding.listen_port)])
        status = torrent.wait_complete(60)
        assert (status.progress, status.pieces_complete) == (1.0, metainfo.num_pieces)
        assert torrent.pieces() == bytes([3]) * metainfo.num_pieces
        counters = torrent.status().counters
    assert counters.payload_verified == counters.payload_received == shape.total
    assert digests(to) == digests(data)
