"""Running plans: perform() for campaigns, run() for everybody."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

from jstorrent.lab import phases
from jstorrent.lab._failure import LabFailure, Last, Report
from jstorrent.lab._lab import Lab
from jstorrent.lab._performance import Nonsense, Performance
from jstorrent.lab._plan import Plan, resolve
from jstorrent.lab._report import make_report


@dataclass
class Performed:
    """What came of a plan, and where the time went, in seconds."""

    report: Report | None
    ok: bool
    oracle: str | None = None
    excuse: str | None = None
    fingerprint: str | None = None
    virtual_time: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    hits: dict[str, int] = field(default_factory=dict)


class _Stopwatch:
    """Where the real time of one run goes, in seconds."""

    def __init__(self, lab: Lab, began: float) -> None:
        self.spent: dict[str, float] = {}
        self._began = began
        self._in_oracles = 0.0
        self._check = lab.check
        lab.check = self._timed_check  # type: ignore[method-assign]

    def _timed_check(self) -> tuple[str, ...]:
        began = time.perf_counter()
        try:
            return self._check()
        finally:
            self._in_oracles += time.perf_counter() - began

    def is_set_up(self) -> None:
        """From here on the world moves."""
        self.spent["setup"] = time.perf_counter() - self._began

    def has_run(self, lab: Lab) -> None:
        """From here on it is judged for the last time."""
        moved = time.perf_counter() - self._began - self.spent.get("setup", 0.0) - self._in_oracles
        peers = sum(peer._transport.seconds_spent for peer in lab._peers)
        self.spent |= {"engine": moved - peers, "peers": peers, "oracles": self._in_oracles}
        self._began = time.perf_counter()
        self._in_oracles = 0.0

    def is_judged(self) -> None:
        """The oracles on leaving are done."""
        self.spent["oracles"] += time.perf_counter() - self._began


def perform(plan: Plan, *, brief: bool = False) -> Performed:
    """Runs a plan. brief: a run without a finding gets no report."""
    began = time.perf_counter()
    lab = Lab(seed=plan.seed, without=plan.without)
    lab._recorder, lab._told = None, plan
    try:
        done = _judged(Performance(plan, lab), _Stopwatch(lab, began), brief)
    except Nonsense as nonsense:
        raise nonsense.error from None
    finally:
        lab.close()
        del lab.check  # it refers to the laboratory
    done.seconds["all"] = time.perf_counter() - began
    return done


def _judged(performance: Performance, watch: _Stopwatch, brief: bool) -> Performed:
    lab = performance.lab
    excuse = None
    try:
        performance.set_up_or_refuse()
        watch.is_set_up()
        performance.play()
        if not performance.ends_by_hand:
            excuse = phases.finish(lab, performance.plan.within)
        watch.has_run(lab)
        report = None if brief else replace(make_report(lab, ok=True, oracle=None, error=None), excuse=excuse)
        found = Performed(report, True, None, excuse, lab.fingerprint, lab.now, watch.spent)
        found.hits = _hits(performance)
        lab.__exit__(None)
        watch.is_judged()
        return found
    except LabFailure as failure:
        report = failure.report
    except (Nonsense, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001  whatever comes out of a world is a finding
        report = make_report(lab, ok=False, oracle="world", error=f"world: {type(error).__name__}: {error}")
    if "engine" not in watch.spent:
        watch.has_run(lab)
    found = Performed(report, False, report.oracle, None, report.fingerprint, report.virtual_time, watch.spent)
    found.hits = _hits(performance)
    return found


def _hits(performance: Performance) -> dict[str, int]:
    """How often each thing that a plan asked for came to pass: kinds of behaviour, faults, gates, operations."""
    found: dict[str, int] = {}

    def count(what: str, times: int) -> None:
        if times:
            found[what] = found.get(what, 0) + times

    for peer in performance.lab._peers:
        for kind in peer._core.kinds:
            count(f"behave {kind.behaviour.kind}", kind._deeds)
    for tracker in performance.lab._trackers:
        for kind, times in getattr(getattr(tracker, "_core", None), "deeds", {}).items():
            count(f"tracker {kind}", times)
    for op in performance.plan.ops[: performance._next]:
        handle = performance.handles.get(op.get("as", ""))
        if op["op"] == "gate":
            was_hit = 0 if handle is None else int(handle.hit)
            count(f"gate {op['point']} {op.get('action', 'hold')}", was_hit)
            if op.get("action") == "crash":
                count(f"crash {op.get('mode', 'drop-all')}", was_hit)
        elif handle is not None:
            what = " ".join(str(op[word]) for word in ("operation", "error") if word in op)
            count(f"{op['op']} {what}".rstrip(), handle.hits)
            if "error" in op:
                count(f"disk error {op['error']}", handle.hits)
        else:
            count(_counted(op), 1)
    return found


def _counted(op: dict[str, Any]) -> str:
    """What an operation without a handle counts as: of some their kinds are told apart."""
    if op["op"] == "crash":
        return f"crash {op.get('mode', 'drop-all')}"
    if op["op"] == "net.cut_after":
        return f"net.cut_after {op['how']}"
    if op["op"] == "net.link":
        return " ".join(["net.link", *(word for word in ("loss", "duplicate", "reorder") if word in op)])
    return str(op["op"])


def run(plan: Plan | str, *, isolate: bool = False, dating: bool = True) -> Report:
    """Runs a plan, or that of a token, in a simulated world, and reports. A pure function: it pickles, and any number of
    them may run side by side, in whatever processes. isolate: in a child process, where a native crash is a Report too.
    dating: what failed runs once more, to find the first turn that was wrong (`broken_at`)."""
    Last.told = report = _run(resolve(plan), isolate, dating)
    return report


def _run(plan: Plan, isolate: bool, dating: bool) -> Report:
    if isolate:
        from jstorrent.lab._child import run_in_child

        return run_in_child(plan, dating=dating)
    report = perform(plan).report
    assert report is not None
    if dating and not report.ok:
        from jstorrent.lab._dating import dated

        return dated(plan, report)
    return report
