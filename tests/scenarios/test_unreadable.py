"""Pieces that the disk does not give back: so many are fetched again, one after the other, and with one more it is the disk."""

import jstorrent as jst
import pytest
from jstorrent.lab import Lab

from tests.scenarios.s0 import BLOCK

MOST = 16


@pytest.mark.parametrize("extra", [0, 1])
def test_one_piece_after_the_other(lab: Lab, extra: int) -> None:
    spec = lab.torrent(pieces=40, piece_length=BLOCK)
    client = lab.engine("client")
    t = client.add(spec, have="all")
    asker = lab.peer("asker", spec, have="none")
    asker.connect(client)
    lab.until(lambda: asker.unchoked, within=30)
    client.disk.fail("read", error="EIO", times=None, path=client.downloads)
    for piece in range(MOST + extra):
        asker.send_request(piece, 0, BLOCK)
        lab.run_for(1)
        assert t.status().pieces_complete == 39 - piece or piece == MOST
    assert [event.error.code for event in client.history(jst.TorrentFailed)] == ["disk_io"] * extra
    assert (t.state == "error") == bool(extra)
