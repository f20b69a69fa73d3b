"""The record (bench/guard/record.json), and what may differ from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from jstorrent._core import lab

from bench import machine

PATH = Path(__file__).resolve().parent / "record.json"
#: Counts repeat to the last instruction; so much is left to changes that nobody meant.
TOLERANCE = 0.02
#: Hashing in lanes must beat OpenSSL's single stream by so much where the CPU has the instructions.
LEAST_LANES = 1.8
_LANES = {"count": 16, "size": 262144, "repeats": 9}


@dataclass(frozen=True)
class Recorded:
    """What was counted, and where."""

    conditions: str
    counts: dict[str, int]


@dataclass(frozen=True)
class Verdict:
    """One count beside the recorded one."""

    counted: int
    recorded: int | None

    @property
    def change(self) -> float:
        return (self.counted - self.recorded) / self.recorded if self.recorded else 0.0

    @property
    def is_dearer(self) -> bool:
        return self.recorded is None or self.change > TOLERANCE

    @property
    def word(self) -> str:
        if self.recorded is None:
            return "not on record"
        return "DEARER" if self.is_dearer else "cheaper" if self.change < -TOLERANCE else "as before"


def load() -> Recorded:
    found = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {"conditions": "nothing", "counts": {}}
    return Recorded(found["conditions"], found["counts"])


def save(conditions: str, counts: dict[str, int]) -> None:
    PATH.write_text(json.dumps({"conditions": conditions, "counts": counts}, indent=2) + "\n", encoding="utf-8")


def lanes_ratio() -> float:
    """SHA-1 of sixteen pieces one by one through OpenSSL, by the same in lanes: one process, turn by turn."""
    together, apart = lab.hash_lanes.race(**_LANES)
    return float(apart / together)


def has_lanes() -> bool:
    """Whether this CPU has instructions that are worth it."""
    return bool(machine.cpu_flags() & {"sha_ni", "avx512bw"})
