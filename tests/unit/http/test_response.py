"""Responses in any slicing, of any kind of body, and each way in which a server may be too much."""

from __future__ import annotations

import gzip
import time
import zlib
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jstorrent import Error, ParseError
from jstorrent._core import lab

HEAD = b"HTTP/1.1 200 OK\r\n"


class Heard(NamedTuple):
    status: int
    body: bytes
    done: bool
    error: str | None


def read(data: bytes, cut: int = 1 << 20, *, end: bool = False, **limits: int) -> Heard:
    reader = lab.ResponseReader(**limits)
    error = None
    try:
        for at in range(0, len(data), cut):
            reader.receive(data[at : at + cut])
        if end:
            reader.end()
    except Error as raised:
        error = raised.code
        with pytest.raises(type(raised)):  # it has failed for good
            reader.receive(b"x")
        assert not reader.is_done
    return Heard(reader.status, reader.body if error is None else b"", reader.is_done, error)


def with_length(body: bytes, *fields: bytes) -> bytes:
    return HEAD + b"".join(f + b"\r\n" for f in fields) + b"Content-Length: %d\r\n\r\n" % len(body) + body


def in_chunks(body: bytes, size: int, *fields: bytes) -> bytes:
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"
    return HEAD + b"".join(f + b"\r\n" for f in fields) + b"Transfer-Encoding: chunked\r\n\r\n" + chunks


GZIP = b"Content-Encoding: gzip"


@settings(max_examples=60)
@given(st.binary(max_size=300), st.integers(1, 40), st.integers(1, 400), st.booleans())
def test_length_chunks_and_end_give_the_same_body_in_any_slicing(
    body: bytes, size: int, cut: int, zipped: bool
) -> None:
    sent, fields = (gzip.compress(body, mtime=0), (GZIP,)) if zipped else (body, ())
    expected = Heard(200, body, True, None)
    assert read(with_length(sent, *fields), cut) == expected
    assert read(in_chunks(sent, size, *fields), cut) == expected
    until_end = HEAD + b"".join(f + b"\r\n" for f in fields) + b"\r\n" + sent
    assert read(until_end, cut, end=True) == expected
    assert not read(until_end, cut).done


REPLIES = st.sampled_from(
    [
        with_length(b"hello"),
        in_chunks(b"hello world", 4),
        with_length(gzip.compress(b"x" * 500, mtime=0), GZIP),
        HEAD + b"\r\nabc",
    ]
)


@settings(max_examples=150)
@given(
    REPLIES,
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=3),
    st.integers(1, 20),
    st.booleans(),
)
def test_damage_ends_the_same_way_in_any_slicing(
    reply: bytes, damage: list[tuple[int, int]], cut: int, end: bool
) -> None:
    data = bytearray(reply)
    for at, value in damage:
        data[at % len(data)] = value
    assert read(bytes(data), end=end) == read(bytes(data), cut, end=end)


@given(st.binary(max_size=200))
def test_garbage_is_an_error_or_not_done(data: bytes) -> None:
    heard = read(data)
    assert heard.error is not None or not heard.done


def test_bytes_behind_the_end_are_ignored_also_a_second_response() -> None:
    assert read(with_length(b"one") + with_length(b"two")) == Heard(200, b"one", True, None)


@pytest.mark.parametrize(
    "data", [b"", HEAD, with_length(b"hello")[:-1], in_chunks(b"hello", 5)[:-1], with_length(b"abc")[:-3]]
)
def test_an_end_before_the_end_is_truncated(data: bytes) -> None:
    assert read(data, end=True).error == "truncated"


@pytest.mark.parametrize("data", [gzip.compress(b"hello", mtime=0)[:-1], gzip.compress(b"hello" * 99, mtime=0)[:20]])
def test_a_gzip_that_is_cut_is_truncated(data: bytes) -> None:
    assert read(with_length(data, GZIP)).error == "truncated"


def test_a_gzip_with_a_wrong_checksum_is_refused() -> None:
    packed = bytearray(gzip.compress(b"hello", mtime=0))
    packed[-6] ^= 1
    assert read(with_length(bytes(packed), GZIP)).error == "bad_value"


def test_only_what_was_offered_is_unpacked() -> None:
    assert read(with_length(zlib.compress(b"hello"), GZIP)).error == "bad_value"
    assert read(with_length(b"hello", b"Content-Encoding: br")).error == "not_supported"
    for word in (b"identity", b"none", b""):  # the last two are said by trackers that mean the first
        assert read(with_length(b"hello", b"Content-Encoding: " + word)).body == b"hello"


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.0 200 OK\nContent-Type: text/plain\nContent-Length: 5\n\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\n",
        b"HTTP/1.0 200 OK\nContent-Length: 5\n\r\n",
        b"HTTP/1.0 100 Continue\n\nHTTP/1.0 200 OK\nContent-Length: 5\n\n",
    ],
)
def test_lines_of_a_head_may_end_in_lf_alone(head: bytes, cut: int) -> None:
    """As those of small scripts do; the body begins right behind the empty one."""
    assert read(head + b"\nabc\n", cut) == Heard(200, b"\nabc\n", True, None)


def test_a_head_of_lines_that_end_in_lf_is_at_most_max_head_long() -> None:
    start, end = b"HTTP/1.0 200 OK\n", b"Content-Length: 0\n\n"
    head = start + b"A:\n" * 100 + end
    assert read(head, max_head=len(head)).done
    assert read(head, max_head=len(head) - 1).error == "too_large"


# -- limits -----------------------------------------------------------------------------------------------------------


