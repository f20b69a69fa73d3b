"""Every kernel that this machine has, at every number of lanes, against hashlib (which is OpenSSL)."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jstorrent import _core

from tests.support.sanitizers import times_mean_nothing

lanes = _core.lab.hash_lanes

KERNELS = [(a, k) for a in ("sha1", "sha256") for k in [*lanes.kernels(a), "all"]]
pytestmark = pytest.mark.skipif(
    not lanes.kernels("sha1"), reason="this machine has neither the SHA instructions nor AVX-512"
)


def expected(algorithm: str, messages: list[list[bytes]]) -> list[bytes]:
    return [hashlib.new(algorithm, b"".join(parts)).digest() for parts in messages]


@pytest.mark.parametrize(("algorithm", "kernel"), KERNELS)
def test_every_number_of_equal_lanes(algorithm: str, kernel: str) -> None:
    luck = random.Random(1)
    for count in range(1, 36):
        messages = [[luck.randbytes(640)] for _ in range(count)]
        assert lanes.hash(algorithm, kernel, messages) == expected(algorithm, messages)


@pytest.mark.parametrize(("algorithm", "kernel"), KERNELS)
def test_every_length_around_the_blocks(algorithm: str, kernel: str) -> None:
    luck = random.Random(2)
    messages = [[luck.randbytes(size)] for size in range(260)]
    luck.shuffle(messages)
    assert lanes.hash(algorithm, kernel, messages) == expected(algorithm, messages)


@pytest.mark.parametrize(("algorithm", "kernel"), KERNELS)
def test_random_lengths_and_scatterings(algorithm: str, kernel: str) -> None:
    luck = random.Random(3)
    for _ in range(40):
        messages = []
        for _ in range(luck.randrange(1, 40)):
            sizes = [luck.choice((0, 1, 63, 64, 65, luck.randrange(3000))) for _ in range(luck.randrange(5))]
            messages.append([luck.randbytes(size) for size in sizes])
        assert lanes.hash(algorithm, kernel, messages) == expected(algorithm, messages)


@given(st.lists(st.lists(st.binary(max_size=150), max_size=4), max_size=24), st.sampled_from(KERNELS))
def test_anything(messages: list[list[bytes]], which: tuple[str, str]) -> None:
    algorithm, kernel = which
    assert lanes.hash(algorithm, kernel, messages) == expected(algorithm, messages)


@pytest.mark.parametrize(("algorithm", "kernel"), KERNELS)
def test_pieces_of_blocks_with_a_short_last_one(algorithm: str, kernel: str) -> None:
    luck = random.Random(4)
    pieces = [[luck.randbytes(16384) for _ in range(8)] for _ in range(19)] + [[luck.randbytes(16384), b"tail"]]
    assert lanes.hash(algorithm, kernel, pieces) == expected(algorithm, pieces)


@times_mean_nothing
@pytest.mark.parametrize("count", [8, 16])
def test_lanes_are_quicker_than_one_by_one(count: int) -> None:
    """The ratio within one process, the best of several: 1.8 is what is promised, less would mean lanes run alone."""
    together, apart = lanes.race(count=count, size=16384, repeats=40)
    assert apart / together > 1.8
