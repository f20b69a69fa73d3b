"""The setting worker_threads: so many threads for slow work, and none before there is any."""

from __future__ import annotations

import os
from pathlib import Path

import jstorrent as jst
import pytest

from tests.support.files import write_file


def threads() -> set[str]:
    return set(os.listdir("/proc/self/task"))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_worker_threads(tmp_path: Path, count: int) -> None:
    write_file(tmp_path / "data.bin", 3 << 20, 1)
    metainfo = jst.create_torrent(tmp_path / "data.bin", piece_length=16384)
    before = threads()
    with jst.Session(jst.Settings(listen=(), worker_threads=count)) as session:
        idle = len(threads() - before)  # the engine's own, and one that hands out its events
        session.add(metainfo, tmp_path).wait("seeding", 30)
        assert len(threads() - before) == idle + count
