"""Instruction counts stay on record: what becomes dearer without anybody meaning it is found here."""

from __future__ import annotations

import pytest

from tests.support.sanitizers import starts_others, times_mean_nothing

pytest.importorskip("jstorrent")

from bench.guard import counts, record


@pytest.mark.xdist_group("bench")
@starts_others
@pytest.mark.parametrize("scenario", counts.SCENARIOS)
def test_nothing_became_dearer(scenario: str) -> None:
    why = counts.missing()
    if why:
        pytest.skip(why)
    recorded = record.load()
    if recorded.conditions != counts.conditions():
        pytest.skip(f"the record is of {recorded.conditions}")
    verdict = record.Verdict(counts.count(scenario), recorded.counts[scenario])
    assert not verdict.is_dearer, f"{scenario}: {verdict}; if it is meant: make guard ARGS=--record"


@times_mean_nothing
def test_lanes_beat_openssl() -> None:
    assert record.lanes_ratio() >= record.LEAST_LANES or not record.has_lanes()


def test_the_tolerance() -> None:
    words = {counted: record.Verdict(counted, 1000).word for counted in (979, 980, 1000, 1020, 1021)}
    assert words == {979: "cheaper", 980: "as before", 1000: "as before", 1020: "as before", 1021: "DEARER"}
    assert record.Verdict(5, None).is_dearer


def test_there_is_a_record_of_every_scenario() -> None:
    assert set(record.load().counts) == set(counts.SCENARIOS)
