"""Repairing text, as Python does it."""

from __future__ import annotations

import unicodedata

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


def test_what_is_no_character_to_show_becomes_a_blank() -> None:
    """Controls, ends of lines, marks of direction; all others stay."""
    for code in (*range(0xD800), *range(0xE000, 0x11000), 0x1F600, 0x10FFFF):
        c = chr(code)
        turns = unicodedata.bidirectional(c) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
        steers = unicodedata.category(c) in {"Cc", "Zl", "Zp"} or turns or code in {0x61C, 0x200E, 0x200F}
        assert lab.showable_utf8(c.encode()) == (" " if steers else c), hex(code)


@given(st.binary(max_size=12))
def test_what_is_shown_is_repaired_first(data: bytes) -> None:
    assert len(lab.showable_utf8(data)) == len(lab.repair_utf8(data))
