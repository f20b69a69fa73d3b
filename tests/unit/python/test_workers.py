"""The setting worker_threads: so many threads for slow work, and none before there is any."""

from __future__ import annotations

from pathlib import Path

import jstorrent as jst
import pytest

from tests.support.files import write_file
from tests.support.threads import tasks


@pytest.mark.parametrize("count", [1, 2, 3])
def test_worker_threads(tmp_path: Path, count: int) -> None:
    write_file(tmp_path / "data.bin", 3 << 20, 1)
    metainfo = jst.create_torrent(tmp_path / "data.bin", piece_length=16384)
    before = tasks()
    with jst.Session(jst.Settings(listen=(), worker_threads=count)) as session:
        idle = len(tasks() - before)  # the engine's own, and one that hands out its events
        session.add(metainfo, tmp_path).wait("seeding", 30)
        assert len(tasks() - before) == idle + count
