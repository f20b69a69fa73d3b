"""The tracker core: what it reads, what it answers, over HTTP and UDP."""

import struct
from urllib.parse import quote

import pytest

from mock_peer import _tracker_swarm as swarm_module
from mock_peer._bencode import decode
from mock_peer.tracker import CONNECTION_LIFE, MOST_GIVEN, MOST_PEERS, Announce, Reply, TrackerCore

HASH, OTHER = bytes(range(20)), bytes(20)
ME, YOU = b"-XX0001-abcd+fghijkl", b"-XX0001-000000000000"
AT = ("10.0.0.1", 4000)


def get(peer_id: bytes = ME, info_hash: bytes = HASH, port: object = 6881, **words: object) -> bytes:
    said = {"port": port, "left": 10, "uploaded": 1, "downloaded": 2, **words}
    query = "&".join(f"{name}={value}" for name, value in said.items())
    target = f"/announce?info_hash={quote(info_hash)}&peer_id={quote(peer_id, safe='+')}&{query}"
    return f"GET {target} HTTP/1.1\r\nHost: t.example".encode()


def whole(reply: Reply | None) -> bytes:
    assert reply is not None and reply.size is not None and reply.size < 1 << 20
    data = b"".join(reply.runs())
    assert len(data) == reply.size
    return data


def body(reply: Reply | None) -> dict[bytes, object]:
    head, _, rest = whole(reply).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert f"Content-Length: {len(rest)}".encode() in head
    made = decode(rest)
    assert isinstance(made, dict)
    return made


def test_an_announce_is_kept_and_answered_with_the_others() -> None:
    core = TrackerCore(interval=77, min_interval=5, who=lambda address: "somebody")
    assert body(core.http(get(YOU, event="started"), ("10.0.0.2", 1), 1.0))[b"peers"] == b""
    answer = body(core.http(get(event="started", numwant=9, key="aK"), AT, 2.0))
    assert answer[b"peers"] == b"\x0a\0\0\x02\x1a\xe1"
    assert (answer[b"interval"], answer[b"min interval"], answer[b"incomplete"]) == (77, 5, 2)
    assert answer[b"external ip"] == b"\x0a\0\0\x01"
    said = core.announces[1]
    assert said.path.startswith("/announce?info_hash=")
    assert said == Announce(
        2.0, "started", HASH, "somebody", 10, 1, 2, 9, ME, ("10.0.0.1", 6881), "aK", said.path, AT
    )
    assert core.peers(HASH) == [("10.0.0.2", 6881), ("10.0.0.1", 6881)]
    assert [(request.kind, request.node, request.source) for request in core.requests] == [
        ("announce", "somebody", ("10.0.0.2", 1)), ("announce", "somebody", AT),
    ]  # fmt: skip


def test_who_stops_is_forgotten_and_torrents_are_apart() -> None:
    core = TrackerCore()
    core.http(get(YOU), ("10.0.0.2", 1), 0.0)
    assert body(core.http(get(info_hash=OTHER), AT, 0.0))[b"peers"] == b""
    answer = body(core.http(get(YOU, event="stopped"), ("10.0.0.2", 1), 0.0))
    assert answer[b"incomplete"] == 0 and answer[b"peers"] == b""
    assert core.peers(HASH) == []


def test_peers_come_in_one_order_from_behind_the_one_who_asks() -> None:
    core = TrackerCore()
    for n in range(6):
        core.http(get(b"%020d" % n, port=n + 1), ("10.0.0.9", 1), 0.0)
    answer = body(core.http(get(b"%020d" % 2, port=3, numwant=4), ("10.0.0.9", 1), 1.0))
    assert answer[b"peers"] == b"".join(b"\x0a\0\0\x09\0%c" % port for port in (4, 5, 6, 1))
    assert body(core.http(get(b"%020d" % 2, port=3, numwant=0), AT, 1.0))[b"peers"] == b""
    core.http(get(b"%020d" % 0, port=9), ("10.0.0.9", 1), 2.0)
    assert next(port for _, port in core.peers()) == 9, "who announces again keeps its place"


