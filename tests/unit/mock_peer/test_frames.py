"""Frames by their first bytes: what no reader may wait for, and what every reader passes over."""

import pytest

from mock_peer._wire import BLOCK, MAX_FRAME, Frame
from mock_peer.frames import breach, is_news


def head(length: int, number: int) -> bytes:
    return length.to_bytes(4, "big") + bytes((number,))


@pytest.mark.parametrize(
    ("data", "judged"),
    [
        (b"", False),
        (b"\0\0\0\0", False),
        (Frame("have", 7).encode() * 2, False),
        (Frame("piece", 1, 0, data=bytes(BLOCK)).encode(), False),
        (Frame("piece", 1, 0, data=bytes(BLOCK + 1)).encode(), True),
        (head(8, 7), True),
        (head(9, 7), None),
        (head(4, 4), True),
        (head(1, 20), True),
        (head(2, 99) + b"x", False),
        (MAX_FRAME.to_bytes(4, "big"), None),
        ((MAX_FRAME + 1).to_bytes(4, "big"), True),
        (b"\0\0", None),
        (Frame("choke").encode() + b"\xff" * 4, True),
    ],
)
def test_a_breach_is_what_is_too_long_or_has_no_legal_length(data: bytes, judged: bool | None) -> None:
    assert breach(data) is judged


@pytest.mark.parametrize(
    ("data", "news"),
    [
        (head(1, 48), True), (head(3, 99) + b"ab", True), (head(3, 99) + b"a", False), (head(1, 1), False), (head(49, 21) + bytes(48), False),
        (b"\0\0\0\0", False), (head(BLOCK, 99) + bytes(BLOCK - 1), True), (head(BLOCK + 1, 99) + bytes(BLOCK), False), (b"", False),
    ],
)  # fmt: skip
def test_news_is_one_whole_message_of_a_number_that_nobody_knows(data: bytes, news: bool) -> None:
    assert is_news(data) is news
