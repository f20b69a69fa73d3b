"""S0-8: bounded, whoever comes and whatever is full."""

import jstorrent as jst
import pytest
from jstorrent.lab import Behaviour, Lab

from tests.scenarios.s0 import BLOCK, PLAIN, completes, rescued

BOTH = pytest.mark.lanes("sim", "real")


@BOTH
@pytest.mark.covers("S0-8.1")
def test_peers_that_begin_every_piece_and_finish_none(lab: Lab) -> None:
    """Two-block pieces of which the second half never comes: as many as possible are begun."""
    spec = lab.torrent(pieces=3200, piece_length=2 * BLOCK)
    stallers = [
        lab.peer(f"staller{i}", spec, handshake=PLAIN, behave=[Behaviour("withhold", begin=BLOCK)]) for i in range(4)
    ]
    client = lab.engine("client", max_active_pieces=64, max_memory=8 << 20, request_timeout=5.0)
    t = client.add(spec, peers=stallers)
    active = lab.watch(lambda: t.active_pieces)
    memory = lab.watch(lambda: client.session.status().memory)
    lab.until(lambda: active.max >= 60, within=20)
    lab.run_for(2)
    assert active.max <= 64
    assert memory.max < 8 << 20
    rescued(lab, client, spec, within=120)
    assert active.max <= 64
    assert memory.max < 8 << 20


@BOTH
@pytest.mark.covers("S0-8.2")
def test_a_hundred_peers(lab: Lab) -> None:
    spec = lab.torrent(pieces=100, piece_length=2 * BLOCK)
    crowd = [lab.peer(f"peer{i}", spec, have=[i]) for i in range(100)]
    client = lab.engine("client", max_connections=60)
    t = client.add(spec, peers=crowd)
    peers = lab.watch(lambda: client.session.status().num_peers)
    lab.until(lambda: t.status().pieces_complete >= 55, within=60)
    assert peers.max <= 60
    rescued(lab, client, spec)
    assert peers.max <= 60


@BOTH
@pytest.mark.covers("S0-8.3")
def test_a_full_disk(lab: Lab) -> None:
    spec = lab.torrent(pieces=16, piece_length=4 * BLOCK)
    client = lab.engine("client")
    client.disk.quota(100 * 1024, under=client.downloads)
    t = client.add(spec, peers=[lab.seeder("good", spec)])
    lab.until(lambda: t.state == "error", within=30)
    assert "disk" in t.error_message.lower()
    assert isinstance(t.error, jst.DiskError)
    assert client.session.is_healthy()
    client.disk.quota(None, under=client.downloads)
    t.start()
    completes(lab, client, spec)
