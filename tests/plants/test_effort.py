"""Twice as much from outside is twice the work inside, not four times: counted, in the module of the target `planted`."""

import json
import os
import subprocess
import sys

import pytest

from tests.plants.effort import CASES
from tests.plants.test_plants import PLANTED, ROOT

SIZES = (2000, 4000)


@pytest.fixture(scope="session")
def efforts() -> dict[str, list[int]]:
    if not PLANTED:
        pytest.skip("the target `planted` is not built: make plants")
    environment = {**os.environ, "PYTHONPATH": f"{PLANTED[-1].parent.parent}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "tests.plants.effort", *map(str, SIZES)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[int]] = json.loads(done.stdout)
    return found


@pytest.mark.xdist_group("efforts")
@pytest.mark.parametrize("name", sorted(CASES))
def test_twice_as_much_is_twice_the_work(name: str, efforts: dict[str, list[int]]) -> None:
    once, twice = efforts[name]
    assert twice < 3 * max(once, SIZES[0]), f"{once} for {SIZES[0]}, {twice} for {SIZES[1]}"
