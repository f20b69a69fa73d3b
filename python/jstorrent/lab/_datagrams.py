"""Relays for datagrams: the door of a node that hears UDP in the real lane.

What comes through goes on from the sender's own host, so that the node sees who it is, and answers go back the same way.
What is cut between two nodes is dropped here.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable

from jstorrent.lab._reactor import Reactor

MOST_WAYS = 512
"""Senders whose answers find back; for one more the oldest is forgotten."""
_READ = selectors.EVENT_READ
_MOST = 1 << 16

Allowed = Callable[[str, bool], bool]


class DatagramDoor:
    """`seen_as`: the host from which a sender (by its host) dials. `allowed`: (host, inward) may pass now."""

    def __init__(self, reactor: Reactor, host: str, port: int, inner: Callable[[], tuple[str, int]],
                 seen_as: Callable[[str], str], allowed: Allowed) -> None:  # fmt: skip
        self._reactor = reactor
        self._inner, self._seen_as, self._allowed = inner, seen_as, allowed
        self._ways: dict[tuple[str, int], socket.socket] = {}
        self._socket = _bound(host, port)
        self.port = int(self._socket.getsockname()[1])
        self._is_open = True
        reactor.watch(self._socket, _READ, self._inward)

    def _inward(self, events: int) -> None:
        try:
            data, source = self._socket.recvfrom(_MOST)
            if self._allowed(source[0], True):
                way = self._ways.get(source) or self._way(source)
                way.sendto(data, self._inner())
        except OSError:
            pass  # lost

    def _way(self, source: tuple[str, int]) -> socket.socket:
        if len(self._ways) >= MOST_WAYS:
            self._forget(next(iter(self._ways)))
        way = _bound(self._seen_as(source[0]), 0)
        self._ways[source] = way
        self._reactor.watch(way, _READ, lambda events: self._outward(source))
        return way

    def _outward(self, source: tuple[str, int]) -> None:
        way = self._ways.get(source)
        if way is None:
            return
        try:
            data, _ = way.recvfrom(_MOST)
            if self._allowed(source[0], False):
                self._socket.sendto(data, source)
        except OSError:
            pass  # lost

    def _forget(self, source: tuple[str, int]) -> None:
        way = self._ways.pop(source)
        self._reactor.watch(way, 0, self._inward)
        way.close()

    def close(self) -> None:
        """From now on nothing is heard."""
        with self._reactor.lock:
            for source in list(self._ways):
                self._forget(source)
            if self._is_open:
                self._is_open = False
                self._reactor.watch(self._socket, 0, self._inward)
                self._socket.close()


def _bound(host: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made
