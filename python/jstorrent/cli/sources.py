"""What a command line names: a .torrent file, a magnet link, a bare info-hash."""

from __future__ import annotations

import re
from pathlib import Path

import typer

import jstorrent as jst


def is_file_source(source: str) -> bool:
    """Whether it names a file; a magnet link and a bare hash do not."""
    if is_magnet(source):
        return False
    return Path(source).exists() or not re.fullmatch(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}", source)


def is_magnet(source: str) -> bool:
    """Whether it is a magnet link."""
    return source[:7].lower() == "magnet:"


def root_name(metainfo: jst.Metainfo) -> str:
    """What lies in the save path: the torrent's file or folder, named as the disk has it."""
    return metainfo.files[0].path.parts[0]


def load_metainfo(source: str | Path) -> jst.Metainfo:
    """The .torrent file; a missing or wrong one is the user's error, said with its name."""
    path = Path(source)
    if not path.is_file():
        raise typer.BadParameter(f"there is no file '{path}'")
    try:
        return jst.Metainfo.load(path)
    except jst.ParseError as error:
        raise typer.BadParameter(f"this is no torrent that can be used: {error}") from error
