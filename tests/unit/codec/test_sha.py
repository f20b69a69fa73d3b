"""SHA-1 and SHA-256 against hashlib."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jstorrent import _core

lab = _core.lab.codec

PARTS = st.lists(st.binary(max_size=200), max_size=6)


@given(st.binary(max_size=2000))
def test_one_shot(data: bytes) -> None:
    assert lab.sha1(data) == hashlib.sha1(data).digest()
    assert lab.sha256(data) == hashlib.sha256(data).digest()


@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, 119, 120, 127, 128, 16383, 16384, 16385, 1 << 20])
def test_around_the_block_edges(size: int) -> None:
    data = bytes(i * 7 & 255 for i in range(size))
    assert lab.sha1(data) == hashlib.sha1(data).digest()
    assert lab.sha256(data) == hashlib.sha256(data).digest()


@given(st.lists(PARTS, max_size=20))
def test_many_scattered_messages_at_once(messages: list[list[bytes]]) -> None:
    assert lab.sha1_many(messages) == [hashlib.sha1(b"".join(m)).digest() for m in messages]
    assert lab.sha256_many(messages) == [hashlib.sha256(b"".join(m)).digest() for m in messages]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33])
def test_any_number_of_equal_messages(count: int) -> None:
    messages = [[bytes([i]) * 16384, bytes([i + 1]) * 100] for i in range(count)]
    assert lab.sha1_many(messages) == [hashlib.sha1(b"".join(m)).digest() for m in messages]
    assert lab.sha256_many(messages) == [hashlib.sha256(b"".join(m)).digest() for m in messages]


@given(PARTS)
def test_a_copied_state_goes_its_own_way(parts: list[bytes]) -> None:
    data = b"".join(parts)
    assert lab.sha1_incremental(parts) == tuple(hashlib.sha1(x).digest() for x in (data, data + b"more", b""))
    assert lab.sha256_incremental(parts) == tuple(hashlib.sha256(x).digest() for x in (data, data + b"more", b""))


@pytest.mark.parametrize("sizes", [(0, 1, 55, 56, 57), (63, 64, 65, 0), (119, 120, 128, 5000, 1), (1 << 16, 0, 100)])
def test_lanes_of_different_length_end_one_after_another(sizes: tuple[int, ...]) -> None:
    for turn in range(len(sizes)):
        data = [bytes([i + 1]) * size for i, size in enumerate(sizes[turn:] + sizes[:turn])]
        messages = [[d[:3], b"", d[3:70], d[70:]] for d in data * 3]
        assert lab.sha1_many(messages) == [hashlib.sha1(d).digest() for d in data * 3]
