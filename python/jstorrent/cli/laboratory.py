"""`jstorrent lab ...` and `jstorrent bench`: there where their parts are, a clear word where they are not yet."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from jstorrent.cli import lab_client
from jstorrent.cli.exits import Exit

_LAB = {
    "run": "Run one plan and judge it.",
    "soak": "Random plans with random faults, until the time is up.",
    "replay": "Run the plan of a token again.",
    "keep": "Keep the plan of a token as a test.",
}
_ANY = {"allow_extra_args": True, "ignore_unknown_options": True}


def register(app: typer.Typer) -> None:
    """Adds `lab` and `bench`. What jstorrent.lab.cli brings (a typer app named `app`) replaces the placeholders."""
    if importlib.util.find_spec("jstorrent.lab") and importlib.util.find_spec("jstorrent.lab.cli"):
        app.add_typer(importlib.import_module("jstorrent.lab.cli").app, name="lab")
    else:
        lab = typer.Typer(help="The laboratory: whole swarms in simulation.", no_args_is_help=True)
        for name, text in _LAB.items():
            lab.command(name, help=f"{text} (not yet)", context_settings=_ANY)(_not_yet(name))
        lab.command("client")(lab_client.client)
        app.add_typer(lab, name="lab")
    app.command("bench", context_settings=_ANY)(bench)


def _not_yet(name: str) -> Callable[[], int]:
    def command() -> int:
        print(f"jstorrent: `lab {name}` is not there yet in this version", file=sys.stderr)
        return Exit.INTERNAL

    return command


def bench(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Lines of JSON only.")] = False,
) -> int:
    """CPU seconds per GiB beside libtorrent. Lives in the source tree: run it there."""
    try:
        module = importlib.import_module("bench.run")
    except ImportError:
        print(
            "jstorrent: the benchmarks are in the source tree (make bench), not in the installed package",
            file=sys.stderr,
        )
        return Exit.INTERNAL
    return int(module.main([*context.args, *(["--json"] if as_json else [])]))
