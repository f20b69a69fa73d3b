"""Each adversarial scenario fails when what it relies on is taken out, and passes when nothing is.

One child process runs them all with the module of the target `planted` (`make plants` builds it).
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.plants.cases import CASES
from tests.plants.defences import DEFENCES, GROUPS, PAGE, ROOT, Defence, listed_plants, with_rows
from tests.plants.test_plants import PLANTED

FILES = sorted({defence.nodeid.partition("::")[0] for defence in DEFENCES})


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if not PLANTED:
        pytest.skip("the target `planted` is not built: make plants")
    out: Path = tmp_path_factory.mktemp("defences") / "out.json"
    tree = str(PLANTED[-1].parent.parent)
    environment = {**os.environ, "JST_MODULE_TREE": tree, "PYTHONPATH": os.pathsep.join([tree, str(ROOT)])}
    options = ["-p", "tests.plants.planting", "--planting", str(out), "-p", "no:cacheprovider", "-p", "no:xdist", "--lab-lane=sim"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, *FILES], env=environment, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert out.exists(), done.stdout + done.stderr
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def test_every_plant_is_used() -> None:
    assert set(listed_plants()) == set(CASES) | {defence.plant for defence in DEFENCES}


def test_the_page_says_so() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_rows(page) == page, "python -m tests.plants.defences writes it"


@pytest.mark.xdist_group("defences")
def test_every_promise_of_these_groups_has_a_row(run: dict[str, Any]) -> None:
    promises = {promise for all_of_one in run["covered"].values() for promise in all_of_one}
    asked = {promise for promise in promises if promise.removeprefix("S0-").partition(".")[0] in GROUPS}
    assert len(asked) >= 26
    assert sorted(asked) == sorted({defence.promise for defence in DEFENCES})


@pytest.mark.xdist_group("defences")
@pytest.mark.parametrize("number", range(len(DEFENCES)), ids=[f"{d.promise}-{d.plant}-{n}" for n, d in enumerate(DEFENCES)])
def test_the_scenario_fails_without_its_defence(number: int, run: dict[str, Any]) -> None:
    defence: Defence = DEFENCES[number]
    assert defence.promise in run["covered"].get(defence.nodeid, ()), "this scenario is about something else"
    clean, planted = run["rows"][number]
    assert clean == "passed", "with the defence in place"
    assert planted.startswith("failed in "), f"nobody missed {defence.plant}: {planted}"
