"""Real tracker programs in tests: without root a missing one skips; with root it could have been installed, so it fails."""

from __future__ import annotations

import os

import pytest
from jstorrent.lab import LaneLacks
from jstorrent.lab._tracker_programs import PROGRAMS


def needs_tracker(kind: str) -> None:
    try:
        PROGRAMS[kind](60)
    except LaneLacks as lack:
        if os.geteuid() == 0:
            pytest.fail(f"{lack}: run scripts/setup tests", pytrace=False)
        pytest.skip(f"{lack}, and installing it needs root")
