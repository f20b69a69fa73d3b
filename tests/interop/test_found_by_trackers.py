"""A magnet link and a tracker are enough: real tracker programs, a real libtorrent on the other side, our command line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from jstorrent.lab import Lab, Spec

from tests.interop.clients import WHOLE
from tests.support.processes import Talker
from tests.support.trackers import needs_tracker

pytest.importorskip("libtorrent")
pytestmark = pytest.mark.lanes("real")
PROGRAMS = pytest.mark.parametrize("kind", ["opentracker", "bittorrent-tracker"])
WAYS = pytest.mark.parametrize("way", ["http", "udp"])


def _url(lab: Lab, kind: str, way: str) -> str:
    needs_tracker(kind)
    trk = lab.tracker("trk", kind=kind)
    return str(trk.url if way == "http" else trk.udp_url)


def _many(lab: Lab, *trackers: str) -> Spec:
    """More than one piece of metadata."""
    spec = lab.torrent(pieces=1000, piece_length=16384, trackers=trackers)
    assert len(spec.metainfo.info_bytes) > 16384
    return spec


def _get(link: str, to: Path) -> None:
    """Our command line, as a user starts it."""
    with Talker([sys.executable, "-m", "jstorrent.cli", "get", link, "-o", to, "--timeout", str(WHOLE)]) as child:
        assert child.end(WHOLE) == 0, child.story


def _is_there(spec: Spec, below: Path) -> bool:
    return (below / spec.name).read_bytes() == spec.data(0, spec.total_size)


@PROGRAMS
@WAYS
@pytest.mark.covers("S0-9.1", "S3-18")
def test_get_finds_a_libtorrent_by_a_link_and_a_tracker(lab: Lab, kind: str, way: str, tmp_path: Path) -> None:
    spec = _many(lab, _url(lab, kind, way))
    lab.client("seed", "libtorrent").add(spec, have="all")
    _get(spec.magnet, tmp_path / "out")
    assert _is_there(spec, tmp_path / "out")


@pytest.mark.covers("S0-9.1")
def test_get_finds_a_libtorrent_by_a_link_that_names_it(lab: Lab, tmp_path: Path) -> None:
    spec = _many(lab)
    seed = lab.client("seed", "libtorrent")
    seed.add(spec, have="all")
    _get("{}&x.pe={}:{}".format(spec.magnet, *seed.address), tmp_path / "out")
    assert _is_there(spec, tmp_path / "out")


@PROGRAMS
@WAYS
def test_libtorrent_finds_us_by_a_link_and_a_tracker(lab: Lab, kind: str, way: str) -> None:
    spec = _many(lab, _url(lab, kind, way))
    seed = lab.engine("seed")
    seed.add(spec, have="all")
    other = lab.client("other", "libtorrent")
    other.add(spec, magnet=True)
    lab.until(lambda: other.complete(spec), within=WHOLE, every=0.2)
    assert seed.session.status().counters.payload_sent >= spec.total_size
