"""The figures at the end of a run: whoever measured them, in whichever process."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.figures import AFTERWARDS, FEW, Speed, Summary, pytest_runtest_call, speed_lines


def report(nodeid: str, *properties: tuple[str, Any], when: str = "call") -> Any:
    return SimpleNamespace(nodeid=nodeid, when=when, user_properties=list(properties))


def shown(summary: Summary) -> list[str]:
    lines: list[str] = []
    summary.pytest_terminal_summary(SimpleNamespace(section=lines.append, write_line=lines.append))  # type: ignore[arg-type]
    return lines


def test_figures_come_in_the_order_of_their_tests_and_once() -> None:
    summary = Summary()
    for when in ("setup", "call", "teardown"):
        summary.pytest_runtest_logreport(report("tests/b.py::test", ("figure", "later: 2"), when=when))
        summary.pytest_runtest_logreport(report("tests/a.py::test[sim]", ("figure", "sooner: 1"), when=when))
    assert shown(summary) == ["gates of S1", "sooner: 1", "later: 2"]


def test_without_figures_nothing_is_said() -> None:
    assert shown(Summary()) == []


def test_speed_is_told_of_many_scenarios_only() -> None:
    summary = Summary()
    for i in range(FEW):
        assert shown(summary) == []
        summary.pytest_runtest_logreport(report("tests/unit/lab/test_a.py::test", ("speed", (1.0, 1.0, 1.0))))
        summary.pytest_runtest_logreport(report("tests/scenarios/test_b.py::test", ("speed", (0.0, 1.0, 1.0))))
        summary.pytest_runtest_logreport(report(f"tests/scenarios/test_a.py::test_{i}", ("speed", (30.0, 0.5, 0.25))))
    _, median, half, long, longest = shown(summary)
    assert half == "half of them live for less than 30.0 virtual s, and half take less than 250.0 ms of CPU"
    assert long.startswith(f"median of the {FEW} that live for 1 virtual s or more: 60 ")
    assert median == f"median of {FEW} simulated tests: 60 times real time (120 by CPU time)"
    assert longest.startswith("longest: 0.2 s of CPU for 30.0 virtual s: tests/scenarios/test_a.py")


def test_what_waits_for_hours_is_told_apart() -> None:
    speeds = [Speed(f"quick{i}", 1.0, 0.1, 0.1) for i in range(FEW)]
    speeds += [Speed("slow", 86_400.0, 8.64, 8.64), Speed("quick", 86_400.0, 0.864, 0.864)]
    lines = speed_lines(speeds)
    assert lines[0].endswith(": 10 times real time (10 by CPU time)")
    assert "55,000 times" in lines[3]
    assert lines[4] == "slowest of these: 10,000 (10,000) slow"


def test_what_is_over_at_once_is_told_apart() -> None:
    speeds = [Speed(f"brief{i}", 0.1, 0.001, 0.001) for i in range(FEW)] + [Speed("long", 20.0, 0.01, 0.01)]
    assert speed_lines(speeds)[2] == "median of the 1 that live for 1 virtual s or more: 2,000 times real time (2,000 by CPU time)"


def test_what_tests_took_without_the_watch_afterwards_is_told_apart() -> None:
    speeds = [Speed(f"a{i}", 61.0, 0.02, 0.02, (1.0, 0.01, 0.01)) for i in range(FEW)]
    assert speed_lines(speeds)[1] == "the same without the 60 virtual s afterwards: 100 times real time (100 by CPU time)"


class World:
    """A world in which something is wrong this many seconds from now."""

    lane, now, _closed = "sim", 5.0, False

    def __init__(self, wrong_after: float) -> None:
        self.wrong_after = wrong_after

    def run_for(self, seconds: float) -> None:
        self.now += seconds
        if seconds >= self.wrong_after:
            raise AssertionError("storm")


def outcome(item: Any) -> Any:
    call = pytest_runtest_call(item)
    next(call)
    with pytest.raises(StopIteration) as over:
        call.send("passed")
    return over.value.value


@pytest.mark.parametrize("nodeid", ["tests/scenarios/test_a.py::test[sim]", "tests/unit/test_a.py::test[sim]"])
def test_a_scenario_is_watched_after_its_test(nodeid: str) -> None:
    item = SimpleNamespace(nodeid=nodeid, funcargs={"lab": World(wrong_after=AFTERWARDS + 1)}, user_properties=[])
    assert outcome(item) == "passed"
    (name, (virtual, _, _, alone)), = item.user_properties
    assert (name, alone[0], virtual) == ("speed", 5.0, 65.0 if "scenarios" in nodeid else 5.0)


def test_a_storm_after_the_test_fails_it() -> None:
    item = SimpleNamespace(nodeid="tests/scenarios/a.py::b", funcargs={"lab": World(wrong_after=AFTERWARDS)}, user_properties=[])
    call = pytest_runtest_call(item)  # type: ignore[arg-type]
    next(call)
    with pytest.raises(AssertionError, match="storm"):
        call.send("passed")
