"""Who was met, and by which way."""

from collections import deque
from typing import Any

import jstorrent as jst
from jstorrent.cli.people import People


class Stream:
    """Events that came before anybody asked."""

    def __init__(self, *events: jst.Event) -> None:
        self._events = deque(events)

    def get(self, timeout: float | None = None) -> jst.Event | None:
        return self._events.popleft() if self._events else None


class Torrent:
    """Enough of one."""

    def trackers(self) -> list[Any]:
        return []


def met(torrent: Any, host: str, source: str) -> jst.PeerConnected:
    return jst.PeerConnected(1.0, torrent, (host, 1), "out", source)


def test_who_came_before_the_first_look_counts_and_those_of_other_torrents_do_not() -> None:
    ours, other = Torrent(), Torrent()
    stream = Stream(met(ours, "10.0.0.1", "tracker"), met(other, "10.0.0.2", "user"), met(ours, "10.0.0.1", "incoming"))
    people = People(ours, stream)  # type: ignore[arg-type]
    assert people.report() == {"peers_by_source": {"tracker": 1}, "trackers": []}
