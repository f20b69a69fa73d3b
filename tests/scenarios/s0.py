"""What the S0 scenarios share: peers that answer only when told, and the end that each of them has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jstorrent as jst
from jstorrent.lab import Engine, Handshake, Lab, Spec

BLOCK = 16384
BY_HAND = {"claims", "extended", "interest", "unchoke", "keepalive", "reject"}
"""A peer that does everything by itself but serve: answers are given by hand."""


def by_hand(lab: Lab, name: str, spec: Spec, **kw: Any) -> Any:
    """A peer that says what it has and unchokes, and gives nothing unless told."""
    return lab.peer(name, spec, auto=BY_HAND, **kw)


def asked_for(peer: Any, piece: int) -> list[Any]:
    """The outstanding requests to it for blocks of this piece, in their order."""
    return [request for request in peer.ledger.outstanding if request.piece == piece]


def answer(lab: Lab, peer: Any, piece: int, count: int) -> None:
    """Waits for so many requests for the piece, and answers them."""
    lab.until(lambda: len(asked_for(peer, piece)) >= count, within=10)
    for request in asked_for(peer, piece)[:count]:
        assert peer.answer(request)


def until_events(lab: Lab, client: Engine, kind: type[jst.Event], count: int = 1, within: float = 10) -> list[Any]:
    """Waits for so many events of a kind."""
    lab.until(lambda: len(client.history(kind)) >= count, within=within)
    return client.history(kind)


def reasons(client: Engine, address: tuple[str, int] | None = None) -> list[str]:
    """Why links ended, in order."""
    ended = client.history(jst.PeerDisconnected)
    return [event.reason for event in ended if address is None or event.address[0] == address[0]]


def requests_out(t: jst.Torrent) -> int:
    """Blocks that are asked for and not answered, over all pieces."""
    return sum(t.piece(i).pending_requests for i in range(t.num_pieces or 0))


def completes(lab: Lab, client: Engine, spec: Spec, *, within: float = 60) -> jst.Torrent:
    """The client finishes, every byte is the truth's, and it is in good health."""
    t = client.torrent(spec)
    assert t is not None
    lab.until(lambda: t.state == "seeding", within=within)
    assert client.complete(spec), client.differences(spec)
    assert client.session.is_healthy()
    return t


def rescued(lab: Lab, client: Engine, spec: Spec, *, within: float = 60, seeder: Callable[[], Any] | None = None) -> jst.Torrent:
    """An honest seed comes (a real libtorrent in the real lane), and the client finishes."""
    t = client.torrent(spec)
    assert t is not None
    t.connect(seeder() if seeder else lab.seeder("good", spec))
    return completes(lab, client, spec, within=within)


PLAIN = Handshake(fast=False)
"""A peer without the Fast extension: what it chokes is dropped without a word."""


def back(lab: Lab, client: Engine, spec: Spec) -> jst.Torrent:
    """The client's torrent after a start, when its first check is over."""
    client.start()
    lab.until(lambda: client.torrent(spec) is not None, within=5)
    t = client.torrent(spec)
    assert t is not None
    lab.until(lambda: t.state not in ("queued", "checking"), within=20)
    return t
