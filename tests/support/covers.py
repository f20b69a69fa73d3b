"""The map of tests/scenarios, held against the run itself.

tests/scenarios/README.md has a row for each promise: `| S0-1.1 | test | lanes |`. After a whole run of tests/scenarios each
row's test must have been collected, run and passed in each lane that the row claims, and each test that says what it covers
must have its row. `pytest tests/scenarios --write-map` writes the rows from such a run.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.support.sanitizers import UNDER_A_SANITIZER

ROOT = Path(__file__).resolve().parents[2]
HERE = "tests/scenarios"
MAP = ROOT / HERE / "README.md"
BEGIN, END = "<!-- map: written by `pytest tests/scenarios --write-map` -->", "<!-- end of map -->"
LANES = ("sim", "real")
Row = tuple[str, str]  # requirement, test without its parameters
Lanes = dict[Row, set[str]]


def name_of(nodeid: str) -> str:
    """`file.py::test` of a test's id, without parameters."""
    return nodeid.split("[", 1)[0].removeprefix(f"{HERE}/")


def lane_of(nodeid: str) -> str:
    """The lane that stands in a test's id; without one it is the simulated one."""
    found = re.search(r"[\[-](sim|real)\]", nodeid)
    return found[1] if found else "sim"


def read_map(text: str) -> Lanes:
    """The rows of the page."""
    rows: Lanes = {}
    for line in text.partition(BEGIN)[2].partition(END)[0].splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        if len(cells) == 3 and re.match(r"[A-Z]\d", cells[0]):
            rows[cells[0], cells[1]] = set(cells[2].split(", "))
    return rows


def write_map(passed: Lanes) -> str:
    """The rows of a run."""
    lines = ["| promise | test | lanes |", "|---|---|---|"]
    for (promise, test), lanes in sorted(passed.items(), key=lambda item: (order_of(item[0][0]), item[0][1])):
        lines.append(f"| {promise} | `{test}` | {', '.join(sorted(lanes, key=LANES.index))} |")
    return "\n".join(lines)


def order_of(promise: str) -> tuple[Any, ...]:
    """S0-2.1 before S0-10.1."""
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", promise))


def differences(claimed: Lanes, passed: Lanes, failed: Lanes) -> list[str]:
    """What the page says and the run does not, or the other way round."""
    found = []
    for row, lanes in claimed.items():
        for lane in sorted(lanes):
            if lane in failed.get(row, ()):
                found.append(f"{row[0]}: {row[1]} did not pass in the {lane} lane")
            elif lane not in passed.get(row, ()):
                found.append(f"{row[0]}: {row[1]} was not run in the {lane} lane, or was skipped")
    for row, lanes in passed.items():
        for lane in sorted(lanes - claimed.get(row, set())):
            found.append(f"{row[0]}: {row[1]} covers it in the {lane} lane, but has no such row")
    return sorted(found, key=order_of)


class Collector:
    """Listens to a run, and judges the map when the run was whole."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.passed: Lanes = defaultdict(set)
        self.failed: Lanes = defaultdict(set)

    def is_whole(self) -> bool:
        """All of tests/scenarios was to run, in both lanes."""
        if UNDER_A_SANITIZER:  # which leaves out what measures
            return False
        option = self.config.option
        chosen = option.keyword or option.markexpr or getattr(option, "lf", False) or getattr(option, "lab_lane", "all") != "all"
        args = [Path(str(arg).split("::")[0]) for arg in self.config.args]
        whole = {(ROOT / arg).resolve() for arg in args if "::" not in str(arg)}
        return not chosen and not option.collectonly and bool(whole & {ROOT, ROOT / "tests", ROOT / HERE})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test's end, also one that another process ran."""
        if not report.nodeid.startswith(HERE):
            return
        promises = [value for key, value in report.user_properties if key == "promise"]
        for promise in promises:
            row = promise, name_of(report.nodeid)
            if report.failed:
                self.failed[row].add(lane_of(report.nodeid))
            elif report.when == "call" and report.passed:
                self.passed[row].add(lane_of(report.nodeid))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """A map that is not so fails the run."""
        self.found: list[str] = []
        if not self.is_whole() or exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return
        text = MAP.read_text(encoding="utf-8")
        if self.config.getoption("--write-map"):
            before, rest = text.split(BEGIN)
            rows = write_map({row: lanes - self.failed.get(row, set()) for row, lanes in self.passed.items()})
            MAP.write_text(f"{before}{BEGIN}\n{rows}\n{END}{rest.split(END)[1]}", encoding="utf-8")
            return
        self.found = differences(read_map(text), self.passed, self.failed)
        if self.found and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Says which rows are not so."""
        if getattr(self, "found", None):
            terminalreporter.section("tests/scenarios/README.md is not so", red=True)
            for line in self.found:
                terminalreporter.write_line(line)
            terminalreporter.write_line("(pytest tests/scenarios --write-map writes it from a whole run)")


def pytest_addoption(parser: pytest.Parser) -> None:
    """--write-map."""
    parser.addoption("--write-map", action="store_true", help="write the map of tests/scenarios/README.md from this run")


def pytest_configure(config: pytest.Config) -> None:
    """One collector, in the process that hears of all tests."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Collector(config), "covers-map")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Writes what a test covers into its report, which is what travels between processes."""
    for marker in item.iter_markers("covers"):
        item.user_properties.extend(("promise", str(name)) for name in marker.args)
