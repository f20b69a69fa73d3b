"""Figures that tests measure, shown at the end of the run, also with -q and with several workers.

A test with the fixture `figure` says what it measured: `figure("wire", "1.02 of the payload")`. Each test in whose simulated
world time passed is timed beside: virtual seconds for one second of ours.

A simulated scenario is not over with its test: the world is watched for a minute more, in which nobody does anything to it and
every oracle looks. What the test set going must not end in a storm, nor be taken back.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import pytest

Figure = Callable[[str, str], None]
IDLE_HEAVY = 6 * 3600.0
"""Virtual seconds from which on a test is mostly waiting."""
BRIEF = 1.0
"""A world that lives for less than these virtual seconds can hardly be a thousand times faster: a real one would be brief, too."""
AFTERWARDS = 60.0
"""Virtual seconds that a scenario is watched after its test."""
FEW = 20
"""Below so many timed tests nothing is said of speed: it would be about those tests."""


class Speed(NamedTuple):
    """How long one test's world lived, and how long it took: by the clock, and by what this process computed.

    `alone` is the same of the test without the time that its world was watched afterwards.
    """

    nodeid: str
    virtual: float
    wall: float
    cpu: float
    alone: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def times(self) -> float:
        """Virtual seconds for one of ours."""
        return self.virtual / max(self.wall, 1e-9)

    @property
    def times_by_cpu(self) -> float:
        """The same on a machine with nothing else to do."""
        return self.virtual / max(self.cpu, 1e-9)


def speed_lines(speeds: list[Speed]) -> list[str]:
    """What is to be said of them: the median, the idle-heavy ones, and the one that took longest."""
    if len(speeds) < FEW:
        return []
    lines = [_line(f"median of {len(speeds)} simulated tests", speeds)]
    alone = [Speed(speed.nodeid, *speed.alone) for speed in speeds if speed.alone[0] > 0]
    if alone:
        lines.append(_line(f"the same without the {AFTERWARDS:g} virtual s afterwards", alone))
    virtual, cpu = (statistics.median(values) for values in ((s.virtual for s in speeds), (s.cpu for s in speeds)))
    lines.append(f"half of them live for less than {virtual:.1f} virtual s, and half take less than {1000 * cpu:.1f} ms of CPU")
    long = [speed for speed in speeds if speed.virtual >= BRIEF]
    if long:
        lines.append(_line(f"median of the {len(long)} that live for {BRIEF:g} virtual s or more", long))
    idle = [speed for speed in speeds if speed.virtual >= IDLE_HEAVY]
    if idle:
        slowest = min(idle, key=lambda speed: speed.times_by_cpu)
        lines.append(_line(f"median of the {len(idle)} that live for {IDLE_HEAVY / 3600:g} hours or more", idle))
        lines.append(f"slowest of these: {slowest.times:,.0f} ({slowest.times_by_cpu:,.0f}) {slowest.nodeid}")
    longest = max(speeds, key=lambda speed: speed.cpu)
    lines.append(f"longest: {longest.cpu:.1f} s of CPU for {longest.virtual:,.1f} virtual s: {longest.nodeid}")
    return lines


def _line(what: str, speeds: list[Speed]) -> str:
    wall = statistics.median(speed.times for speed in speeds)
    cpu = statistics.median(speed.times_by_cpu for speed in speeds)
    return f"{what}: {wall:,.0f} times real time ({cpu:,.0f} by CPU time)"


class Summary:
    """Collects what tests of all workers say, and shows it."""

    def __init__(self) -> None:
        self.figures: list[tuple[str, str]] = []
        self.speeds: list[Speed] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test's end, also one that another process ran."""
        if report.when != "call":
            return
        for key, value in report.user_properties:
            if key == "figure":
                self.figures.append((report.nodeid.split("[")[0], str(value)))
            elif key == "speed" and report.nodeid.startswith("tests/scenarios") and value[0] > 0:
                self.speeds.append(Speed(report.nodeid, *value))  # type: ignore[misc]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The last word."""
        if self.figures:
            terminalreporter.section("gates of S1")
            for _, text in sorted(self.figures):
                terminalreporter.write_line(text)
        lines = speed_lines(self.speeds)
        if lines:
            terminalreporter.section("speed of the simulated lane")
            for line in lines:
                terminalreporter.write_line(line)


def pytest_configure(config: pytest.Config) -> None:
    """One summary, in the process that hears of all tests."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Summary(), "figures-summary")


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Figure:
    """Says what was measured: figure(what, "how much")."""
    return lambda what, text: request.node.user_properties.append(("figure", f"{what}: {text}"))


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Times what a test does in its simulated world, and watches that for a while more."""
    world: Any = getattr(item, "funcargs", {}).get("lab")
    if world is None or world.lane != "sim":
        return (yield)
    began, times = _clocks(), []
    try:
        result = yield
        times.append((world.now, *_since(began)))
        if item.nodeid.startswith("tests/scenarios") and not world._closed:
            world.run_for(AFTERWARDS)
        return result
    finally:
        item.user_properties.append(("speed", (world.now, *_since(began), times[-1] if times else (0.0, 0.0, 0.0))))


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(began: tuple[float, float]) -> tuple[float, float]:
    wall, cpu = _clocks()
    return wall - began[0], cpu - began[1]
