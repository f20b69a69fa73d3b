"""Messages of the metadata exchange, and the lies they may hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jstorrent._core import lab
from jstorrent._errors import ParseError

PIECE = 16384
MOST = lab.max_advertised_metadata


def message(**fields: int) -> bytes:
    return b"d" + b"".join(b"%d:%si%de" % (len(k), k.encode(), v) for k, v in sorted(fields.items())) + b"e"


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        (("request", 3), b"d8:msg_typei0e5:piecei3ee"),
        (("reject", 3), b"d8:msg_typei2e5:piecei3ee"),
        (("data", 0, 4, b"info"), b"d8:msg_typei1e5:piecei0e10:total_sizei4eeinfo"),
    ],
)
def test_each_message_is_the_bytes_of_bep_9(value: tuple[Any, ...], raw: bytes) -> None:
    assert lab.write_ut_metadata(value) == raw
    assert lab.parse_ut_metadata(raw) == value


def test_a_type_from_the_future_is_named() -> None:
    assert lab.parse_ut_metadata(message(msg_type=9, piece=-5)) == ("unknown", 9)


@given(st.integers(1, 3 * PIECE), st.data())
def test_every_piece_round_trips(total: int, data: st.DataObject) -> None:
    piece = data.draw(st.integers(0, (total - 1) // PIECE))
    value = ("data", piece, total, b"x" * min(PIECE, total - piece * PIECE))
    assert lab.parse_ut_metadata(lab.write_ut_metadata(value)) == value


@pytest.mark.parametrize(
    ("fields", "data"),
    [
        ({"piece": 0}, b""),
        ({"msg_type": 0}, b""),
        ({"msg_type": 0, "piece": -1}, b""),
        ({"msg_type": 0, "piece": lab.max_metadata_pieces}, b""),
        ({"msg_type": 0, "piece": 2**31}, b""),
        ({"msg_type": 2, "piece": 2**31}, b""),
        ({"msg_type": 1, "piece": 0}, b"x"),
        ({"msg_type": 1, "piece": 0, "total_size": 0}, b""),
        ({"msg_type": 1, "piece": 0, "total_size": -1}, b"x"),
        ({"msg_type": 1, "piece": 0, "total_size": 2**31}, bytes(PIECE)),
        ({"msg_type": 1, "piece": 0, "total_size": MOST + 1}, bytes(PIECE)),
        ({"msg_type": 1, "piece": 0, "total_size": 4}, b"abc"),
        ({"msg_type": 1, "piece": 0, "total_size": 4}, b"abcde"),
        ({"msg_type": 1, "piece": 1, "total_size": PIECE}, b""),
        ({"msg_type": 1, "piece": 1, "total_size": PIECE + 1}, b"ab"),
        ({"msg_type": 1, "piece": 0, "total_size": 2 * PIECE}, bytes(PIECE + 1)),
    ],
)
def test_a_lie_is_refused(fields: dict[str, int], data: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        lab.parse_ut_metadata(message(**fields) + data)
    assert caught.value.code == "bad_message"


def test_the_limits_themselves_are_allowed() -> None:
    last = lab.max_metadata_pieces - 1
    assert lab.parse_ut_metadata(message(msg_type=0, piece=last)) == ("request", last)
    data = bytes(PIECE)
    raw = message(msg_type=1, piece=last, total_size=MOST) + data
    assert lab.parse_ut_metadata(raw) == ("data", last, MOST, data)


@pytest.mark.parametrize(("raw", "code"), [(b"", "truncated"), (b"le", "wrong_type"), (b"x", "bad_token")])
def test_what_is_no_dictionary_is_an_error(raw: bytes, code: str) -> None:
    with pytest.raises(ParseError) as caught:
        lab.parse_ut_metadata(raw)
    assert caught.value.code == code


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for prefix in (b"", b"d8:msg_typei1e"):
        try:
            lab.parse_ut_metadata(prefix + raw)
        except ParseError as error:
            assert error.code
