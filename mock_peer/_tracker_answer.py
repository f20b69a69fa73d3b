"""What a tracker is about to answer, before it has a form; and what goes out, bytes of which nobody has to hold many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Address = tuple[str, int]
_ONCE = 64 << 10


@dataclass(slots=True)
class Answer:
    """Facts first, honest ones; behaviours change them. What follows `extra` is about the form and the way."""

    interval: int | None = None
    min_interval: int | None = None
    failure: str | None = None
    retry_in: int | str | None = None
    warning: str | None = None
    peers: list[Address] = field(default_factory=list)
    seeds: int = 0
    leechers: int = 0
    files: list[tuple[bytes, int, int, int]] = field(default_factory=list)
    """Of a scrape: info-hash, complete, downloaded, incomplete."""
    extra: dict[str, Any] = field(default_factory=dict)
    is_compact: bool = True
    is_silent: bool = False
    status: int = 200
    location: str | None = None
    content: bytes | None = None
    raw: bytes | None = None
    zeros: int | None = 0
    is_gzip: bool = False
    bomb: int | None = None
    chunk: int | None = None
    has_endless_head: bool = False
    delay: float = 0.0
    pace: tuple[int, float] | None = None
    cut: int | None = None
    ending: str = "fin"
    transaction_lie: int = 0
    action: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """`data`, then `again` so many times (None: without end), then `tail`. How it comes: delay, pace, and how it ends."""

    data: bytes
    again: bytes = b""
    times: int | None = 0
    tail: bytes = b""
    delay: float = 0.0
    pace: tuple[int, float] | None = None
    """So many bytes, then so many seconds."""
    ending: str = "fin"

    @property
    def size(self) -> int | None:
        """Bytes in all; None: there is no end."""
        return None if self.times is None else len(self.data) + len(self.again) * self.times + len(self.tail)

    def runs(self) -> Iterator[bytes]:
        """All of it, at most 64 KiB at once, or a drop."""
        once = _ONCE if self.pace is None else self.pace[0]
        for part in self._parts():
            for at in range(0, len(part), once):
                yield part[at : at + once]

    def _parts(self) -> Iterator[bytes]:
        yield self.data
        count = 0
        while self.times is None or count < self.times:
            yield self.again
            count += 1
        yield self.tail
