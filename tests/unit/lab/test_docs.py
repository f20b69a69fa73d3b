"""Every snippet of the pages on the laboratory and the mock peer runs."""

import re
import runpy
from pathlib import Path

import pytest
from jstorrent.lab import Lab

_DOCS = Path(__file__).parents[3] / "docs"
PAGES = ("lab.md", "mock-peer.md", "test-your-client.md")
SNIPPETS = [found for page in PAGES for found in re.findall(r"```python\n(.*?)```", (_DOCS / page).read_text(), re.DOTALL)]


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_a_snippet_runs(number: int, tmp_path: Path) -> None:
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPETS[number])
    names = runpy.run_path(str(snippet), {"Lab": Lab})
    test = names.get("test_a_download")
    if callable(test):
        with Lab(seed=1) as lab:
            test(lab)
