"""What a peer needs of the world: links, timers, a clock. Simulated or real, it cannot tell.

Facts go the other way, as calls of the peer: accepted(link, local, remote), connected(link, local), failed(link, error),
received(link, data), closed(link, error), drained(link), timer(id). A fact never comes within a call of the transport.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol

WAYS = ("fin", "rst", "blackhole")
"""How a link is ended: goodbye, reset, or silence with the link left standing."""


class Transport(Protocol):
    """The world of one peer. Links are numbers; what is said to one that is over is dropped."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Held while facts are told; the peer holds it while its owner calls it."""

    @property
    def now(self) -> float:
        """Seconds."""

    def connect(self, address: tuple[str, int], source_port: int) -> int:
        """Dials; the number of the link. `connected` or `failed` follows."""

    def send(self, link: int, data: bytes) -> None:
        """More bytes, in order."""

    def unsent(self, link: int) -> int:
        """Bytes that the window, or the socket, did not take yet."""

    def tell_below(self, link: int, nbytes: int) -> None:
        """`drained` once, when fewer than so many are unsent; only while some are."""

    def close(self, link: int, how: str) -> None:
        """Ends the link; no fact follows."""

    def pause(self, link: int, paused: bool) -> None:
        """Reads no more, or reads again."""

    def timer(self, when: float, number: int) -> None:
        """`timer` once, at that time."""
