"""What a running download shows: a live bar with a piece strip on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

import jstorrent as jst
from jstorrent.cli.people import people_text
from jstorrent.cli.units import duration_text, one_line, printable, rate_text, size_text

_SHADES = " ░▒▓█"
_LINE_EVERY = 2.0  # seconds, where lines are all there is
_COMPLETE = 3


def piece_strip(pieces: bytes, width: int) -> str:
    """One character for each part of the torrent, darker the more of it is complete; at most `width` characters."""
    if not pieces or width < 1:
        return ""
    cells = min(width, len(pieces))
    strip = []
    for cell in range(cells):
        part = pieces[cell * len(pieces) // cells : (cell + 1) * len(pieces) // cells]
        done = part.count(_COMPLETE)
        shade = 4 if done == len(part) else (1 + 2 * done // len(part)) if done or any(part) else 0
        strip.append(_SHADES[shade])
    return "".join(strip)


def status_line(name: str, status: jst.TorrentStatus, people: str | None = None) -> str:
    """The same news in one line of text."""
    if status.state == "fetching_metadata":
        return f"{name}: fetching metadata {status.metadata_progress:6.1%}  {_people(status)}"
    return (
        f"{name}: {status.progress:6.1%} {status.state}  down {rate_text(status.download_rate)}  "
        f"up {rate_text(status.upload_rate)}  eta {duration_text(status.eta)}  {people or f'peers {status.num_peers}'}"
    )


def _bar(done: float, width: int, pulse: bool = False) -> Table:
    """On a line of its own: by itself a bar ends without a line break."""
    row = Table.grid()
    row.add_row(ProgressBar(total=1.0, completed=done, width=width, pulse=pulse))
    return row


def _people(status: jst.TorrentStatus) -> str:
    return f"peers {status.num_peers} of {status.num_known} known"


class Display:
    """Shows one torrent while it works. Writes to stderr, so that stdout stays for results."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True)
        self._quiet = quiet
        self._live: Live | None = None
        self._said_at = -_LINE_EVERY
        self._state = ""

    def __enter__(self) -> Self:
        if not self._quiet and self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=False)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, text: str) -> None:
        """A line that stays."""
        if not self._quiet:
            self._console.print(printable(text), markup=False, highlight=False, soft_wrap=True)

    def show(self, torrent: jst.Torrent, status: jst.TorrentStatus) -> None:
        """The torrent as it is now."""
        if self._live is not None:
            self._live.update(self._picture(torrent, status), refresh=True)
        elif not self._quiet:
            self._maybe_line(torrent, status)

    def _maybe_line(self, torrent: jst.Torrent, status: jst.TorrentStatus) -> None:
        now = time.monotonic()
        if now - self._said_at >= _LINE_EVERY or (status.state != self._state and status.state in {"seeding", "error"}):
            self._said_at, self._state = now, status.state
            line = status_line(torrent.name, status, people_text(torrent, status))
            print(one_line(line), file=sys.stderr, flush=True)

    def _picture(self, torrent: jst.Torrent, status: jst.TorrentStatus) -> Group:
        width = max(20, min(self._console.width - 2, 100))
        head = Table.grid(padding=(0, 2))
        head.add_row(Text(one_line(torrent.name), style="bold"), Text(status.state.replace("_", " "), style="cyan"))
        if status.state == "fetching_metadata":
            bar = _bar(status.metadata_progress, width, pulse=status.num_peers == 0)
            return Group(head, bar, Text(f"{status.metadata_progress:.0%} of the metadata  {_people(status)}"))
        bar = _bar(status.progress, width)
        wanted = status.wanted or 0
        facts = [
            f"{status.progress:.1%}",
            f"{size_text(status.wanted_verified or 0)} of {size_text(wanted)}",
            f"down {rate_text(status.download_rate)}",
            f"up {rate_text(status.upload_rate)}",
            f"eta {duration_text(status.eta)}",
            people_text(torrent, status),
        ]
        if status.limited_by != "nothing" and status.state in {"downloading", "stalled"}:
            facts.append(f"limited by {status.limited_by}")
        strip = Text(piece_strip(torrent.pieces(), width), style="green")
        return Group(head, bar, strip, Text("  ".join(facts)))
