"""Interleaved rounds in shuffled order, each run on warm memory; the first round is thrown away."""

from __future__ import annotations

import dataclasses
import random
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bench import machine
from bench.clients import Client, client_named
from bench.process import ClientFailed
from bench.runs import Outcome, Setting
from bench.workloads import Figure, Workload

_LEAST_WARM = 64 << 20


@dataclass(frozen=True)
class Contestant:
    """A client, or a client with some options."""

    label: str
    client: Client
    options: dict[str, Any]


@dataclass(frozen=True)
class Record:
    """One run. Round 0 is told and not counted."""

    workload: str
    contestant: str
    round: int
    place: int
    fault_us: float
    outcome: Outcome | None
    error: str = ""

    @property
    def ok(self) -> bool:
        return self.outcome is not None and self.outcome.ok

    def value(self, figure: Figure) -> float:
        """A figure of this run; not a number where the run went wrong."""
        if self.outcome is None or not self.outcome.ok:
            return float("nan")
        found = self.outcome.figures.get(figure.name, getattr(self.outcome.cost, figure.name, float("nan")))
        return float(found) * figure.scale / (self.outcome.size / 2**30 if figure.each_gib else 1)

    def to_dict(self) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "workload": self.workload, "client": self.contestant, "round": self.round, "place": self.place,
            "fault_us": round(self.fault_us, 1), "ok": self.ok,
        }  # fmt: skip
        if self.error:
            facts["error"] = self.error
        if self.outcome is not None:
            cost = dataclasses.asdict(self.outcome.cost) | {"cpu": self.outcome.cost.cpu, "size": self.outcome.size}
            cost |= self.outcome.figures
            facts |= {name: round(value, 4) if isinstance(value, float) else value for name, value in cost.items()}
        return facts


def contestants(workload: Workload, names: Sequence[str]) -> list[Contestant]:
    """Who takes part: of the clients asked for, those that can."""
    able = [name for name in names if re.split("[#@]", name)[0] in workload.clients]
    clients = {name: client_named(name) for name in able}
    able = [name for name in able if workload.role in clients[name].roles]
    if not workload.variants:
        return [Contestant(name, clients[name], {}) for name in able]
    return [
        Contestant(f"{name} {label}", clients[name], options)
        for name in able
        for label, options in workload.variants.items()
    ]


def _run(workload: Workload, who: Contestant, setting: Setting) -> tuple[Outcome | None, str]:
    try:
        outcome = workload.run(who.client, setting, who.options)
        return outcome, "" if outcome.ok else "what came out is wrong"
    except (ClientFailed, OSError, subprocess.SubprocessError) as error:
        return None, str(error)


def play(
    workload: Workload, who: Sequence[Contestant], setting: Setting, rounds: int, luck: random.Random,
    tell: Callable[[Record], None],
) -> list[Record]:  # fmt: skip
    """All rounds of one workload; `tell` hears of each run as it ends."""
    kept = []
    for number in range(rounds + 1):
        for place, one in enumerate(luck.sample(who, len(who))):
            machine.settle()
            machine.warm(max(_LEAST_WARM, min(setting.data.size * workload.copies * 3 // 2, machine.most_warm())))
            setting.data.bring_in()
            fault = machine.fault_microseconds()
            outcome, error = _run(workload, one, setting)
            record = Record(workload.name, one.label, number, place, fault, outcome, error)
            tell(record)
            if number:
                kept.append(record)
    return kept
