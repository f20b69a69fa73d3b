"""The short names of the scenarios: every group runs its file, and its page names them all."""

import re
import subprocess
import sys
from pathlib import Path

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab

from tests.fuzz.run_fuzz_tests import GROUPS, SCENARIOS, file_of, main, parser

HERE = Path(__file__).resolve().parent
README = (HERE / "README.md").read_text(encoding="utf-8")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HERE / "run_fuzz_tests.py"), *words]
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=120, check=False)


def test_every_file_of_s0_is_in_one_group_and_every_group_is_on_the_page() -> None:
    assert list(GROUPS.values()) == [f"S0-{n}" for n in range(1, 11)]
    assert {file_of(group) for group in GROUPS} - {None} == set(SCENARIOS.glob("test_s0_*.py"))
    assert re.findall(r"^\| `(\w+)` \| (S0-\d+) \|", README, re.MULTILINE) == list(GROUPS.items())


def test_the_names_of_the_first_scenarios_are_on_the_page_and_what_they_are_called_here_exists() -> None:
    table = README.partition("## Names in the first scenarios")[2].partition("\n## ")[0]
    there = re.findall(r"\w+", " ".join(row.split("|")[1] for row in re.findall(r"^\| `.*$", table, re.MULTILINE)))
    first = "state error_message is_healthy memory_usage active_pieces blocks_received pending_requests piece_state num_pieces stop start"
    first += " restore_session recheck_torrent add_magnet set_file_priority wait_for_piece REQUEST_TIMEOUT MAX_ACTIVE_PIECES MAX_MEMORY"
    assert set(first.split()) <= set(there)
    owners = {"t": jst.Torrent, "session": jst.Session, "client": Engine, "lab": Lab}
    named = re.findall(r"`(t|session|client|lab)\.(\w+)", table)
    assert len(named) > 12
    assert [f"{owner}.{name}" for owner, name in named if not hasattr(owners[owner], name)] == []


def test_help_says_what_each_group_is_about() -> None:
    shown = parser().format_help()
    for group in GROUPS:
        assert re.search(rf"^  {group} +(S0-\d+: \S|not there yet)", shown, re.MULTILINE), shown


def test_without_a_name_all_groups_are_collected() -> None:
    ran = run("--list", "--lane", "sim")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    collected = set(re.findall(r"^tests/scenarios/(\S+\.py)::", ran.stdout, re.MULTILINE))
    assert collected == {file.name for file in SCENARIOS.glob("test_s0_*.py")}


def test_one_scenario_runs_under_the_beginning_of_its_name() -> None:
    ran = run("geo", "--lane", "sim", "--", "-k", "priority_comes_first", "-p", "no:cacheprovider")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 passed" in ran.stdout


@pytest.mark.parametrize("name", ["", "m", "no_such_group"])
def test_a_name_that_is_none_is_refused_with_the_known_ones(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"no such group: {name!r}" in said
    assert "disconnect, corrupt_data" in said


def test_a_group_that_waits_for_its_feature_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(GROUPS, "metadata", "S0-99")
    with pytest.raises(SystemExit) as ended:
        main(["metadata"])
    assert ended.value.code == 2
    assert "wait for their feature" in capsys.readouterr().err
    assert "metadata      not there yet" in parser().format_help()