def head_of(size: int) -> bytes:
    start, end = HEAD + b"X: ", b"\r\nContent-Length: 0\r\n\r\n"
    return start + b"a" * (size - len(start) - len(end)) + end


@pytest.mark.parametrize("cut", [1, 7, 1 << 20])
def test_a_head_is_at_most_max_head_long(cut: int) -> None:
    assert read(head_of(400), cut, max_head=400).done
    assert read(head_of(401), cut, max_head=400).error == "too_large"


def test_a_head_without_an_end_is_cut_off_at_the_limit() -> None:
    reader = lab.ResponseReader(max_head=1000)
    reader.receive(HEAD + b"X: ")
    with pytest.raises(ParseError, match="larger"):
        for _ in range(1000):
            reader.receive(b"a" * 10)


@pytest.mark.parametrize("cut", [1, 1 << 20])
@pytest.mark.parametrize("kind", ["length", "chunks", "end", "gzip"])
def test_a_body_is_at_most_max_body_long(kind: str, cut: int) -> None:
    def reply(size: int) -> bytes:
        body = b"b" * size
        return {
            "length": with_length(body),
            "chunks": in_chunks(body, 30),
            "end": HEAD + b"\r\n" + body,
            "gzip": with_length(gzip.compress(body, mtime=0), GZIP),
        }[kind]

    assert read(reply(100), cut, end=True, max_body=100).body == b"b" * 100
    assert read(reply(101), cut, end=True, max_body=100).error == "too_large"


def test_a_gzip_bomb_costs_its_limit() -> None:
    bomb = gzip.compress(bytes(50 << 20), mtime=0)
    assert len(bomb) < 1 << 20
    assert read(with_length(bomb, GZIP)).error == "too_large"


def test_a_length_beyond_the_limit_is_refused_before_a_byte_of_it_came() -> None:
    assert read(HEAD + b"Content-Length: 10000000000\r\n\r\n").error == "too_large"


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
    ],
)
@pytest.mark.parametrize("cut", [1, 1 << 20])
def test_nonsense_is_refused(data: bytes, cut: int) -> None:
    assert read(data, cut).error in ("bad_message", "too_large")


def test_a_chunk_header_without_an_end_is_cut_off() -> None:
    data = HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"x" * 2000
    for cut in (1, 1 << 20):
        assert read(data, cut, max_head=1000).error == "too_large"


def test_a_quoted_chunk_extension_without_an_end_is_the_same_in_any_slicing() -> None:
    """It is looked at again when there is another line, not with each byte: Beast counts what it sees against the limit each time."""
    quoted = b'C6;n= "80p\r\n\r' + b"\xff" * 4 + b"\0\0\0[" + b"\xff" * 4 + b"\rz1\r\nhello\r\n0" + b"\0" * 5 + b"\xfe\1"
    data = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + quoted + b"\0" * 15 + b"o" + b"\0" * 5 + b"\1\0Trxb"
    heard = {read(data, cut, end=True, max_head=512, max_body=4096) for cut in range(1, len(data) + 1)}
    assert heard == {Heard(200, b"", False, "truncated")}


@pytest.mark.parametrize("line", [b"y\n", b"y\r\n", b"\r\n\r\n"])
def test_a_chunk_header_of_many_lines_is_not_looked_at_for_each(line: bytes) -> None:
    """16 KiB of them took 55 ms when it was: a server could keep us busy with a few hundred kB a second."""
    data = HEAD + b'Transfer-Encoding: chunked\r\n\r\n5;n="a\r\n' + line * (16_000 // len(line))
    began = time.process_time()
    for _ in range(20):
        assert read(data, end=True).error in ("truncated", "bad_message")
    assert time.process_time() - began < 0.5


# -- what comes before the answer -------------------------------------------------------------------------------------

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
MAX_INTERIM = 8


@pytest.mark.parametrize("cut", [1, 5, 1 << 20])
@pytest.mark.parametrize("interim", [CONTINUE, b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 3\r\n\r\n"])
def test_an_interim_answer_is_not_the_answer(interim: bytes, cut: int) -> None:
    for body in (with_length(b"body"), in_chunks(b"body", 3), with_length(gzip.compress(b"body"), GZIP)):
        assert read(interim + body, cut) == Heard(200, b"body", True, None)
    assert read(interim, cut, end=True).error == "truncated"


@pytest.mark.parametrize("cut", [1, 1 << 20])
def test_interim_answers_are_passed_over_a_few_times(cut: int) -> None:
    assert read(MAX_INTERIM * CONTINUE + with_length(b"body"), cut).body == b"body"
    assert read((MAX_INTERIM + 1) * CONTINUE + with_length(b"body"), cut).error == "too_large"


def test_a_switch_of_protocols_is_the_answer() -> None:
    assert read(b"HTTP/1.1 101 Switching\r\n\r\n" + with_length(b"body")) == Heard(101, b"", True, None)


# -- redirects --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 1 << 20])
def test_a_redirect_is_done_with_its_head(cut: int) -> None:
    data = b"HTTP/1.1 302 Found\r\nLocation: /there\r\nTransfer-Encoding: chunked\r\n\r\nno chunk at all"
    reader = lab.ResponseReader()
    for at in range(0, len(data), cut):
        reader.receive(data[at : at + cut])
    assert reader.is_done and (reader.status, reader.location, reader.body) == (302, b"/there", b"")


def test_a_location_means_nothing_without_a_redirect() -> None:
    assert read(with_length(b"body", b"Location: /there")).body == b"body"
