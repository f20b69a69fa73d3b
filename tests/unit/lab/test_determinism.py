"""One seed, one world: in another process, with another hash seed; and another world for another seed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jstorrent.lab import Lab

from tests.unit.lab.hostile_world import play

ROOT = Path(__file__).parents[3]

SWARM = """
import sys
from jstorrent.lab import Lab
with Lab(lane="sim", seed=int(sys.argv[1])) as lab:
    spec = lab.torrent(pieces=16, piece_length=32768)
    seed = lab.seeder("seed", spec)
    clients = [lab.engine(f"c{i}") for i in range(6)]
    ts = [c.add(spec, peers=[seed, *clients[:i]]) for i, c in enumerate(clients)]
    lab.until(lambda: all(t.state == "seeding" for t in ts), within=600)
    lab.run_for(3600)
    print(lab.fingerprint)
"""


def child(hash_seed: int, *words: str, **variables: str) -> str:
    """What another process says."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment = {**inherited, "PYTHONHASHSEED": str(hash_seed), **variables}
    command = [sys.executable, *words]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.strip()


def fingerprint(seed: int, hash_seed: int) -> str:
    return child(hash_seed, "-c", SWARM, str(seed))


def test_the_same_seed_gives_the_same_fingerprint_in_another_process() -> None:
    first = fingerprint(7, 1)
    assert len(first) == 16
    assert first == fingerprint(7, 99)
    assert first != fingerprint(8, 1)


def test_a_hostile_world_is_the_same_in_another_process_and_after_another_world() -> None:
    def told(hash_seed: int, *seeds: int) -> str:
        return child(hash_seed, "-m", "tests.unit.lab.hostile_world", *map(str, seeds)).splitlines()[-1]

    with Lab(seed=7) as lab:
        here = play(lab)
    assert told(1, 7) == told(2, 8, 7) == here
    with Lab(seed=8) as lab:
        assert play(lab) != here


def test_tests_have_the_same_worlds_in_any_order_and_any_number_of_workers(tmp_path: Path) -> None:
    ids = [f"tests/unit/lab/hostile_world.py::test_a_hostile_world[{which}-sim]" for which in range(3)]

    def told(name: str, hash_seed: int, *words: str) -> dict[str, str]:
        telltales = tmp_path / name
        telltales.mkdir()
        child(hash_seed, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words, TELLTALES=str(telltales))
        return {file.name: file.read_text() for file in telltales.iterdir()}

    in_order = told("in-order", 1, *ids)
    assert len(in_order) == len(set(in_order.values())) == 3
    assert told("backwards", 2, *reversed(ids)) == in_order
    assert told("two-workers", 3, "-n", "2", *reversed(ids)) == in_order


def test_a_swarm_of_one_seed_and_twenty_leechers_completes_and_its_idle_month_costs_nothing(lab: Lab) -> None:
    spec = lab.torrent(pieces=64)
    seed = lab.seeder("seed", spec)
    clients = [lab.engine(f"c{i}") for i in range(20)]
    ts = [c.add(spec, peers=[seed, *clients[:i]]) for i, c in enumerate(clients)]
    lab.until(lambda: all(t.state == "seeding" for t in ts), within=600)
    assert all(c.complete(spec) for c in clients)
    began, now = time.monotonic(), lab.now
    lab.run_for(30 * 86400)
    assert time.monotonic() - began < 1.0
    assert lab.now == pytest.approx(now + 30 * 86400)
    assert {t.state for t in ts} == {"seeding"}


def test_worlds_side_by_side_do_not_touch_each_other() -> None:
    def build(lab: Lab) -> None:
        spec = lab.torrent(pieces=8)
        lab.engine("client").add(spec, peers=[lab.seeder("good", spec)])

    with Lab(seed=1) as alone:
        build(alone)
        alone.run_for(5)
        expected = alone.fingerprint
    with Lab(seed=1) as one, Lab(seed=2) as other:
        build(one)
        build(other)
        for _ in range(50):
            other.run_for(0.1)
            one.run_for(0.1)
        assert one.fingerprint == expected
        assert other.fingerprint != expected


def test_luck_has_names() -> None:
    assert Lab(seed=1).rng("a").random() == Lab(seed=1).rng("a").random()
    assert Lab(seed=1).rng("a").random() != Lab(seed=1).rng("b").random()
    assert Lab(seed=1).rng("a").random() != Lab(seed=2).rng("a").random()
