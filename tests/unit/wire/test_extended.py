"""The extended handshake of strangers: each field believed, clamped or dropped alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jstorrent._core import lab
from jstorrent._errors import ParseError

NOTHING = {
    "m": {}, "v": "", "reqq": None, "metadata_size": None, "p": None, "upload_only": None,
    "yourip": None, "ipv4": None, "ipv6": None,
}  # fmt: skip


def ben(value: Any) -> bytes:
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(ben, value)) + b"e"
    return b"d" + b"".join(ben(k) + ben(v) for k, v in sorted(value.items())) + b"e"


def parse(value: Any) -> dict[str, Any]:
    result: dict[str, Any] = lab.parse_extended_handshake(ben(value))
    return result


def test_a_real_handshake_is_read_in_full() -> None:
    seen = parse({
        "m": {"ut_metadata": 2, "ut_pex": 1, "lt_donthave": 7, "share_mode": 8, "upload_only": 3, "ut_holepunch": 4},
        "metadata_size": 31235, "p": 6881, "reqq": 500, "v": "libtorrent/2.0.8", "yourip": bytes([10, 0, 0, 1]),
        "upload_only": 1, "ipv4": bytes([1, 2, 3, 4]), "ipv6": bytes(15) + b"\1", "complete_ago": 1,
    })  # fmt: skip
    assert seen == {
        "m": {"ut_metadata": 2, "ut_pex": 1, "lt_donthave": 7, "upload_only": 3},
        "v": "libtorrent/2.0.8", "reqq": 500, "metadata_size": 31235, "p": 6881, "upload_only": True,
        "yourip": "10.0.0.1", "ipv4": "1.2.3.4", "ipv6": "::1",
    }  # fmt: skip


def test_an_empty_dictionary_says_nothing() -> None:
    assert lab.parse_extended_handshake(b"de") == NOTHING


@pytest.mark.parametrize(
    ("field", "value", "seen"),
    [
        ("reqq", 0, 1),
        ("reqq", -1, 1),
        ("reqq", -(2**63), 1),
        ("reqq", 1, 1),
        ("reqq", lab.max_reqq, lab.max_reqq),
        ("reqq", lab.max_reqq + 1, lab.max_reqq),
        ("reqq", 2**31, lab.max_reqq),
        ("reqq", "250", None),
        ("metadata_size", 0, None),
        ("metadata_size", -1, None),
        ("metadata_size", 1, 1),
        ("metadata_size", lab.max_advertised_metadata, lab.max_advertised_metadata),
        ("metadata_size", lab.max_advertised_metadata + 1, None),
        ("metadata_size", 2**31, None),
        ("p", 0, None),
        ("p", 65535, 65535),
        ("p", 65536, None),
        ("p", 70000, None),
        ("p", -1, None),
        ("yourip", b"", None),
        ("yourip", b"abc", None),
        ("yourip", b"abcde", None),
        ("yourip", bytes(15) + b"\1", "::1"),
        ("yourip", bytes(17), None),
        ("ipv4", bytes(16), None),
        ("ipv6", bytes(4), None),
        ("upload_only", 0, False),
        ("upload_only", 2, True),
        ("upload_only", "1", None),
        ("m", [], {}),
        ("m", 5, {}),
        ("m", {"ut_metadata": 255}, {"ut_metadata": 255}),
        ("m", {"ut_metadata": 256}, {}),
        ("m", {"ut_metadata": -1}, {}),
        ("m", {"ut_metadata": 0}, {"ut_metadata": 0}),
        ("m", {"ut_metadata": "2", "ut_pex": 1}, {"ut_pex": 1}),
        ("m", {"ut_metadata": 3, "ut_pex": 3}, {"ut_metadata": 3, "ut_pex": 3}),
        ("v", 5, ""),
        ("v", b"x" * lab.max_client_name, "x" * lab.max_client_name),
        ("v", b"x" * (lab.max_client_name + 1), "x" * lab.max_client_name),
        ("v", b"x" * 500_000, "x" * lab.max_client_name),
        ("v", "µTorrent 3.5.5", "µTorrent 3.5.5"),
        ("v", b"\xb5Torrent", "?Torrent"),
        ("v", b"a\x1b[2Jb\nc\x00d\x7f", "a?[2Jb?c?d?"),
        ("v", "a\u202eb\u0085c", "a???b??c"),
        ("v", b"\xed\xa0\x80\xc0\xaf\xf5", "??????"),
        ("v", b"\xe2\x82", "??"),
    ],
)
def test_each_silly_field_costs_only_itself(field: str, value: Any, seen: Any) -> None:
    got = parse({"reqq": 77, "p": 1234, field: value})
    assert got == {**NOTHING, "reqq": 77, "p": 1234, field: seen}


def test_a_long_name_is_cut_between_characters() -> None:
    name = parse({"v": "µ" * 40})["v"]
    assert name == "µ" * 32
    assert parse({"v": "x" * 63 + "µ"})["v"] == "x" * 63


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "truncated"),
        (b"d", "truncated"),
        (b"le", "wrong_type"),
        (b"i5e", "wrong_type"),
        (b"\xff" * 8, "bad_token"),
        (b"d1:m" + b"l" * 1024, "too_deep"),
        (b"d1:ml" + b"0:" * 5000 + b"ee", "too_many_tokens"),
    ],
)
def test_what_is_no_dictionary_is_an_error(payload: bytes, code: str) -> None:
    with pytest.raises(ParseError) as caught:
        lab.parse_extended_handshake(payload)
    assert caught.value.code == code


def test_bytes_behind_the_dictionary_are_ignored() -> None:
    assert lab.parse_extended_handshake(b"d1:pi5ee\0\0")["p"] == 5


def test_a_later_handshake_adds_and_switches_off() -> None:
    first = ben({"m": {"ut_metadata": 2, "ut_pex": 1}, "v": "first", "reqq": 5})
    later = ben({"m": {"ut_pex": 0, "lt_donthave": 9}, "metadata_size": 100})
    assert lab.merge_extended_handshakes(first, later) == {
        **NOTHING, "m": {"ut_metadata": 2, "ut_pex": 0, "lt_donthave": 9}, "v": "first", "reqq": 5,
        "metadata_size": 100,
    }  # fmt: skip


def test_our_ids_are_found_again_and_no_others() -> None:
    names = [lab.extension_of(i) for i in range(256)]
    assert names[1:5] == ["ut_metadata", "ut_pex", "upload_only", "lt_donthave"]
    assert names[0] is None
    assert set(names[5:]) == {None}


handshakes = st.fixed_dictionaries({
    "m": st.dictionaries(st.sampled_from(["ut_metadata", "ut_pex", "upload_only", "lt_donthave"]), st.integers(0, 255)),
    "v": st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=64),
    "reqq": st.none() | st.integers(1, lab.max_reqq),
    "metadata_size": st.none() | st.integers(1, lab.max_advertised_metadata),
    "p": st.none() | st.integers(1, 65535),
    "upload_only": st.none() | st.booleans(),
    "yourip": st.none() | st.sampled_from(["1.2.3.4", "2001:db8::1"]),
    "ipv4": st.none() | st.just("5.6.7.8"),
    "ipv6": st.none() | st.just("2001:db8::2"),
})  # fmt: skip


@given(handshakes)
def test_what_is_written_is_read_back(handshake: dict[str, Any]) -> None:
    assert lab.parse_extended_handshake(lab.write_extended_handshake(handshake)) == handshake


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    try:
        lab.parse_extended_handshake(b"d" + payload)
    except ParseError as error:
        assert error.code
