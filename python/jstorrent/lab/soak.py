"""Campaigns: random plans without end, spread over processes of this machine, and what they found.

>>> from jstorrent.lab.soak import soak
>>> found = soak(seconds=1, seed=1)  # doctest: +SKIP
>>> found.plans_per_second, [finding.cause for finding in found.findings]  # doctest: +SKIP
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jstorrent.lab._child import Children, report_of_death
from jstorrent.lab._deeds_trackers import TRACKER_KINDS
from jstorrent.lab._disk_faults import ERRORS, OPS
from jstorrent.lab._engine import CRASH_MODES
from jstorrent.lab._failure import Report
from jstorrent.lab._gates import POINTS
from jstorrent.lab._generate import KINDS_DRAWN, generate
from jstorrent.lab._generate import VERSION as GENERATOR
from jstorrent.lab._plan import plan_of
from jstorrent.lab._shrink import Shrunk, cause_of, elements_of, shrink
from jstorrent.lab._soak_worker import PARTS, Sum

PATIENCE = 240.0
"""Real seconds after which a plan counts as one that hangs; most take milliseconds, but a busy machine may stand still for a minute."""
_LOOK = 0.2
_MOST_TOKENS = 20
"""Kept of each cause."""


@dataclass
class Finding:
    """All plans that failed in one way."""

    cause: str
    error: str
    numbers: list[int]
    tokens: list[str]
    shrunk: Shrunk | None = None

    @property
    def token(self) -> str:
        """Of the smallest plan that is known to fail so."""
        return self.tokens[0] if self.shrunk is None else self.shrunk.plan.token

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        plan = plan_of(self.token)[0]
        return {
            "cause": self.cause, "error": self.error, "count": len(self.numbers), "numbers": self.numbers[:_MOST_TOKENS],
            "token": self.token, "elements": elements_of(plan), "python": plan.to_python(),
        }  # fmt: skip


@dataclass
class Soaked:
    """What a campaign came to."""

    seed: int
    jobs: int
    seconds: float
    plans: int = 0
    """Begun, those that killed their process included."""
    sum: Sum = field(default_factory=Sum)
    """What was told of those that ended; a process that dies takes its last half second along."""
    findings: list[Finding] = field(default_factory=list)
    ran: list[tuple[int, int, int]] = field(default_factory=list)
    """Of each process: (first, end, step) of the numbers that it ran, each once."""
    again: list[tuple[int, int]] = field(default_factory=list)
    """On a cluster: (first, end) of numbers that were begun more than once, for a worker died. They count once."""
    lost: list[tuple[int, int]] = field(default_factory=list)
    """On a cluster: numbers whose workers died each time. They do not count."""

    def merge(self, other: Soaked) -> None:
        """Takes what another part of the same campaign came to."""
        self.plans += other.plans
        self.sum.add(other.sum.to_dict())
        self.ran += other.ran
        known = {finding.cause: finding for finding in self.findings}
        for finding in other.findings:
            kept = known.setdefault(finding.cause, Finding(finding.cause, finding.error, [], []))
            kept.numbers += finding.numbers
            kept.tokens += finding.tokens[: _MOST_TOKENS - len(kept.tokens)]
        self.findings = list(known.values())

    @property
    def plans_per_second(self) -> float:
        """Of all processes together."""
        return self.plans / self.seconds if self.seconds else 0.0

    @property
    def never_hit(self) -> list[str]:
        """Kinds of behaviour, gates and kinds of operation that the generator draws and that never came to pass."""
        return [what for what, times in self.expected.items() if times == 0]

    @property
    def expected(self) -> dict[str, int]:
        """How often each thing of expected_hits() came to pass, the seldomest first."""
        hits = self.sum.hits
        found = {
            what: sum(times for hit, times in hits.items() if hit == what or hit.startswith(f"{what} ")) for what in expected_hits()
        }
        return dict(sorted(found.items(), key=lambda item: item[1]))

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON. `findings` are tokens, one for each cause."""
        plans = max(self.sum.plans, 1)
        return {
            "plans": self.plans,
            "plans_per_second": round(self.plans_per_second, 1),
            "findings": [finding.token for finding in self.findings],
            "causes": [finding.to_dict() for finding in self.findings],
            "seed": self.seed, "jobs": self.jobs, "seconds": round(self.seconds, 2), "generator": GENERATOR,
            "virtual_seconds": round(self.sum.virtual_seconds),
            **{f"ms_{part}": round(1000 * self.sum.seconds[part] / plans, 3) for part in PARTS},
            "ms": round(1000 * self.sum.seconds["all"] / plans, 3),
            "excuses": self.sum.excuses, "hits": dict(sorted(self.sum.hits.items())), "expected": self.expected,
            "never_hit": self.never_hit,
            "ran": self.ran, "again": self.again, "lost": self.lost,
        }  # fmt: skip


