"""Runs a notebook: `python -m tests.support.notebook swarm.ipynb`.

All code cells run in one namespace, in order. A cell that raises ends it with the traceback, the number of the cell and
exit code 1. Else the last line is JSON: cells, the figures that they drew, and the CPU seconds that they took.
"""

from __future__ import annotations

import json
import linecache
import os
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def code_cells(path: Path) -> Iterator[tuple[int, str]]:
    """Number (as one counts all cells, from 1) and source of each code cell."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    for number, cell in enumerate(cells, 1):
        if cell["cell_type"] == "code":
            source = cell["source"]
            yield number, source if isinstance(source, str) else "".join(source)


def run(path: Path) -> dict[str, Any]:
    """Runs it; what it took. Raises what a cell raises."""
    began = time.process_time()
    names: dict[str, Any] = {"__name__": "__main__"}
    number = 0
    for number, source in code_cells(path):
        place = f"{path.name}, cell {number}"
        linecache.cache[place] = (len(source), None, source.splitlines(keepends=True), place)
        exec(compile(source, place, "exec"), names)  # noqa: S102
    plots = sys.modules.get("matplotlib.pyplot")
    figures = [] if plots is None else [plots.figure(n) for n in plots.get_fignums()]
    for figure in figures:
        figure.canvas.draw()  # what a notebook would show: drawing may fail, too
    return {"cells": number, "figures": len(figures), "seconds": time.process_time() - began}


def main() -> int:
    os.environ["MPLBACKEND"] = "Agg"
    try:
        print(json.dumps(run(Path(sys.argv[1]))))
    except Exception:  # noqa: BLE001
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
