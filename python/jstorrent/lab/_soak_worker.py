"""One process of a campaign: runs plans seed/first, seed/first+step, ... and says what came of each.

Each line that it writes is JSON: {"at": n} before plan n, {"finding": ...} after one that failed, {"sum": ...} now and then.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from dataclasses import dataclass, field
from typing import IO, Any

from jstorrent.lab._generate import generate
from jstorrent.lab._perform import perform
from jstorrent.lab._plan import token_of

PARTS = ("setup", "engine", "peers", "oracles")
_BETWEEN_SUMS = 0.5
_BETWEEN_COLLECTIONS = 100
"""Plans: each leaves a few hundred kilobytes in cycles."""


@dataclass
class Sum:
    """What many plans came to."""

    plans: int = 0
    virtual_seconds: float = 0.0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys((*PARTS, "all"), 0.0))
    hits: dict[str, int] = field(default_factory=dict)
    excuses: dict[str, int] = field(default_factory=dict)

    def add(self, other: dict[str, Any]) -> None:
        """Takes what another process counted."""
        self.plans += other["plans"]
        self.virtual_seconds += other["virtual_seconds"]
        for name in ("seconds", "hits", "excuses"):
            mine = getattr(self, name)
            for key, value in other[name].items():
                mine[key] = mine.get(key, 0) + value

    def to_dict(self) -> dict[str, Any]:
        """All fields."""
        return dict(vars(self))


def work(seed: int, first: int, step: int, seconds: float, most: int | None, out: IO[str]) -> None:
    """Runs plans until the time is up, or number `most` is reached."""
    began = said = time.monotonic()
    total, number, since_collected = Sum(), first, 0
    gc.collect()
    gc.freeze()
    gc.disable()

    def say(**line: Any) -> None:
        out.write(json.dumps(line) + "\n")
        out.flush()

    while time.monotonic() - began < seconds and (most is None or number < most):
        say(at=number)
        finding = one(seed, number, total)
        if finding is not None:
            say(finding=finding)
        number += step
        since_collected += 1
        if since_collected == _BETWEEN_COLLECTIONS:
            gc.collect()
            since_collected = 0
        if time.monotonic() - said >= _BETWEEN_SUMS:
            say(sum=total.to_dict())
            total, said = Sum(), time.monotonic()
    say(sum=total.to_dict(), over=number)


def one(seed: int, number: int, total: Sum) -> dict[str, Any] | None:
    """One plan; what is to be told of it if it failed."""
    plan = generate(seed, number)
    done = perform(plan, brief=True)
    total.plans += 1
    total.virtual_seconds += done.virtual_time
    for part, spent in done.seconds.items():
        total.seconds[part] += spent
    for what, times in done.hits.items():
        total.hits[what] = total.hits.get(what, 0) + times
    if done.excuse is not None:
        total.excuses[done.excuse] = total.excuses.get(done.excuse, 0) + 1
    if done.ok or done.report is None:
        return None
    report = done.report
    return {"number": number, "oracle": report.oracle, "error": (report.error or "").splitlines()[0], "token": token_of(plan)}


if __name__ == "__main__":
    of, begin, stride = (int(word) for word in sys.argv[1:4])
    work(of, begin, stride, float(sys.argv[4]), int(sys.argv[5]) if len(sys.argv) > 5 else None, sys.stdout)