_DEEDS = (
    "check", "sockets.quota", "disk.quota", "disk.truncate", "disk.delete", "disk.corrupt", "disk.clear", "restart", "stop", "start", "add",
    "gate.remove", "gate.release", "clock.jump_mono", "clock.jump_wall",
    *(f"net.{word}" for word in ("partition", "heal", "hold", "release", "link", "link loss", "link duplicate", "link reorder")),
    *(f"net.{word}" for word in ("fragment", "split_after", "corrupt", "cut_after fin", "cut_after rst", "cut_after blackhole")),
    *(f"tracker.{word}" for word in ("stop", "start", "behave")),
    *(f"session.{word}" for word in ("save", "ban", "unban", "configure")),
    *(f"torrent.{word}" for word in ("pause", "resume", "stop", "start", "recheck", "announce", "connect", "remove", "configure")),
    *(f"torrent.{word}" for word in ("move", "rename_file", "set_piece_priority", "set_file_priority", "set_sequential", "set_trackers")),
    *(f"peer.{word}" for word in ("connect", "disconnect", "behave", "auto", "gain")),
)  # fmt: skip


def expected_hits() -> list[str]:
    """What a long campaign must have hit: every kind of behaviour, every fault, every gate and every deed that is drawn."""
    return [
        *(f"behave {kind}" for kind in KINDS_DRAWN), *(f"tracker {kind}" for kind in TRACKER_KINDS),
        *(f"gate {point}" for point in POINTS), *(f"disk.fail {op}" for op in OPS), *(f"disk.stall {op}" for op in OPS),
        *(f"disk error {error}" for error in ERRORS), *(f"crash {mode}" for mode in CRASH_MODES), *_DEEDS,
    ]  # fmt: skip


