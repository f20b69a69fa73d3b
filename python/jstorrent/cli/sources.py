"""What a command line names: a .torrent file, a magnet link, a bare info-hash."""

from __future__ import annotations

import re
from pathlib import Path

import typer

import jstorrent as jst


def is_file_source(source: str) -> bool:
    """Whether it names a file; a magnet link and a bare hash do not."""
    if source.startswith("magnet:"):
        return False
    return Path(source).exists() or not re.fullmatch(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}", source)


def load_metainfo(source: str | Path) -> jst.Metainfo:
    """The .torrent file; a missing or wrong one is the user's error, said with its name."""
    path = Path(source)
    if not path.is_file():
        raise typer.BadParameter(f"there is no file '{path}'")
    try:
        return jst.Metainfo.load(path)
    except jst.ParseError as error:
        raise typer.BadParameter(
            f"'{path}' is no torrent that can be used: {error} (at byte {error.offset})"
        ) from error
