"""Shrinking, children and campaigns: what fails is made small, and what crashes or hangs is a finding and no end."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from typing import Any

import jstorrent as jst
import pytest
from jstorrent.lab import Plan, Report, run
from jstorrent.lab import _child as child
from jstorrent.lab._deeds_trackers import TRACKER_KINDS
from jstorrent.lab._disk_faults import ERRORS
from jstorrent.lab._engine import CRASH_MODES
from jstorrent.lab._generate import DEEDS, KINDS_DRAWN, VERSION, behaviour, generate
from jstorrent.lab._perform import perform
from jstorrent.lab._shrink import cause_of, elements_of, shrink
from jstorrent.lab.soak import expected_hits, soak

from tests.support.sanitizers import signals_are_caught

CROWDED = Plan(
    seed=3,
    torrent={"pieces": 8, "piece_length": 32768, "tail": 5},
    engines=[{"name": "client", "upload_slots": 2, "request_timeout": 5}, {"name": "seed", "have": "all"}],
    peers=[{"name": "good"}, {"name": "p0", "behave": ["corrupt", {"kind": "late", "seconds": 2}]}],
    links=[{"node": "client", "down": 200_000}],
    ops=[
        {"at": 0.0, "op": "gate", "as": "g", "point": "hash.done", "where": {"node": "client"}, "times": 1},
        {"at": 0.125, "op": "torrent.pause", "node": "client"},
        {"at": 0.251, "op": "net.partition", "a": ["client", "p0"], "b": ["good"]},
        {"at": 0.5, "op": "gate.remove", "of": "g"},
        {"at": 0.625, "op": "session.ban", "node": "client", "host": "10.0.0.77"},
        {"at": 1.0, "op": "recover", "core": ["good", "seed"]},
    ],
)


def judge(guilty: Any, what: str = "until: client: 7 things at 10.0.0.1:6881") -> Any:
    """A run that fails where the plan has what `guilty` looks for."""
    good, oracle = run(Plan(seed=1, engines=[{"name": "a", "have": "all"}])), what.partition(":")[0]

    def judged(plan: Plan) -> Report:
        bad = guilty(plan)
        return dataclasses.replace(good, ok=not bad, oracle=oracle if bad else None, error=what if bad else None, plan=plan)

    return judged


def has(plan: Plan, op: str) -> bool:
    return any(each["op"] == op for each in plan.ops)


def test_only_what_matters_is_left() -> None:
    made = shrink(CROWDED, judge(lambda plan: has(plan, "torrent.pause") and has(plan, "net.partition")))
    assert [op["op"] for op in made.plan.ops] == ["torrent.pause", "net.partition", "recover"]
    assert made.elements == 2 == elements_of(made.plan)
    assert made.plan.torrent == {"pieces": 1, "piece_length": 16384}
    assert [set(entry) for entry in made.plan.engines] == [{"name"}] and made.plan.links == []
    assert made.report.plan == made.plan and not made.report.ok


def test_a_node_takes_along_what_names_it() -> None:
    made = shrink(CROWDED, judge(lambda plan: any(peer.get("behave") for peer in plan.peers), "integrity: wrong"))
    (liar,) = made.plan.peers
    assert liar == {"name": "p0", "behave": ["corrupt"]} or liar["behave"] == [{"kind": "late"}]
    assert [op["op"] for op in made.plan.ops] == ["recover"] and made.plan.ops[0]["core"] == []


def test_who_is_to_complete_keeps_somebody_honest() -> None:
    made = shrink(CROWDED, judge(lambda plan: any(peer.get("behave") for peer in plan.peers), "until: not complete"))
    assert len(made.plan.ops[0]["core"]) == 1


def test_another_failure_is_not_followed() -> None:
    def judged(plan: Plan) -> Report:
        other = not has(plan, "torrent.pause")
        return judge(lambda _: True, "until: other" if other else "until: the first")(plan)  # type: ignore[no-any-return]

    assert has(shrink(CROWDED, judged).plan, "torrent.pause")


def test_what_does_not_fail_is_not_shrunk() -> None:
    with pytest.raises(ValueError, match="does not fail"):
        shrink(CROWDED, judge(lambda _: False))


def test_a_cause_has_no_numbers_and_no_names() -> None:
    one, other = judge(lambda _: True)(CROWDED), judge(lambda _: True, "until: p0: 12 things at 10.0.0.2:99")(CROWDED)
    assert cause_of(one) == cause_of(other) == "until: NAME: N things at ADDRESS"
    assert cause_of(judge(lambda _: True, "until: client: 7 other things")(CROWDED)) != cause_of(one)


def test_a_real_failure_is_shrunk_in_a_child() -> None:
    hasty = CROWDED.replace(within=0.001)
    with child.Children() as children:
        made = shrink(hasty, children.run, seconds=60)
    assert made.elements <= 1 < elements_of(hasty) and run(made.plan).oracle == "until"


# -- what dies


def dying(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Runs in children end so, where the plan has a ban."""
    text = f"""
import os, signal, time
from jstorrent.lab import _perform
before = _perform.run
def run(plan, **words):
    if any(op["op"] == "session.ban" for op in plan.ops):
        {how}
    return before(plan, **words)
_perform.run = run
"""
    monkeypatch.setenv("JST_TEST_CHILD", text)
    code = "import os; exec(os.environ['JST_TEST_CHILD']); import runpy, sys; sys.argv = ['x', sys.argv[1]]; runpy.run_module('jstorrent.lab._child', run_name='__main__')"
    spawn = child.subprocess.Popen

    def popen(command: list[str], **words: Any) -> Any:
        return spawn([command[0], "-c", code, command[-1]], **words)

    monkeypatch.setattr(child.subprocess, "Popen", popen)


