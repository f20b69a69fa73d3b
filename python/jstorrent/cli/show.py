"""`jstorrent show`: what a .torrent file or a magnet link says."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

import jstorrent as jst
from jstorrent.cli.exits import Exit
from jstorrent.cli.sources import is_magnet, load_metainfo
from jstorrent.cli.units import moment_text, printable, size_text

_FILES_SHOWN = 100


def show(
    source: Annotated[str, typer.Argument(help="A .torrent file or a magnet link.")],
    all_files: Annotated[bool, typer.Option("--all", help=f"Every file, not only the first {_FILES_SHOWN}.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,
) -> int:
    """Show what a torrent holds, without touching the network."""
    if is_magnet(source):
        magnet = jst.Magnet.parse(source)
        if as_json:
            print(json.dumps(magnet.to_dict()))
        else:
            _table(_magnet_facts(magnet))
        return Exit.DONE
    metainfo = load_metainfo(source)
    if as_json:
        print(json.dumps({"magnet": metainfo.magnet(), **metainfo.to_dict()}))
        return Exit.DONE
    _table(_metainfo_facts(metainfo))
    _files(metainfo, None if all_files else _FILES_SHOWN)
    return Exit.DONE


def _magnet_facts(magnet: jst.Magnet) -> dict[str, Any]:
    return {
        "name": magnet.name,
        "info-hash": magnet.info_hash.hex() if magnet.info_hash else None,
        "info-hash v2": magnet.info_hash_v2.hex() if magnet.info_hash_v2 else None,
        "trackers": "\n".join(url for tier in magnet.trackers for url in ([tier] if isinstance(tier, str) else tier)),
        "web seeds": "\n".join(magnet.web_seeds),
        "peers": "\n".join(f"{host}:{port}" for host, port in magnet.peers),
    }


def _metainfo_facts(metainfo: jst.Metainfo) -> dict[str, Any]:
    last = metainfo.piece_size(metainfo.num_pieces - 1) if metainfo.num_pieces else 0
    return {
        "name": metainfo.name,
        "version": metainfo.version,
        "info-hash": metainfo.info_hash.hex() if metainfo.info_hash else None,
        "info-hash v2": metainfo.info_hash_v2.hex() if metainfo.info_hash_v2 else None,
        "size": f"{size_text(metainfo.total_size)} ({metainfo.total_size} bytes) in {len(metainfo.files)} file(s)",
        "pieces": f"{metainfo.num_pieces} of {size_text(metainfo.piece_length)}, the last one {last} bytes",
        "private": "yes" if metainfo.is_private else None,
        "source": metainfo.source,
        "comment": metainfo.comment,
        "created": moment_text(metainfo.created_at),
        "created by": metainfo.created_by,
        "trackers": "\n".join(" ".join(tier) for tier in metainfo.trackers),
        "web seeds": "\n".join(metainfo.web_seeds),
        "magnet": metainfo.magnet(),
    }


def _table(facts: dict[str, Any]) -> None:
    table = Table.grid(padding=(0, 2))
    for label, value in facts.items():
        if value:
            table.add_row(Text(label, style="bold"), Text(printable(str(value)), overflow="fold"))
    Console().print(table)


def _files(metainfo: jst.Metainfo, most: int | None) -> None:
    table = Table.grid(padding=(0, 2))
    files = [f for f in metainfo.files if not f.is_pad]
    for file in files[:most]:
        table.add_row(Text(size_text(file.size), justify="right"), Text(printable(str(file.path)), overflow="fold"))
    console = Console()
    console.print(table)
    if most is not None and len(files) > most:
        console.print(f"... and {len(files) - most} more (--all shows them)", markup=False)
