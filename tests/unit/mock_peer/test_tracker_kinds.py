"""What a tracker does wrong on demand."""

import gzip
import pickle
import struct
import zlib
from typing import Any

import pytest

from mock_peer._bencode import decode
from mock_peer.tracker import KINDS, ON, Reply, TrackerBehaviour, TrackerCore
from tests.unit.mock_peer.test_tracker import AT, HASH, body, connect, get, udp_announce, whole


def asked(behave: Any, **words: Any) -> Reply | None:
    return TrackerCore(behave=behave, **words).http(get(), AT, 0.0)


def udp_asked(behave: Any) -> Reply | None:
    core = TrackerCore("udp")
    connection = connect(core)
    core.behave = behave
    return core.udp(udp_announce(connection), AT, 0.0)


def test_it_misbehaves_on_demand_from_one_request_to_another() -> None:
    core = TrackerCore(behave=[{"kind": "failure", "text": "go away", "nth": 2, "times": 1}])
    assert b"peers" in body(core.http(get(), AT, 0.0))
    assert body(core.http(get(), AT, 0.0)) == {b"failure reason": b"go away"}
    assert b"peers" in body(core.http(get(), AT, 0.0))
    core.behave = TrackerBehaviour("silent", times=1)
    assert core.http(get(), AT, 0.0) is None
    assert b"peers" in body(core.http(get(), AT, 0.0)), "requests count from when it was told"
    assert len(core.announces) == 5


@pytest.mark.parametrize("value", [-5, 0, 2**63, 2**64 + 1, None])
def test_any_interval(value: int | None) -> None:
    answer = body(asked({"kind": "interval", "value": value}, min_interval=3))
    assert answer.get(b"interval") == value
    reply = whole(udp_asked({"kind": "interval", "value": value}))
    assert struct.unpack(">I", reply[8:12])[0] == (value or 0) & 0xFFFFFFFF


def test_words_of_an_answer() -> None:
    assert body(asked({"kind": "min_interval", "value": 2**63}))[b"min interval"] == 2**63
    assert body(asked({"kind": "warning", "text": "soon"}))[b"warning message"] == b"soon"
    assert body(asked({"kind": "failure", "retry_in": "never"})) == {b"failure reason": b"no", b"retry in": b"never"}
    assert body(asked({"kind": "failure", "retry_in": 5}))[b"retry in"] == 5
    assert body(asked({"kind": "extra", "keys": {"peers": "odd", "tracker id": 7}}))[b"peers"] == b"odd"
    assert body(asked("dict_peers"))[b"peers"] == []


def test_a_failure_as_long_as_one_likes() -> None:
    reply = asked({"kind": "failure", "text": "no ", "nbytes": 1 << 20})
    assert reply is not None and (1 << 20) < (reply.size or 0) < (1 << 20) + 200
    answer = whole(udp_asked({"kind": "failure", "nbytes": 1 << 20}))
    assert answer[:8] == struct.pack(">II", 3, 7) and len(answer) == 60_008


def test_addresses_that_nobody_announced() -> None:
    made = [("127.0.0.1", 22), ("10.0.0.1", 0)]
    assert body(asked({"kind": "peers", "addresses": made}))[b"peers"] == b"\x7f\0\0\1\0\x16\x0a\0\0\1\0\0"
    assert len(body(asked({"kind": "flood", "count": 5000}))[b"peers"]) == 30_000  # type: ignore[arg-type]
    assert len(whole(udp_asked({"kind": "flood", "count": 50_000}))) == 20 + 65_000 // 6 * 6


def test_redirects_elsewhere_and_in_a_circle() -> None:
    head = whole(asked({"kind": "redirect", "url": "http://127.0.0.1/x", "code": 307}))
    assert head.startswith(b"HTTP/1.1 307 ") and b"\r\nLocation: http://127.0.0.1/x\r\n" in head
    head = whole(asked("redirect"))
    assert b"\r\nLocation: http://t.example/announce?info_hash=" in head
    assert head.endswith(b"\r\n\r\n")


def test_bodies_without_end_are_never_held() -> None:
    reply = asked({"kind": "body", "nbytes": 1 << 40})
    assert reply is not None and (1 << 40) < (reply.size or 0) and len(next(iter(reply.runs()))) < 200
    for behave in ({"kind": "body", "nbytes": None}, "head_flood"):
        reply = asked(behave)
        assert reply is not None and reply.size is None
        runs = reply.runs()
        sizes = [len(next(runs)) for _ in range(1000)]
        assert max(sizes) <= 64 << 10 and sum(sizes) > 900_000
    assert whole(asked({"kind": "body", "nbytes": 70_001})).endswith(bytes(70_001))


def test_a_bomb_unpacks_to_what_it_says() -> None:
    reply = whole(asked({"kind": "gzip_bomb", "nbytes": 5 << 20}))
    head, _, packed = reply.partition(b"\r\n\r\n")
    assert b"Content-Encoding: gzip" in head and f"Content-Length: {len(packed)}".encode() in head
    assert len(packed) < (5 << 20) // 500
    assert gzip.decompress(packed) == bytes(5 << 20)


