"""Plans: JSON there and back, nonsense refused, runs that are the same everywhere."""

from __future__ import annotations

import json
import pickle
import re
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest
from jstorrent.lab import Behaviour, Handshake, Plan, Report, run
from jstorrent.lab import _plan as plans
from jstorrent.lab._perform import perform

from tests.unit.lab.test_determinism import child

BROKEN = Plan(
    seed=7,
    torrent={"pieces": 8, "piece_length": 32768},
    engines=[{"name": "client", "request_timeout": 2}, {"name": "good", "have": "all"}],
    peers=[{"name": "liar", "behave": [Behaviour("corrupt", p=0.5), "choke_flap"], "handshake": Handshake(fast=False)}],
    links=[{"node": "client", "down": 300_000}],
    ops=[
        {"at": 0.2, "op": "net.partition", "a": ["client"], "b": ["good"]},
        {"at": 0.3, "op": "disk.fail", "as": "full", "node": "client", "operation": "write", "error": "ENOSPC", "times": None},
        {"at": 1.0, "op": "peer.send_raw", "node": "liar", "data": b"\0\0\0\0"},
        {"at": 2.0, "op": "restart", "node": "client"},
        {"at": 3.0, "op": "recover", "core": ["good"]},
    ],
    within=300,
)


def test_a_plan_goes_through_json_and_tokens_and_pickles() -> None:
    text = BROKEN.to_json()
    assert Plan.from_json(text) == BROKEN == pickle.loads(pickle.dumps(BROKEN))
    assert hash(Plan.from_json(text)) == hash(BROKEN)
    assert Plan.from_json(BROKEN.to_json(indent=2)).to_json() == text
    assert plans.plan_of(BROKEN.token)[0] == BROKEN
    assert json.loads(text)["ops"][2]["data"] == {"hex": "00000000"}
    assert len(BROKEN.token) < len(text)


def test_a_plan_is_frozen_and_its_own() -> None:
    ops: list[dict[str, Any]] = [{"at": 1, "op": "crash", "node": "a"}]
    plan = Plan(seed=1, engines=[{"name": "a"}], ops=ops)
    ops[0]["at"] = 2
    assert plan.ops[0]["at"] == 1
    with pytest.raises(AttributeError):
        plan.seed = 2  # type: ignore[misc]
    other = plan.replace(seed=2, within=5)
    assert (other.seed, other.within, other.ops, plan.seed) == (2, 5, plan.ops, 1)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"seed": None}, "needs a seed"),
        ({"seed": True}, "needs a seed"),
        ({"version": 2}, "knows version 1"),
        ({"within": 0}, "more than 0"),
        ({"ops": [{"at": 1, "op": "net.explode"}]}, r"no such operation: 'net.explode' \(known: add, alarm"),
        ({"ops": [{"at": -1, "op": "check"}]}, "at is seconds"),
        ({"ops": [{"at": 1, "op": "net.hold", "a": [], "b": [], "p": 1}]}, r"net.hold has no 'p' \(known:"),
        ({"ops": ["check"]}, "dict of arguments"),
        ({"engines": [{}]}, "has a name"),
        ({"engines": [{"name": "a"}], "peers": [{"name": "a"}]}, "two nodes are called 'a'"),
    ],
)
def test_nonsense_is_no_plan(words: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Plan(**{"seed": 1, **words})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no plan"),
        ("[]", "not a JSON object"),
        ("[" * 100_000, "no plan"),
        ("{}", "no seed"),
        ('{"seed": 1, "speed": 2}', "no such field of a plan: 'speed'"),
        ('{"seed": 1, "ops": 3}', "ops is a list of dicts of arguments"),
    ],
)
def test_nonsense_is_no_json_of_a_plan(text: str, why: str) -> None:
    with pytest.raises((ValueError, TypeError), match=why):
        Plan.from_json(text)


def test_a_plan_has_a_longest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    text, token = BROKEN.to_json(), BROKEN.token
    monkeypatch.setattr(plans, "LONGEST_PLAN", len(text))
    assert Plan.from_json(text) == plans.plan_of(token)[0]
    monkeypatch.setattr(plans, "LONGEST_PLAN", len(text) - 1)
    for refused in (lambda: Plan.from_json(text), lambda: plans.plan_of(token)):
        with pytest.raises(ValueError, match="at most"):
            refused()


def test_damaged_tokens_are_refused() -> None:
    token = BROKEN.token
    for bad in ("", "jst1", "jst2" + token[4:], token[:-4], token + "AAAA", token[:30] + "!" + token[31:], "jst1-0.1-AAAA"):
        with pytest.raises(ValueError, match="token"):
            plans.plan_of(bad)


