"""Runs the wire scenarios against a client, several at a time, each in a world and with a client of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from jstorrent.lab._drivers import DRIVERS, driver_of
from jstorrent.lab._failure import LabFailure, LaneLacks
from jstorrent.lab._foreign import Foreign
from jstorrent.lab._lab import Lab
from jstorrent.lab.wire_scenarios import Failed, Scenario, Skipped, Stage, Stopped, chosen

JOBS = 6
"""Scenarios at a time: most of them wait."""
_SEED = 7

Command = str | Sequence[str]


@dataclass(frozen=True, slots=True)
class Row:
    """How one scenario ended."""

    name: str
    role: str
    says: str
    verdict: str
    """pass, fail or skip."""
    reason: str
    """Why, in words; empty for a pass."""
    seconds: float


def run_scenarios(
    program: Command,
    names: Iterable[str] = (),
    *,
    jobs: int = JOBS,
    seed: int = _SEED,
    patience: float = 1.0,
    told: Callable[[Row], object] = lambda row: None,
) -> list[Row]:
    """A row for each scenario, in their order; `told` hears each as it ends. patience: all time-outs times that. Ctrl-C ends all clients first."""
    scenarios = chosen(names)
    driver_of(program)  # what cannot be run is said once
    stop = threading.Event()
    rows: dict[str, Row] = {}
    with ThreadPoolExecutor(jobs, thread_name_prefix="scenario") as pool:
        waiting: set[Future[Row]] = {pool.submit(_play, one, program, seed, stop, patience) for one in scenarios}
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED)
                for future in done:
                    row = future.result()
                    rows[row.name] = row
                    told(row)
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return [rows[one.name] for one in scenarios]


def _play(one: Scenario, program: Command, seed: int, stop: threading.Event, patience: float) -> Row:
    began = time.monotonic()
    verdict, reason = "pass", ""
    try:
        _on_stage(one, program, seed, stop, patience)
    except Failed as failed:
        verdict, reason = "fail", str(failed)
    except (Skipped, LaneLacks) as skipped:
        verdict, reason = "skip", str(skipped)
    except Stopped:
        verdict, reason = "skip", "interrupted"
    except LabFailure as failure:
        verdict, reason = "fail", str(failure).splitlines()[0]
    return Row(one.name, one.role, one.says, verdict, reason, round(time.monotonic() - began, 2))


def _on_stage(one: Scenario, program: Command, seed: int, stop: threading.Event, patience: float) -> None:
    if stop.is_set():
        raise Stopped
    lab = Lab("real", seed=seed)
    try:
        client = Foreign(lab, "client", program)
        one.play(Stage(lab, client, stop, patience))
    finally:
        lab.close()


def text_table(rows: Sequence[Row]) -> str:
    """For a terminal: a line for each scenario, with the reason of each failure, and a sum."""
    width = max((len(row.name) for row in rows), default=0)
    lines = []
    for row in rows:
        line = f"{row.verdict:4}  {row.name:{width}}  {row.seconds:6.1f} s  "
        lines.append(line + (row.says if row.verdict == "pass" else row.reason))
    count = {verdict: sum(row.verdict == verdict for row in rows) for verdict in ("pass", "fail", "skip")}
    return "\n".join([*lines, f"{count['pass']} passed, {count['fail']} failed, {count['skip']} skipped"])


def markdown_table(columns: Mapping[str, Sequence[Row]]) -> str:
    """A column for each client; the reasons of failures and skips below."""
    clients = list(columns)
    first = next(iter(columns.values()))
    by_name = {client: {row.name: row for row in rows} for client, rows in columns.items()}
    lines = [
        f"| scenario | what must hold | {' | '.join(clients)} |",
        f"|---|---|{'---|' * len(clients)}",
    ]
    for row in first:
        verdicts = [by_name[client][row.name].verdict for client in clients]
        lines.append(f"| `{row.name}` | {row.says} | {' | '.join(verdicts)} |")
    passed = [f"{sum(row.verdict == 'pass' for row in columns[c])}/{len(columns[c])}" for c in clients]
    lines.append(f"| **passed** | | {' | '.join(passed)} |")
    for client in clients:
        told = [row for row in columns[client] if row.verdict != "pass"]
        if told:
            lines += ["", f"**{client}**", ""]
            lines += [f"- `{row.name}` ({row.verdict}): {row.reason}" for row in told]
    return "\n".join(lines)


__all__ = ["DRIVERS", "JOBS", "Row", "markdown_table", "run_scenarios", "text_table"]
