"""Where peers come from, and what trackers say: for the commands that show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import jstorrent as jst


def sources_text(sources: Iterable[str]) -> str:
    """How many by which way: "3 tracker, 1 user"."""
    counts = Counter(sources)
    return ", ".join(f"{count} {source}" for source, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def people_text(torrent: jst.Torrent, status: jst.TorrentStatus) -> str:
    """Who is there, and by which way they were found."""
    ways = sources_text(peer.source for peer in torrent.peers())
    return f"peers {status.num_peers} ({ways})" if ways else f"peers {status.num_peers}"


def tracker_name(url: str) -> str:
    """Without what only its owner should read: passwords and keys in the path."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "?", parts.port
    except ValueError:  # a torrent may name anything
        return f"{url.partition(':')[0]}://?"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"


class People:
    """Who was met since the start, and what was said about trackers already.

    `arrivals` are PeerConnected events since before the torrent was added: somebody may come at once.
    """

    def __init__(self, torrent: jst.Torrent, arrivals: jst.EventStream) -> None:
        self._torrent = torrent
        self._arrivals = arrivals
        self._met: dict[jst.Address, str] = {}
        self._said: dict[str, str] = {}

    def look(self) -> list[str]:
        """Takes note of who came; what trackers have to say since the last look, a sentence each."""
        self._note_arrivals()
        news = []
        for tracker in self._torrent.trackers():
            if tracker.message and tracker.state != "announcing" and self._said.get(tracker.url) != tracker.message:
                self._said[tracker.url] = tracker.message
                news.append(f"tracker {tracker_name(tracker.url)}: {tracker.message}")
        return news

    def _note_arrivals(self) -> None:
        while (event := self._arrivals.get(0)) is not None:
            if isinstance(event, jst.PeerConnected) and event.torrent == self._torrent:
                self._met.setdefault(event.address, event.source)

    def report(self) -> dict[str, Any]:
        """For --json: how many peers were met by which way, and how each tracker stands."""
        self._note_arrivals()
        return {
            "peers_by_source": dict(sorted(Counter(self._met.values()).items())),
            "trackers": [tracker.to_dict() for tracker in self._torrent.trackers()],
        }
