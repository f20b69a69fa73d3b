"""Each planted bug is found by the oracle that is there for it; and nothing of the plants is in what is shipped.

The module of the target `planted` is another _core, so a Python of its own runs the cases (`make plants` builds it).
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jstorrent import _core

from tests.plants.cases import CASES
from tests.plants.defences import listed_plants

ROOT = Path(__file__).resolve().parents[2]
PLANTED = sorted(ROOT.glob("build/*/planted/jstorrent/_core*.so"), key=lambda path: path.stat().st_mtime)
LISTED = listed_plants()


@pytest.fixture(scope="session")
def outcomes() -> dict[str, Any]:
    if not PLANTED:
        pytest.skip("the target `planted` is not built: make plants")
    found: dict[str, Any] = {}
    environment = {**os.environ, "PYTHONPATH": f"{PLANTED[-1].parent.parent}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.plants.run"], env=environment, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["found"]
    return found


def test_every_case_has_a_plant() -> None:
    assert set(CASES) <= set(LISTED)


def test_nothing_of_the_plants_is_in_what_is_shipped() -> None:
    assert not hasattr(_core.lab, "plant")
    shipped = Path(_core.__file__).read_bytes()
    assert [name for name, what in LISTED.items() if what.encode() in shipped] == []
    if PLANTED:
        planted = PLANTED[-1].read_bytes()
        assert all(what.encode() in planted for what in LISTED.values()), "what the look above would find"


@pytest.mark.xdist_group("plants")
@pytest.mark.parametrize("name", sorted(CASES))
def test_the_oracle_finds_the_bug_and_nothing_else(name: str, outcomes: dict[str, Any]) -> None:
    _, oracles = CASES[name]
    assert outcomes[name]["clean"] == [None, ""], "without the bug all is well"
    oracle, said = outcomes[name]["planted"]
    assert oracle in oracles, said or "nobody noticed"
