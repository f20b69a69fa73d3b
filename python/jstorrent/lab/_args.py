"""Arguments that cannot be are refused in a sentence, before a world has heard of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from operator import index
from typing import Any

_MOST = 1 << 62
_INSTANT = 1e-9
_ROUNDING = 1e-15
LONGEST = 1e9
"""Seconds: 31 years, in which the nanoseconds of a world do not run over."""


def whole(value: Any, what: str, least: int = 0, most: int = _MOST) -> int:
    """A whole number within these, or ValueError: what it should be, and what it is."""
    try:
        number = index(value)
    except TypeError:
        raise ValueError(f"{what}: {value!r}") from None
    if not least <= number <= most:
        raise ValueError(f"{what}: {value!r}")
    return number


def span(value: Any, what: str, least: float = 0.0) -> float:
    """Seconds that a world can count, or ValueError."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ValueError(f"{what} is a number of seconds, not {value!r}")
    if not least <= float(value) <= LONGEST:
        raise ValueError(f"{what} is {least:g} to {LONGEST:g} seconds, not {value!r}")
    return float(value)


def is_over(now: float, limit: float) -> bool:
    """Whether a world cannot come nearer: its moments are whole nanoseconds, and a sum of floats may lie between two of them."""
    return limit - now <= max(_INSTANT, abs(limit) * _ROUNDING)


def callable_of(value: Any, what: str) -> Callable[..., Any]:
    """Something to call, or TypeError."""
    if not callable(value):
        raise TypeError(f"{what} is something to call, as in lambda: t.state == \"seeding\", not {value!r}")
    made: Callable[..., Any] = value
    return made
