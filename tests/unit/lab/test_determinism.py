"""One seed, one world: in another process, with another hash seed; and another world for another seed."""

import os
import subprocess
import sys
import time

import pytest
from jstorrent.lab import Lab

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


def fingerprint(seed: int, hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", SWARM, str(seed)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_the_same_seed_gives_the_same_fingerprint_in_another_process() -> None:
    first = fingerprint(7, "1")
    assert len(first) == 16
    assert first == fingerprint(7, "99")
    assert first != fingerprint(8, "1")


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
