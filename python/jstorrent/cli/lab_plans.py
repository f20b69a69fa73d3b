"""`jstorrent lab run | replay | keep | soak`: plans of simulated worlds from a shell."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

import jstorrent as jst
from jstorrent.cli.exits import Exit
from jstorrent.cli.units import finite

if TYPE_CHECKING:
    from jstorrent.lab import Plan, Report
    from jstorrent.lab.soak import Soaked

_FOLDER = Path("tests/regressions")
_SHOWN = 12
WhichPlan = Annotated[str, typer.Argument(metavar="PLAN", help="A token, a file of JSON, or - for standard input.")]
Isolate = Annotated[bool, typer.Option("--isolate", help="In a child process: a native crash is a report, too.")]
ShrinkFor = Annotated[
    float,
    typer.Option("--shrink", min=0, callback=finite, metavar="SECONDS", help="So long for the smallest plan that fails so."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One line of JSON at the end.")]


def plan_from(word: str) -> Plan:
    """A plan from a token, or from a file."""
    from jstorrent.lab._plan import LONGEST_PLAN, Plan, resolve

    if not os.path.exists(word):
        word = word.strip()  # a token as it was copied
    if word == "-":
        return Plan.from_json(sys.stdin.read(LONGEST_PLAN + 1))
    if word.startswith("jst") and not os.path.exists(word):  # of a name that is too long: False, where Path raises
        return resolve(word)
    if not os.path.exists(word):
        raise ValueError(f"{word!r} is no file, and a token begins with jst")
    with open(word, encoding="utf-8") as file:
        return Plan.from_json(file.read(LONGEST_PLAN + 1))


def _refusing(call: Callable[[], int]) -> int:
    try:
        return call()
    except ValueError as error:
        raise jst.Error(str(error), code="invalid_argument") from error


def run(plan: WhichPlan, isolate: Isolate = False, shrink: ShrinkFor = 0, as_json: AsJson = False) -> int:
    """Run one plan and judge it. Exits with 6 when it fails."""
    return _refusing(lambda: _run(plan, isolate, shrink, as_json))


def replay(token: WhichPlan, isolate: Isolate = False, shrink: ShrinkFor = 0, as_json: AsJson = False) -> int:
    """Run the plan of a token again. Exits with 6 when it fails."""
    return _refusing(lambda: _run(token, isolate, shrink, as_json))


def _run(word: str, isolate: bool, seconds: float, as_json: bool) -> int:
    from jstorrent.lab import run as run_plan

    plan = plan_from(word)
    report = run_plan(plan, isolate=isolate, dating=seconds <= 0)
    if not report.ok and seconds > 0:
        report = _smallest(plan, report, seconds)
    if as_json:
        print(json.dumps(report.to_dict()))
    else:
        print(report)
        if not report.ok and report.plan is not None:
            print(f"\nas a program:\n{report.plan.to_python()}\nreplay: jstorrent lab replay {report.token}")
    return Exit.DONE if report.ok else Exit.BAD_DATA


def _smallest(plan: Plan, report: Report, seconds: float) -> Report:
    from jstorrent.lab._child import Children, run_in_child
    from jstorrent.lab._shrink import shrink

    with Children() as children:
        made = shrink(plan, children.run, report=report, seconds=seconds)
    print(f"{made.elements} elements left after {made.tried} tries", file=sys.stderr)
    return run_in_child(made.plan, dating=True)


def keep(
    plan: WhichPlan,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Of the file; unless told, by what it finds.")] = None,
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="The folder of such plans.")] = _FOLDER,
    as_json: AsJson = False,
) -> int:
    """Keep a plan as a test: pytest collects the folder and runs it first."""
    return _refusing(lambda: _keep(plan, name, into, as_json))


def _keep(word: str, name: str | None, into: Path, as_json: bool) -> int:
    plan = plan_from(word)
    path = into / f"{_file_name(name) if name else _name_by_finding(plan)}.json"
    if path.exists() and path.read_text(encoding="utf-8") != _text(plan):
        raise ValueError(f"{path} is there already and holds another plan: choose a --name")
    into.mkdir(parents=True, exist_ok=True)
    path.write_text(_text(plan), encoding="utf-8")
    print(json.dumps({"path": str(path)}) if as_json else path)
    return Exit.DONE


def _text(plan: Plan) -> str:
    return plan.to_json(indent=1) + "\n"


def _file_name(name: str) -> str:
    if not re.fullmatch(r"[\w.-]+", name) or name.startswith("."):
        raise ValueError(f"not a name for a file: {name!r}")
    return name.removesuffix(".json")


def _name_by_finding(plan: Plan) -> str:
    from jstorrent.lab import run as run_plan

    report = run_plan(plan, isolate=True)
    digest = hashlib.sha256(plan.to_json().encode()).hexdigest()[:8]
    return f"{report.oracle or 'plan'}-{digest}"


def soak(
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, callback=finite, help="How long.")] = 60,
    seed: Annotated[int, typer.Option("--seed", help="All plans follow from it and their number.")] = 1,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=256, help="Processes.")] = 1,
    first: Annotated[int, typer.Option("--first", min=0, metavar="N", help="The number of the first plan.")] = 0,
    most: Annotated[int | None, typer.Option("--plans", min=1, metavar="N", help="At most so many plans.")] = None,
    each: Annotated[int, typer.Option("--hit-each", min=0, metavar="N", help="Fail unless all that is drawn was hit so often.")] = 0,
    dask: Annotated[str | None, typer.Option("--dask", metavar="ADDRESS", help="On a cluster of Dask; local:2 makes two workers here.")] = None,
    shrink: ShrinkFor = 20,
    as_json: AsJson = False,
) -> int:
    """Random plans with random faults, until the time is up or Ctrl-C. Exits with 6 when there are findings, or --hit-each was missed."""
    end = None if most is None else first + most
    words = {"first": first, "most": end, "shrink_seconds": shrink}
    return _refusing(lambda: _judged(_soak(seconds, seed, jobs, dask, as_json, words), each, as_json))


def _soak(seconds: float, seed: int, jobs: int, dask: str | None, as_json: bool, words: dict[str, Any]) -> Soaked:
    from jstorrent.lab._soak_dask import cluster, soak_on
    from jstorrent.lab.soak import soak as soak_here

    view = _View(quiet=as_json and not sys.stderr.isatty())
    try:
        with view:
            if dask is None:
                return soak_here(seconds, seed, jobs, progress=view.show, **words)
            with cluster(dask) as client:
                return soak_on(client, seconds, seed, progress=view.show, **words)
    except KeyboardInterrupt:
        if view.last is None:
            raise
        _say(view.last, as_json)  # what was found until then is not lost
        print("jstorrent: interrupted", file=sys.stderr)
        raise typer.Exit(Exit.INTERRUPTED) from None


def _say(soaked: Soaked, as_json: bool) -> None:
    if as_json:
        print(json.dumps(soaked.to_dict()))
    else:
        _tell(soaked)


def _judged(soaked: Soaked, each: int, as_json: bool) -> int:
    _say(soaked, as_json)
    seldom = [f"{what} ({times})" for what, times in soaked.expected.items() if times < each]
    if seldom:
        print(f"jstorrent: hit fewer than {each} times: {', '.join(seldom)}", file=sys.stderr)
    if soaked.lost:
        print(f"jstorrent: no worker could finish these numbers: {soaked.lost}", file=sys.stderr)
    return Exit.BAD_DATA if soaked.findings or seldom or soaked.lost else Exit.DONE


def _tell(soaked: Soaked) -> None:
    facts = soaked.to_dict()
    parts = ", ".join(f"{part.removeprefix('ms_')} {facts[part]}" for part in facts if part.startswith("ms_"))
    print(f"{facts['plans']} plans in {facts['seconds']} s: {facts['plans_per_second']} a second, {facts['ms']} ms each ({parts})")
    if facts["again"]:
        print(f"begun more than once, for a worker died: {facts['again']}")
    print(f"excuses: {facts['excuses'] or 'none'}; never hit: {', '.join(facts['never_hit']) or 'nothing'}")
    for cause in facts["causes"]:
        print(f"\n{cause['count']} x {cause['error']}\n{cause['python']}replay: jstorrent lab replay {cause['token']}")


class _View:
    """What a campaign comes to while it runs, on stderr."""

    last: Soaked | None = None

    def __init__(self, quiet: bool) -> None:
        self._live = None if quiet else Live(console=Console(stderr=True), transient=True, refresh_per_second=4)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *reason: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, soaked: Soaked) -> None:
        """The newest figures."""
        self.last = soaked
        if self._live is None:
            return
        table = Table.grid(padding=(0, 2))
        total = soaked.sum
        table.add_row(f"{soaked.seconds:.0f} s", f"{soaked.plans} plans", f"{soaked.plans_per_second:.0f} a second")
        table.add_row(f"{len(total.hits)} things hit", f"{sum(total.excuses.values())} excused", f"{len(soaked.findings)} causes")
        for finding in soaked.findings[:_SHOWN]:
            table.add_row(f"{len(finding.numbers)} x", finding.cause[:100], "")
        self._live.update(table)
