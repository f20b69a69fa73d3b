"""What the benchmark says of its runs: ratios within rounds, their interval, tables, the picture, and when a run is void."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("jstorrent")

from bench import plot, report
from bench.clients import CLIENTS, client_named
from bench.process import Cost
from bench.ratios import Ratio, is_void, ratio
from bench.rounds import Record, contestants
from bench.run import main
from bench.runs import Outcome
from bench.workloads import CPU, WORKLOADS

GIB = 1 << 30


def record(client: str, number: int, cpu: float, *, ok: bool = True, fault: float = 100.0) -> Record:
    return Record("leech", client, number, 0, fault, Outcome(Cost(user=cpu, wall=2 * cpu), ok, GIB))


def test_a_ratio_is_taken_within_each_round() -> None:
    own, other = [1.0, 2.0, 30.0], [2.0, 4.0, 60.0]
    assert ratio(own, other) == Ratio(0.5, 0.5, 0.5)


def test_the_interval_is_the_same_each_time_and_holds_the_median() -> None:
    own, other = [1.0, 1.2, 0.9, 1.1, 1.4], [1.0] * 5
    found = ratio(own, other)
    assert found == ratio(own, other)
    assert found.low < found.median == 1.1 < found.high


@pytest.mark.parametrize(("median", "void"), [(0.949, True), (0.951, False), (1.049, False), (1.051, True), (float("nan"), True)])
def test_a_run_against_itself_is_void_beyond_five_percent(median: float, void: bool) -> None:
    assert is_void(Ratio(median, 0, 2)) is void


def test_a_round_in_which_one_went_wrong_is_in_no_ratio() -> None:
    records = [record("a", 1, 1.0), record("b", 1, 9.0, ok=False), record("b", 2, 1.0), record("a", 2, 2.0)]
    assert report.compared(records, "b", "a", CPU) == Ratio(0.5, 0.5, 0.5)
    assert report.compared(records[:2], "b", "a", CPU) is None


def test_a_table_has_a_row_for_each_and_says_how_many_were_right() -> None:
    records = [record("a", 1, 1.0), record("b", 1, 0.5), record("a", 2, 1.0), record("b", 2, 0.5, ok=False)]
    lines = report.table(WORKLOADS["leech"], records, ["a", "b"], GIB)
    columns = [len(line.split("|")) for line in lines if line.startswith("|")]
    assert len(set(columns)) == 1 and len(columns) == 4
    assert "| 1/2 |" in lines[5] and "0.50 [0.50, 0.50]" in lines[5]


def test_cold_memory_is_told() -> None:
    assert "warm" in report.warmth([record("a", 1, 1.0, fault=500.0)])
    assert "1 of them began on cold memory" in report.warmth([record("a", 1, 1.0, fault=501.0)])


def test_the_tables_go_between_their_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write_between_markers(page, "new")
    assert page.read_text() == f"before\n{report.BEGIN}\nnew\n{report.END}\nafter\n"
    page.write_text("no place")
    with pytest.raises(SystemExit, match="no lines"):
        report.write_between_markers(page, "new")


def test_the_picture_is_well_formed_and_long_bars_are_cut() -> None:
    text = plot.svg("a & b", {"leech: CPU": {"x": Ratio(1, 1, 1), "y <z>": Ratio(40.0, 30.0, 50.0)}})
    root = ElementTree.fromstring(text)
    assert all(float(bar.get("width", "0").rstrip("%")) <= plot.FULL for bar in root.iter() if bar.tag.endswith("rect"))


def test_who_cannot_do_a_workload_takes_no_part() -> None:
    names = list(CLIENTS)
    assert [one.label for one in contestants(WORKLOADS["create"], names)] == ["libtorrent", "jstorrent", "transmission"]
    assert "transmission" not in [one.label for one in contestants(WORKLOADS["seeders-8"], names)]
    assert [one.label for one in contestants(WORKLOADS["order"], names)] == ["jstorrent rarest", "jstorrent sequential"]


def test_another_tree_is_a_client_too(tmp_path: Path) -> None:
    name = f"jstorrent@{tmp_path}"
    assert [one.label for one in contestants(WORKLOADS["seed-4"], ["jstorrent", name])] == ["jstorrent", name]
    assert "make build" in str(client_named(name).missing())
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    assert client_named(name).missing() is None
    assert client_named("jstorrent#2") is CLIENTS["jstorrent"]


@pytest.mark.xdist_group("bench")
def test_a_whole_run_writes_its_table_and_its_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not list((Path(__file__).parents[3] / "python" / "jstorrent").glob("_core*.so")):
        pytest.skip("what is measured is the release build: make build")
    page, picture = tmp_path / "page.md", tmp_path / "picture.svg"
    page.write_text(f"{report.BEGIN}\n{report.END}\n")
    arguments = ["--workloads", "create", "--clients", "jstorrent", "--size", "1", "--piece", "64", "--rounds", "1"]
    assert main([*arguments, "--folder", str(tmp_path), "--table", str(page), "--plot", str(picture)]) == 0
    assert "**create**" in page.read_text() and "jstorrent" in capsys.readouterr().out
    ElementTree.parse(picture)
    assert main([*arguments, "--folder", str(tmp_path), "--json"]) == 0
    assert capsys.readouterr().out.count('"workload": "create"') == 2
