"""SIGKILL at random moments; `python -m tests.interop.kill9` does it 200 times."""

from pathlib import Path

import pytest

from tests.interop.kill9 import run

KILLS = 20


@pytest.mark.covers("S3-23")
@pytest.mark.xdist_group("interop")
def test_a_download_that_is_killed_again_and_again_ends_exact_and_cheap(tmp_path: Path) -> None:
    outcome = run(KILLS, tmp_path)
    assert outcome.kills == KILLS
    assert outcome.exact
    assert outcome.ratio < 1.5
