"""The scenario of the README, in a folder of its own with nothing but the installed package: both lanes, and plain Python."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import jstorrent
import pytest

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SCENARIO = next(
    source
    for source in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    if "lanes(" in source
)


def installed(site: Path) -> Path:
    """What a wheel holds, as pyproject says: its packages, among them the module as it is built, and its entry points."""
    packages = [ROOT / package for package in PROJECT["tool"]["scikit-build"]["wheel"]["packages"]]
    built = Path(jstorrent.__file__).absolute().parent  # the tree's own, a sanitizer's, or an installed one
    for package in packages:
        (site / package.name).symlink_to(built if package.name == "jstorrent" else package)
    about = site / f"jstorrent-{PROJECT['project']['version']}.dist-info"
    about.mkdir()
    version = PROJECT["project"]["version"]
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: jstorrent\nVersion: {version}\n")
    groups = PROJECT["project"]["entry-points"].items()
    lines = [line for group, found in groups for line in (f"[{group}]", *(f"{k} = {v}" for k, v in found.items()))]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n")
    # Where the interpreter has the tree itself on its path (.pth), it must not help.
    tree = [str(ROOT), str(ROOT / "python")]
    (site / "sitecustomize.py").write_text(f"import sys\nsys.path[:] = [p for p in sys.path if p not in {tree}]\n")
    return site


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder with the scenario in it, and next to it a place that things are installed to."""
    (tmp_path / "site").mkdir()
    installed(tmp_path / "site")
    place = tmp_path / "folder"
    place.mkdir()
    (place / "test_liar.py").write_text(SCENARIO)
    return place


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "JST"))}
    environment["PYTHONPATH"] = str(folder.parent / "site")
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def test_it_has_ten_lines() -> None:
    test = SCENARIO.split("@pytest")[1].split("\n\n")[0]
    assert len(test.splitlines()) == 10


def test_it_passes_in_both_lanes(folder: Path) -> None:
    ran = run(folder, "-m", "pytest", "-v", "-p", "no:cacheprovider", "test_liar.py")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert set(re.findall(r"\[(\w+)\] PASSED", ran.stdout)) == {"sim", "real"}, ran.stdout


def test_it_runs_without_pytest_twice_the_same(folder: Path) -> None:
    first, again = (run(folder, "test_liar.py") for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert re.fullmatch(r"complete after [\d.]+ virtual seconds, fingerprint [0-9a-f]{16}\n", first.stdout)
    assert first.stdout == again.stdout


def test_nothing_of_the_tree_is_on_its_path(folder: Path) -> None:
    found = run(folder, "-c", "import jstorrent.lab, mock_peer; import tests")
    assert found.returncode == 1
    assert "No module named 'tests'" in found.stderr


def test_the_shell_of_the_mock_peer_comes_along(folder: Path) -> None:
    shown = run(folder, "-m", "mock_peer", "--help")
    assert shown.returncode == 0, shown.stderr
    assert "--made-up" in shown.stdout
