"""`jstorrent lab run | replay | keep | soak` as a user runs them."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("rich")
from jstorrent.cli import app
from jstorrent.lab import Plan
from jstorrent.lab._generate import generate
from jstorrent.lab.soak import Finding, Soaked

from tests.unit.cli.conftest import Run

GOOD = Plan(seed=1, torrent={"pieces": 4}, engines=[{"name": "client"}], peers=[{"name": "good"}])
BAD = GOOD.replace(within=0.01, ops=[{"at": 0, "op": "session.save", "node": "client"}])


def test_a_plan_runs_from_a_file_and_as_a_token(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(GOOD.to_json(indent=1))
    done = run("lab", "run", str(file), "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["ok"] and facts["token"] == GOOD.token
    again = run("lab", "replay", f"  {GOOD.token}\n", "--isolate")  # as it was copied
    assert again.returncode == 0 and facts["fingerprint"] in again.stdout


def test_a_plan_that_fails_ends_with_6_a_program_and_its_replay(run: Run) -> None:
    done = run("lab", "replay", BAD.token, "--shrink", "30")
    assert done.returncode == 6, done.stderr
    assert "until: client: torrent-1 is not complete" in done.stdout
    assert "with Lab(seed=1) as lab:" in done.stdout
    assert "0 elements left" in done.stderr and "session.save" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("replay: jstorrent lab replay jst1-")


def test_a_kept_plan_is_a_test(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "tests" / "regressions"
    done = run("lab", "keep", BAD.token, "--into", str(folder))
    assert done.returncode == 0, done.stderr
    (file,) = folder.iterdir()
    assert file.name.startswith("until-") and Plan.from_json(file.read_text()) == BAD
    assert run("lab", "keep", BAD.token, "--into", str(folder)).returncode == 0, "the same again is no harm"
    named = run("lab", "keep", GOOD.token, "--into", str(folder), "--name", "good", "--json")
    assert json.loads(named.stdout) == {"path": str(folder / "good.json")}
    other = run("lab", "keep", BAD.token, "--into", str(folder), "--name", "good")
    assert other.returncode == 2 and "another plan" in other.stderr
    assert run("lab", "keep", BAD.token, "--into", str(folder), "--name", "../x").returncode == 2


@pytest.mark.parametrize("word", ["jst1-0-x", "no-such-file.json", "{}"])
def test_nonsense_is_refused(run: Run, word: str) -> None:
    done = run("lab", "run", word, "--json")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr and done.stderr.strip()
    told = json.loads(done.stdout)
    assert told["exit"] == 2 and told["error"] and told["error"] in done.stderr


def test_a_word_that_is_neither_a_file_nor_a_token_is_called_that(run: Run) -> None:
    assert "'1-0.1.0-ePm' is no file, and a token begins with jst" in run("lab", "replay", "1-0.1.0-ePm").stderr


def test_a_campaign_ends_with_one_line_of_json(run: Run) -> None:
    done = run("lab", "soak", "--seconds", "600", "--seed", "5", "--jobs", "2", "--plans", "10", "--json")
    assert done.returncode in (0, 6), done.stderr
    facts = json.loads(done.stdout)
    assert facts["plans"] == 10 and facts["plans_per_second"] > 0
    assert isinstance(facts["findings"], list)
    for part in ("setup", "engine", "peers", "oracles"):
        assert 0 < facts[f"ms_{part}"] < facts["ms"] + 1
    assert sorted(map(tuple, facts["ran"])) == [(0, 10, 2), (1, 11, 2)]


def test_a_campaign_that_hits_too_little_fails(run: Run) -> None:
    done = run("lab", "soak", "--seconds", "600", "--seed", "5", "--plans", "3", "--hit-each", "1", "--json")
    assert done.returncode == 6 and "hit fewer than 1 times: " in done.stderr
    facts = json.loads(done.stdout)
    assert facts["findings"] == [] and facts["never_hit"] == [what for what, times in facts["expected"].items() if times == 0]


@pytest.mark.parametrize("depth", [400, 900, 5000, 50_000])
def test_a_plan_that_is_nested_too_deep_is_refused(depth: int) -> None:
    with pytest.raises(ValueError, match="no plan|must be|is no|not"):
        Plan.from_json('{"seed": 1, "engines": ' + "[" * depth + "]" * depth + "}")


@pytest.mark.parametrize("as_json", [False, True])
def test_a_campaign_that_is_interrupted_tells_what_it_found(
    as_json: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    token = generate(1, 3).token

    def interrupted(seconds: float, seed: int, jobs: int, *, progress: Callable[[Soaked], None], **_: object) -> Soaked:
        progress(Soaked(seed, jobs, 1.0, plans=4, findings=[Finding("a cause", "an error", [3], [token])]))
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib.import_module("jstorrent.lab.soak"), "soak", interrupted)  # the package has a name like it
    assert app.run(["lab", "soak", *(["--json"] if as_json else [])]) == 130
    said = capsys.readouterr().out
    if as_json:
        told = json.loads(said)
        assert (told["plans"], told["findings"]) == (4, [token])
    else:
        assert "4 plans in" in said and f"jstorrent lab replay {token}" in said


def test_a_token_that_is_longer_than_a_file_name_may_be_is_a_token(run: Run) -> None:
    long = GOOD.replace(peers=[{"name": f"p{n}", "have": [n % 4], "host": f"10.1.{n}.{n * 3}"} for n in range(60)])
    assert len(long.token) > 255
    answer = run("lab", "replay", long.token)
    assert answer.returncode in (0, 6), answer.stderr