def test_never_more_addresses_than_that() -> None:
    core = TrackerCore()
    for n in range(MOST_GIVEN + 2):
        core.http(get(b"%020d" % n), ("10.0.0.9", 1), 0.0)
    peers = body(core.http(get(numwant=10**9), AT, 0.0))[b"peers"]
    assert isinstance(peers, bytes) and len(peers) == 6 * MOST_GIVEN


def test_peers_as_dictionaries_and_of_the_other_family() -> None:
    core = TrackerCore()
    core.http(get(YOU), ("fd00::2", 1), 0.0)
    core.http(get(b"y" * 20), ("10.0.0.2", 1), 0.0)
    answer = body(core.http(get(), AT, 0.0))
    assert answer[b"peers"] == b"\x0a\0\0\x02\x1a\xe1"
    assert answer[b"peers6"] == bytes.fromhex("fd00" + "00" * 13 + "02") + b"\x1a\xe1"
    answer = body(core.http(get(compact=0), AT, 0.0))
    assert answer[b"peers"] == [{b"ip": b"fd00::2", b"port": 6881}, {b"ip": b"10.0.0.2", b"port": 6881}]
    assert b"peers6" not in answer


def test_a_scrape_counts_who_is_there_and_who_completed() -> None:
    core = TrackerCore()
    core.http(get(YOU, left=0, event="started"), AT, 0.0)
    core.http(get(event="completed", left=0), AT, 0.0)
    core.http(get(b"z" * 20), AT, 0.0)
    answer = body(core.http(f"GET /x/scrape?info_hash={quote(HASH)}&info_hash={quote(OTHER)} HTTP/1.1".encode(), AT, 0.0))
    assert answer[b"files"] == {
        HASH: {b"complete": 2, b"downloaded": 1, b"incomplete": 1},
        OTHER: {b"complete": 0, b"downloaded": 0, b"incomplete": 0},
    }
    assert core.requests[-1].kind == "scrape" and len(core.announces) == 3


