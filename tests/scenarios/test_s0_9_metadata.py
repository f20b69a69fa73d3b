"""S0-9: magnet links, with real seeds where there are any, and with peers that die on the way."""

from __future__ import annotations

import jstorrent as jst
import pytest
from jstorrent.lab import Lab, Spec

from tests.scenarios.s0 import completes

BOTH = pytest.mark.lanes("sim", "real")


def named(lab: Lab, files: int = 60) -> Spec:
    """Little data under long names: more than two pieces of metadata."""
    spec = lab.torrent(
        files=[(f"{'n' * 120}/{n:03d}{'x' * 200}/{'y' * 230}", 3000) for n in range(files)], piece_length=16384
    )
    assert len(spec.metainfo.info_bytes) > 2 * 16384
    return spec


@BOTH
@pytest.mark.covers("S0-9.1", "S3-14", "S3-17")
def test_metadata_then_the_whole_download(lab: Lab) -> None:
    spec = named(lab)
    good = lab.seeder("good", spec)
    client = lab.engine("client")
    t = client.add(spec, magnet=True, peers=[good])
    assert t.wait_metadata(60).num_pieces == spec.num_pieces
    t.wait_complete(60)
    completes(lab, client, spec)
    new = [event.new for event in client.history(jst.StateChanged)]
    assert new[0] == "fetching_metadata" and new[-1] == "seeding" and "downloading" in new
    assert len(client.history(jst.MetadataReceived)) == 1


@BOTH
@pytest.mark.covers("S0-9.2", "S1-5")
@pytest.mark.parametrize("how", ["fin", "rst", "blackhole"])
def test_a_peer_that_dies_after_the_first_piece_of_metadata(lab: Lab, how: str) -> None:
    spec = named(lab)
    dying = lab.peer("dying", spec, auto={"claims", "extended"})
    client = lab.engine("client", metadata_request_timeout=3)
    t = client.add(spec, magnet=True, peers=[dying])
    lab.until(lambda: bool(dying.ledger.metadata_requests), within=10)
    dying.send_metadata(0)
    lab.until(lambda: t.status().metadata_progress > 0, within=10)
    dying.disconnect(how)
    t.connect(lab.seeder("good", spec))
    lab.until(lambda: t.metainfo is not None, within=15)
    completes(lab, client, spec)
    assert not client.history(jst.PeerBanned)
