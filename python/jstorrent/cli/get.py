"""`jstorrent get`: download, showing how it goes; stopped at any moment, a second run goes on where it was."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

import jstorrent as jst
from jstorrent._urls import usable_tiers
from jstorrent.cli.display import Display
from jstorrent.cli.exits import Exit
from jstorrent.cli.people import People
from jstorrent.cli.sources import is_file_source, is_magnet, load_metainfo, root_name
from jstorrent.cli.units import duration_text, finite, one_line, parse_address, parse_size, rate_text, size_text

_TICK = 0.25  # seconds between two looks

_Timeout = Annotated[
    float | None, typer.Option("--timeout", min=0, callback=finite, metavar="SECONDS", help="Give up after this long.")
]
_NO_BYTE = "Give up after this long without a byte (0: never)."
_Idle = Annotated[float, typer.Option("--patience", min=0, callback=finite, metavar="SECONDS", help=_NO_BYTE)]


@dataclass
class _Patience:
    """How long to go on while nothing comes."""

    whole: float | None
    idle: float
    started: float
    moved: float
    seen: tuple[int, float] = (0, 0.0)
    met_anybody: bool = False

    @classmethod
    def begin(cls, whole: float | None, idle: float) -> _Patience:
        now = time.monotonic()
        return cls(whole, idle, now, now)

    def ended(self, status: jst.TorrentStatus) -> bool:
        """Whether it is time to give up."""
        now = time.monotonic()
        self.met_anybody = self.met_anybody or status.num_peers > 0
        received = (status.counters.payload_received, status.metadata_progress)
        if received != self.seen or status.state in {"checking", "queued"}:
            self.seen, self.moved = received, now
        if self.whole is not None and now - self.started >= self.whole:
            return True
        return self.idle > 0 and now - self.moved >= self.idle


def state_folder(identity: bytes, output: Path) -> Path:
    """Where one download keeps what it knows between two runs: hidden, beside the files, a folder for each torrent."""
    return output / f".jstorrent-{hashlib.sha256(identity).hexdigest()[:12]}"


def _identity(source: str) -> bytes:
    """Of the torrent that is meant, however it is written: its info-hash. Raises when it can not be one."""
    if not is_file_source(source) and not is_magnet(source):
        return source.strip().lower().encode()
    meant = load_metainfo(source) if is_file_source(source) else jst.Magnet.parse(source)
    return (meant.info_hash or meant.info_hash_v2 or b"").hex().encode()


def get(
    source: Annotated[str, typer.Argument(help="A .torrent file, a magnet link or a bare info-hash.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder that the files go to.")] = Path(),
    peer: Annotated[
        list[str] | None, typer.Option("--peer", metavar="HOST:PORT", help="A peer to ask (repeatable).")
    ] = None,
    tracker: Annotated[
        list[str] | None, typer.Option("--tracker", metavar="URL", help="One more tracker (repeatable).")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="RATE", parser=parse_size, help="Download at most this fast, like 2M.")
    ] = None,
    upload_limit: Annotated[
        int | None,
        typer.Option("--upload-limit", metavar="RATE", parser=parse_size, help="Upload at most this fast."),
    ] = None,
    sequential: Annotated[bool, typer.Option("--sequential", help="First pieces first.")] = False,
    seed_after: Annotated[bool, typer.Option("--seed-after", help="Keep seeding when done, until Ctrl-C.")] = False,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Listen on this port.")] = None,
    state_dir: Annotated[Path | None, typer.Option("--state-dir", help="Where to remember what is there.")] = None,
    timeout: _Timeout = None,
    patience: _Idle = 300.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
) -> int:
    """Download a torrent. Run it again after Ctrl-C or a crash: nothing that was verified is fetched twice."""
    # What is wrong is said before anything is made.
    identity = _identity(source)
    peers, trackers = [parse_address(p) for p in peer or ()], usable_tiers(tracker or ())
    state = state_dir or state_folder(identity, output)
    settings: dict[str, Any] = {
        "listen_port": port,
        "download_rate_limit": limit,
        "upload_rate_limit": upload_limit,
    }
    output.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with Display(quiet=quiet) as display:
        try:
            with jst.Session(jst.Settings(**settings), state_dir=state) as session:
                arrivals = session.events(jst.PeerConnected)
                torrent = session.add(source, output, peers=peers, trackers=trackers, sequential=sequential)
                people = People(torrent, arrivals)
                code = _download(torrent, display, people, _Patience.begin(timeout, patience))
                status, met = torrent.status(), people.report()
                path, fetched = _path(torrent, output), session.status().counters.payload_received  # not of earlier runs
                if code is Exit.DONE:
                    display.say(_report(torrent, status, fetched, time.monotonic() - started, output))
                    if seed_after:
                        _seed(torrent, display)
        except KeyboardInterrupt:
            display.say(f"interrupted; the same command goes on where it was:\n    {_again()}")
            if as_json:
                print(json.dumps({"exit": int(Exit.INTERRUPTED), "source": source}))
            return Exit.INTERRUPTED
    if code is Exit.DONE and state_dir is None:
        shutil.rmtree(state, ignore_errors=True)  # the files are all there is to know
    if code is Exit.UNFINISHED:
        display.say(f"not finished; the same command goes on where it was:\n    {_again()}")
    if code is Exit.NO_PEERS:
        display.say("nobody was found who has it (see --peer and --tracker)")
    if as_json:
        print(json.dumps({"exit": int(code), "path": path, "fetched": fetched, **met, **status.to_dict()}))
    return code


def _download(torrent: jst.Torrent, display: Display, people: People, patience: _Patience) -> Exit:
    for status in torrent.watch(interval=_TICK):
        for news in people.look():
            display.say(news)
        display.show(torrent, status)
        if status.state == "error":
            raise torrent.error or jst.Error(status.state, code="internal")
        if status.progress >= 1.0 and status.state == "seeding":
            return Exit.DONE
        if patience.ended(status):
            return Exit.UNFINISHED if patience.met_anybody and torrent.metainfo is not None else Exit.NO_PEERS
    return Exit.DONE


def _seed(torrent: jst.Torrent, display: Display) -> None:
    display.say("seeding until Ctrl-C")
    while True:
        try:
            torrent.wait("stopped", 1.0)
            return
        except jst.TimeoutError:
            display.show(torrent, torrent.status())


def _report(torrent: jst.Torrent, status: jst.TorrentStatus, fetched: int, seconds: float, output: Path) -> str:
    rate = rate_text(fetched / seconds) if seconds > 0 else "-"
    return (
        f"{one_line(torrent.name)}: {size_text(status.total_size or 0)} complete in {output}, "
        f"{size_text(fetched)} fetched in {duration_text(seconds)} ({rate})"
    )


def _path(torrent: jst.Torrent, output: Path) -> str | None:
    """Of its file or folder; None while the metadata is not known."""
    return None if torrent.metainfo is None else str(output / root_name(torrent.metainfo))


def _again() -> str:
    return shlex.join(["jstorrent", *sys.argv[1:]])
