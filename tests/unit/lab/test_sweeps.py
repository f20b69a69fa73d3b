"""Sweeps: each plan of a sweep is run; the engine comes through every disturbance by itself."""

from __future__ import annotations

import pytest
from jstorrent.lab import LabFailure, Plan, run, sweeps
from jstorrent.lab._gates import POINTS

SMALL = Plan(
    seed=7,
    torrent={"pieces": 2, "piece_length": 16384, "tail": 1000},
    engines=[{"name": "client", "reconnect_interval": 1, "request_timeout": 2, "inactivity_timeout": 20}],
    peers=[{"name": "good"}],
    within=400,
)


def guilty(plans: list[Plan]) -> list[str]:
    """Those that failed, each with its error and its token."""
    return [f"{report.error} {report.token}" for report in map(run, plans) if not report.ok]


def test_cut_at_every_byte_of_what_comes_before_the_first_block_and_at_some_behind() -> None:
    every = list(sweeps.cuts(SMALL, "good", "client"))
    assert len(every) % 3 == 0 and 16384 + 1000 < len(every) // 3 < 20_000
    head, rest = every[: 3 * 100], every[3 * 100 :: 997]
    assert [op["nbytes"] for op in (plan.ops[0] for plan in head[::3])] == list(range(100))
    assert guilty([*head[::3], *head[1::7], *head[2::11], *rest]) == []


def test_the_other_way_too() -> None:
    every = list(sweeps.cuts(SMALL, "client", "good", how=["rst", "fin"], every=3))
    assert guilty(every[:120]) == []


def test_torn_at_every_byte() -> None:
    plans = list(sweeps.splits(SMALL, "good", "client", range(1, 80, 3)))
    assert len(plans) == 27 and guilty(plans) == []


def test_every_disk_operation_fails_once() -> None:
    plans = list(sweeps.disk_failures(SMALL, "client", errors=["EIO"]))
    assert [plan.ops[0]["nth"] for plan in plans] == list(range(1, len(plans) + 1)) and len(plans) >= 10
    assert guilty(plans) == []


def test_orders_differ_and_all_come_to_the_same() -> None:
    plans = list(sweeps.orders(SMALL, 20))
    assert len({run(plan).fingerprint for plan in plans}) == 20 and guilty(plans) == []


def test_held_at_every_gate_that_it_comes_by() -> None:
    plans = list(sweeps.pauses(SMALL, "client"))
    held = {plan.ops[0]["point"] for plan in plans}
    assert held >= {"hash.start", "hash.done", "disk.write", "disk.write.done", "disk.sync", "resume.save", "disk.done"}
    assert all(not POINTS[point].in_turn for point in held)
    assert guilty(plans) == []


def test_a_plan_that_fails_by_itself_is_no_ground() -> None:
    with pytest.raises(LabFailure, match="not complete"):
        list(sweeps.cuts(SMALL.replace(within=0.01), "good", "client"))
