"""The whole benchmark: workloads by name, clients side by side, a table, lines of JSON, a picture. See docs/performance.md."""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import data, machine, plot, report
from bench.clients import CLIENTS, client_named
from bench.data import Data
from bench.ratios import Ratio, is_void
from bench.rounds import Contestant, Record, contestants, play
from bench.runs import Setting
from bench.tracker import Tracker
from bench.workloads import USUAL, WORKLOADS, Workload

_MIB = 1 << 20
_IN_MEMORY = Path("/dev/shm")
_ROOM = 14  # times the file: a swarm of eleven, and space


_CLIENTS_HELP = (
    f"of {', '.join(CLIENTS)}, and jstorrent@PATH, another tree that is built; the first one is what others are compared with"
)


def _client(name: str) -> str:
    if name not in CLIENTS and not name.startswith("jstorrent@"):
        raise argparse.ArgumentTypeError(f"no such client: {name} ({_CLIENTS_HELP})")
    return name


def _arguments(argv: list[str]) -> argparse.Namespace:
    known = "\n".join(f"  {w.name:16} {w.meaning}" for w in WORKLOADS.values())
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, epilog=f"workloads:\n{known}", formatter_class=argparse.RawDescriptionHelpFormatter
    )  # fmt: skip
    add = parser.add_argument
    add("--workloads", nargs="+", choices=(*WORKLOADS, "all"), default=list(USUAL), metavar="NAME", help="or all")
    add("--clients", nargs="+", type=_client, default=list(CLIENTS), metavar="NAME", help=_CLIENTS_HELP)
    add("--size", type=int, default=1024, metavar="MIB", help="of the file; smaller for a quick look")
    add("--piece", type=int, default=1024, metavar="KIB")
    add("--rounds", type=int, default=7, help="and one before them that is thrown away")
    add("--seeder", choices=("fast", "libtorrent", "jstorrent"), default="fast", help="who serves leechers")
    add("--seed", type=int, default=1, help="of the order within rounds")
    add("--folder", type=Path, default=None, help="where files go (the system's temporary folder)")
    add("--pin", action="store_true", help="the client has the last CPU alone, everything else is on the first")
    add("--aa", action="store_true", help="the last client against itself: is the machine quiet enough?")
    add("--json", action="store_true", help="lines of JSON only")
    add("--table", type=Path, metavar="FILE", help=f"puts the tables into FILE between {report.BEGIN} and {report.END}")
    add("--plot", type=Path, metavar="FILE.svg", help="a picture of the ratios")
    options = parser.parse_args(argv)
    if "all" in options.workloads:
        options.workloads = list(WORKLOADS)
    return options


def _present(options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Who is here, and a line for each client."""
    here, lines = [], []
    for name in options.clients:
        client = client_named(name)
        why = client.missing()
        lines.append(f"- {name}: missing ({why})" if why else f"- {name} {client.version()}")
        here += [] if why else [name]
    if options.aa:
        here = [here[-1], here[-1] + "#2"] if here else []
    return here, lines


class _Sources:
    """The data of workloads, made when first needed and shared by those that need the same."""

    def __init__(self, home: Path, options: argparse.Namespace, tracker: Tracker) -> None:
        self._home, self._options, self._tracker = home, options, tracker
        self._made: dict[tuple[int, bool], Data] = {}

    def of(self, workload: Workload) -> Data:
        key = (max(_MIB, int(self._options.size * _MIB * workload.part)), workload.small_files)
        if key not in self._made:
            self._made[key] = data.make(
                self._home, key[0], self._options.piece * 1024, self._tracker.url, small_files=workload.small_files
            )
        return self._made[key]


@contextlib.contextmanager
def _folder_for(workload: Workload, size: int, home: Path) -> Iterator[Path]:
    """In memory where the workload asks for it and there is room."""
    if workload.in_memory and _IN_MEMORY.is_dir() and shutil.disk_usage(_IN_MEMORY).free > _ROOM * size:
        with tempfile.TemporaryDirectory(prefix="jstorrent-bench-", dir=_IN_MEMORY) as name:
            yield Path(name)
    else:
        yield home


def _tell(options: argparse.Namespace, record: Record) -> None:
    if options.json:
        print(json.dumps(record.to_dict()), flush=True)
    else:
        cost = f"CPU {record.outcome.cost.cpu:.2f} s, wall {record.outcome.cost.wall:.2f} s" if record.outcome else ""
        print(f"{record.workload} round {record.round}: {record.contestant}: {record.error or cost}", file=sys.stderr)


def _judge_itself(workload: Workload, records: list[Record], who: list[str]) -> tuple[bool, str]:
    figure = workload.figures[0]
    found = report.compared(records, who[1], who[0], figure)
    if found is None or is_void(found):
        return False, f"VOID: {who[0]} against itself is {found} by {figure.heading}, not 1.00 +- 0.05: the machine is too noisy."
    return True, f"{who[0]} against itself is {found} by {figure.heading}: the machine is quiet enough."


def _ratios(workload: Workload, records: list[Record], who: list[str]) -> dict[str, dict[str, Ratio]]:
    figure = workload.figures[0]
    found = {label: report.compared(records, label, who[0], figure) for label in who}
    return {f"{workload.name}: {figure.heading}": {label: each for label, each in found.items() if each}}


def _finish(options: argparse.Namespace, text: str, bars: dict[str, dict[str, Ratio]]) -> None:
    if not options.json:
        print(text)
    if options.table:
        report.write_between_markers(options.table, text)
    if options.plot:
        plot.write(options.plot, f"Ratio to {options.clients[0]}: less is better", bars)


def main(argv: list[str]) -> int:
    """Runs what the command line asks for; 1 when a file came out wrong, or the machine was too noisy for a verdict."""
    options = _arguments(argv)
    machine.allow_many_files()
    cpu = machine.part() if options.pin else None
    here, versions = _present(options)
    good, bars, all_records = True, {}, []
    with tempfile.TemporaryDirectory(prefix="jstorrent-bench-", dir=options.folder) as name, Tracker() as tracker:
        home, luck = Path(name), random.Random(options.seed)
        lines = [machine.conditions(home) + ".", ""]
        placed = "client and other end on a CPU each" if options.pin else "CPUs shared"
        told = f"{options.rounds} rounds, {options.piece} KiB pieces, leeches from: {options.seeder} seeder, {placed}."
        lines += [told, "", *versions, ""]
        sources = _Sources(home, options, tracker)
        for workload in (WORKLOADS[name] for name in options.workloads):
            who: list[Contestant] = contestants(workload, here)
            if not who:
                lines += [f"**{workload.name}**: none of the clients that are here can do it.", ""]
                continue
            content = sources.of(workload)
            with _folder_for(workload, content.size, home) as folder:
                setting = Setting(content, folder, tracker, options.seeder, cpu)
                records = play(workload, who, setting, options.rounds, luck, lambda record: _tell(options, record))
            labels = [one.label for one in who]
            lines += report.table(workload, records, labels, content.size)
            good = good and all(record.ok for record in records)
            if options.aa and not workload.variants:
                quiet, verdict = _judge_itself(workload, records, labels)
                lines += [verdict, ""]
                good = good and quiet
            bars |= _ratios(workload, records, labels)
            all_records += records
        if all_records:
            lines.append(report.warmth(all_records))
    _finish(options, "\n".join(lines), bars)
    return 0 if good else 1
