"""Every test of this suite runs in every world."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.harness import WORLDS, World


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(request.param)
    yield made
    made.host.abandon()
