"""Who was met, and by which way."""

from collections import deque
from typing import Any

import jstorrent as jst
import pytest
from jstorrent.cli.people import People, tracker_name


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


@pytest.mark.parametrize(("url", "name"), [
    ("https://me:secret@Tracker.example:8443/key/announce?x", "https://tracker.example:8443"),
    ("udp://[2001:db8::1]:80/", "udp://[2001:db8::1]:80"),
    ("http://h:0/announce", "http://h"),
    ("http://h:99999/key", "http://?"),
    ("http://h:x/key", "http://?"),
    ("http://[x/key", "http://?"),
    ("http://h\u2100x/key", "http://?"),
    ("http:///key", "http://?"),
])  # fmt: skip
def test_any_url_of_a_tracker_has_a_name_without_its_secrets(url: str, name: str) -> None:
    assert tracker_name(url) == name
