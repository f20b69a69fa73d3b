"""Hypothesis over the laboratory: what is found is shrunk to what matters, and a machine may begin with anybody."""

from __future__ import annotations

import random

from hypothesis import Phase, find, settings
from hypothesis.stateful import run_state_machine_as_test
from jstorrent.lab import Lab, strategies
from jstorrent.lab._generate import drawn

FIND = settings(derandomize=True, database=None, deadline=None, max_examples=20, phases=(Phase.generate, Phase.shrink))


class Least(random.Random):
    """What Hypothesis shrinks to: the least of everything."""

    def random(self) -> float:
        return 0.0

    def getrandbits(self, k: int, /) -> int:
        return 0


def test_the_least_plan_is_the_plainest() -> None:
    plan = drawn(strategies._Luck(Least()))
    assert plan.torrent == {"pieces": 1, "piece_length": 16384}
    assert plan.engines == [{"name": "client"}] and plan.peers == [{"name": "good"}] and plan.links == []
    assert [op["op"] for op in plan.ops] == ["recover"]
    assert find(strategies.behaviours(["corrupt"]), lambda b: True, settings=FIND).to_dict() == {"kind": "corrupt"}


def test_shares_stay_shares() -> None:
    luck = strategies._Luck(random.Random(1))
    drawn = [luck.random() for _ in range(2000)]
    assert all(0 <= share < 1 for share in drawn) and 0.4 < sum(drawn) / len(drawn) < 0.6


class WithoutScriptedPeers(strategies.EngineMachine):
    def setup_lab(self) -> None:
        self.spec = self.lab.torrent(pieces=1)
        self.core = [self.lab.seeder("good", self.spec)]  # type: ignore[list-item]
        self.client = self.lab.engine("client")
        self.client.add(self.spec, peers=self.core)


def test_a_machine_may_begin_without_scripted_peers() -> None:
    few = settings(derandomize=True, database=None, deadline=None, max_examples=10, stateful_step_count=8)
    run_state_machine_as_test(WithoutScriptedPeers, settings=few)
    machine = WithoutScriptedPeers()
    machine.lab = Lab(seed=1)
    machine.setup_lab()
    assert not WithoutScriptedPeers.peer_leaves.hypothesis_stateful_rule.preconditions[0](machine)
    machine.lab.close()
