"""Hash trees of BEP 52 against a slow obvious one."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jstorrent import _core

from tests.unit.codec.builders import leaves_of, pad_of, tree_root

lab = _core.lab.codec
ZERO = bytes(32)
NODES = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40)


def width_for(count: int) -> int:
    return 1 << (count - 1).bit_length()


@given(NODES, st.integers(0, 3))
def test_root_of_any_width(nodes: list[bytes], more: int) -> None:
    width = width_for(len(nodes)) << more
    pad = b"\x07" * 32
    padded = nodes + [pad] * (width - len(nodes))
    assert lab.merkle_root(nodes, width, pad) == tree_root(padded)


def test_root_of_nothing_is_the_pad() -> None:
    for height in range(6):
        assert lab.merkle_pad(height) == pad_of(1 << height)
        assert lab.merkle_root([], 1 << height, ZERO) == pad_of(1 << height)


@given(NODES, st.integers(0, 4))
def test_layer(nodes: list[bytes], height: int) -> None:
    per = 1 << height
    chunks = [nodes[i : i + per] for i in range(0, len(nodes), per)]
    assert lab.merkle_layer(nodes, per) == [tree_root(c + [ZERO] * (per - len(c))) for c in chunks]


@pytest.mark.parametrize("size", [0, 1, 16383, 16384, 16385, 50000])
def test_leaves(size: int) -> None:
    data = bytes(i & 255 for i in range(size))
    assert lab.merkle_leaves(data) == leaves_of(data)


@pytest.mark.parametrize("width", [0, 3, 6])
def test_a_width_is_a_power_of_two(width: int) -> None:
    with pytest.raises(RuntimeError, match="power of two"):
        lab.merkle_root([ZERO], width, ZERO)


def proof_of(nodes: list[bytes], index: int) -> list[bytes]:
    level = nodes + [ZERO] * (width_for(len(nodes)) - len(nodes))
    uncles = []
    while len(level) > 1:
        uncles.append(level[index ^ 1])
        level = [sha256(level[i] + level[i + 1]).digest() for i in range(0, len(level), 2)]
        index //= 2
    return uncles


@settings(max_examples=50)
@given(NODES, st.data())
def test_proofs(nodes: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(nodes) - 1))
    uncles = proof_of(nodes, index)
    height, root = len(uncles), tree_root(nodes)
    assert lab.merkle_verify(nodes[index], index, uncles, height, root)
    assert not lab.merkle_verify(b"\x01" * 32, index, uncles, height, root)
    assert not lab.merkle_verify(nodes[index], index, [*uncles, ZERO], height, root)
    assert not lab.merkle_verify(nodes[index], index + (1 << height), uncles, height, root)
    if uncles:
        assert not lab.merkle_verify(nodes[index], index, uncles[:-1], height, root)
        assert not lab.merkle_verify(nodes[index], index, [bytes(32 * [9]), *uncles[1:]], height, root)


def test_a_proof_without_any_step_proves_only_the_root_itself() -> None:
    assert lab.merkle_verify(b"r" * 32, 0, [], 0, b"r" * 32)
    assert not lab.merkle_verify(ZERO, 0, [], 3, b"r" * 32)
    assert not lab.merkle_verify(ZERO, 0, [ZERO] * 64, 64, b"r" * 32)
