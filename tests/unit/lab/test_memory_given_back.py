"""A process that makes one world after the other stays as large as the largest, and shrinks behind it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.sanitizers import starts_others

pytestmark = starts_others

SCRIPT = """
from jstorrent.lab import Lab

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20

def large(seed):
    with Lab(seed=seed) as lab:
        lab.engine("seed").add(lab.torrent(pieces=2500, piece_length=65536), have="all")
        return resident()

begun, peaks = resident(), [large(seed) for seed in range(3)]
with Lab(seed=9):
    print(begun, max(peaks), resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what is resident")
def test_what_a_large_world_held_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=120)
    begun, peak, left = map(int, done.stdout.split())
    payload = 2500 * 65536 >> 20
    assert peak - begun < 4 * payload, "worlds pile up"
    assert left - begun < payload
