"""Sweeps: each plan of a sweep is run; the engine comes through every disturbance by itself."""

from __future__ import annotations

import pytest
from jstorrent.lab import Lab, LabFailure, Plan, phases, run, sweeps
from jstorrent.lab._gates import POINTS
from jstorrent.lab._performance import Performance

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


def test_in_pieces_of_every_size() -> None:
    plans = list(sweeps.fragments(SMALL, "good", "client", range(1, 80, 3)))
    assert len(plans) == 27 and guilty(plans) == []


def story(plan: Plan) -> list[tuple[str, object, object]]:
    """What the scripted peer said and heard on its link, in order, without times."""
    with Lab(seed=plan.seed) as lab:
        run_of = Performance(plan, lab)
        run_of.set_up()
        run_of.play()
        phases.finish(lab, plan.within)
        return [(m.direction + m.kind, m.piece, m.begin) for m in lab._peers[0].ledger.messages]


def test_torn_in_two_at_every_byte_it_is_the_same_story() -> None:
    """At each byte of the handshake and of what follows it, at each of a block's head, and at some of its contents."""
    for a, b in (("good", "client"), ("client", "good")):
        plans = list(sweeps.splits(SMALL, a, b))
        positions = [plan.ops[0]["nbytes"] for plan in plans]
        assert positions == list(range(1, len(plans) + 1)) and len(plans) > 150
        assert len(plans) > 17_000 or a == "client"
        chosen = [plan for at, plan in zip(positions, plans, strict=True) if at < 260 or at % 499 == 0 or at > len(plans) - 20]
        assert guilty(chosen) == []
        whole = story(SMALL)
        assert [plan.ops[0] for plan in chosen[::9] if sorted(story(plan)) != sorted(whole)] == []


def handshake_arrivals(nbytes: int) -> list[int]:
    """How many bytes the client had got at each arrival of what a peer sent that says nothing but its handshake."""
    with Lab(seed=7) as lab:
        spec = lab.torrent(pieces=1)
        client, peer = lab.engine("client"), lab.peer("peer", spec, auto=())
        if nbytes:
            lab.net.split_after(peer, client, nbytes)
        client.add(spec, peers=[peer])
        got = lab.watch(lambda: lab._lane.world.ledger(client._number)["received"])
        seen: list[int] = []
        lab.always(lambda: seen.append(int(got.last or 0)) or True, "looks")
        lab.run_for(1)
        return sorted({count for count in seen if count})


def test_a_split_tears_where_it_says_and_only_there(lab: Lab) -> None:
    assert handshake_arrivals(0) == [68]
    assert handshake_arrivals(20) == [20, 68]
    assert handshake_arrivals(67) == [67, 68]
    assert handshake_arrivals(68) == handshake_arrivals(69) == [68]
    spec = lab.torrent(pieces=1)
    for nonsense in (0, -1):
        with pytest.raises(ValueError, match="at least 1"):
            lab.net.split_after(lab.engine(f"client{nonsense}"), lab.peer(f"peer{nonsense}", spec), nonsense)


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
