"""Plans as tests: those of a folder are collected and run first, and --lab-replay runs that of a token alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jstorrent.lab._failure import Report
from jstorrent.lab._perform import run
from jstorrent.lab._plan import LONGEST_PLAN, Plan, plan_of, resolve

_FOLDER = "tests/regressions"


class PlanFailure(AssertionError):
    """A plan that failed: what its report says."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.text)
        self.report = report


class PlanItem(pytest.Item):
    """One plan as a test."""

    def __init__(self, *, plan: Plan | None = None, token: str | None = None, **words: Any) -> None:
        super().__init__(**words)
        self._plan, self._token = plan, token

    def runtest(self) -> None:
        """Runs it. What hangs or crashes natively takes the test run along: `jstorrent lab run --isolate` does not."""
        plan = self._plan
        if plan is None:
            plan = resolve(self._token) if self._token is not None else _read(self.path)
        report = run(plan)
        if not report.ok:
            raise PlanFailure(report)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The report, and the line that runs it again."""
        if isinstance(excinfo.value, PlanFailure):
            report = excinfo.value.report
            return f"{report.text}\njstorrent lab replay {report.token}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where it stands."""
        return self.path, None, self.name


class PlanFile(pytest.File):
    """A file with a plan."""

    def collect(self) -> Iterator[PlanItem]:
        """One test."""
        yield PlanItem.from_parent(self, name="plan[sim]")


def _read(path: Path) -> Plan:
    with open(path, encoding="utf-8") as file:
        return Plan.from_json(file.read(LONGEST_PLAN + 1))


def add_options(parser: pytest.Parser) -> None:
    """The ini option of the folder."""
    parser.addini("lab_regressions", f"the folder of plans that are run as tests ({_FOLDER})", default=_FOLDER)


def collect_plan(path: Path, parent: pytest.Collector) -> PlanFile | None:
    """A plan, if the file is one of the folder's."""
    folder = parent.config.rootpath / str(parent.config.getini("lab_regressions"))
    if path.suffix != ".json" or not path.is_relative_to(folder) or parent.config.getoption("--lab-lane") == "real":
        return None
    return PlanFile.from_parent(parent, path=path)


def check_token(config: pytest.Config) -> None:
    """That of --lab-replay is one, or the command was wrong."""
    token = config.getoption("--lab-replay")
    if token:
        try:
            plan_of(token)
        except ValueError as error:
            raise pytest.UsageError(str(error)) from None


def reorder(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Plans first; with --lab-replay, that one alone."""
    token = session.config.getoption("--lab-replay")
    if token:
        items[:] = [PlanItem.from_parent(session, name="lab-replay[sim]", token=token)]
        return
    items.sort(key=lambda item: not isinstance(item, PlanItem))
