"""`jstorrent lab ...` and `jstorrent bench`."""

from __future__ import annotations

import importlib
import sys
from typing import Annotated

import typer

from jstorrent.cli import lab_client, lab_plans
from jstorrent.cli.exits import Exit

_ANY = {"allow_extra_args": True, "ignore_unknown_options": True}


def register(app: typer.Typer) -> None:
    """Adds `lab` and `bench`."""
    lab = typer.Typer(help="The laboratory: whole swarms in simulation.", no_args_is_help=True)
    for command in (lab_plans.run, lab_plans.replay, lab_plans.keep, lab_plans.soak, lab_client.client):
        lab.command(command.__name__)(command)
    app.add_typer(lab, name="lab")
    app.command("bench", context_settings=_ANY)(bench)


def bench(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Lines of JSON only.")] = False,
) -> int:
    """What transfers cost beside other clients. Lives in the source tree: run it there; `jstorrent bench -- --help` lists its options."""
    try:
        module = importlib.import_module("bench.run")
    except ImportError:
        print(
            "jstorrent: the benchmarks are in the source tree (make bench), not in the installed package",
            file=sys.stderr,
        )
        return Exit.INTERNAL
    return int(module.main([*context.args, *(["--json"] if as_json else [])]))
