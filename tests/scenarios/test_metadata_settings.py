"""The settings of the metadata of magnet links, each by itself."""

from itertools import pairwise

import pytest
from jstorrent.lab import Behaviour, Lab, Spec


def long_named(lab: Lab) -> Spec:
    """Two to three pieces of metadata."""
    names = [("/".join(f"{n:02d}{part}{'x' * 230}" for part in "abcd"), 100) for n in range(40)]
    return lab.torrent(files=names, pieces=None, piece_length=16384)


@pytest.mark.parametrize("over", [0, 1])
def test_max_metadata_size(lab: Lab, over: int) -> None:
    spec = long_named(lab)
    size = len(spec.metainfo.info_bytes)
    assert size > 2 * 16384
    client = lab.engine("client", max_metadata_size=size - over)
    t = client.add(spec, peers=[lab.peer("peer", spec)], magnet=True)
    lab.run_for(60)
    assert (t.metainfo is not None) == (over == 0)
    assert client.session.status().memory_peak <= client.session.settings.max_memory


@pytest.mark.parametrize("seconds", [3.0, 7.0])
def test_metadata_request_timeout_is_how_long_a_silent_peer_has_and_then_rests(lab: Lab, seconds: float) -> None:
    spec = long_named(lab)
    silent = lab.peer("silent", spec, behave=[Behaviour("metadata", reply="silent")])
    client = lab.engine("client", metadata_request_timeout=seconds)
    t = client.add(spec, peers=[silent], magnet=True)
    lab.run_for(30)
    asked = sorted({round(m.time, 1) for m in silent.ledger.metadata_requests})
    waits = [b - a for a, b in pairwise(asked)]
    assert waits[0] == pytest.approx(2 * seconds, abs=0.3)  # until it is overdue, and as long in peace
    assert all(b > a for a, b in pairwise(waits))
    assert t.state == "fetching_metadata"
    t.connect(lab.peer("honest", spec))
    lab.until(lambda: t.metainfo is not None, within=2 * seconds)
