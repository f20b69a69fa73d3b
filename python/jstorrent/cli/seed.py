"""`jstorrent seed`: serve torrents that are here, or make a torrent of any file or folder and serve that."""

from __future__ import annotations

import json
import os
import time
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

import jstorrent as jst
from jstorrent._urls import usable_tiers
from jstorrent.cli.create import create_with_bar
from jstorrent.cli.display import Display
from jstorrent.cli.exits import Exit
from jstorrent.cli.people import People
from jstorrent.cli.sources import load_metainfo
from jstorrent.cli.units import finite, one_line, parse_size, rate_text, size_text

_TICK = 1.0


def seed(
    paths: Annotated[
        list[Path], typer.Argument(help="Torrent files, or files and folders to make torrents of.", metavar="PATH...")
    ],
    data: Annotated[
        Path | None, typer.Option("--data", "-d", help="Where the files of .torrent files are (default: beside them).")
    ] = None,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Listen on this port.")] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="RATE", parser=parse_size, help="Upload at most this fast, like 2M.")
    ] = None,
    tracker: Annotated[
        list[str] | None, typer.Option("--tracker", metavar="URL", help="A tracker to announce to (repeatable).")
    ] = None,
    ratio: Annotated[
        float | None, typer.Option("--ratio", min=0, callback=finite, help="Stop when this often the size was uploaded.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=0, callback=finite, help="Stop after this long.")
    ] = None,
    trusted: Annotated[
        bool, typer.Option("--trusted", help="Take the files as complete without a first check.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON when ready, one at the end.")] = False,
) -> int:
    """Seed until Ctrl-C. A path that is no .torrent is made one, and its magnet link shown."""
    trackers = usable_tiers(tracker or ())  # before anything is hashed
    sources = [_source(path, data, tracker or [], quiet) for path in paths]
    settings: dict[str, Any] = {
        "listen_port": port,
        "upload_rate_limit": limit,
        "seed_ratio_limit": ratio,
    }
    with Display(quiet=quiet) as display, jst.Session(jst.Settings(**settings)) as session:
        arrivals = [session.events(jst.PeerConnected) for _ in sources]
        torrents = [
            session.add(m, where, paused=True, trusted=trusted or hashed, trackers=trackers) for m, where, hashed in sources
        ]  # until all is known to be there: nothing is made or fetched
        people = {torrent: People(torrent, stream) for torrent, stream in zip(torrents, arrivals, strict=True)}
        bad = _until_checked(torrents, display)
        if bad:
            if as_json:
                _print({"exit": int(bad), "torrents": [t.status().to_dict() for t in torrents]})
            return bad
        for torrent in torrents:
            torrent.resume()
        if as_json:
            _print({"listen_port": session.listen_port, "torrents": [t.status().to_dict() for t in torrents]})
        display.say(f"seeding on port {session.listen_port}, until Ctrl-C")
        try:
            _serve(torrents, people, display, seconds)
        except KeyboardInterrupt:
            _end(session, people, display, as_json)
            return Exit.INTERRUPTED
        _end(session, people, display, as_json)
    return Exit.DONE


def _source(path: Path, data: Path | None, trackers: list[str], quiet: bool) -> tuple[jst.Metainfo, Path, bool]:
    """What to seed, where its files are, and whether they were hashed just now."""
    if path.suffix == ".torrent" and path.is_file():
        return load_metainfo(path), data or path.parent, False
    if not path.exists():
        raise typer.BadParameter(f"there is no '{path}'")
    path = Path(os.path.abspath(path))  # ".." has no name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            metainfo = create_with_bar(path, quiet=quiet, trackers=trackers)
    except UserWarning as warning:  # it would not be found by the torrent's names
        raise typer.BadParameter(str(warning)) from warning
    if not quiet:
        typer.echo(metainfo.magnet(), err=True)
    return metainfo, path.parent, True


def _until_checked(torrents: list[jst.Torrent], display: Display) -> Exit | None:
    for torrent in torrents:
        for status in torrent.watch(interval=_TICK):
            display.show(torrent, status)
            if status.state not in {"checking", "queued"}:
                break
        status = torrent.status()
        if status.state == "error":
            raise torrent.error or jst.Error(status.state, code="internal")
        if status.progress < 1.0:
            display.say(
                f"{one_line(torrent.name)}: only {status.progress:.1%} of it is in {torrent.save_path} "
                "(jstorrent verify names the rest)"
            )
            return Exit.BAD_DATA
    return None


def _serve(
    torrents: list[jst.Torrent], people: dict[jst.Torrent, People], display: Display, seconds: float | None
) -> None:
    end = time.monotonic() + seconds if seconds is not None else None
    while any(t.state == "seeding" for t in torrents):
        left = _TICK if end is None else min(_TICK, end - time.monotonic())
        if left <= 0:
            return
        try:
            torrents[0].wait("stopped", left)
        except jst.TimeoutError:
            pass
        except jst.RemovedError:
            return
        for torrent in torrents:
            for news in people[torrent].look():
                display.say(news)
            display.show(torrent, torrent.status())


def _end(session: jst.Session, people: dict[jst.Torrent, People], display: Display, as_json: bool) -> None:
    status = session.status()
    display.say(f"uploaded {size_text(status.counters.payload_sent)}, last {rate_text(status.upload_rate)}")
    if as_json:
        met = [{"info_hash": torrent.to_dict(), **seen.report()} for torrent, seen in people.items()]
        _print({"payload_sent": status.counters.payload_sent, "torrents": met})


def _print(values: dict[str, Any]) -> None:
    print(json.dumps(values), flush=True)
