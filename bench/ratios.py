"""Medians of ratios within rounds, and how sure they are."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_DRAWS = 2000
_SEED = 1
_TAIL = 0.025
#: A client against itself must come out at 1 within so much, else the machine is too noisy for any verdict.
NOISE = 0.05


@dataclass(frozen=True)
class Ratio:
    """The median of ratios, with the interval in which 95 % of bootstrapped medians lie."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} [{self.low:.2f}, {self.high:.2f}]"


def ratio(own: Sequence[float], other: Sequence[float]) -> Ratio:
    """Own figure by the other's, round by round. The luck of the bootstrap is seeded."""
    ratios = [mine / theirs if theirs > 0 else float("nan") for mine, theirs in zip(own, other, strict=True)]
    luck = random.Random(_SEED)
    medians = sorted(statistics.median(luck.choices(ratios, k=len(ratios))) for _ in range(_DRAWS))
    cut = int(_DRAWS * _TAIL)
    return Ratio(statistics.median(ratios), medians[cut], medians[-1 - cut])


def is_void(against_itself: Ratio) -> bool:
    """Whether a run of a client against itself says that the machine is too noisy."""
    return not abs(against_itself.median - 1) <= NOISE
