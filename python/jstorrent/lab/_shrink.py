"""Shrinking: the smallest plan that still fails in the same way, by delta debugging over its elements.

An element is an operation, a peer, an engine, a behaviour, a setting or a line. Each step keeps the plan valid: with a node
goes everything that names it. "In the same way" means: the same oracle speaks of the same thing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from jstorrent import Error
from jstorrent.lab._failure import Report
from jstorrent.lab._plan import Plan
from jstorrent.lab._words import WORDS

Fails = Callable[[Plan], Report]
_NAMING = ("node", "a", "b", "peers", "core", "client", "address", "engine", "host", "name")
_KEPT_WORDS = {"op", "at", "node", "name", "kind", "point", "action", "as", "of", "a", "b", "how", "operation", "path", "seconds"}


@dataclass
class Shrunk:
    """The smallest plan found, and what it took."""

    plan: Plan
    report: Report
    tried: int
    elements: int


def cause_of(report: Report) -> str:
    """What went wrong, without the numbers and names in it: findings of one cause are one finding."""
    said = (report.error or "").splitlines()[0] if report.error else ""
    said = re.sub(r"\(?'?\b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d+)?(?:', \d+\))?", "ADDRESS", said)
    said = re.sub(r"\b(?:client|second|seed|good|p\d+|torrent-\d+)\b", "NAME", said)
    return f"{report.oracle}: " + re.sub(r"-?\d[\d.,x]*", "N", said).removeprefix(f"{report.oracle}: ")


def elements_of(plan: Plan) -> int:
    """What a plan is made of besides one client, its torrent and the honest core: operations but the healing, liars, their
    behaviours beyond the first, settings."""
    ops = [op for op in plan.ops if op["op"] not in ("recover", "end", "engine", "peer", "add", "alarm", "check")]
    lies = [peer for peer in plan.peers if peer.get("behave")]
    settings = sum(len(set(entry) - {"name", "have", "peers", "magnet"}) for entry in plan.engines)
    return len(ops) + sum(len(peer["behave"]) for peer in lies) + settings + len(plan.links) + max(len(plan.engines) - 2, 0)


def shrink(plan: Plan, run: Fails, *, report: Report | None = None, seconds: float = 120.0, tries: int = 2000) -> Shrunk:
    """The smallest plan that `run` still finds guilty of the same. seconds, tries: when to be content."""
    best = run(plan) if report is None else report
    if best.ok:
        raise ValueError("this plan does not fail: nothing to shrink")
    cause, limit, tried = cause_of(best), time.monotonic() + seconds, 0

    def still_fails(candidate: Plan) -> Report | None:
        nonlocal tried
        if tried >= tries or time.monotonic() > limit or (best.oracle == "until" and _core_is_lost(plan, candidate)):
            return None
        tried += 1
        try:
            found = run(candidate)
        except (ValueError, TypeError, IndexError, Error):
            return None  # cut down to nonsense
        return found if not found.ok and cause_of(found) == cause else None

    progress = True
    while progress:
        progress = False
        for step in _STEPS:
            smaller = _apply(plan, step, still_fails)
            if smaller is not None:
                plan, best = smaller
                progress = True
    return Shrunk(plan, best, tried, elements_of(plan))


def _core_is_lost(plan: Plan, candidate: Plan) -> bool:
    """Nobody honest is left to heal: then nothing is complete, whatever went wrong before."""
    return any(op.get("core") for op in plan.ops) and not any(op.get("core") for op in candidate.ops)


def _apply(
    plan: Plan, step: Callable[[Plan], Iterator[Plan]], still_fails: Callable[[Plan], Report | None]
) -> tuple[Plan, Report] | None:
    """Takes what a step offers, as long as it offers something that still fails."""
    found: tuple[Plan, Report] | None = None
    again = True
    while again:
        again = False
        for candidate in step(plan):
            if candidate == plan:
                continue
            report = still_fails(candidate)
            if report is not None:
                plan, found, again = candidate, (candidate, report), True
                break
    return found


# -- steps, from the coarse to the fine


def _without_turns(plan: Plan) -> Iterator[Plan]:
    if any("turn" in op for op in plan.ops):
        ops = [{k: v for k, v in op.items() if k not in ("turn", "early", "during")} for op in plan.ops]
        yield plan.replace(ops=_tidy(ops, plan))


def _fewer_ops(plan: Plan) -> Iterator[Plan]:
    """Delta debugging: halves, quarters, ... single ones."""
    ops = plan.ops
    size = len(ops)
    while size >= 1:
        for begin in range(0, len(ops), size):
            left = [op for at, op in enumerate(ops) if not begin <= at < begin + size or op["op"] in ("recover", "end")]
            if len(left) < len(ops):
                yield plan.replace(ops=_tidy(left, plan))
        size //= 2


def _tidy(ops: list[dict[str, Any]], plan: Plan) -> list[dict[str, Any]]:
    handles = {op["as"] for op in ops if "as" in op}
    return [op for op in ops if "of" not in op or op["of"] in handles]


def _fewer_nodes(plan: Plan) -> Iterator[Plan]:
    for entry in [*plan.peers, *plan.engines]:
        name = entry["name"]
        ops = [made for op in plan.ops if (made := _without(op, name)) is not None]
        yield plan.replace(
            engines=[_forget(each, name) for each in plan.engines if each["name"] != name],
            peers=[_forget(each, name) for each in plan.peers if each["name"] != name],
            links=[each for each in plan.links if each.get("node") != name],
            ops=_tidy(ops, plan),
        )


def _forget(entry: dict[str, Any], name: str) -> dict[str, Any]:
    made = {key: value for key, value in entry.items() if not (key == "host" and value == name)}
    if isinstance(made.get("peers"), list):
        made["peers"] = [each for each in made["peers"] if each != name]
    return made


def _without(op: dict[str, Any], name: str) -> dict[str, Any] | None:
    """The operation where nobody has that name; None: it would mean nothing."""
    made = dict(op)
    for key in _NAMING:
        value = op.get(key)
        if value == name:
            return None
        if isinstance(value, list) and name in value:
            made[key] = [each for each in value if each != name]
            if not made[key] and key in ("a", "b", "node"):
                return None
    return None if op.get("where", {}).get("node") == name else made


def _fewer_words(plan: Plan) -> Iterator[Plan]:
    """Settings, behaviours and optional arguments, one at a time."""
    for listing in ("engines", "peers"):
        entries = getattr(plan, listing)
        for at, entry in enumerate(entries):
            for smaller in _smaller_entry(entry):
                yield plan.replace(**{listing: [*entries[:at], smaller, *entries[at + 1 :]]})
    for at in range(len(plan.links)):
        yield plan.replace(links=plan.links[:at] + plan.links[at + 1 :])
    for at, op in enumerate(plan.ops):
        for key in op:
            if key not in _KEPT_WORDS and key not in ("core", "torrent", *WORDS[op["op"]].needs):
                smaller = {word: value for word, value in op.items() if word != key}
                yield plan.replace(ops=[*plan.ops[:at], smaller, *plan.ops[at + 1 :]])


def _smaller_entry(entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key in entry:
        if key != "name" and not (key == "have" and entry["have"] == "all"):
            yield {word: value for word, value in entry.items() if word != key}
    lies = entry.get("behave")
    if not isinstance(lies, list):
        return
    for at, lie in enumerate(lies):
        yield {**entry, "behave": lies[:at] + lies[at + 1 :]}
        if isinstance(lie, dict):
            for key in lie:
                if key != "kind":
                    less = {word: value for word, value in lie.items() if word != key}
                    yield {**entry, "behave": [*lies[:at], less, *lies[at + 1 :]]}


def _smaller_torrent(plan: Plan) -> Iterator[Plan]:
    torrent = plan.torrent
    if torrent.get("files"):
        yield plan.replace(torrent={**{k: v for k, v in torrent.items() if k != "files"}, "pieces": 2})
        for at in range(len(torrent["files"])):
            yield plan.replace(torrent={**torrent, "files": torrent["files"][:at] + torrent["files"][at + 1 :]})
        return
    if "tail" in torrent:
        yield plan.replace(torrent={key: value for key, value in torrent.items() if key != "tail"})
    pieces = torrent.get("pieces", 16)
    for fewer in (1, pieces // 2, pieces - 1):
        if 1 <= fewer < pieces:
            yield plan.replace(torrent={**torrent, "pieces": fewer})
    if torrent.get("piece_length", 65536) > 16384:
        yield plan.replace(torrent={**torrent, "piece_length": 16384})


def _rounder_times(plan: Plan) -> Iterator[Plan]:
    if any("turn" in op for op in plan.ops):
        return
    for digits in (0, 1, 2):
        rounded = [{**op, "at": round(op.get("at", 0), digits)} for op in plan.ops]
        if rounded != plan.ops:
            yield plan.replace(ops=rounded)


_STEPS = (_without_turns, _fewer_ops, _fewer_nodes, _fewer_words, _smaller_torrent, _rounder_times)
