"""URLs of trackers and web seeds as users hand them in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from jstorrent import _core
from jstorrent._errors import ParseError

TrackersLike = Iterable[str | Sequence[str]]
"""How trackers are handed in: each str is a tier of its own, each sequence of str one tier."""

_FORMS = {"tracker": "http://, https:// or udp://HOST:PORT/", "web seed": "http:// or https://"}


def tiers_of(trackers: str | TrackersLike) -> list[list[str]]:
    """Tiers from what a user wrote; a lone URL is one tier."""
    if isinstance(trackers, str):
        return [[trackers]]
    return [[tier] if isinstance(tier, str) else _texts(tier) for tier in _items(trackers)]


def urls_of(urls: str | Iterable[str]) -> list[str]:
    """URLs from what a user wrote; a lone one is a list of one."""
    return [urls] if isinstance(urls, str) else _texts(urls)


def usable_tiers(trackers: str | TrackersLike) -> list[list[str]]:
    """The tiers; ParseError for what can never be asked."""
    tiers = tiers_of(trackers)
    _check((url for tier in tiers for url in tier), "tracker")
    return tiers


def usable_urls(urls: str | Iterable[str]) -> list[str]:
    """The web seeds; ParseError for what can never be asked."""
    found = urls_of(urls)
    _check(found, "web seed")
    return found


def _items(urls: object) -> list[object]:
    if not isinstance(urls, Iterable) or isinstance(urls, (bytes, bytearray)):
        raise TypeError(f"URLs are a str or a sequence of them, not {urls!r}")
    return list(urls)


def _texts(urls: object) -> list[str]:
    texts = []
    for url in _items(urls):
        if not isinstance(url, str):
            raise TypeError(f"a URL is a str, not {url!r}")
        texts.append(url)
    return texts


def _check(urls: Iterable[str], what: Literal["tracker", "web seed"]) -> None:
    for url in urls:
        if not _core.is_usable_url(url, what == "tracker"):
            ours = ", without words of an announce in its query" if what == "tracker" and "?" in url else ""
            raise ParseError(f"this cannot be the URL of a {what} ({_FORMS[what]}{ours}): {url!r}", code="bad_url")