def test_an_honest_answer_in_other_forms() -> None:
    plain = body(asked(()))
    head, _, packed = whole(asked("gzip")).partition(b"\r\n\r\n")
    assert decode(zlib.decompress(packed, 31)) == plain
    head, _, rest = whole(asked({"kind": "chunked", "size": 7})).partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head and b"Content-Length" not in head
    joined = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        joined, rest = joined + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    assert decode(joined) == plain


def test_the_way_of_an_answer() -> None:
    reply = asked([{"kind": "late", "seconds": 3.5}, {"kind": "drip", "nbytes": 2, "seconds": 0.5}])
    assert reply is not None and reply.delay == 3.5 and reply.pace == (2, 0.5)
    assert {len(run) for run in reply.runs()} <= {1, 2}
    assert whole(asked({"kind": "raw", "data": b"\0\1"})) == b"\0\1"
    assert whole(asked({"kind": "content", "data": "6465"})).endswith(b"\r\n\r\nde")
    assert whole(asked({"kind": "status", "code": 503})).startswith(b"HTTP/1.1 503 ")
    reply = asked([{"kind": "body", "nbytes": None}, {"kind": "cut", "nbytes": 100_000, "how": "rst"}])
    assert len(whole(reply)) == 100_000 and reply is not None and reply.ending == "rst"
    assert len(whole(asked({"kind": "cut", "nbytes": 9}))) == 9


def test_datagrams_that_lie() -> None:
    assert whole(udp_asked("wrong_transaction"))[:8] == struct.pack(">II", 1, 8)
    assert whole(udp_asked({"kind": "wrong_action", "value": 0}))[:8] == struct.pack(">II", 0, 7)
    assert len(whole(udp_asked({"kind": "cut", "nbytes": 19}))) == 19
    assert len(whole(udp_asked({"kind": "body", "nbytes": None}))) == 60_020
    assert whole(udp_asked({"kind": "content", "data": b"x"})) == b"x"
    assert whole(udp_asked("forget"))[:8] == struct.pack(">II", 3, 7)
    late = udp_asked({"kind": "late", "seconds": 2})
    assert late is not None and late.delay == 2


def test_it_may_be_about_one_kind_of_request() -> None:
    core = TrackerCore("udp", behave={"kind": "silent", "on": "connect", "times": 2})
    hello = struct.pack(">QII", 0x41727101980, 0, 3)
    assert [core.udp(hello, AT, 0.0) is None for _ in range(3)] == [True, True, False]
    core.behave = {"kind": "silent", "on": "announce"}
    connection = connect(core)
    assert core.udp(udp_announce(connection), AT, 0.0) is None
    assert core.udp(struct.pack(">QII", connection, 2, 8) + HASH, AT, 0.0) is not None
    core.behave = {"kind": "silent", "nth": 2}
    connect(core)
    assert core.udp(udp_announce(connection), AT, 0.0) is None


def test_unknown_words_are_refused_with_the_known_ones() -> None:
    for behave, known in (
        ("loud", "silent"), ({"kind": "body", "size": 3}, "nbytes"), ({"kind": "silent", "on": "sunday"}, "announce"),
        ({"kind": "silent", "nth": 0}, "from 1"), ({"kind": "body", "nbytes": -1}, "at least 0"), (7, "a kind"),
        ({"kind": "peers", "addresses": [("nowhere", 1)]}, "host and a port"), ({"nth": 1}, "a kind"),
        ({"kind": "cut", "how": "blackhole"}, "known word"), ({"kind": "interval", "value": "1"}, "an integer"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=known):
            TrackerCore(behave=behave)
    with pytest.raises(ValueError, match="http, udp"):
        TrackerCore("carrier pigeon")
    with pytest.raises(ValueError, match="redirect"):
        TrackerCore("udp", behave="redirect")
    with pytest.raises(ValueError, match="forget"):
        TrackerCore("http", behave="forget")


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_data(kind: str) -> None:
    plain = TrackerBehaviour(kind)
    assert plain.to_dict() == {"kind": kind}
    assert pickle.loads(pickle.dumps(plain)) == plain and plain.on in ON
    other = TrackerBehaviour(kind, nth=2, times=3)
    assert TrackerBehaviour.of(other.to_dict()) == other != plain
    assert repr(other) == f"TrackerBehaviour('{kind}', nth=2, times=3)"
    assert hash(other) != hash(plain)
    with pytest.raises(AttributeError):
        plain.kind = "x"


def test_the_words_of_a_kind_come_back() -> None:
    made = TrackerBehaviour("peers", addresses=[("10.0.0.1", 2)], only=False)
    assert TrackerBehaviour.of(made.to_dict()) == made
    made = TrackerBehaviour("raw", data=b"\0\1")
    assert made.to_dict() == {"kind": "raw", "data": "0001"} and TrackerBehaviour.of(made.to_dict()) == made
