"""Every snippet of the pages on the laboratory and the mock peer runs; what is a test in it runs in each of its lanes."""

import re
import runpy
from collections.abc import Callable
from pathlib import Path

import pytest
from jstorrent.lab import Lab

from mock_peer.tracker import tracker_table

_ROOT = Path(__file__).parents[3]
PAGES = ("lab.md", "mock-peer.md", "first-scenario.md", "test-your-client.md", "plans.md")
SNIPPETS = [
    (page, number, source)
    for page in PAGES
    for number, source in enumerate(re.findall(r"```python\n(.*?)```", (_ROOT / "docs" / page).read_text(), re.DOTALL))
]
Scenario = Callable[[Lab], None]


def lanes_of(test: Scenario) -> tuple[str, ...]:
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "lanes"]
    return marks[0].args if marks else ("sim",)


@pytest.mark.parametrize("source", [s for _, _, s in SNIPPETS], ids=[f"{page}-{n}" for page, n, _ in SNIPPETS])
def test_a_snippet_runs(source: str, tmp_path: Path) -> None:
    snippet = tmp_path / "snippet.py"
    snippet.write_text(source)
    for name, test in runpy.run_path(str(snippet), {"Lab": Lab}).items():
        if name.startswith("test_"):
            for lane in lanes_of(test):
                with Lab(lane, seed=1) as lab:
                    test(lab)


def test_the_table_of_trackers_is_that_of_the_code() -> None:
    assert tracker_table() in (_ROOT / "docs" / "lab.md").read_text(), "paste what mock_peer.tracker.tracker_table() gives"


def test_links_of_the_pages_lead_somewhere() -> None:
    pages = [*(_ROOT / "docs").glob("*.md"), _ROOT / "README.md", *(_ROOT / "tests").glob("*/README.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())]
    assert len(links) > 20
    assert [(page.name, link) for page, link in links if not (page.parent / link).exists()] == []
