"""What lab.watch() gives: the last, the least and the most of a function, sampled after every turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

Ordered = TypeVar("Ordered", bound="SupportsLess")


class SupportsLess(Protocol):
    """What may be watched: its least and its most are kept."""

    def __lt__(self, other: Any, /) -> bool: ...


class Watched(Generic[Ordered]):
    """What lab.watch() saw: `last`, `min` and `max` of its function."""

    def __init__(self, fn: Callable[[], Ordered]) -> None:
        self._fn = fn
        self.last: Ordered = fn()
        self.min: Ordered = self.last
        self.max: Ordered = self.last

    def _look(self) -> None:
        self.last = self._fn()
        self.min = min(self.min, self.last)
        self.max = max(self.max, self.last)
