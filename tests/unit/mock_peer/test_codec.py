"""The codecs of mock_peer: both ways, in any pieces, and what is malformed."""

import random
from typing import Any

import pytest

from mock_peer._bencode import MAX_DEPTH, Malformed, decode, decode_prefix, encode
from mock_peer._handshake import Handshake, Opening, read_opening
from mock_peer._wire import BLOCK, IDS, MAX_FRAME, Frame, Reader, TooLong, bits_of, extended, parse, pieces_of

FRAMES = [
    Frame("keepalive"), Frame("choke"), Frame("unchoke"), Frame("interested"), Frame("not_interested"),
    Frame("have", 7), Frame("bitfield", data=b"\xf0\x80"), Frame("request", 1, 16384, 16384),
    Frame("piece", 1, 2, data=b"abc"), Frame("cancel", 1, 0, 9), Frame("port", length=6881), Frame("suggest", 3),
    Frame("have_all"), Frame("have_none"), Frame("reject", 1, 2, 3), Frame("allowed_fast", 4),
    Frame("extended", 3, data=b"de"),
]  # fmt: skip


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.kind)
def test_each_message_comes_back_as_it_went(frame: Frame) -> None:
    raw = frame.encode()
    assert int.from_bytes(raw[:4], "big") == len(raw) - 4
    parsed = parse(raw)
    assert parsed.kind == frame.kind
    assert parsed.problem is None
    for name in ("piece", "begin", "length"):
        if getattr(parsed, name) is not None and not (name == "length" and frame.data):
            assert getattr(parsed, name) == getattr(frame, name)
    assert (parsed.data or b"") == frame.data


def test_the_numbers_of_messages_are_those_of_the_beps() -> None:
    assert [frame.encode()[4] for frame in FRAMES[1:]] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15, 16, 17, 20]
    assert {frame.kind for frame in FRAMES[1:]} == set(IDS)
    assert Frame("request", 1, 2, 3).encode().hex() == "0000000d06000000010000000200000003"


def test_a_stream_gives_the_same_frames_in_any_pieces() -> None:
    whole = b"".join(frame.encode() for frame in FRAMES) + Frame("piece", 1, 0, data=bytes(BLOCK)).encode()
    expected = Reader().feed(whole)
    assert len(expected) == len(FRAMES) + 1
    for step in (1, 2, 3, 5, 17, 4096):
        reader = Reader()
        assert [f for at in range(0, len(whole), step) for f in reader.feed(whole[at : at + step])] == expected


def test_a_frame_of_the_limit_is_read_and_one_byte_more_is_not() -> None:
    assert len(Reader().feed(MAX_FRAME.to_bytes(4, "big") + bytes(MAX_FRAME))) == 1
    with pytest.raises(TooLong) as failed:
        Reader().feed(Frame("choke").encode() + (MAX_FRAME + 1).to_bytes(4, "big"))
    assert failed.value.frames == [Frame("choke").encode()]


@pytest.mark.parametrize("body", [b"\x00a", b"\x04abc", b"\x04abcde", b"\x06" + bytes(11), b"\x07" + bytes(7), b"\x09a",
                                  b"\x14", b"\x0eab"])  # fmt: skip
def test_what_has_the_wrong_size_says_so(body: bytes) -> None:
    assert parse(len(body).to_bytes(4, "big") + body).problem


def test_an_unknown_number_is_a_message_all_the_same() -> None:
    parsed = parse(b"\0\0\0\x03\x63ab")
    assert (parsed.kind, parsed.piece, parsed.data) == ("unknown", 0x63, b"ab")


def test_random_bytes_never_raise() -> None:
    luck = random.Random(1)
    for _ in range(2000):
        body = luck.randbytes(luck.randrange(1, 20))
        parse(len(body).to_bytes(4, "big") + body)


@pytest.mark.parametrize("kind", ["hello", ""])
def test_there_are_no_other_messages(kind: str) -> None:
    with pytest.raises(ValueError, match="no such message"):
        Frame(kind).encode()


def test_bitfields() -> None:
    assert bits_of({0, 7, 8, 99}, 9) == b"\x81\x80"
    assert pieces_of(b"\x81\x80") == {0, 7, 8}
    assert pieces_of(b"") == set()


@pytest.mark.parametrize("value", [0, -5, b"", b"spam", [], [1, [b"a"]], {}, {b"a": 1, b"b": [{b"c": b""}]}])
def test_bencoding_comes_back_as_it_went(value: Any) -> None:
    assert decode(encode(value)) == value


def test_bencoding_sorts_keys_and_takes_texts() -> None:
    assert encode({"b": 1, "a": "x"}) == b"d1:a1:x1:bi1ee"
    assert decode_prefix(b"xi5eyy", 1) == (5, 4)
    for nonsense in (1.5, None, True):
        with pytest.raises(TypeError):
            encode(nonsense)


@pytest.mark.parametrize("data", [b"", b"i5", b"ie", b"i-0e", b"i05e", b"i5x", b"5:abc", b"-1:a", b"99999999999999999999999:a",
                                  b"l", b"d1:a", b"di1ei2ee", b"d1:ai1e1:ai2ee", b"x", b"i1ei2e", b"01:a"])  # fmt: skip
def test_malformed_bencoding_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        decode(data)


def test_depth_is_bounded() -> None:
    assert decode(b"l" * MAX_DEPTH + b"e" * MAX_DEPTH)
    with pytest.raises(Malformed, match="deeper"):
        decode(b"l" * (MAX_DEPTH + 1) + b"e" * (MAX_DEPTH + 1))
    with pytest.raises(Malformed, match="deeper"):
        decode(b"l" * 1_000_000)


def test_handshakes() -> None:
    opening = Opening(Handshake().flags(), b"h" * 20, b"p" * 20)
    raw = opening.encode()
    assert len(raw) == 68
    assert read_opening(raw) == opening
    assert opening.fast
    assert opening.extended
    plain = Opening(Handshake(fast=False, extended=False).flags(), b"h" * 20, b"p" * 20)
    assert not plain.fast
    assert not plain.extended
    assert Handshake(reserved=b"\xff" * 8).flags() == b"\xff" * 8
    assert read_opening(raw[:-1]) is None
    assert read_opening(b"\x12" + raw[1:]) is None


@pytest.mark.parametrize("words", [{"reserved": b"1"}, {"peer_id": b"1" * 19}, {"info_hash": "h" * 20}, {"delay": -1},
                                   {"dribble": (0, 1)}])  # fmt: skip
def test_nonsense_in_a_handshake_is_refused(words: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(words))):
        Handshake(**words)


def test_a_handshake_is_data() -> None:
    shake = Handshake(fast=False, delay=2.0, peer_id=b"p" * 20, reserved=bytes(8), dribble=(3, 0.5))
    assert Handshake.of(shake.to_dict()) == shake
    assert Handshake().to_dict() == {}
    assert shake.to_dict()["reserved"] == "00" * 8
    for nonsense in ({"fats": 1}, []):
        with pytest.raises(ValueError, match="handshake"):
            Handshake.of(nonsense)  # type: ignore[arg-type]


def test_extended_messages() -> None:
    assert extended(3, {"a": 1}).encode() == b"\0\0\0\x0a\x14\x03d1:ai1ee"
