"""Sweeps: one plan, and every way to disturb it at one place. Each gives plans, to be run by `map(run, ...)` of any executor.

>>> from jstorrent.lab import Plan, run, sweeps
>>> plan = Plan(seed=7, torrent={"pieces": 1}, engines=[{"name": "client"}], peers=[{"name": "good"}])
>>> all(run(each).ok for each in sweeps.cuts(plan, "good", "client", every=5000))
True

First the plan runs undisturbed, to count what there is: bytes, disk operations, moments. Nobody heals what is broken then:
the engine must come through by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from jstorrent.lab import phases
from jstorrent.lab._gates import POINTS
from jstorrent.lab._lab import Lab
from jstorrent.lab._net import CUTS
from jstorrent.lab._performance import Performance
from jstorrent.lab._plan import Plan

T = TypeVar("T")
_HELD = 5.0


def cuts(plan: Plan, a: str, b: str, *, how: Iterable[str] = CUTS, every: int = 1) -> Iterator[Plan]:
    """The connection ends when b has got n bytes from a: for each n of the undisturbed run, and each way to end."""
    total = _undisturbed(plan, lambda run: _carried(run, a, b))
    for nbytes in range(0, total + 1, every):
        for word in how:
            yield _first(plan, {"op": "net.cut_after", "a": a, "b": b, "nbytes": nbytes, "how": word})


def splits(plan: Plan, a: str, b: str, *, every: int = 1) -> Iterator[Plan]:
    """What a sends comes to b torn in two behind n bytes: for each n of the undisturbed run."""
    total = _undisturbed(plan, lambda run: _carried(run, a, b))
    for nbytes in range(1, total, every):
        yield _first(plan, {"op": "net.split_after", "a": a, "b": b, "nbytes": nbytes})


def fragments(plan: Plan, a: str, b: str, sizes: Iterable[int] = range(1, 100)) -> Iterator[Plan]:
    """What a sends comes to b in pieces of one size, for each of these."""
    for size in sizes:
        yield _first(plan, {"op": "net.fragment", "a": a, "b": b, "sizes": [size]})


def disk_failures(plan: Plan, node: str, *, errors: Iterable[str] = ("EIO", "ENOSPC"), times: int | None = 1) -> Iterator[Plan]:
    """The k-th disk operation of a node fails, for each k of the undisturbed run, with each of these errors."""
    total = _undisturbed(plan, lambda run: int(run.nodes[node].disk.ops))
    for nth in range(1, total + 1):
        for error in errors:
            op = {"op": "disk.fail", "node": node, "operation": "any", "nth": nth, "error": error, "times": times}
            yield _first(plan, op)


def orders(plan: Plan, count: int) -> Iterator[Plan]:
    """What happens at one instant happens in another order, so many times: the seed chooses who goes first, and how much is
    handled at once."""
    for number in range(count):
        yield plan.replace(seed=plan.seed + 1 + number)


def pauses(plan: Plan, node: str, *, points: Iterable[str] | None = None, seconds: float = _HELD) -> Iterator[Plan]:
    """The node is held at a gate for so long: at each point that holds, each time that the undisturbed run comes by."""
    chosen = [word for word, point in POINTS.items() if not point.in_turn] if points is None else list(points)
    looks = [{"at": 0, "op": "gate", "as": point, "point": point, "action": "observe", "where": {"node": node}} for point in chosen]
    seen = _undisturbed(
        plan.replace(ops=[*looks, *plan.ops]), lambda run: {point: len(run.handles[point].hits) for point in chosen}
    )
    for point in chosen:
        for nth in range(1, seen[point] + 1):
            words: dict[str, Any] = {"point": point, "nth": nth, "times": 1, "where": {"node": node}}
            gate = {"at": 0, "op": "gate", "as": "held", **words}
            until = {"at": seconds, "op": "gate.remove", "of": "held"}
            later = [op for op in plan.ops if op.get("at", 0) > seconds]
            yield plan.replace(ops=[gate, *(op for op in plan.ops if op not in later), until, *later])


def _first(plan: Plan, op: dict[str, Any]) -> Plan:
    return plan.replace(ops=[{"at": 0, **op}, *plan.ops])


def _undisturbed(plan: Plan, look: Callable[[Performance], T]) -> T:
    """Runs the plan as it is, and looks at its end. A plan that fails already is no ground for a sweep: it raises."""
    with Lab(seed=plan.seed, without=plan.without) as lab:
        lab._recorder, lab._told = None, plan
        run = Performance(plan, lab)
        run.set_up()
        run.play()
        if not run.ends_by_hand:
            phases.finish(lab, plan.within)
        return look(run)


def _carried(run: Performance, a: str, b: str) -> int:
    """Bytes that b got from a: all that a sent, where it spoke to nobody else."""
    books = run.lab._lane.network.ledger(run.nodes[a]._number), run.lab._lane.network.ledger(run.nodes[b]._number)
    return int(min(books[0]["sent"], books[1]["received"]))