class _Worker:
    """One child process, and the plan that it is at."""

    def __init__(self, seed: int, first: int, step: int, seconds: float, most: int | None) -> None:
        self.seed, self.first, self.step, self.most = seed, first, step, most
        self.at: int | None = None
        self.since = time.monotonic()
        self.over: int | None = None
        self.rest = b""
        self.said = tempfile.TemporaryFile()  # noqa: SIM115  closed by end()
        words = [seed, first, step, seconds, *([] if most is None else [most])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self.process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "jstorrent.lab._soak_worker", *map(str, words)],
            stdout=subprocess.PIPE, stderr=self.said, env=environment,
        )  # fmt: skip

    def lines(self) -> list[dict[str, Any]]:
        """What it said since."""
        assert self.process.stdout is not None
        self.rest += os.read(self.process.stdout.fileno(), 1 << 16)
        *whole, self.rest = self.rest.split(b"\n")
        return [json.loads(line) for line in whole]

    def words(self) -> str:
        """What stands in its standard error."""
        self.said.seek(0)
        return self.said.read()[-4000:].decode(errors="replace")

    def end(self) -> None:
        """Ends the process, if it has not ended."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.said.close()


class _Campaign:
    def __init__(self, seconds: float, seed: int, jobs: int, first: int, most: int | None, patience: float) -> None:
        self.soaked = Soaked(seed, jobs, 0.0)
        self.seconds, self.jobs, self.first, self.most, self.patience = seconds, jobs, first, most, patience
        self.found: dict[str, Finding] = {}
        self.began = time.monotonic()
        self.selector = selectors.DefaultSelector()

    def start(self, first: int) -> None:
        left = self.seconds - (time.monotonic() - self.began)
        if left <= 0 or (self.most is not None and first >= self.most):
            return
        worker = _Worker(self.soaked.seed, first, self.jobs, left, self.most)
        assert worker.process.stdout is not None
        self.selector.register(worker.process.stdout, selectors.EVENT_READ, worker)

    def run(self, progress: Callable[[Soaked], None] | None) -> Soaked:
        for job in range(self.jobs):
            self.start(self.first + job)
        try:
            while self.selector.get_map():
                for key, _ in self.selector.select(_LOOK):
                    self.hear(key.data)
                self.look_for_hangs()
                self.soaked.seconds = time.monotonic() - self.began
                self.soaked.findings = list(self.found.values())
                if progress is not None:
                    progress(self.soaked)
        finally:
            for key in list(self.selector.get_map().values()):
                key.data.end()
            self.selector.close()
        return self.soaked

    def hear(self, worker: _Worker) -> None:
        lines = worker.lines()
        for line in lines:
            if "at" in line:
                worker.at, worker.since = line["at"], time.monotonic()
                self.soaked.plans += 1
            if "finding" in line:
                self.keep(line["finding"])
            if "sum" in line:
                self.soaked.sum.add(line["sum"])
            worker.over = line.get("over", worker.over)
        if not lines and worker.process.poll() is not None:
            self.leave(worker, f"ended with {worker.process.returncode}", "crash")

    def look_for_hangs(self) -> None:
        for key in list(self.selector.get_map().values()):
            worker: _Worker = key.data
            if worker.at is not None and worker.over is None and time.monotonic() - worker.since > self.patience:
                worker.process.kill()
                self.leave(worker, f"did not end within {self.patience:g} s", "hang")

    def leave(self, worker: _Worker, how: str, oracle: str) -> None:
        """It has ended: well, or in the middle of a plan, which is a finding; another goes on behind it."""
        assert worker.process.stdout is not None
        self.selector.unregister(worker.process.stdout)
        words = worker.words()
        worker.end()
        if worker.over is not None:
            self.soaked.ran.append((worker.first, worker.over, worker.step))
            return
        if worker.at is None:
            raise RuntimeError(f"a process that was to run plans {how}: {words}")
        report = report_of_death(generate(worker.seed, worker.at), oracle, how, words)
        self.soaked.ran.append((worker.first, worker.at + worker.step, worker.step))
        self.keep({"number": worker.at, "oracle": oracle, "error": report.error, "token": report.token})
        self.start(worker.at + worker.step)

    def keep(self, finding: dict[str, Any]) -> None:
        cause = cause_of(_reported(finding))
        kept = self.found.setdefault(cause, Finding(cause, finding["error"], [], []))
        kept.numbers.append(finding["number"])
        if len(kept.tokens) < _MOST_TOKENS:
            kept.tokens.append(finding["token"])


def _reported(finding: dict[str, Any]) -> Report:
    return Report(
        ok=False, oracle=finding["oracle"], error=finding["error"], plan=None, token=finding["token"], fingerprint=None,
        virtual_time=0.0, wall_time=0.0, engine_version="", timeline=(), text="",
    )  # fmt: skip


def soak(
    seconds: float,
    seed: int,
    jobs: int = 1,
    *,
    first: int = 0,
    most: int | None = None,
    patience: float = PATIENCE,
    shrink_seconds: float = 0.0,
    progress: Callable[[Soaked], None] | None = None,
) -> Soaked:
    """Runs plans first, first + 1, ... of a seed in so many processes until the time is up, or number `most` is reached.

    A process that dies or hangs is a finding, and another goes on behind it: no number is lost and none runs twice.
    shrink_seconds: so long, afterwards, for the smallest plan of each cause.
    """
    soaked = _Campaign(seconds, seed, jobs, first, most, patience).run(progress)
    shrink_all(soaked, shrink_seconds, patience)
    return soaked


def shrink_all(soaked: Soaked, seconds: float, patience: float) -> None:
    """The smallest plan of each cause, so long each."""
    if seconds <= 0 or not soaked.findings:
        return
    with Children(patience) as children:
        for finding in soaked.findings:
            plan = plan_of(min(finding.tokens, key=len))[0]
            report = children.run(plan)
            if not report.ok:
                finding.shrunk = shrink(plan, children.run, report=report, seconds=seconds)
