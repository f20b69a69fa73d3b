"""The map of the scenarios tells when it is not so."""

import jstorrent as jst
from jstorrent.lab import Lab

from tests.support.covers import BEGIN, END, MAP, differences, lane_of, name_of, order_of, read_map, write_map

ROW = ("S0-1.1", "test_a.py::test_x")


def test_a_written_map_reads_the_same() -> None:
    lanes = {ROW: {"sim", "real"}, ("S0-10.2", "test_b.py::test_y"): {"sim"}}
    text = f"before {BEGIN}\n{write_map(lanes)}\n{END} after"
    assert read_map(text) == lanes
    assert differences(read_map(text), lanes, {}) == []


def test_a_row_without_a_run_a_failed_one_and_a_run_without_a_row_are_told() -> None:
    both = {ROW: {"sim", "real"}}
    assert differences(both, {ROW: {"sim"}}, {}) == [
        "S0-1.1: test_a.py::test_x was not run in the real lane, or was skipped"
    ]
    assert differences(both, both, {ROW: {"real"}}) == ["S0-1.1: test_a.py::test_x did not pass in the real lane"]
    assert differences({}, {ROW: {"sim"}}, {}) == ["S0-1.1: test_a.py::test_x covers it in the sim lane, but has no such row"]


def test_ids_say_test_and_lane() -> None:
    assert name_of("tests/scenarios/test_a.py::test_x[fin-real]") == "test_a.py::test_x"
    assert [lane_of(i) for i in ("t::x[fin-real]", "t::x[sim]", "t::x[real-fin]", "t::x")] == ["real", "sim", "sim", "sim"]


def test_promises_are_in_the_order_of_their_numbers() -> None:
    assert sorted(["S0-10.1", "S1-2", "S0-2.10", "S0-2.9"], key=order_of) == ["S0-2.9", "S0-2.10", "S0-10.1", "S1-2"]


NUMBERS = {1: 4, 2: 5, 3: 4, 4: 4, 5: 5, 6: 4, 7: 4, 8: 3, 9: 2, 10: 3}
"""How many scenarios each group of S0 has."""


LISTENER = [f"S4-{n}" for n in range(1, 16) if n != 9] + [f"S4-W{n}" for n in range(1, 10)]
"""What the listener has to show; S4-9 is about uTP, which is not there yet."""


def test_each_promise_of_the_listener_has_its_row() -> None:
    rows = {promise for promise, _ in read_map(MAP.read_text(encoding="utf-8"))}
    assert not set(LISTENER) - rows


def fetches_metadata() -> bool:
    with Lab(seed=1) as lab:
        try:
            lab.engine("client").add(lab.torrent(pieces=1), magnet=True)
        except jst.Error as error:
            assert error.code == "not_supported"
            return False
    return True


def test_each_scenario_of_the_requirements_has_its_row_or_waits_for_its_feature() -> None:
    rows = {promise for promise, _ in read_map(MAP.read_text(encoding="utf-8"))}
    wanted = {f"S0-{group}.{n}" for group, count in NUMBERS.items() for n in range(1, count + 1)}
    if not fetches_metadata():
        wanted -= {"S0-9.1", "S0-9.2"}
    assert not wanted - rows
