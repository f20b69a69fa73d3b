"""What runs along with a world: conditions that must hold, values that are watched, calls at their times.

Python runs per turn only for `always` and `watch`; calls at a time cost nothing until then.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jstorrent.lab._report import source_of
from jstorrent.lab._watched import Ordered, Watched

if TYPE_CHECKING:
    from jstorrent.lab._lab import Lab

_SAME_TIME = 1e-9


class Along:
    """All that runs along with one world."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._rules: list[tuple[Callable[[], object], str]] = []
        self._watched: list[Watched[Any]] = []
        self._calls: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self.after_turns: list[Callable[[], object]] = []
        """What is to be called after each turn: nothing until something runs along."""

    @property
    def in_use(self) -> bool:
        """Something runs along, or did."""
        return bool(self.after_turns)

    @property
    def looks_at_turns(self) -> bool:
        """Something is asked after every turn."""
        return bool(self._rules or self._watched)

    @property
    def next_call(self) -> float | None:
        """When something is to be called next."""
        return self._calls[0][0] if self._calls else None

    def add_rule(self, condition: Callable[[], object], why: str) -> None:
        """Asked after every turn from now on."""
        self._rules.append((condition, why))
        self._use()

    def add_watch(self, fn: Callable[[], Ordered]) -> Watched[Ordered]:
        """Looked at now and after every turn."""
        watched = Watched(fn)
        self._watched.append(watched)
        self._use()
        return watched

    def add_call(self, when: float, call: Callable[[], object]) -> None:
        """Called once, at that time."""
        heapq.heappush(self._calls, (when, next(self._order), call))
        self._use()
        self._lab._lane.alarm(when)

    def _use(self) -> None:
        if not self.in_use:
            self.after_turns.append(self.after_turn)
            for engine in self._lab.engines:
                engine._hook_waits(self.after_turn)

    @property
    def hook(self) -> Callable[[], object] | None:
        """What the blocking calls of sessions are to call between turns."""
        return self.after_turn if self.in_use else None

    def call_due(self) -> None:
        """Makes the calls whose time has come."""
        while self._calls and self._calls[0][0] <= self._lab.now + _SAME_TIME:
            heapq.heappop(self._calls)[2]()

    def after_turn(self) -> None:
        """Between two turns: calls, looks, questions."""
        self.call_due()
        for watched in self._watched:
            watched._look()
        for rule in list(self._rules):
            condition, why = rule
            if not condition():
                self._rules.remove(rule)
                self._lab._fail("always", f"{why}: {source_of(condition)}")