def test_a_token_of_another_version_runs_and_warns() -> None:
    plan = Plan(seed=1, engines=[{"name": "a", "have": "all"}])
    mark, _, body = plan.token.split("-", 2)
    with pytest.warns(UserWarning, match=r"made by jstorrent 0\.0\.1"):
        assert run(f"{mark}-0.0.1-{body}").ok


def test_the_same_plan_gives_the_same_fingerprint_here_and_in_another_process() -> None:
    first = run(BROKEN)
    assert first.ok, first
    assert first.plan == BROKEN and first.token == BROKEN.token and first.excuse is None
    assert run(BROKEN.token).fingerprint == perform(BROKEN, brief=True).fingerprint == first.fingerprint
    told = "import sys; from jstorrent.lab import run; print(run(sys.argv[1]).fingerprint)"
    assert child(5, "-c", told, BROKEN.token) == first.fingerprint
    assert run(BROKEN.replace(seed=8)).fingerprint != first.fingerprint


def test_run_is_for_executors() -> None:
    many = [BROKEN.replace(seed=seed) for seed in range(3)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        reports = list(pool.map(run, many))
    assert [report.fingerprint for report in reports] == [run(plan).fingerprint for plan in many]


def test_a_report_is_a_screen_and_a_dict() -> None:
    report = run(BROKEN)
    assert isinstance(report, Report) and str(report) == report.text
    assert len(report.text.splitlines()) <= 60
    facts = json.loads(json.dumps(report.to_dict()))
    assert facts["plan"] == json.loads(BROKEN.to_json())
    assert pickle.loads(pickle.dumps(report)) == report


def test_a_plan_that_cannot_be_done_is_the_callers_fault() -> None:
    for plan, why in (
        (Plan(seed=1, engines=[{"name": "a", "upload_slot": 1}]), "upload_slot"),
        (Plan(seed=1, peers=[{"name": "a", "behave": ["nonsense"]}]), "no such kind"),
        (Plan(seed=1, ops=[{"at": 0, "op": "crash", "node": "nobody"}]), "no such node in this plan: 'nobody'"),
        (Plan(seed=1, engines=[{"name": "a"}], ops=[{"at": 0, "op": "net.hold", "a": ["a"], "b": ["x"]}]), "no such node"),
        (Plan(seed=1, engines=[{"name": "a"}], ops=[{"at": 0, "op": "gate", "point": "moon"}]), "no such point"),
    ):
        with pytest.raises(ValueError, match=why):
            run(plan)


def test_what_a_plan_finds_is_a_report() -> None:
    hasty = Plan(seed=1, engines=[{"name": "client"}], peers=[{"name": "good"}], within=0.01)
    report = run(hasty)
    assert not report.ok and report.oracle == "until"
    assert report.error is not None and report.error.startswith("until: client: torrent-1 is not complete 0.01 s after")
    assert report.token == hasty.token
    assert run(hasty, isolate=True).fingerprint == report.fingerprint


@pytest.mark.parametrize(
    ("excuse", "plan"),
    [
        ("no honest copy", Plan(seed=1, engines=[{"name": "c"}], peers=[{"name": "half", "have": [0]}], within=5)),
        (
            "partition not healed",
            Plan(
                seed=1,
                engines=[{"name": "c"}],
                peers=[{"name": "good"}],
                ops=[{"at": 0, "op": "net.partition", "a": ["c"], "b": ["good"]}],
                within=5,
            ),
        ),
        (
            "disk still full",
            Plan(
                seed=1,
                engines=[{"name": "c"}],
                peers=[{"name": "good"}],
                ops=[{"at": 0, "op": "disk.quota", "node": "c", "nbytes": 100}],
                within=5,
            ),
        ),
        (
            "honest host shares a banned IP",
            Plan(
                seed=1,
                torrent={"pieces": 1},
                engines=[{"name": "c"}],
                peers=[{"name": "liar", "behave": ["corrupt"]}, {"name": "good", "host": "liar"}],
                ops=[{"at": 0, "op": "session.ban", "node": "c", "host": "10.0.0.2"}],
                within=5,
            ),
        ),
    ],
)
def test_excuses(excuse: str, plan: Plan) -> None:
    report = run(plan)
    assert (report.ok, report.excuse) == (True, excuse), report


@pytest.mark.parametrize("plan", [BROKEN], ids=["broken"])
def test_a_plan_as_a_program_does_the_same(plan: Plan) -> None:
    report, source = run(plan), plan.to_python()
    assert not re.search(r"\b_", source), "public names only"
    before_leaving = source + "    told = lab.fingerprint\n"
    space: dict[str, Any] = {}
    exec(compile(before_leaving, "plan.py", "exec"), space)  # noqa: S102
    assert space["told"] == report.fingerprint
