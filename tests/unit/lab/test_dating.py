"""A finding says when it began, and its report has a column for each engine and each scripted peer."""

from __future__ import annotations

import pytest
from jstorrent import PieceCompleted
from jstorrent.lab import Lab, Plan, run
from jstorrent.lab._dating import first_broken
from jstorrent.lab._oracles import ORACLES

PLAN = Plan(seed=3, torrent={"pieces": 4}, engines=[{"name": "client"}], peers=[{"name": "good"}], links=[{"node": "client", "down": 50_000}])


def nobody_has_two_pieces(lab: Lab) -> None:
    """An oracle that is not content."""
    for engine in lab.engines:
        if engine.running and engine.session.torrents and engine.session.torrents[0].status().pieces_complete > 1:
            lab._fail("bounds", "two pieces are too many", engine)


@pytest.fixture
def finding(monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setitem(ORACLES, "bounds", nobody_has_two_pieces)
    return PLAN


def second_piece_at(plan: Plan) -> float:
    with Lab(seed=plan.seed, without=["bounds"]) as lab:
        spec = lab.torrent(pieces=4)
        client, good = lab.engine("client"), lab.peer("good", spec)
        lab.net.access(client, down=50_000)
        client.add(spec, peers=[good])
        lab.until(lambda: client.complete(spec), within=60)
        return client.history(PieceCompleted)[1].time


def test_the_first_broken_turn_is_found(finding: Plan) -> None:
    report = run(finding)
    assert not report.ok and report.oracle == "bounds"
    assert report.broken_at == pytest.approx(second_piece_at(finding), abs=0.1)
    assert report.broken_at < report.virtual_time - 0.5
    assert report.text.splitlines()[1] == f"first broken at {report.broken_at:.6f}, found at {report.virtual_time:.6f}"
    assert report.to_dict()["broken_at"] == report.broken_at


def test_without_dating_and_without_a_finding_there_is_no_second_run(finding: Plan) -> None:
    assert run(finding, dating=False).broken_at is None
    assert run(finding.replace(without=["bounds"])).broken_at is None


def test_what_takes_too_long_stays_without_a_date(finding: Plan) -> None:
    assert first_broken(finding, "bounds", 0.0) is None


def test_the_timeline_has_a_lane_for_each_engine_and_each_scripted_peer() -> None:
    report = run(PLAN.replace(within=1))
    head = next(line for line in report.timeline if "client" in line)
    assert head.split() == ["client", "good"]
    mine = head.index("good")
    said = [line[mine:] for line in report.timeline if line[mine:].startswith(("<", ">"))]
    assert any(line.startswith("> piece ") for line in said)
    assert any(not line[mine:].strip() or line[mine] == "|" for line in report.timeline[1:]), "what the engine told is in its own column"
    assert max(map(len, report.text.splitlines())) < 200
