"""Dating a finding: oracles look only now and then, so the plan runs once more, and its oracle is asked after every turn."""

from __future__ import annotations

import time
from dataclasses import replace

from jstorrent.lab import phases
from jstorrent.lab._failure import LabFailure, Report
from jstorrent.lab._lab import Lab
from jstorrent.lab._oracles import ORACLES
from jstorrent.lab._performance import Performance
from jstorrent.lab._plan import Plan

LONGEST = 20.0
"""Real seconds that it may take."""
_CUMULATIVE = ("quiet",)
"""They judge what was between two looks: one that looks at each turn finds nothing."""


class _Enough(Exception):
    pass


def dated(plan: Plan, report: Report, longest: float = LONGEST) -> Report:
    """The report, with the time of the first broken turn if the second run finds one."""
    if report.ok or report.oracle not in ORACLES or report.oracle in _CUMULATIVE:
        return report
    when = first_broken(plan, report.oracle, longest)
    if when is None or when > report.virtual_time:
        return report
    head, _, rest = report.text.partition("\n")
    said = f"first broken at {when:.6f}, found at {report.virtual_time:.6f}"
    return replace(report, broken_at=when, text=f"{head}\n{said}\n{rest}")


def first_broken(plan: Plan, oracle: str, longest: float) -> float | None:
    """When the oracle spoke that was asked after every turn; None: it did not, or it took too long."""
    until = time.monotonic() + longest
    lab = Lab(seed=plan.seed, without=plan.without)
    lab._recorder, lab._told = None, plan

    def look() -> bool:
        if time.monotonic() > until:
            raise _Enough
        ORACLES[oracle](lab)
        return True

    try:
        run = Performance(plan, lab)
        run.set_up()
        lab._along.add_rule(look, oracle)
        run.play()
        if not run.ends_by_hand:
            phases.finish(lab, plan.within)
        lab.__exit__(None)
    except LabFailure as failure:
        return failure.time if failure.oracle == oracle else None
    except Exception:  # noqa: BLE001  it is no more than a second look
        return None
    finally:
        lab.close()
    return None