@pytest.mark.parametrize(
    "request_",
    [get(info_hash=b"short"), get(event="late"), get(port=65536), get(port="x"), get(left="many"),
     b"GET /announce HTTP/1.1\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_announce_fails_with_a_reason(request_: bytes) -> None:
    core = TrackerCore()
    assert b"failure reason" in body(core.http(request_, AT, 0.0))
    assert not core.announces and len(core.requests) == 1


@pytest.mark.parametrize("request_", [b"POST /announce HTTP/1.1", b"", b"GET /x HTTP/1.1", b"GET /announce", b"\xff" * 99])
def test_what_is_no_request_for_it_is_an_error_of_http(request_: bytes) -> None:
    core = TrackerCore()
    assert whole(core.http(request_, AT, 0.0)).startswith(b"HTTP/1.1 40")
    assert core.requests[0].kind == "other"


def test_it_remembers_so_many_peers_and_no_more() -> None:
    core = TrackerCore()
    for number in range(MOST_PEERS):
        core.http(get(b"%020d" % number), AT, 0.0)
    assert body(core.http(get(b"%020d" % (MOST_PEERS - 1)), AT, 0.0)).keys() >= {b"peers"}
    assert body(core.http(get(b"%020d" % MOST_PEERS), AT, 0.0)) == {b"failure reason": b"full"}
    assert core.peers() and len(core.peers()) == MOST_PEERS
    core.http(get(b"%020d" % 5, event="stopped"), AT, 0.0)
    assert b"peers" in body(core.http(get(b"%020d" % MOST_PEERS), AT, 0.0))


def test_it_remembers_so_many_torrents_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swarm_module, "MOST_PEERS", 3)
    core = TrackerCore()
    for number in range(3):
        info_hash = b"%020d" % number
        core.http(get(info_hash=info_hash, event="completed"), AT, 0.0)
        core.http(get(info_hash=info_hash, event="stopped"), AT, 0.0)
    assert body(core.http(get(), AT, 0.0)) == {b"failure reason": b"full"}


# -- UDP


def connect(core: TrackerCore, source: tuple[str, int] = AT, now: float = 0.0) -> int:
    answer = whole(core.udp(bytes.fromhex("0000041727101980" "00000000" "00000003"), source, now))
    action, transaction, connection = struct.unpack(">IIQ", answer)
    assert (action, transaction) == (0, 3)
    return int(connection)


def udp_announce(connection: int, event: int = 2, numwant: int = -1, more: bytes = b"") -> bytes:
    fields = struct.pack(">QII20s20sQQQIIIiH", connection, 1, 7, HASH, ME, 2, 10, 1, event, 0, 0xAB, numwant, 6881)
    assert len(fields) == 98
    return fields + more


def test_udp_connects_then_announces() -> None:
    core = TrackerCore("udp", interval=60, swarm=lambda said, known: [("1.2.3.4", 5)])
    answer = whole(core.udp(udp_announce(connect(core)), AT, 0.0))
    assert struct.unpack(">IIIII", answer[:20]) == (1, 7, 60, 1, 0)
    assert answer[20:] == b"\1\2\3\4\0\5"
    said = core.announces[0]
    assert (said.event, said.numwant, said.key, said.path) == ("started", -1, "000000ab", "")
    assert (said.downloaded, said.left, said.uploaded, said.address) == (2, 10, 1, ("10.0.0.1", 6881))
    assert [(request.kind, request.transaction) for request in core.requests] == [("connect", 3), ("announce", 7)]


def test_udp_over_the_other_family_names_peers_of_that_family() -> None:
    core = TrackerCore("udp", swarm=lambda said, known: [("1.2.3.4", 5), ("fd00::7", 8)])
    source = ("fd00::1", 9)
    answer = whole(core.udp(udp_announce(connect(core, source)), source, 0.0))
    assert answer[20:] == bytes.fromhex("fd00" + "00" * 13 + "07") + b"\0\x08"


@pytest.mark.parametrize(
    ("options", "path"),
    [(b"\2\4/a?b", "/a?b"), (b"\1\1\2\2/a\2\2?b\0\2\1c", "/a?b"), (b"", ""), (b"\2\xff/a", "/a"), (b"\2", ""), (b"\7\1x\2\1y", "y")],
)
def test_what_stands_behind_an_announce_is_read(options: bytes, path: str) -> None:
    core = TrackerCore("udp")
    core.udp(udp_announce(connect(core), more=options), AT, 0.0)
    assert core.announces[0].path == path


def test_udp_scrapes() -> None:
    core = TrackerCore("udp")
    connection = connect(core)
    core.udp(udp_announce(connection, event=1), AT, 0.0)
    answer = whole(core.udp(struct.pack(">QII", connection, 2, 8) + HASH + OTHER + b"half", AT, 0.0))
    assert struct.unpack(">IIIIIIII", answer) == (2, 8, 0, 1, 1, 0, 0, 0)


def test_udp_takes_a_connection_only_from_where_it_was_made_and_for_a_while() -> None:
    core = TrackerCore("udp")
    connection = connect(core)
    for source, words, now in (
        ("10.0.0.2", udp_announce(connection), 0.0),
        ("10.0.0.1", udp_announce(connection)[:97], 0.0),
        ("10.0.0.1", udp_announce(connection, event=4), 0.0),
        ("10.0.0.1", udp_announce(connection), 2 * CONNECTION_LIFE),
        ("10.0.0.1", struct.pack(">QII", connection, 9, 7), 0.0),
        ("10.0.0.1", struct.pack(">QII", connection, 0, 7), 0.0),
    ):
        answer = whole(core.udp(words, (source, 4000), now))
        assert struct.unpack(">II", answer[:8]) == (3, 7)
    assert core.udp(bytes(15), AT, 0.0) is None
    assert not core.announces
    assert struct.unpack(">II", whole(core.udp(udp_announce(connection), AT, CONNECTION_LIFE))[:8]) == (1, 7)
