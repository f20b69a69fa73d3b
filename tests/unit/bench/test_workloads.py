"""Every workload of the benchmark still runs: tiny sizes, real processes, no time asserted."""

from __future__ import annotations

import dataclasses
import math
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sanitizers import starts_others

pytestmark = [
    pytest.mark.xdist_group("bench"),  # one builds the other end
    starts_others,
]
pytest.importorskip("jstorrent")

from bench import data, machine
from bench.clients import CLIENTS
from bench.process import Cost
from bench.rounds import Record, contestants, play
from bench.runs import Outcome, Setting, leech
from bench.tracker import Tracker
from bench.workloads import AFTER_STALL, WORKLOADS

SIZE, PIECE = 4 << 20, 1 << 16
CONDITIONS = ["leech", "seed-4", "recheck", "create", "swarm"]


@pytest.fixture(scope="module")
def tracker() -> Iterator[Tracker]:
    machine.allow_many_files()
    with Tracker() as running:
        yield running


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory, tracker: Tracker) -> dict[bool, data.Data]:
    home = tmp_path_factory.mktemp("bench")
    return {few: data.make(home, SIZE, PIECE, tracker.url, small_files=few) for few in (False, True)}


def check(name: str, client: str, sources: dict[bool, data.Data], tracker: Tracker, folder: Path) -> None:
    workload = WORKLOADS[name]
    setting = Setting(sources[workload.small_files], folder, tracker)
    for who in contestants(workload, [client]):
        outcome = workload.run(who.client, setting, who.options)
        record = Record(name, who.label, 1, 0, 0.0, outcome)
        assert record.ok, record.to_dict()
        for figure in workload.figures:
            # Of so small a file the others may have given all before the one that stalls was reached.
            assert figure is AFTER_STALL or not math.isnan(record.value(figure)), (figure.name, record.to_dict())


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_a_workload_runs(name: str, sources: dict[bool, data.Data], tracker: Tracker, tmp_path: Path) -> None:
    if "libtorrent" in name:
        pytest.importorskip("libtorrent")
    check(name, "jstorrent", sources, tracker, tmp_path)


@pytest.mark.parametrize("name", CONDITIONS)
def test_libtorrent_runs_it_too(name: str, sources: dict[bool, data.Data], tracker: Tracker, tmp_path: Path) -> None:
    pytest.importorskip("libtorrent")
    check(name, "libtorrent", sources, tracker, tmp_path)


@pytest.mark.parametrize("name", sorted({*CLIENTS} - {"jstorrent", "libtorrent", "transmission"}))
def test_a_rival_that_is_here_leeches(name: str, sources: dict[bool, data.Data], tracker: Tracker, tmp_path: Path) -> None:
    why = CLIENTS[name].missing()
    if why:
        pytest.skip(why)
    check("leech", name, sources, tracker, tmp_path)


def test_wrong_bytes_are_seen(sources: dict[bool, data.Data], tmp_path: Path) -> None:
    source = sources[False]
    right = source.image.read_bytes()
    for content, is_right in ((right, True), (right[:-1] + bytes([right[-1] ^ 1]), False), (right[:-1], False)):
        (tmp_path / "data").write_bytes(content)
        assert source.is_right(tmp_path) is is_right
    (tmp_path / "data").unlink()
    assert not source.is_right(tmp_path)


def test_leeches_from_the_seeders_of_clients(sources: dict[bool, data.Data], tracker: Tracker, tmp_path: Path) -> None:
    setting = Setting(sources[False], tmp_path, tracker, seeder="jstorrent")
    assert leech(CLIENTS["jstorrent"], setting, peers=2).ok


def is_cached(path: Path) -> bool:
    """Whether the file is in memory, all of it."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        try:
            return os.preadv(file.fileno(), [bytearray(size)], 0, os.RWF_NOWAIT) == size
        except BlockingIOError:
            return False


def test_no_run_pays_for_the_disk(sources: dict[bool, data.Data], tracker: Tracker, tmp_path: Path) -> None:
    """A client that drops its files from memory when it ends (libtorrent does) costs the next one nothing."""
    setting, found = Setting(sources[False], tmp_path, tracker), []
    image = setting.data.image

    def drop(*_: object) -> Outcome:
        found.append(is_cached(image))
        with open(image, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return Outcome(Cost(), True, 1)

    workload = dataclasses.replace(WORKLOADS["recheck"], run=drop)
    play(workload, contestants(workload, ["jstorrent"]), setting, 2, random.Random(1), lambda _: None)
    assert found == [True] * 3
