"""Every snippet of docs/lab.md runs."""

import re
import runpy
from pathlib import Path

import pytest
from jstorrent.lab import Lab

SNIPPETS = re.findall(r"```python\n(.*?)```", (Path(__file__).parents[3] / "docs/lab.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_a_snippet_runs(number: int, tmp_path: Path) -> None:
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPETS[number])
    names = runpy.run_path(str(snippet), {"Lab": Lab})
    test = names.get("test_a_download")
    if callable(test):
        with Lab(seed=1) as lab:
            test(lab)
