"""The tracker core: what it reads, what it answers, what it does wrong on demand."""

import struct
from urllib.parse import quote

import pytest

from mock_peer._bencode import decode
from mock_peer.tracker import MOST_PEERS, Announce, Reply, TrackerCore

HASH, OTHER = bytes(range(20)), bytes(20)
ME, YOU = b"-XX0001-abcdefghijkl", b"-XX0001-000000000000"


def get(peer_id: bytes = ME, info_hash: bytes = HASH, port: int = 6881, **words: object) -> bytes:
    said = {"port": port, "left": 10, "uploaded": 1, "downloaded": 2, **words}
    query = "&".join(f"{name}={value}" for name, value in said.items())
    return f"GET /announce?info_hash={quote(info_hash)}&peer_id={quote(peer_id)}&{query} HTTP/1.1\r\n\r\n".encode()


def body(reply: Reply | None) -> dict[bytes, object]:
    assert reply is not None
    head, _, rest = reply.data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert f"Content-Length: {len(rest)}".encode() in head
    made = decode(rest)
    assert isinstance(made, dict)
    return made


def test_an_announce_is_kept_and_answered_with_the_others() -> None:
    core = TrackerCore(interval=77, min_interval=5, who=lambda address: "somebody")
    assert body(core.http(get(YOU, event="started"), "10.0.0.2", 1.0))[b"peers"] == b""
    answer = body(core.http(get(event="started", numwant=9), "10.0.0.1", 2.0))
    assert answer[b"peers"] == b"\x0a\0\0\x02\x1a\xe1"
    assert (answer[b"interval"], answer[b"min interval"], answer[b"incomplete"]) == (77, 5, 2)
    assert core.announces[1] == Announce(2.0, "started", HASH, "somebody", 10, 1, 2, 9, ME, ("10.0.0.1", 6881))
    assert core.peers(HASH) == [("10.0.0.2", 6881), ("10.0.0.1", 6881)]


def test_who_stops_is_forgotten_and_torrents_are_apart() -> None:
    core = TrackerCore()
    core.http(get(YOU), "10.0.0.2", 0.0)
    assert body(core.http(get(info_hash=OTHER), "10.0.0.1", 0.0))[b"peers"] == b""
    core.http(get(YOU, event="stopped"), "10.0.0.2", 0.0)
    assert core.peers(HASH) == []


@pytest.mark.parametrize(
    "request_",
    [
        get(info_hash=b"short"), get(event="late"), get(port=65536), get(port="x"),  # type: ignore[arg-type]
        b"GET /announce HTTP/1.1\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_no_announce_fails_with_a_reason(request_: bytes) -> None:
    core = TrackerCore()
    assert b"failure reason" in body(core.http(request_, "10.0.0.1", 0.0))
    assert not core.announces


@pytest.mark.parametrize("request_", [b"POST /announce HTTP/1.1\r\n\r\n", b"\r\n\r\n", b"GET /x HTTP/1.1\r\n\r\n"])
def test_what_is_no_request_for_it_is_an_error_of_http(request_: bytes) -> None:
    reply = TrackerCore().http(request_, "10.0.0.1", 0.0)
    assert reply is not None and reply.data.startswith(b"HTTP/1.1 40")


def test_it_misbehaves_on_demand_from_one_announce_to_another() -> None:
    core = TrackerCore(behave=[{"kind": "failure", "text": "go away", "nth": 2, "times": 1}])
    assert b"peers" in body(core.http(get(), "10.0.0.1", 0.0))
    assert body(core.http(get(), "10.0.0.1", 0.0)) == {b"failure reason": b"go away"}
    assert b"peers" in body(core.http(get(), "10.0.0.1", 0.0))
    core.behave = "silent"
    assert core.http(get(), "10.0.0.1", 0.0) is None
    core.behave = {"kind": "interval", "value": -5}
    assert body(core.http(get(), "10.0.0.1", 0.0))[b"interval"] == -5
    core.behave = [{"kind": "body", "nbytes": 1 << 40}]
    reply = core.http(get(), "10.0.0.1", 0.0)
    assert reply is not None and reply.zeros == 1 << 40 and len(reply.data) < 200
    core.behave = [{"kind": "redirect", "url": "http://127.0.0.1/x"}]
    reply = core.http(get(), "10.0.0.1", 0.0)
    assert reply is not None and b"302" in reply.data and b"\r\nLocation: http://127.0.0.1/x\r\n" in reply.data
    assert len(core.announces) == 7


def test_unknown_words_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="silent"):
        TrackerCore(behave="loud")
    with pytest.raises(ValueError, match="nbytes"):
        TrackerCore(behave={"kind": "body", "size": 3})
    with pytest.raises(ValueError, match="http, udp"):
        TrackerCore("carrier pigeon")
    with pytest.raises(ValueError, match="redirect"):
        TrackerCore("udp", behave="redirect")


def test_it_remembers_so_many_peers_and_no_more() -> None:
    core = TrackerCore()
    for number in range(MOST_PEERS):
        core.http(get(b"%020d" % number), "10.0.0.1", 0.0)
    assert body(core.http(get(b"%020d" % (MOST_PEERS - 1)), "10.0.0.1", 0.0)).keys() >= {b"peers"}
    assert body(core.http(get(b"%020d" % MOST_PEERS), "10.0.0.1", 0.0)) == {b"failure reason": b"full"}


def udp_announce(connection: int, event: int = 2, numwant: int = -1) -> bytes:
    return struct.pack(">QII20s20sQQQIIIiH", connection, 1, 7, HASH, ME, 2, 10, 1, event, 0, 0, numwant, 6881)


def test_udp_connects_then_announces() -> None:
    core = TrackerCore("udp", interval=60, swarm=lambda said, known: [("1.2.3.4", 5)])
    source = ("10.0.0.1", 4000)
    action, transaction, connection = struct.unpack(
        ">IIQ", core.udp(struct.pack(">QII", 0x41727101980, 0, 3), source, 0.0) or b""
    )
    assert (action, transaction) == (0, 3)
    answer = core.udp(udp_announce(connection), source, 0.0) or b""
    assert struct.unpack(">IIIII", answer[:20]) == (1, 7, 60, 1, 0)
    assert answer[20:] == b"\1\2\3\4\0\5"
    assert core.announces[0].event == "started" and core.announces[0].numwant == -1


def test_udp_takes_a_connection_only_from_where_it_was_made() -> None:
    core = TrackerCore("udp")
    made = core.udp(struct.pack(">QII", 0x41727101980, 0, 3), ("10.0.0.1", 4000), 0.0) or b""
    connection = struct.unpack(">Q", made[8:])[0]
    for source, words in (("10.0.0.2", udp_announce(connection)), ("10.0.0.1", udp_announce(connection)[:97])):
        answer = core.udp(words, (source, 4000), 0.0) or b""
        assert struct.unpack(">II", answer[:8]) == (3, 7)
    assert core.udp(bytes(15), ("10.0.0.1", 4000), 0.0) is None
    assert not core.announces
