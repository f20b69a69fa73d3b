"""The pytest plugin: the fixture `lab`, the marker `lanes`, lines that say how to run a failure again, plans as tests.

    @pytest.mark.lanes("sim", "real")
    def test_a_download(lab): ...

Without the marker a test runs in the sim lane. Its seed follows from --lab-seed and its node id alone.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from jstorrent.lab import Lab, LaneLacks
from jstorrent.lab._failure import Last
from jstorrent.lab._plan_items import add_options, check_token, collect_plan, reorder

_LANES = ("sim", "real")
_LONGEST_TOKEN = 100_000
"""Of a token that is printed: a shell takes no longer word."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """--lab-seed, --lab-lane and --lab-replay."""
    group = parser.getgroup("lab", "jstorrent's laboratory")
    group.addoption("--lab-seed", type=int, default=0, metavar="N", help="the seed that all tests' seeds follow from (0)")
    group.addoption("--lab-lane", choices=[*_LANES, "all"], default="all", help="run tests in this lane only")
    group.addoption("--lab-replay", metavar="TOKEN", help="run the plan of this token, and nothing else")
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known, and refuses a token that is none before any worker begins."""
    check_token(config)
    config.addinivalue_line("markers", "lanes(*names): the lanes of the laboratory that this test runs in (sim, real)")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Plans of the folder of regressions are tests."""
    return collect_plan(file_path, parent)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """They run first; --lab-replay runs its own and nothing else."""
    reorder(session, items)


@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs tests with the fixture `lab` once for each of their lanes; ids end in [sim] or [real]."""
    if "lab" not in metafunc.fixturenames:
        return
    asked = metafunc.config.getoption("--lab-lane")
    lanes = _lanes_of(metafunc.definition)
    metafunc.parametrize("lab", [lane for lane in lanes if asked in ("all", lane)], indirect=True)


def _lanes_of(item: pytest.Item) -> tuple[str, ...]:
    marker = item.get_closest_marker("lanes")
    if marker is None:
        return ("sim",)
    if not marker.args or marker.kwargs:
        raise pytest.Collector.CollectError(f'{item.nodeid}: lanes names some: @pytest.mark.lanes("sim", "real")')
    for lane in marker.args:
        if lane not in _LANES:
            raise pytest.Collector.CollectError(f"{item.nodeid}: no such lane: {lane!r} (known: sim, real)")
    return tuple(dict.fromkeys(marker.args))


def seed_of(config: pytest.Config, nodeid: str) -> int:
    """The seed of a test: the same in every worker and order."""
    digest = hashlib.sha256(f"{config.getoption('--lab-seed')}/{nodeid}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


def _id_of(item: pytest.Item) -> str:
    """The id of a test without the group that workers of pytest-xdist hang on it."""
    groups = {str((mark.args or (mark.kwargs.get("name", "default"),))[0]) for mark in item.iter_markers("xdist_group")}
    return item.nodeid.removesuffix(f"@{'_'.join(sorted(groups))}") if groups else item.nodeid


@pytest.fixture
def lab_seed(request: pytest.FixtureRequest) -> int:
    """The seed of this test, for tests that make worlds of their own."""
    return seed_of(request.config, _id_of(request.node))


@pytest.fixture
def lab(request: pytest.FixtureRequest, lab_seed: int) -> Iterator[Lab]:
    """A world of this test's own; leaving it runs the oracles unless the test failed."""
    made = Lab(_lane_of(request), seed=lab_seed)
    request.node.stash[_LAB] = made
    yield made
    _leave(made, bool(request.node.stash.get(_FAILED, False)))


def _lane_of(request: pytest.FixtureRequest) -> str:
    """Its parameter; of a test that cannot have one (of unittest, or who asks by getfixturevalue), its only lane."""
    lane = getattr(request, "param", None)
    if lane is None:
        asked = request.config.getoption("--lab-lane")
        lanes = [one for one in _lanes_of(request.node) if asked in ("all", one)]
        if not lanes:
            pytest.skip(f"not in the lane {asked}")
        if len(lanes) > 1:
            pytest.fail("this test does not take `lab` as an argument and so runs in one lane: --lab-lane chooses", pytrace=False)
        lane = lanes[0]
    return str(lane)


_LAB = pytest.StashKey[Lab]()
_FAILED = pytest.StashKey[bool]()


def _leave(made: Lab, failed: bool) -> None:
    if made._closed:
        return  # by the test
    try:
        made.__exit__(AssertionError if failed else None, None, None)
    except LaneLacks as lacks:
        pytest.skip(str(lacks))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """What a lane lacks skips the test."""
    Last.told = None  # what is left of another test
    try:
        return (yield)
    except LaneLacks as lacks:
        item.stash[_FAILED] = True
        pytest.skip(str(lacks))
    except BaseException:
        item.stash[_FAILED] = True
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Each failure of a test with a world, be it one that it made by itself, ends with the line that runs it again."""
    report = yield
    made = item.stash.get(_LAB, None)
    if report.failed and made is None and call.when == "call" and (told := Last.take()) is not None:
        report.sections.append(("lab", "\n".join(filter(None, [told[0], *_replayed(told[1])]))))
    if report.failed and made is not None:
        if call.when == "setup":
            item.stash[_FAILED] = True
        seed = item.config.getoption("--lab-seed")
        line = f"replay: pytest {_where(item)} --lab-seed={seed} --lab-lane={made.lane}"
        report.sections.append(("lab", "\n".join([f"seed {made.seed}", line, *_replayed(made.token)])))
    if call.when == "teardown" and made is not None:
        del item.stash[_LAB]  # items live as long as the session: their worlds must not
    return report


def _replayed(token: str | None) -> list[str]:
    return [] if token is None or len(token) > _LONGEST_TOKEN else [f"jstorrent lab replay {token}"]


# -- how pytest finds a test again


def _where(item: pytest.Item) -> str:
    """The arguments of pytest, in a shell in the directory of this run, that mean this test under this id."""
    here, (file, *inside) = item.config.invocation_params.dir, _id_of(item).split("::")
    word = "::".join([os.path.relpath(item.path, here), *inside])
    quoted = f'"{word}"' if not set(word) & set('"$`\\!') else shlex.quote(word)
    begin = item.path.parents[len(Path(file).parts) - 1]  # where the id begins: at the root, for tests below it
    return " ".join([quoted, *_rooted(item.config, begin, item.path, here)])


_ROOT_HERE = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg", "setup.py")


def _rooted(config: pytest.Config, root: Path, path: Path, here: Path) -> list[str]:
    """What pytest must be told besides, for ids begin at its root: it would look for one from the test's file upwards."""
    words = []
    if config.getoption("inifilename") and config.inipath is not None:
        words.append(f"-c {shlex.quote(os.path.relpath(config.inipath, here))}")
    nearer = [above for above in path.parents if root in above.parents]
    is_found = root == (here if config.inipath is None else config.inipath.parent)
    if words or not is_found or any((above / name).exists() for above in nearer for name in _ROOT_HERE):
        words.append(f"--rootdir={shlex.quote(os.path.relpath(root, here))}")
    return words
