"""A campaign over two workers of Dask on this machine: each number counts once, also when a worker dies."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from jstorrent.lab._soak_dask import cluster, soak_on
from jstorrent.lab.soak import Finding, Soaked, soak

from tests.unit.cli.conftest import run as run  # noqa: PLC0414  the fixture

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]


@pytest.fixture
def client() -> Iterator[Any]:
    pytest.importorskip("distributed")
    with cluster("local:2") as made:
        yield made


def numbers(soaked: Soaked) -> list[int]:
    return sorted(n for first, end, step in soaked.ran for n in range(first, end, step))


def test_it_comes_to_the_same_as_in_one_process(client: Any) -> None:
    there = soak_on(client, 600, 5, most=60, size=7)
    here = soak(600, 5, most=60)
    assert (there.plans, there.sum.hits, there.again, there.lost) == (60, here.sum.hits, [], [])
    assert numbers(there) == list(range(60)) and there.jobs == 2 and there.plans_per_second > 0


def test_a_worker_that_dies_loses_no_number_and_what_ran_again_is_told(client: Any) -> None:
    killed: list[int] = []

    def kill_one(soaked: Soaked) -> None:
        if not killed:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    soaked = soak_on(client, 600, 5, most=600, size=60, progress=kill_one)
    assert killed and numbers(soaked) == list(range(600)) and soaked.plans == 600 and soaked.lost == []
    assert soaked.again and all(end - first == 60 for first, end in soaked.again)


def test_from_a_shell(run: Any) -> None:
    pytest.importorskip("distributed")
    done = run("lab", "soak", "--dask", "local:2", "--plans", "30", "--seconds", "600", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["plans"], facts["jobs"], facts["lost"]) == (30, 2, [])
    assert run("lab", "soak", "--dask", "local:0").returncode == 2


def test_findings_of_one_cause_are_one_wherever_they_were_found() -> None:
    parts = [Soaked(1, 1, 0.0, plans=1, findings=[Finding("a", "a 1", [n], [f"token-{n}"])]) for n in range(3)]
    whole = Soaked(1, 1, 0.0)
    for part in parts:
        whole.merge(part)
    assert [(f.cause, f.numbers, f.tokens) for f in whole.findings] == [("a", [0, 1, 2], ["token-0", "token-1", "token-2"])]
    assert whole.plans == 3
