"""Random plans by Hypothesis, the state machine over an engine, and a short campaign of fixed numbers."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jstorrent.lab import Behaviour, Plan, run, strategies
from jstorrent.lab.soak import soak

FEW = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@FEW
@given(strategies.plans())
def test_whatever_broke_everybody_completes_when_it_is_over(plan: Plan) -> None:
    report = run(plan)
    assert report.ok, f"{report}\njstorrent lab replay {report.token}"


@FEW
@given(strategies.plans(kinds=["corrupt", "late"], max_peers=2))
def test_plans_keep_to_their_kinds(plan: Plan) -> None:
    liars = [peer for peer in plan.peers if peer.get("behave")]
    assert len(liars) <= 2
    assert {lie["kind"] for liar in liars for lie in liar["behave"]} <= {"corrupt", "late"}
    assert Plan.from_json(plan.to_json()) == plan


@FEW
@given(st.data(), st.sampled_from(["cut", "metadata"]))
def test_behaviours_keep_to_their_kinds(data: st.DataObject, kind: str) -> None:
    drawn = data.draw(strategies.behaviours([kind]))
    assert isinstance(drawn, Behaviour) and drawn.kind == kind


def test_unknown_kinds_are_refused() -> None:
    for strategy in (strategies.plans, strategies.behaviours):
        with pytest.raises(ValueError, match="no such kind of behaviour: 'nonsense'"):
            strategy(["nonsense"])


class TestEngine(strategies.EngineMachine.TestCase):  # type: ignore[name-defined, misc]
    settings = settings(max_examples=15, stateful_step_count=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def test_a_short_campaign_has_no_finding() -> None:
    soaked = soak(seconds=600, seed=1, jobs=1, most=60)
    assert soaked.plans == soaked.sum.plans == 60 and soaked.ran == [(0, 60, 1)]
    assert [finding.to_dict() for finding in soaked.findings] == []