@pytest.mark.parametrize(
    ("how", "oracle", "said"),
    [
        pytest.param("os.kill(os.getpid(), signal.SIGSEGV)", "crash", "died of SIGSEGV", marks=signals_are_caught),
        ("os._exit(3)", "crash", "ended with 3"),
        ("signal.pause()", "hang", "did not end within 2 s"),
    ],
)
def test_a_crash_and_a_hang_are_reports_and_are_shrunk(
    monkeypatch: pytest.MonkeyPatch, how: str, oracle: str, said: str
) -> None:
    dying(monkeypatch, how)
    with child.Children(patience=2.0 if oracle == "hang" else 60.0) as children:
        report = children.run(CROWDED)
        assert (report.ok, report.oracle, report.error) == (False, oracle, f"{oracle}: the process {said}")
        assert report.token == CROWDED.token and report.plan == CROWDED
        assert children.run(CROWDED.replace(ops=[])).ok, "the next one is not touched by it"
        if oracle == "crash":
            assert elements_of(shrink(CROWDED, children.run, report=report).plan) == 1


def test_nonsense_is_the_callers_fault_in_a_child_too() -> None:
    with pytest.raises(ValueError, match="no such node"):
        run(Plan(seed=1, ops=[{"at": 0, "op": "crash", "node": "nobody"}]), isolate=True)


# -- campaigns


def test_a_number_is_the_same_plan_everywhere_and_all_are_valid() -> None:
    assert generate(1, 5) == generate(1, 5) != generate(1, 6) != generate(2, 6)
    for number in range(300):
        plan = generate(9, number)
        assert Plan.from_json(plan.to_json()) == plan and has(plan, "recover")


