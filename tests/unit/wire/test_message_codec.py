"""Every message as bytes and back, and every size that a frame may not have."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jstorrent._core import lab
from jstorrent._errors import ParseError

ROOT = bytes(range(32))
RANGE = ROOT + struct.pack(">4I", 1, 2, 512, 4)

# (value, id, body): written by hand from the BEPs.
TABLE = [
    (("choke",), 0, b""),
    (("unchoke",), 1, b""),
    (("interested",), 2, b""),
    (("not_interested",), 3, b""),
    (("have", 0x01020304), 4, b"\1\2\3\4"),
    (("bitfield", b"\xf0\x80"), 5, b"\xf0\x80"),
    (("request", 1, 16384, 2**32 - 1), 6, struct.pack(">3I", 1, 16384, 2**32 - 1)),
    (("piece", 7, 8, b"payload"), 7, struct.pack(">2I", 7, 8) + b"payload"),
    (("cancel", 1, 2, 3), 8, struct.pack(">3I", 1, 2, 3)),
    (("port", 6881), 9, b"\x1a\xe1"),
    (("suggest", 9), 13, struct.pack(">I", 9)),
    (("have_all",), 14, b""),
    (("have_none",), 15, b""),
    (("reject", 4, 5, 6), 16, struct.pack(">3I", 4, 5, 6)),
    (("allowed_fast", 11), 17, struct.pack(">I", 11)),
    (("extended", 0, b"de"), 20, b"\0de"),
    (("hash_request", ROOT, 1, 2, 512, 4), 21, RANGE),
    (("hashes", ROOT, 1, 2, 512, 4, bytes(96)), 22, RANGE + bytes(96)),
    (("hash_reject", ROOT, 1, 2, 512, 4), 23, RANGE),
    (("unknown", 0x99, 3), 0x99, bytes(3)),
]
FIXED = [0, 1, 2, 3, 4, 6, 8, 9, 13, 14, 15, 16, 17, 21, 23]
BODY_OF = {number: len(body) for _, number, body in TABLE}

u32 = st.integers(0, 2**32 - 1)
hash_range = st.tuples(st.binary(min_size=32, max_size=32), u32, u32, u32, u32)
messages = st.one_of(
    st.sampled_from(["keep_alive", "choke", "unchoke", "interested", "not_interested", "have_all", "have_none"]).map(
        lambda name: (name,)
    ),
    st.tuples(st.sampled_from(["have", "suggest", "allowed_fast"]), u32),
    st.tuples(st.sampled_from(["request", "cancel", "reject"]), u32, u32, u32),
    st.tuples(st.just("bitfield"), st.binary(max_size=300)),
    st.tuples(st.just("piece"), u32, u32, st.binary(max_size=300)),
    st.tuples(st.just("port"), st.integers(0, 65535)),
    st.tuples(st.just("extended"), st.integers(0, 255), st.binary(max_size=300)),
    hash_range.map(lambda r: ("hash_request", *r)),
    hash_range.map(lambda r: ("hash_reject", *r)),
    st.tuples(hash_range, st.integers(0, 5)).map(lambda t: ("hashes", *t[0], b"h" * 32 * t[1])),
)


@pytest.mark.parametrize(("value", "number", "body"), TABLE, ids=lambda v: v[0] if isinstance(v, tuple) else "")
def test_each_message_is_the_bytes_of_its_bep(value: tuple[object, ...], number: int, body: bytes) -> None:
    frame = struct.pack(">IB", 1 + len(body), number) + body
    assert lab.encode_message(value) == frame
    assert lab.decode_message(frame[4:]) == value


def test_a_keep_alive_is_an_empty_frame() -> None:
    assert lab.encode_message(("keep_alive",)) == bytes(4)
    assert lab.decode_message(b"") == ("keep_alive",)


@given(messages)
def test_every_message_round_trips(value: tuple[object, ...]) -> None:
    frame = lab.encode_message(value)
    assert struct.unpack(">I", frame[:4])[0] == len(frame) - 4
    assert lab.decode_message(frame[4:]) == value


@given(st.binary(max_size=80))
def test_a_body_is_refused_or_encodes_to_itself(body: bytes) -> None:
    try:
        value = lab.decode_message(body)
    except ParseError as error:
        assert error.code in ("bad_message", "message_too_large")
        return
    if value[0] == "unknown":  # of which nothing but its size is kept
        assert value == ("unknown", body[0], len(body) - 1)
    else:
        assert lab.encode_message(value)[4:] == body


@pytest.mark.parametrize("number", FIXED)
@pytest.mark.parametrize("off", [-1, 1])
def test_a_fixed_message_has_exactly_its_size(number: int, off: int) -> None:
    length = 1 + BODY_OF[number] + off
    if length == 0:
        return  # that is a keep-alive
    with pytest.raises(ParseError) as caught:
        lab.decode_message(bytes([number]) + bytes(length - 1))
    assert caught.value.code == "bad_message"
    with pytest.raises(ParseError) as caught:
        lab.frame_needs(struct.pack(">IB", length, number), lab.max_message_size)
    assert caught.value.code == "bad_message"


def needs(length: int, number: int | None = None, *, limit: int = 1 << 20) -> int | str:
    prefix = struct.pack(">I", length) + (b"" if number is None else bytes([number]))
    try:
        answer = lab.frame_needs(prefix, limit)
    except ParseError as error:
        return error.code
    assert isinstance(answer, int)
    return answer


@pytest.mark.parametrize(
    ("length", "number", "answer"),
    [
        (0, None, 4),
        (1, None, 5),
        (1 << 20, None, 5),
        ((1 << 20) + 1, None, "message_too_large"),
        (0x80000000, None, "message_too_large"),
        (0xFFFFFFFF, None, "message_too_large"),
        (5, 7, "bad_message"),
        (8, 7, "bad_message"),
        (9, 7, 13),
        (9 + 16384, 7, 13),
        (9 + 16385, 7, "message_too_large"),
        (1 << 20, 7, "message_too_large"),
        (1, 5, 5),
        (1 << 20, 5, 4 + (1 << 20)),
        (1, 20, "bad_message"),
        (2, 20, 6),
        (1 << 20, 20, 4 + (1 << 20)),
        (48, 22, "bad_message"),
        (49, 22, 53),
        (50, 22, "bad_message"),
        (49 + 32, 22, 85),
        (1, 0x99, 5),
        (1 << 20, 0x99, 5),
        (49, 21, 53),
    ],
)
def test_what_a_prefix_asks_for(length: int, number: int | None, answer: int | str) -> None:
    assert needs(length, number) == answer


@pytest.mark.parametrize("number", [5, 20, 0x99])
def test_a_small_limit_bounds_what_varies_but_not_blocks(number: int) -> None:
    assert needs(100, number, limit=100) != "message_too_large"
    assert needs(101, number, limit=100) == "message_too_large"
    assert needs(9 + 16384, 7, limit=100) == 13
    assert needs(9 + 16385, None, limit=100) == "message_too_large"


@pytest.mark.parametrize("size", range(4))
def test_less_than_a_prefix_asks_for_the_prefix(size: int) -> None:
    assert lab.frame_needs(b"\xff" * size, 100) == 4
