"""A move or a rename that finds a file missing: that is told, and the file is fetched again where it belongs now."""

from __future__ import annotations

from pathlib import Path

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab

from tests.scenarios.s0 import BLOCK, completes


def deed(client: Engine, t: jst.Torrent, how: str) -> Path:
    """Where the file belongs afterwards."""
    if how == "rename":
        t.rename_file(0, "other/name")
        return client.downloads / "other/name"
    t.move(client.disk.root / "elsewhere")
    return client.disk.root / "elsewhere" / t.files()[0].path


@pytest.mark.covers("S0-6.3")
@pytest.mark.parametrize("how", ["rename", "move"])
def test_a_file_that_is_gone_is_told_and_fetched_again(lab: Lab, how: str) -> None:
    spec = lab.torrent(pieces=None, piece_length=BLOCK, files=[("a", 3 * BLOCK), ("b", 2 * BLOCK)])
    client = lab.engine("client")
    t = client.add(spec, have="all", peers=[lab.seeder("good", spec)])
    lab.until(lambda: t.state == "seeding", within=20)
    client.disk.delete(client.path(spec, 0))
    target = deed(client, t, how)
    lab.until(lambda: client.history(jst.TorrentFailed) != [], within=20)
    [failed] = client.history(jst.TorrentFailed)
    assert failed.error.code == "not_found" and len(client.history(jst.FilesMoved)) == 1
    lab.until(lambda: client.disk.exists(target) and t.state == "seeding", within=90)
    completes(lab, client, spec)


def test_a_file_that_was_never_made_is_no_loss(lab: Lab) -> None:
    spec = lab.torrent(pieces=None, piece_length=BLOCK, files=[("a", 3 * BLOCK), ("b", 2 * BLOCK)])
    client = lab.engine("client")
    t = client.add(spec)
    lab.until(lambda: t.state == "stalled", within=60)
    t.rename_file(0, "other")
    lab.until(lambda: client.history(jst.FilesMoved) != [], within=20)
    lab.run_for(20)
    assert client.history(jst.TorrentFailed) == [] and t.error is None