def test_a_number_is_the_same_plan_whatever_was_imported_before() -> None:
    """A campaign draws in one process what another of its processes ran."""
    told = set()
    for first in ("soak", "_generate", "_deeds_trackers", "_deeds_more"):
        code = f"import jstorrent.lab.{first}; from jstorrent.lab._generate import generate; print(generate(1, 16).token)"
        told.add(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert told == {generate(1, 16).token + "\n"}
    drawn = hashlib.sha1(generate(1, 16).to_json().encode()).hexdigest()
    assert (VERSION, drawn) == (7, "7da6af2dc3297525e378927bae7477c6c1643c2b"), "another plan is another version of the generator"


def test_everything_that_is_known_is_drawn() -> None:
    words = json.dumps([generate(3, number).to_dict() for number in range(4000)])
    assert [kind for kind in KINDS_DRAWN if f'"kind": "{kind}"' not in words] == []
    missing = [hit for hit in expected_hits() if hit.startswith("gate ") and f'"point": "{hit.split()[1]}"' not in words]
    assert missing == [] and len(DEEDS) > 20
    ops = [hit.split()[0] for hit in expected_hits() if hit.split()[0].count(".") == 1]
    assert [op for op in ops if f'"op": "{op}"' not in words] == []
    assert [mode for mode in CRASH_MODES if f'"mode": "{mode}"' not in words] == []
    assert [kind for kind in TRACKER_KINDS if f'"kind": "{kind}"' not in words] == []
    assert [word for error in ERRORS if (word := f'"error": "{error}"') not in words] == []


def test_trackers_of_a_plan_are_named_in_tiers_and_in_its_program() -> None:
    plan = Plan(
        seed=1, torrent={"pieces": 2}, engines=[{"name": "client", "peers": []}, {"name": "seed", "have": "all"}],
        ops=[
            {"at": 0, "op": "tracker", "name": "trk", "kind": "http", "behave": [{"kind": "failure", "times": 1}]},
            *({"at": 0, "op": "torrent.set_trackers", "node": node, "tiers": [["trk"]]} for node in ("seed", "client")),
            {"at": 0, "op": "sockets.quota", "node": "client", "most": 5},
        ],
    )  # fmt: skip
    done = perform(plan)
    assert done.ok and done.hits["tracker failure"] == 1, "nobody but the tracker named the seed"
    program = plan.to_python()
    assert "set_trackers(tiers=[[trk.url]])" in program and "client.sockets.quota(most=5)" in program
    compile(program, "plan", "exec")


@pytest.mark.parametrize("kind", KINDS_DRAWN)
def test_each_kind_can_be_hit(kind: str) -> None:
    engines: list[dict[str, Any]] = [{"name": "client", "magnet": kind in ("metadata", "remap")}]
    for luck in range(5):
        lie = {key: value for key, value in behaviour(random.Random(luck), kind).items() if key not in ("p", "on", "nth")}
        done = perform(Plan(seed=luck, torrent={"pieces": 4}, engines=engines, peers=[{"name": "p", "behave": [lie]}, {"name": "good"}]))
        if any(hit == f"behave {kind}" for hit in done.hits):
            return
    pytest.fail(f"{kind} never came to pass")


def test_a_campaign_survives_what_kills_and_what_hangs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from jstorrent.lab import soak as package

    code = (
        "import os, signal, sys\nfrom jstorrent.lab import _soak_worker as w\nbefore = w.one\n"
        "def one(seed, number, total):\n    if number == 3: os.kill(os.getpid(), signal.SIGSEGV)\n"
        "    if number == 5: signal.pause()\n    return before(seed, number, total)\n"
        "w.one = one\nn = [int(x) for x in sys.argv[1:4]]\nw.work(*n, float(sys.argv[4]), int(sys.argv[5]), sys.stdout)\n"
    )
    spawn = package.subprocess.Popen

    def popen(command: list[str], **words: Any) -> Any:
        return spawn([command[0], "-c", code, *command[-5:]], **words)

    monkeypatch.setattr(package.subprocess, "Popen", popen)
    soaked = soak(seconds=600, seed=1, jobs=1, most=8, patience=15)
    assert sorted((finding.cause, finding.numbers) for finding in soaked.findings) == [
        ("crash: the process ended with N", [3]),
        ("hang: the process did not end within N s", [5]),
    ]
    assert soaked.ran == [(0, 4, 1), (4, 6, 1), (6, 8, 1)] and soaked.plans == 8
    assert {finding.token for finding in soaked.findings} == {generate(1, 3).token, generate(1, 5).token}


def test_a_process_of_a_campaign_holds_no_memory_of_plans_that_are_over() -> None:
    """Each leaves half a megabyte in cycles, which are collected now and then, however often it tells its sums."""
    most = {}
    for plans in (100, 400):
        words = [sys.executable, "-m", "jstorrent.lab._soak_worker", "1", "0", "1", "600", str(plans)]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = status
        assert status == 0
        most[plans] = used.ru_maxrss
    assert most[400] < 1.5 * most[100], most


@pytest.mark.parametrize("error", [ValueError("no such piece"), jst.Error("an argument is out of its range", code="invalid_argument")])
def test_a_plan_that_was_cut_down_to_nonsense_is_not_smaller(error: Exception) -> None:
    """Whoever refuses it, the laboratory or the engine."""
    plan = Plan(seed=1, torrent={"pieces": 2}, engines=[{"name": "client", "upload_slots": 1, "max_half_open": 4}], peers=[{"name": "good"}])
    failed = dataclasses.replace(run(plan), ok=False, oracle="until", error="until: client: no")

    def fails(candidate: Plan) -> Report:
        if "upload_slots" not in candidate.engines[0]:
            raise error
        return failed

    shrunk = shrink(plan, fails)
    assert shrunk.plan.engines == [{"name": "client", "upload_slots": 1}]


def test_who_interrupts_a_run_in_a_child_does_not_wait_for_its_end() -> None:
    with pytest.raises(KeyboardInterrupt), child.Children() as children:
        assert children.run(Plan(seed=1, torrent={"pieces": 1}, engines=[{"name": "client"}], peers=[{"name": "good"}])).ok
        raise KeyboardInterrupt
    assert children._process.returncode == -signal.SIGKILL
