"""`jstorrent create`: make a .torrent of a file or folder."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

import jstorrent as jst
from jstorrent._create import is_excluded
from jstorrent.cli.exits import Exit
from jstorrent.cli.units import new_file, parse_size


def create_with_bar(path: Path, *, quiet: bool = False, trackers: Sequence[str] = (), **how: Any) -> jst.Metainfo:
    """create_torrent() with a progress bar on stderr. What it warns of is the caller's to tell."""
    columns = (
        TextColumn("hashing {task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bars:
        task = bars.add_task(path.name, total=None)
        return jst.create_torrent(
            path, trackers=trackers, progress=lambda done, total: bars.update(task, completed=done, total=total), **how
        )


def _refuse_itself(target: Path, contents: Path, globs: Sequence[str]) -> None:
    """What the torrent is made of is not overwritten by it: neither all of it, nor a file in the folder."""
    if not target.exists():
        return
    written, read = target.resolve(), contents.resolve()
    inside = written.relative_to(read).parts if written.is_relative_to(read) else ()
    if target.samefile(contents) or (inside and not is_excluded(inside, globs)):
        raise typer.BadParameter(f"'{target}' is part of what the torrent is made of: name another file with --output, or --exclude it")


def create(
    path: Annotated[Path, typer.Argument(help="The file or folder.", exists=True)],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", callback=new_file, help="The .torrent file (default: NAME.torrent here)."),
    ] = None,
    tracker: Annotated[
        list[str] | None,
        typer.Option("--tracker", metavar="URL", help="A tracker, each a tier of its own (repeatable)."),
    ] = None,
    web_seed: Annotated[
        list[str] | None, typer.Option("--web-seed", metavar="URL", help="A web seed (repeatable).")
    ] = None,
    piece_length: Annotated[
        int | None, typer.Option("--piece-length", metavar="SIZE", parser=parse_size, help="Like 256Ki or 4Mi (default: by size).")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Instead of the path's own name.")] = None,
    private: Annotated[bool, typer.Option("--private", help="Peers only from the trackers.")] = False,
    source: Annotated[str | None, typer.Option("--source", help="A word that makes it another torrent.")] = None,
    comment: Annotated[str | None, typer.Option("--comment", help="For people.")] = None,
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", metavar="GLOB", help="Files to leave out (repeatable).")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was made as one line of JSON.")] = False,
) -> int:
    """Make a .torrent. The same input gives the same bytes."""
    contents = Path(os.path.abspath(path))
    target = output or Path(f"{name or contents.name}.torrent")
    _refuse_itself(target, contents, exclude or ())
    with warnings.catch_warnings(record=True, category=UserWarning) as told:
        warnings.simplefilter("always", UserWarning)
        metainfo = create_with_bar(
            contents,
            quiet=quiet or as_json,
            trackers=tracker or (),
            web_seeds=web_seed or (),
            piece_length=piece_length,
            name=name,
            private=private,
            source=source,
            comment=comment,
            exclude=exclude or (),
        )
    for warning in told:
        typer.echo(f"warning: {warning.message}", err=True)
    metainfo.save(target)
    if as_json:
        print(json.dumps({"path": str(target), "magnet": metainfo.magnet(), **metainfo.to_dict()}))
    elif not quiet:
        print(target)
        print(metainfo.magnet())
    return Exit.DONE
