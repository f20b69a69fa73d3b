"""URLs that users hand in: what can never be asked is refused at once, with what would be right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jstorrent as jst
import pytest

from tests.unit.python.conftest import Payload

NEVER = ["nope", "", " ", "http://", "file:///etc/passwd", "udp://tracker.example/announce", "http://a b/announce",
         "http://tracker.example:99999/announce", "http://t\u00e4.example/announce", "http://a/announce\n",
         "http://tracker.example/announce?info_hash=x"]  # fmt: skip
FINE = ["http://tracker.example/announce", "HTTPS://tracker.example:444/a?key=x", "udp://tracker.example:1/announce",
        "wss://tracker.example", "http://[2001:db8::1]:80/announce"]  # fmt: skip


@pytest.mark.parametrize("url", NEVER)
def test_what_can_never_be_announced_to_is_refused(session: jst.Session, payload: Payload, url: str) -> None:
    torrent = session.add(payload.metainfo, payload.empty, stopped=True, trackers=["http://192.0.2.1/announce"])
    ways: list[Callable[[], Any]] = [
        lambda: torrent.set_trackers([url]),
        lambda: torrent.set_trackers([["http://192.0.2.2/a", url]]),
        lambda: session.add("ab" * 20, payload.empty, trackers=[url]),
        lambda: session.add(payload.metainfo, payload.empty, trackers=[url]),
    ]
    for way in ways:
        with pytest.raises(jst.ParseError) as caught:
            way()
        assert caught.value.code == "bad_url" and repr(url) in str(caught.value)
    assert [tracker.url for tracker in torrent.trackers()] == ["http://192.0.2.1/announce"]
    assert session.torrents == [torrent]


@pytest.mark.parametrize("url", FINE)
def test_what_may_be_one_is_taken(session: jst.Session, payload: Payload, url: str) -> None:
    torrent = session.add(payload.metainfo, payload.empty, stopped=True, trackers=[url])
    assert [tracker.url for tracker in torrent.trackers()] == [url]
    torrent.set_trackers(())
    torrent.set_trackers([url])
    assert [tracker.url for tracker in torrent.trackers()] == [url]


@pytest.mark.parametrize("url", [*NEVER[:-1], "udp://tracker.example:1/"])
def test_what_can_never_serve_files_is_refused(torrent: jst.Torrent, url: str) -> None:
    with pytest.raises(jst.ParseError) as caught:
        torrent.set_web_seeds([url])
    assert caught.value.code == "bad_url" and repr(url) in str(caught.value)
    torrent.set_web_seeds("http://mirror.example/")


@pytest.mark.parametrize("wrong", [None, 1, [1], [None], [[1]], b"http://a/", [b"http://a/"], [["http://a/", None]]])
def test_what_is_no_text_is_said_in_plain_words(torrent: jst.Torrent, wrong: Any) -> None:
    for act in (torrent.set_trackers, torrent.set_web_seeds):
        with pytest.raises(TypeError, match="str") as caught:
            act(wrong)
        assert "incompatible" not in str(caught.value)


def test_a_path_with_a_nul_is_refused(session: jst.Session, torrent: jst.Torrent) -> None:
    for act in (lambda: torrent.move("a\0b"), lambda: session.add("ab" * 20, "a\0b"), lambda: jst.Session(None, "a\0b")):
        with pytest.raises(jst.ParseError) as caught:
            act()
        assert caught.value.code == "bad_path" and "a\\x00b" in str(caught.value)
    assert torrent.state != "error"
