"""Scenarios in which the client seeds, and leechers with a script come to it."""

from __future__ import annotations

from jstorrent.lab.wire_scenarios import PIECES, SOON, Failed, Stage, scenario
from mock_peer import Behaviour, Handshake

_SHY = ("extended", "keepalive")
_BY_HAND = (*_SHY, "interest")
"""It is interested by itself, and asks by hand."""


@scenario("seed", "an honest leecher gets every block")
def seed_honest(s: Stage) -> None:
    s.seed()
    s.serves(s.leecher(auto=_BY_HAND))


@scenario("seed", "requests for pieces that there are not get nothing and do no harm")
def seed_request_out_of_range(s: Stage) -> None:
    _asks_badly(s, [(PIECES, 0, 16384), (0xFFFFFFFF, 0, 16384), (0, 0xFFFFC000, 16384), (PIECES - 1, 16384, 16384)])


@scenario("seed", "requests that are too long, or for nothing, get nothing and do no harm")
def seed_request_too_long(s: Stage) -> None:
    _asks_badly(s, [(0, 0, 1 << 20), (0, 0, 0xFFFFFFFF), (0, 0, 0), (0, 32000, 16384)])


@scenario("seed", "a choked peer gets nothing but what it was allowed (BEP 6)")
def seed_request_while_choked(s: Stage) -> None:
    s.seed()
    bad = s.leecher("bad", auto=_SHY)
    s.until(lambda: bad.connected, "took no link")
    for block in s.blocks():
        bad.send_request(*block)
    s.wait(lambda: bad.ledger.payload, 2.0)
    allowed = {message.piece for message in bad.ledger.messages if message.kind == "allowed_fast"}
    free = [message for message in bad.ledger.payload if message.piece not in allowed]
    unchoked = any(message.kind == "unchoke" and message.direction == "in" for message in bad.ledger.messages)
    if free and not unchoked:
        raise Failed(f"gave {len(free)} blocks to a peer that it chokes")
    s.serves(s.leecher(auto=_BY_HAND))


@scenario("seed", "a flood of requests by a peer that reads nothing leaves it well, and others are served")
def seed_request_flood(s: Stage) -> None:
    s.seed()
    bad = s.leecher("bad", behave=[Behaviour("never_read", on="unchoked"), Behaviour("request_flood", count=20000)])
    s.until(lambda: bad.connected, "took no link")
    s.serves(s.leecher(auto=_BY_HAND))


@scenario("seed", "a message of 4 GiB ends the link, at once, and others are served")
def seed_oversize_frame(s: Stage) -> None:
    s.seed()
    bad = s.leecher("bad", behave="malformed")
    s.closes(bad, "kept a link on which a message of 4 GiB was announced")
    s.serves(s.leecher(auto=_BY_HAND))


@scenario("seed", "who asks for another torrent is hung up on")
def seed_wrong_info_hash(s: Stage) -> None:
    s.seed()
    bad = s.peer("bad", have="none", handshake=Handshake(info_hash=b"another info-hash..."))
    bad.connect(s.client)
    s.closes(bad, "kept a link with a peer of another torrent")
    s.alive()


@scenario("seed", "what is no BitTorrent at all is hung up on, and others are served")
def seed_not_bittorrent(s: Stage) -> None:
    s.seed()
    words = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n" * 60
    bad = s.peer("bad", have="none", behave=Behaviour("malformed", on="connect", bytes=words))
    bad.connect(s.client, handshake=False)
    s.closes(bad, "kept a link with what is no BitTorrent")
    s.serves(s.leecher(auto=_BY_HAND))


@scenario("seed", "thirty links that say nothing keep nobody from being served")
def seed_silent_links(s: Stage) -> None:
    s.seed()
    for number in range(30):
        s.peer(f"mute-{number}", have="none").connect(s.client, handshake=False)
    s.serves(s.leecher(auto=_BY_HAND))


@scenario("seed", "a leecher that comes byte by byte is served")
def seed_handshake_in_crumbs(s: Stage) -> None:
    s.seed()
    s.serves(s.leecher("slow", auto=_BY_HAND, handshake=Handshake(dribble=(1, 0.02))))


def _asks_badly(s: Stage, requests: list[tuple[int, int, int]]) -> None:
    """One bad request a link: after it, the client may hang up. Then an honest leecher must be served."""
    s.seed()
    for number, block in enumerate(requests):
        bad = s.leecher(f"bad-{number}", auto=_BY_HAND)
        s.until(lambda: bad.unchoked, f"never unchoked {bad.name}; {s.seen(bad)}", SOON)  # noqa: B023
        bad.send_request(*block)
        s.wait(lambda: bad.ledger.payload or bad.ledger.rejects or bad.ledger.closed_by == "subject", 0.5)  # noqa: B023
        if bad.ledger.payload:
            length = len(bad.ledger.payload[0].data or b"")
            raise Failed(f"sent {length} bytes for a request of {block[2]} bytes from {block[1]} of piece {block[0]}")
        bad.disconnect()
    s.serves(s.leecher(auto=_BY_HAND))
