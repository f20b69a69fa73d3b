"""`jstorrent verify`: are the files what the torrent says? Reads only."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

import jstorrent as jst
from jstorrent.cli.display import Display
from jstorrent.cli.exits import Exit
from jstorrent.cli.sources import load_metainfo, root_name
from jstorrent.cli.units import one_line

_COMPLETE = 3
_TICK = 0.25
_SHOWN = 20


def verify(
    torrent: Annotated[Path, typer.Argument(help="The .torrent file.")],
    path: Annotated[Path, typer.Argument(help="The folder that holds the files, or the file or folder itself.")],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the exit code.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,
) -> int:
    """Hash the files and compare. Exit code 6 and a list of what is wrong when they differ."""
    metainfo = load_metainfo(torrent)
    if not path.exists():
        raise typer.BadParameter(f"there is no '{path}'")
    where = _save_path(metainfo, Path(os.path.abspath(path)))
    with Display(quiet=quiet or as_json) as display, jst.Session(jst.Settings(listen=())) as session:
        checked = session.add(metainfo.replace(trackers=(), web_seeds=()), where, paused=True)
        for status in checked.watch(interval=_TICK):
            display.show(checked, status)
            if status.state not in {"checking", "queued"}:
                break
        if checked.state == "error":
            raise checked.error or jst.Error("the check failed", code="internal")
        pieces = checked.pieces()
    bad = [i for i, state in enumerate(pieces) if state != _COMPLETE]
    files = _bad_files(metainfo, where, set(bad))
    if as_json:
        print(
            json.dumps(
                {
                    "pieces": len(pieces),
                    "bad_pieces": bad,
                    "bad_files": files,
                    "exit": int(Exit.BAD_DATA if bad or files else 0),
                }
            )
        )
    elif not quiet:
        _say(metainfo, bad, files)
    return Exit.BAD_DATA if bad or files else Exit.DONE


def _save_path(metainfo: jst.Metainfo, path: Path) -> Path:
    """The folder that the torrent's own name lies in, whether that or the named thing itself was given."""
    name = root_name(metainfo)
    if path.is_dir() and (path / name).exists():
        return path
    if path.name != name and not path.is_dir():
        raise typer.BadParameter(f"'{path}' is no folder, and in the torrent the name is '{one_line(name)}'")
    return path.parent if path.name == name else path


def _bad_files(metainfo: jst.Metainfo, where: Path, bad: set[int]) -> dict[str, str]:
    """Path -> what is wrong with it."""
    found = {}
    for file in metainfo.files:
        if file.is_pad or file.symlink_target is not None:
            continue
        here = where / file.path
        link = next((step for step in _steps(where, file.path) if step.is_symlink()), None)
        if link is not None:
            found[str(file.path)] = f"{link} is a symbolic link, which is not followed"
        elif not here.is_file():
            found[str(file.path)] = "missing"
        elif here.stat().st_size != file.size:
            found[str(file.path)] = f"{here.stat().st_size} bytes instead of {file.size}"
        elif not bad.isdisjoint(file.pieces):
            count = sum(1 for i in file.pieces if i in bad)
            found[str(file.path)] = f"{count} of {len(file.pieces)} pieces differ"
    return found


def _steps(where: Path, below: Path) -> Iterator[Path]:
    """All that the torrent names on the way to a file, and the file."""
    for count in range(len(below.parts)):
        yield where.joinpath(*below.parts[: count + 1])


def _say(metainfo: jst.Metainfo, bad: list[int], files: dict[str, str]) -> None:
    if not bad and not files:
        print(f"{one_line(metainfo.name)}: all {metainfo.num_pieces} pieces are right")
        return
    print(f"{one_line(metainfo.name)}: {len(bad)} of {metainfo.num_pieces} pieces are wrong or missing")
    if bad:
        print(
            "pieces:",
            " ".join(map(str, bad[:_SHOWN])),
            f"... and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else "",
        )
    for name, what in list(files.items())[:_SHOWN]:
        print(f"{name}: {what}")
    if len(files) > _SHOWN:
        print(f"... and {len(files) - _SHOWN} more files")
