"""The notebooks run from the first cell to the last, each in a process of its own, and hold no results."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sanitizers import UNDER_A_SANITIZER

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MOST_SECONDS = 60  # of one core, for a whole notebook


def run(notebook: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.support.notebook", str(notebook)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_draws_in_under_a_minute_of_one_core(notebook: Path) -> None:
    pytest.importorskip("matplotlib", reason="notebooks draw: pip install '.[dev]'")
    ran = run(notebook)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    took = json.loads(ran.stdout.splitlines()[-1])
    assert took["figures"] == {"attack": 1, "swarm": 3}[notebook.stem]
    assert took["seconds"] < MOST_SECONDS or UNDER_A_SANITIZER


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_results_are_kept_in_a_notebook(notebook: Path) -> None:
    cells = [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert [cell["id"] for cell in cells if cell["outputs"] or cell["execution_count"]] == []


def made_up(path: Path, *sources: str) -> Path:
    cells = [{"cell_type": "code", "id": str(n), "source": source.splitlines(True)} for n, source in enumerate(sources)]
    path.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": ["text"]}, *cells]}))
    return path


def test_cells_share_their_names(tmp_path: Path) -> None:
    ran = run(made_up(tmp_path / "a.ipynb", "a = 1\n", "b = a + 1\n", "print(a + b)\n"))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[0] == "3"


def test_a_cell_that_fails_is_named_with_its_line(tmp_path: Path) -> None:
    ran = run(made_up(tmp_path / "a.ipynb", "a = 1\n", "b = 2\nassert a == b, 'not the same'\n", "print('never')"))
    assert ran.returncode == 1
    assert "a.ipynb, cell 3" in ran.stderr
    assert "assert a == b" in ran.stderr
    assert "AssertionError: not the same" in ran.stderr
    assert "never" not in ran.stdout
