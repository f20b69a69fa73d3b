"""A pytest plugin for a run with the module of the target `planted`: each scenario of defences.py as it is, then with its plant.

`pytest -p tests.plants.planting --planting FILE tests/scenarios/...` writes what came of them as JSON: for each row the outcome
of both runs ("passed", or where and how it failed), and which promise each collected scenario covers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from jstorrent import _core

from tests.plants.defences import DEFENCES


def pytest_addoption(parser: pytest.Parser) -> None:
    """--planting."""
    parser.addoption("--planting", metavar="FILE", required=True, help="where to write what came of each row")


@contextmanager
def planted(plant: str) -> Iterator[None]:
    """The engine has this bug inside."""
    _core.lab.plant(plant)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        _core.lab.plant("none")  # type: ignore[attr-defined]


def outcome(item: pytest.Item, plant: str) -> str:
    """ "passed", or what failed first."""
    with planted(plant):
        reports = runtestprotocol(item, log=False, nextitem=None)
    for report in reports:
        if not report.passed:
            crash = getattr(report.longrepr, "reprcrash", None)
            return f"{report.outcome} in {report.when}: {crash.message.splitlines()[0] if crash else report.longrepr}"
    return "passed"


def pytest_runtestloop(session: pytest.Session) -> bool:
    """In place of pytest's own loop."""
    items = {item.nodeid: item for item in session.items}
    covered = {item.nodeid: [str(p) for m in item.iter_markers("covers") for p in m.args] for item in session.items}
    clean: dict[str, str] = {}
    rows = []
    for defence in DEFENCES:
        item = items.get(defence.nodeid)
        if item is None:
            rows.append(["not collected", "not collected"])
            continue
        if defence.nodeid not in clean:
            clean[defence.nodeid] = outcome(item, "none")
        rows.append([clean[defence.nodeid], outcome(item, defence.plant)])
    found = {"rows": rows, "covered": covered}
    Path(session.config.getoption("--planting")).write_text(json.dumps(found, indent=1), encoding="utf-8")
    return True
