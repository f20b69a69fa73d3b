"""What an HTTP tracker is told and what its replies mean; each number it sends is brought into range."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote_to_bytes

import jstorrent as jst
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jstorrent import ParseError
from jstorrent._core import lab

LIMITS = lab.tracker_limits
HASH = bytes(range(20))
US: dict[str, Any] = {"info_hash": HASH, "peer_id": b"-JS0010-abcdefghijkl", "port": 6881, "left": 5, "key": 0xABC}


def reply(**fields: Any) -> dict[str, Any]:
    named = {name.replace("_", " ").encode(): value for name, value in fields.items()}
    return lab.parse_announce_reply(jst.bencode(named))


# -- asking -----------------------------------------------------------------------------------------------------------


def test_an_announce_is_a_query_on_the_url() -> None:
    target = lab.announce_target("/announce", {**US, "event": "started", "downloaded": 7, "uploaded": 9})
    path, _, query = target.partition("?")
    assert path == "/announce"
    assert parse_qs(query, encoding="latin-1") == {
        "info_hash": [HASH.decode("latin-1")],
        "peer_id": ["-JS0010-abcdefghijkl"],
        "port": ["6881"],
        "uploaded": ["9"],
        "downloaded": ["7"],
        "left": ["5"],
        "key": ["00000abc"],
        "event": ["started"],
        "numwant": ["80"],
        "compact": ["1"],
        "no_peer_id": ["1"],
    }


def test_a_query_that_is_there_is_kept_and_continued() -> None:
    target = lab.announce_target("/announce?passkey=1", US)
    assert target.startswith("/announce?passkey=1&info_hash=") and target.count("?") == 1
    assert "event=" not in target


def test_who_stops_wants_nobody() -> None:
    assert "&numwant=0&" in lab.announce_target("/", {**US, "event": "stopped", "num_want": 50})
    assert "&numwant=50&" in lab.announce_target("/", {**US, "num_want": 50})


@given(st.binary(min_size=20, max_size=20), st.binary(max_size=30).map(lambda b: b.decode("latin-1")))
def test_hash_and_tracker_id_survive_any_bytes(info_hash: bytes, tracker_id: str) -> None:
    target = lab.announce_target("/a", {**US, "info_hash": info_hash, "tracker_id": tracker_id, "ipv6": "2600::1"})
    fields = dict(field.split("=", 1) for field in target.partition("?")[2].split("&"))
    assert unquote_to_bytes(fields["info_hash"]) == info_hash
    assert unquote_to_bytes(fields.get("trackerid", "")).decode() == tracker_id
    assert unquote_to_bytes(fields["ipv6"]) == b"2600::1"


# -- replies ----------------------------------------------------------------------------------------------------------


def test_the_compact_peers_of_bep_23() -> None:
    got = reply(interval=1800, peers=bytes([1, 2, 3, 4, 0x1A, 0xE1]) + bytes([9, 8, 7, 6, 0, 80]))
    assert got["peers"] == ["1.2.3.4:6881", "9.8.7.6:80"]


def test_peers_as_dictionaries_and_of_ipv6() -> None:
    dicts = [
        {b"ip": b"1.2.3.4", b"port": 5, b"peer id": b"x" * 20},
        {b"ip": b"2600::1", b"port": 6},
        {b"ip": b"tracker.example", b"port": 7},
        {b"ip": b"1.2.3.5", b"port": 65536},
        {b"ip": b"1.2.3.5"},
        7,
    ]
    v6 = bytes.fromhex("26000000000000000000000000000002") + b"\x00\x09"
    assert reply(peers=dicts, peers6=v6)["peers"] == ["1.2.3.4:5", "[2600::1]:6", "[2600::2]:9"]


def test_all_that_a_reply_may_say() -> None:
    got = reply(
        interval=900, min_interval=120, complete=3, incomplete=4, warning_message=b"slow", tracker_id=b"t\xff", external_ip=bytes([9, 8, 7, 6])
    )  # fmt: skip
    assert got == {
        "peers": [], "interval": 900.0, "min_interval": 120.0, "seeds": 3, "leechers": 4, "warning": "slow",
        "tracker_id": b"t\xff", "external_ip": "9.8.7.6",
    }  # fmt: skip


def test_an_empty_reply_has_the_usual_interval_and_knows_nothing() -> None:
    got = reply()
    assert got["interval"] == LIMITS["default_interval"]
    assert (got["min_interval"], got["seeds"], got["leechers"], got["external_ip"]) == (None, None, None, None)


@pytest.mark.parametrize("asked", [-(2**63), -1, 0, 59, 60, 61, 86399, 86400, 86401, 2**31, 2**63 - 1])
def test_intervals_are_brought_into_range(asked: int) -> None:
    expected = min(max(asked, LIMITS["least_interval"]), LIMITS["most_interval"])
    assert reply(interval=asked)["interval"] == expected
    assert reply(interval=86400, min_interval=asked)["min_interval"] == expected


def test_a_min_interval_is_never_beyond_the_interval() -> None:
    assert reply(interval=100, min_interval=200)["min_interval"] == 100.0


@pytest.mark.parametrize(("asked", "expected"), [(-1, None), (0, 0), (2**32 - 1, 2**32 - 1), (2**32, 2**32 - 1)])
def test_counts_are_brought_into_range(asked: int, expected: int | None) -> None:
    assert reply(complete=asked)["seeds"] == expected


@pytest.mark.parametrize(
    ("size", "expected"), [(3, None), (4, "1.1.1.1"), (5, None), (16, "101:101:101:101:101:101:101:101"), (17, None)]
)
def test_an_external_ip_of_another_length_is_ignored(size: int, expected: str | None) -> None:
    assert reply(external_ip=b"\1" * size)["external_ip"] == expected


def test_a_tracker_id_that_is_too_long_is_not_kept() -> None:
    assert len(reply(tracker_id=b"x" * LIMITS["max_tracker_id"])["tracker_id"]) == LIMITS["max_tracker_id"]
    assert reply(tracker_id=b"x" * (LIMITS["max_tracker_id"] + 1))["tracker_id"] == b""


def test_one_peer_more_than_max_reply_peers_is_left_out() -> None:
    most = LIMITS["max_reply_peers"]
    assert len(reply(peers=b"\1" * 6 * most)["peers"]) == most
    assert len(reply(peers=b"\1" * 6 * (most + 1))["peers"]) == most
    assert len(reply(peers=b"\1" * 6 * most, peers6=b"\2" * 18)["peers"]) == most
    assert len(reply(peers=[{b"ip": b"1.1.1.1", b"port": i} for i in range(most + 1)])["peers"]) == most


def test_a_large_swarm_in_dictionaries_is_cut_short_like_a_compact_one() -> None:
    """As many as a reply of a megabyte holds, with and without what else is said of each."""
    most = LIMITS["max_reply_peers"]
    for more, n in (({}, 40_000), ({b"peer id": bytes(20)}, 18_000)):
        peers = reply(peers=[{b"ip": b"1.1.1.1", b"port": 1 + i} | more for i in range(n)])["peers"]
        assert len(peers) == most and peers[-1] == f"1.1.1.1:{most}"


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_a_failure_reason_is_a_refusal_whatever_else_is_there() -> None:
    assert reply(failure_reason=b"unregistered", peers=b"\1" * 6) == {
        "reason": "unregistered",
        "retry_in": None,
        "never": False,
    }


@pytest.mark.parametrize(
    ("asked", "retry_in", "never"),
    [
        (5, 300.0, False),
        (0, 60.0, False),
        (-1, None, False),
        (2**63 - 1, 86400.0, False),
        (b"never", None, True),
        (b"soon", None, False),
    ],
)
def test_retry_in_of_bep_31(asked: Any, retry_in: float | None, never: bool) -> None:
    got = reply(failure_reason=b"no", retry_in=asked)
    assert (got["retry_in"], got["never"]) == (retry_in, never)


def test_a_message_is_cut_and_made_safe_to_show() -> None:
    most = LIMITS["max_message"]
    assert reply(failure_reason=b"x" * most)["reason"] == "x" * most
    assert reply(failure_reason=b"x" * 1_000_000)["reason"] == "x" * most + "..."
    assert reply(failure_reason=b"a\x1b[31m\n\xff\x7f")["reason"] == "a [31m \ufffd "
    assert reply(failure_reason="a\x9b31m\u202eb\u2028c\u00e9".encode())["reason"] == "a 31m b c\u00e9"
    assert reply(warning_message="\x9b2Jhello".encode())["warning"] == " 2Jhello"


# -- malformed --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"le",
        b"i5e",
        b"d5:peers5:abcdee",
        b"d6:peers617:" + b"x" * 17 + b"e",
        b"d5:peersi5ee",
        b"d6:peers6lee",
        b"d",
    ],
)
def test_a_reply_of_a_wrong_shape_is_an_error(body: bytes) -> None:
    with pytest.raises(ParseError):
        lab.parse_announce_reply(body)


def test_depth_and_tokens_are_bounded() -> None:
    def nested(depth: int) -> bytes:  # the dictionary is one container
        return b"d1:x" + b"l" * (depth - 1) + b"e" * (depth - 1) + b"e"

    assert lab.parse_announce_reply(nested(LIMITS["max_reply_depth"]))
    with pytest.raises(ParseError) as raised:
        lab.parse_announce_reply(nested(LIMITS["max_reply_depth"] + 1))
    assert raised.value.code == "too_deep"

    def many(tokens: int) -> bytes:  # dictionary, key and list are three
        return b"d1:xl" + b"0:" * (tokens - 3) + b"ee"

    assert lab.parse_announce_reply(many(LIMITS["max_reply_tokens"]))
    with pytest.raises(ParseError) as raised:
        lab.parse_announce_reply(many(LIMITS["max_reply_tokens"] + 1))
    assert raised.value.code == "too_many_tokens"


@given(st.binary(max_size=100))
def test_no_bytes_break_a_parser(body: bytes) -> None:
    for parse in (lab.parse_announce_reply, lambda b: lab.parse_scrape_reply(b, HASH)):
        try:
            assert isinstance(parse(body), dict)
        except ParseError as error:
            assert error.offset <= len(body)


# -- scrape -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("announce", "scrape"),
    [
        ("/announce", "/scrape"),
        ("/x/announce", "/x/scrape"),
        ("/announce.php", "/scrape.php"),
        ("/announce?x=2%0644", "/scrape?x=2%0644"),
        ("/a", None),
        ("/announce?x=2/4", "/scrape?x=2/4"),
        ("/x%064announce", None),
        ("/announce/more", None),
    ],
)
def test_the_scrape_url_of_bep_48(announce: str, scrape: str | None) -> None:
    got = lab.scrape_target(announce, HASH)
    if scrape is None:
        assert got is None
    else:
        assert got.startswith(scrape + ("&" if "?" in scrape else "?") + "info_hash=")


def test_a_scrape_reply_speaks_of_us_or_not() -> None:
    ours = {b"complete": 5, b"downloaded": 50, b"incomplete": 10}
    body = jst.bencode({b"files": {b"z" * 20: {}, HASH: ours}})
    assert lab.parse_scrape_reply(body, HASH) == {"seeds": 5, "leechers": 10}
    assert lab.parse_scrape_reply(body, b"y" * 20) == {"seeds": None, "leechers": None}
    assert lab.parse_scrape_reply(jst.bencode({b"failure reason": b"no"}), HASH)["reason"] == "no"
    for bad in (b"de", b"d5:filesi1ee"):
        with pytest.raises(ParseError):
            lab.parse_scrape_reply(bad, HASH)
