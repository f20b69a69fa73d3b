"""A gibibyte from libtorrent and a gibibyte to libtorrent, hash-exact."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import jstorrent as jst
import pytest

from tests.interop import clients
from tests.support.files import digest, write_file

pytestmark = [pytest.mark.big, pytest.mark.xdist_group("interop")]
pytest.importorskip("libtorrent")

SIZE = 1 << 30


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("gibibyte")
    write_file(folder / "data.bin", SIZE, 1)
    yield folder / "data.bin"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def torrent(source: Path) -> Path:
    path = source.with_suffix(".torrent")
    jst.create_torrent(source, piece_length=1 << 20).save(path)
    return path


@pytest.fixture
def to(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "to"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def test_a_gibibyte_comes_from_libtorrent(source: Path, torrent: Path, to: Path) -> None:
    with clients.libtorrent_seed(torrent, source.parent) as address:
        clients.download(jst.Metainfo.load(torrent), to, address, within=240)
    assert digest(to / source.name) == digest(source)


def test_a_gibibyte_goes_to_libtorrent(source: Path, torrent: Path, to: Path) -> None:
    with clients.our_seed(jst.Metainfo.load(torrent), source.parent) as session:
        clients.libtorrent_leech(torrent, to, ("127.0.0.1", session.listen_port), within=240)
    assert digest(to / source.name) == digest(source)
