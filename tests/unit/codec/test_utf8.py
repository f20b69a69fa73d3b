"""Repairing text, as Python does it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from jstorrent import _core

lab = _core.lab.codec

EDGES = st.lists(st.sampled_from([0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0,
                                  0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF]), max_size=8).map(bytes)  # fmt: skip


@settings(max_examples=1000)
@given(EDGES | st.binary(max_size=12) | st.text(max_size=6).map(str.encode))
def test_like_python(data: bytes) -> None:
    assert lab.repair_utf8(data) == data.decode("utf-8", "replace")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        assert not lab.is_utf8(data)
    else:
        assert lab.is_utf8(data)
