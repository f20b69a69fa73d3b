"""The threads of this process, as the kernel lists them: one that was joined is listed for a moment longer."""

from __future__ import annotations

import os

YIELDS = 100_000


def tasks() -> set[str]:
    return set(os.listdir("/proc/self/task"))


def tasks_left(before: set[str]) -> set[str]:
    """Those that came after `before` and do not go."""
    for _ in range(YIELDS):
        if not tasks() - before:
            break
        os.sched_yield()
    return tasks() - before
