"""A small torrent, a seed of it by libtorrent, and commands run as a user runs them."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jstorrent as jst
import pytest

from tests.support.files import write_file
from tests.support.processes import Talker

CLIENT = Path(__file__).parent.parent.parent / "interop" / "libtorrent_client.py"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class Sample:
    source: Path
    torrent: Path
    metainfo: jst.Metainfo


@pytest.fixture
def run() -> Run:
    """Runs `jstorrent ARGUMENTS...` to its end."""

    def to_its_end(*arguments: object, timeout: float = 90) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "jstorrent.cli", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)

    return to_its_end


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    source = tmp_path / "data" / "sample.bin"
    write_file(source, 4_000_001, 1)
    metainfo = jst.create_torrent(source, piece_length=1 << 16)
    torrent = tmp_path / "sample.torrent"
    metainfo.save(torrent)
    return Sample(source, torrent, metainfo)


@pytest.fixture
def libtorrent_seed(sample: Sample) -> Iterator[str]:
    """HOST:PORT of a libtorrent that seeds the sample."""
    pytest.importorskip("libtorrent")
    with Talker([sys.executable, "-W", "ignore", CLIENT, "seed", sample.torrent, sample.source.parent]) as child:
        yield f"127.0.0.1:{child.line_with('^listening ([0-9]+)', 30)[1]}"
