"""The 68 bytes that open a connection: encoded, parsed at every cut, refused at the first wrong byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jstorrent._core import lab
from jstorrent._errors import ParseError

HASH = bytes(range(20))
PEER = b"-JS0100-abcdefghijkl"
FLAGS = ["fast", "extended", "dht", "v2"]


def plain(reserved: bytes = bytes(8)) -> bytes:
    return b"\x13BitTorrent protocol" + reserved + HASH + PEER


@pytest.mark.parametrize(
    ("flags", "reserved"),
    [
        ([], "0000000000000000"),
        (["dht"], "0000000000000001"),
        (["fast"], "0000000000000004"),
        (["v2"], "0000000000000010"),
        (["extended"], "0000000000100000"),
        (FLAGS, "0000000000100015"),
    ],
)
def test_each_flag_is_its_bit_in_both_directions(flags: list[str], reserved: str) -> None:
    raw = lab.encode_handshake(flags, HASH, PEER)
    assert raw == plain(bytes.fromhex(reserved))
    parser = lab.HandshakeParser()
    assert parser.take(raw) == 68
    assert parser.handshake() == ({f: f in flags for f in FLAGS}, HASH, PEER)


@given(st.lists(st.integers(1, 30), max_size=20))
def test_every_cut_gives_the_same_and_takes_nothing_after_the_end(cuts: list[int]) -> None:
    raw = plain(b"\xff" * 8)
    stream = raw + b"after"
    parser = lab.HandshakeParser()
    at = 0
    for cut in [*cuts, len(stream)]:
        at += parser.take(stream[at : at + cut])
        assert parser.has_preamble == (at >= 48)
        assert parser.complete == (at == 68)
    assert at == 68
    assert parser.handshake()[1:] == (HASH, PEER)


def test_the_preamble_is_known_before_the_peer_id() -> None:
    parser = lab.HandshakeParser()
    parser.take(plain()[:47])
    assert not parser.has_preamble
    parser.take(plain()[47:48])
    assert parser.preamble() == (dict.fromkeys(FLAGS, False), HASH)
    assert not parser.complete


@pytest.mark.parametrize("at", range(20))
def test_the_first_wrong_byte_is_refused_at_once_and_for_good(at: int) -> None:
    raw = bytearray(plain())
    raw[at] ^= 0x20
    parser = lab.HandshakeParser()
    for i in range(at):
        assert parser.take(bytes(raw[i : i + 1])) == 1
    for attempt in (raw[at : at + 1], plain()[at:]):
        with pytest.raises(ParseError) as caught:
            parser.take(bytes(attempt))
        assert (caught.value.code, caught.value.offset) == ("bad_handshake", at)


def test_bytes_after_the_protocol_name_are_never_wrong() -> None:
    parser = lab.HandshakeParser()
    assert parser.take(b"\x13BitTorrent protocol" + b"\xff" * 48) == 68
    assert parser.complete
