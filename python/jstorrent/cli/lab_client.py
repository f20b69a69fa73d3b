"""`jstorrent lab client`: the ready-made wire scenarios against anybody's client."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jstorrent.cli.exits import Exit
from jstorrent.cli.units import finite, new_file

if TYPE_CHECKING:
    from jstorrent.lab.wire_runner import Row

_TABLE_HEAD = """# Clients against the wire scenarios

What each client did when hostile peers met it over real sockets. Made by
`jstorrent lab client --table --output {output}`; do not edit. Versions: {versions}.

A scenario is a world with one client, one small torrent and peers with a script (`mock_peer`). A row passes when what it
says held. `skip`: the client cannot be asked, with the reason below the table.
"""


def client(
    command: Annotated[
        list[str] | None,
        typer.Argument(
            help="The client's command, behind --. {torrent} {magnet} {dir}: what, and where to; {host}:{port}: a peer to"
            " dial (else it finds its peers by the torrent's tracker); {host} or {port} alone: where to listen.",
            metavar="-- CMD...",
        ),
    ] = None,
    driver: Annotated[
        list[str] | None,
        typer.Option("--driver", metavar="NAME", help="A known client: aria2c, jstorrent, libtorrent, transmission."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="NAME", help="Only this scenario (repeatable).")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=64, help="Scenarios at a time.")] = 6,
    patience: Annotated[
        float,
        typer.Option("--patience", min=0.01, callback=finite, metavar="FACTOR", help="All time-outs times that."),
    ] = 1.0,
    show: Annotated[bool, typer.Option("--list", help="Show the scenarios and run none.")] = False,
    table: Annotated[
        bool, typer.Option("--table", help="Markdown, a column for each --driver (unless told, all).")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", callback=new_file, help="The file that --table is written to.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON at the end.")] = False,
) -> int:
    """Hostile scenarios against any client over sockets: a table with a reason for each failure."""
    from jstorrent.lab import wire_runner
    from jstorrent.lab.wire_scenarios import chosen

    try:
        scenarios = chosen(only or ())
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong)) from None
    if table and as_json:
        raise typer.BadParameter("--table writes Markdown: without --json")
    if show and as_json:
        print(json.dumps([{"name": one.name, "role": one.role, "says": one.says} for one in scenarios]))
        return Exit.DONE
    if show:
        for one in scenarios:
            print(f"{one.name:28} {one.role:9} {one.says}")
        return Exit.DONE
    if table:
        return _write_table(driver or list(wire_runner.DRIVERS), only or (), jobs, patience, output)
    if bool(command) == bool(driver) or len(driver or ()) > 1:
        raise typer.BadParameter("one --driver NAME, or a command behind --")
    rows = _run(driver[0] if driver else command or [], only or (), jobs, patience)
    if as_json:
        print(json.dumps([dataclasses.asdict(row) for row in rows]))
    else:
        print(wire_runner.text_table(rows))
    return Exit.INTERNAL if any(row.verdict == "fail" for row in rows) else Exit.DONE


def _run(program: str | Sequence[str], only: Sequence[str], jobs: int, patience: float) -> list[Row]:
    from jstorrent.lab.wire_runner import run_scenarios
    from jstorrent.lab.wire_scenarios import chosen

    total, so_far = len(chosen(only)), 0

    def told(row: Any) -> None:
        nonlocal so_far
        so_far += 1
        print(f"[{so_far}/{total}] {row.verdict:4} {row.name} {row.seconds:.1f} s", file=sys.stderr, flush=True)

    try:
        return run_scenarios(program, only, jobs=jobs, patience=patience, told=told)
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong)) from None


def _write_table(drivers: Sequence[str], only: Sequence[str], jobs: int, patience: float, output: Path | None) -> int:
    from jstorrent.lab._drivers import DRIVERS, versions_of
    from jstorrent.lab.wire_runner import markdown_table

    for name in drivers:
        if name not in DRIVERS:
            raise typer.BadParameter(f"no such client: {name!r} (known: {', '.join(sorted(DRIVERS))})")
    columns = {}
    for name in drivers:
        print(name, file=sys.stderr)
        columns[name] = _run(name, only, jobs, patience)
    head = _TABLE_HEAD.format(output=output or "FILE", versions=", ".join(versions_of(drivers)))
    text = f"{head}\n{markdown_table(columns)}\n"
    if output is None:
        print(text, end="")
    else:
        output.write_text(text, encoding="utf-8")
    return Exit.DONE
