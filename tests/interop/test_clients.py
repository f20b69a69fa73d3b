"""Clients that nobody here wrote, each as a seed for us and as a leecher from us."""

from pathlib import Path

import jstorrent as jst
import pytest

from tests.interop import clients
from tests.support.files import digests, write_tree
from tests.support.namespace import namespace
from tests.support.tracker import HttpTracker

pytestmark = [pytest.mark.xdist_group("interop")]

FILES = [
    ("sample/first.bin", 3_000_000),
    ("sample/empty.bin", 0),
    ("sample/below/second.bin", 5_242_881),
    ("sample/below/third.bin", 1),
]


class Sample:
    """The files, where downloads go, and the torrent of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = write_tree(root / "data", FILES)
        self.to = root / "to"
        self.to.mkdir()
        self.metainfo = jst.create_torrent(self.data / "sample", piece_length=1 << 17)

    def torrent(self, *trackers: str) -> Path:
        path = self.root / "sample.torrent"
        self.metainfo.replace(trackers=trackers).save(path)
        return path

    def check(self, *, makes_empty_files: bool = True) -> None:
        expected = digests(self.data / "sample")
        if not makes_empty_files:
            del expected["empty.bin"]
        assert digests(self.to / "sample") == expected


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    return Sample(tmp_path)


def test_libtorrent_seeds_for_us(sample: Sample) -> None:
    pytest.importorskip("libtorrent")
    with clients.libtorrent_seed(sample.torrent(), sample.data) as address:
        status = clients.download(sample.metainfo, sample.to, address)
    assert status.counters.payload_verified == sample.metainfo.total_size
    sample.check()


def test_libtorrent_leeches_from_us(sample: Sample) -> None:
    pytest.importorskip("libtorrent")
    with clients.our_seed(sample.metainfo, sample.data) as session:
        clients.libtorrent_leech(sample.torrent(), sample.to, ("127.0.0.1", session.listen_port))
        assert session.status().counters.payload_sent >= sample.metainfo.total_size
    sample.check()


def test_aria2_seeds_for_us(sample: Sample) -> None:
    with clients.aria2_seed(sample.torrent(), sample.data) as address:
        clients.download(sample.metainfo, sample.to, address)
    sample.check()


def test_aria2_leeches_from_us(sample: Sample) -> None:
    with (
        clients.our_seed(sample.metainfo, sample.data) as session,
        HttpTracker([("127.0.0.1", session.listen_port)]) as tracker,
    ):
        clients.aria2_leech(sample.torrent(tracker.url), sample.to)
        assert session.status().counters.payload_sent >= sample.metainfo.total_size
    sample.check()


def test_transmission_seeds_for_us(sample: Sample, tmp_path: Path) -> None:
    clients.needs_root("transmission refuses peers on loopback and runs in a network namespace")
    with (
        namespace() as where,
        clients.transmission_seed(sample.torrent(), sample.data, tmp_path / "home", where) as address,
    ):
        clients.download(sample.metainfo, sample.to, address)
    sample.check()


def test_transmission_leeches_from_us(sample: Sample, tmp_path: Path) -> None:
    clients.needs_root("transmission refuses peers on loopback and runs in a network namespace")
    with (
        namespace() as where,
        clients.our_seed(sample.metainfo, sample.data, (where.outside,)) as session,
        HttpTracker([(where.outside, session.listen_port)], where.outside) as tracker,
    ):
        clients.transmission_leech(sample.torrent(tracker.url), sample.to, tmp_path / "home", where)
        assert session.status().counters.payload_sent >= sample.metainfo.total_size
    sample.check(makes_empty_files=False)
