"""How fast simulated time runs, and what a run costs. The whole suite's median stands at the end of its output."""

from __future__ import annotations

import random
import time

import pytest
from jstorrent.lab import Behaviour, Lab

from tests.scenarios.s0 import BLOCK, completes
from tests.support.figures import Figure
from tests.support.sanitizers import times_mean_nothing

DAY = 86_400.0
KINDS = (
    (),
    ("duplicate",),
    ("reorder",),
    (Behaviour("late", seconds=0.1, p=0.1),),
    (Behaviour("corrupt", p=0.02),),
    (Behaviour("reject", times=3),),
)


@pytest.mark.covers("S1-9")
def test_thirty_days_of_waiting_pass_ten_thousand_times_faster(lab: Lab, figure: Figure) -> None:
    """Idle is not finished: a link stays open, keep-alives go both ways, and an address that is gone is dialled again."""
    spec = lab.torrent(pieces=16, piece_length=BLOCK)
    half, gone = lab.engine("half"), lab.engine("gone")
    half.add(spec, have=range(15))
    client = lab.engine("client")
    t = client.add(spec, peers=[half, gone])
    gone.stop()
    lab.until(lambda: t.progress == 15 / 16, within=60)
    since, began = lab.wall_time, lab.now
    lab.run_for(30 * DAY)
    times = (lab.now - began) / (lab.wall_time - since)
    dials = lab._lane.network.ledger(client._number)["dials"]
    figure("30 days of waiting for a piece", f"{times:,.0f} times real time, {dials} dials")
    assert t.state == "stalled" and t.peers() and dials > 100
    assert times >= 10_000


def one_run(seed: int) -> float:
    """A world made from a number alone: the torrent, three peers, what they do, their lines. Its virtual seconds."""
    luck = random.Random(seed)
    with Lab(seed=seed) as lab:
        spec = lab.torrent(pieces=luck.randint(1, 16), piece_length=luck.choice((1, 2, 4)) * BLOCK, tail=luck.randint(1, BLOCK))
        peers = [lab.peer("whole", spec)]
        for name in ("one", "other"):
            have = [i for i in range(spec.num_pieces) if luck.random() < 0.7]
            peers.append(lab.peer(name, spec, have=have, behave=luck.choice(KINDS)))
        for peer in peers:
            lab.net.access(peer, up=luck.choice((None, 100_000, 1_000_000)), latency=luck.uniform(0, 0.1))
        client = lab.engine("client")
        client.add(spec, peers=peers)
        completes(lab, client, spec, within=120)
        return lab.now


@times_mean_nothing
@pytest.mark.covers("S1-9")
def test_two_hundred_generated_runs_of_three_peers(lab_seed: int, figure: Figure) -> None:
    """In one process, by CPU time: how busy the machine is else does not count."""
    began = time.process_time()
    virtual = [one_run(lab_seed + i) for i in range(200)]
    spent = time.process_time() - began
    figure("200 generated runs of 3 scripted peers", f"{spent:.2f} s of CPU, {sum(virtual):,.0f} virtual s")
    assert spent < 4
