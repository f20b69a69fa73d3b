"""The bencode reader and writer: canonical in, canonical out, everything bounded."""

from __future__ import annotations

from typing import Any

import jstorrent as jst
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jstorrent import _core

from tests.unit.codec.builders import benc

lab = _core.lab.codec

INT64 = st.integers(-(2**63), 2**63 - 1)
VALUES = st.recursive(
    INT64 | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.binary(max_size=8), inner, max_size=5),
    max_leaves=30,
)


def code_of(data: bytes, **options: Any) -> tuple[str, int]:
    with pytest.raises(jst.ParseError) as caught:
        lab.bdecode(data, **options)
    return caught.value.code, caught.value.offset


@given(VALUES)
def test_round_trip(value: Any) -> None:
    data = jst.bencode(value)
    assert data == benc(value)
    assert jst.bdecode(data) == value
    assert lab.bdecode(data, lenient=True)[0] == value


@given(VALUES, st.binary(min_size=1, max_size=4))
def test_a_value_ends_where_it_ends(value: Any, tail: bytes) -> None:
    data = jst.bencode(value)
    assert lab.bdecode(data + tail, prefix=True)[:2] == (value, len(data))
    assert code_of(data + tail) == ("trailing_bytes", len(data))


@settings(max_examples=50)
@given(VALUES)
def test_cut_anywhere_it_is_truncated(value: Any) -> None:
    data = jst.bencode(value)
    for cut in range(len(data)):
        assert code_of(data[:cut])[0] == "truncated"
        assert code_of(data[:cut], lenient=True)[0] == "truncated"


@settings(max_examples=300)
@given(st.binary(max_size=60) | st.text("0123456789ildе:-e", max_size=40).map(str.encode))
def test_whatever_comes_is_a_value_or_an_error(data: bytes) -> None:
    try:
        value = jst.bdecode(data)
    except jst.ParseError as error:
        assert 0 <= error.offset <= len(data)
    else:
        assert jst.bencode(value) == data  # strict takes canonical input only


@pytest.mark.parametrize(
    ("data", "code", "offset"),
    [
        (b"", "truncated", 0),
        (b"e", "bad_token", 0),
        (b"x", "bad_token", 0),
        (b"i-0e", "bad_integer", 2),
        (b"i00e", "bad_integer", 1),
        (b"i012e", "bad_integer", 1),
        (b"i-012e", "bad_integer", 2),
        (b"ie", "bad_integer", 1),
        (b"i-e", "bad_integer", 2),
        (b"i1x", "bad_integer", 2),
        (b"i+1e", "bad_integer", 1),
        (b"i 1e", "bad_integer", 1),
        (b"i1.5e", "bad_integer", 2),
        (b"i9223372036854775808e", "integer_overflow", 1),
        (b"i-9223372036854775809e", "integer_overflow", 1),
        (b"03:abc", "bad_string", 0),
        (b"3abc", "bad_string", 1),
        (b"-1:a", "bad_token", 0),
        (b"4294967296:", "bad_string", 0),
        (b"9223372036854775808:", "bad_string", 0),
        (b"18446744073709551615:x", "bad_string", 0),
        (b"199999999:abc", "truncated", 0),
        (b"d1:ai1e1:ai2ee", "duplicate_key", 7),
        (b"d1:bi1e1:ai2ee", "key_order", 7),
        (b"d1:ae", "bad_token", 4),
        (b"di1e1:ae", "bad_token", 1),
        (b"dli1ee1:ae", "bad_token", 1),
    ],
)
def test_errors_name_code_and_offset(data: bytes, code: str, offset: int) -> None:
    assert code_of(data) == (code, offset)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"d1:bi1e1:ai2ee", {b"b": 1, b"a": 2}),
        (b"d1:ai1e1:ai2ee", {b"a": 1}),
        (b"i-0e", 0),
        (b"i007e", 7),
        (b"03:abc", b"abc"),
    ],
)
def test_lenient_takes_what_others_send(data: bytes, value: Any) -> None:
    assert lab.bdecode(data, lenient=True)[0] == value


def test_of_repeated_keys_the_first_is_found() -> None:
    assert lab.raw_of(b"d1:zi0e1:ai1e1:ai2ee", "a") == b"i1e"
    assert lab.raw_of(b"d1:zi0e1:ai1ee", "b") is None


def test_raw_is_the_very_input() -> None:
    inner = b"d1:bi1e1:ai007ee"  # not canonical, and it stays so
    assert lab.raw_of(b"d4:info" + inner + b"e", "info") == inner


def test_each_limit_one_step_beyond() -> None:
    assert lab.bdecode(b"l" * 64 + b"e" * 64)[2] == 64
    assert code_of(b"l" * 65 + b"e" * 65) == ("too_deep", 64)
    assert lab.bdecode(b"l" + b"0:" * 9 + b"e", max_tokens=10)[2] == 10
    assert code_of(b"l" + b"0:" * 10 + b"e", max_tokens=10) == ("too_many_tokens", 19)
    assert code_of(b"de", max_tokens=0) == ("too_many_tokens", 0)
    assert lab.bdecode(b"8:12345678", max_size=10)[1] == 10
    assert code_of(b"8:12345678", max_size=9) == ("too_large", 10)


def test_writing_is_limited_too() -> None:
    nested: Any = []
    for _ in range(63):
        nested = [nested]
    assert jst.bdecode(jst.bencode(nested)) == nested
    for beyond in ([nested], {"k": nested}):
        with pytest.raises(jst.ParseError) as caught:
            jst.bencode(beyond)
        assert caught.value.code == "too_deep"
    for number in (2**63, -(2**63) - 1):
        with pytest.raises(jst.ParseError) as caught:
            jst.bencode(number)
        assert caught.value.code == "integer_overflow"


def test_python_values() -> None:
    assert jst.bencode(("ä", bytearray(b"b"), memoryview(b"c"), True)) == b"l2:\xc3\xa41:b1:ci1ee"
    assert jst.bencode({"b": 1, b"a": 2}) == b"d1:ai2e1:bi1ee"
    assert jst.bdecode(bytearray(b"3:abc")) == jst.bdecode(memoryview(b"3:abc")) == b"abc"
    with pytest.raises(jst.ParseError) as caught:
        jst.bencode({"a": 1, b"a": 2})
    assert caught.value.code == "duplicate_key"
    for wrong in (1.5, None, {1: 2}, {1, 2}, [object()]):
        with pytest.raises(TypeError):
            jst.bencode(wrong)
    with pytest.raises(TypeError):
        jst.bdecode("3:abc")  # type: ignore[arg-type]
