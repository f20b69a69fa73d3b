"""Trackers in the real lane, asked as a client asks them."""

import socket
import struct
import urllib.request
from urllib.error import HTTPError

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab

from mock_peer._bencode import decode

real = pytest.mark.lanes("real")
HASH = b"h" * 20


def announce(url: str, name: str, node: Engine, *, timeout: float = 5) -> dict[bytes, object]:
    """As that node, over HTTP."""
    host, port = url.removeprefix("http://").split("/")[0].split(":")
    with socket.create_connection((host, int(port)), timeout, source_address=(node.address[0], 0)) as sock:
        query = f"info_hash={'h' * 20}&peer_id={name:0>20}&port={node.address[1]}&left=0&event=started"
        sock.sendall(f"GET /announce?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    made = decode(answer.partition(b"\r\n\r\n")[2])
    assert isinstance(made, dict)
    return made


@real
def test_it_knows_nodes_by_name_and_names_them_by_their_address(lab: Lab) -> None:
    trk = lab.tracker("trk", interval=9)
    a, b = lab.engine("a"), lab.engine("b")
    announce(trk.url, "a", a)
    answer = announce(trk.url, "b", b)
    assert answer[b"interval"] == 9
    host, port = a.address
    assert answer[b"peers"] == socket.inet_aton(host) + port.to_bytes(2, "big")
    assert [said.node for said in trk.announces] == ["a", "b"]
    assert trk.peers == [a.address, b.address]


@real
def test_a_torrent_carries_its_url(lab: Lab) -> None:
    http, udp = lab.tracker("http"), lab.tracker("udp", kind="udp")
    spec = lab.torrent(pieces=1, trackers=(http, [udp]))
    assert [url for tier in spec.metainfo.trackers for url in tier] == [http.url, udp.url]
    assert udp.url.startswith("udp://")


@real
def test_udp_answers(lab: Lab) -> None:
    trk = lab.tracker("trk", kind="udp")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.sendto(struct.pack(">QII", 0x41727101980, 0, 3), trk.address)
        connection = struct.unpack(">IIQ", sock.recv(100))[2]
        sock.sendto(
            struct.pack(">QII20s20sQQQIIIiH", connection, 1, 7, HASH, HASH, 2, 3, 1, 1, 0, 0, 5, 6881), trk.address
        )
        assert len(sock.recv(100)) == 20
    (said,) = trk.announces
    assert (said.event, said.downloaded, said.left, said.uploaded, said.numwant) == ("completed", 2, 3, 1, 5)


@real
def test_a_long_body_comes_as_it_is_read(lab: Lab) -> None:
    trk = lab.tracker("trk", behave={"kind": "body", "nbytes": 3_000_000})
    with urllib.request.urlopen(f"{trk.url}?info_hash={'h' * 20}&peer_id={'p' * 20}&port=1", timeout=5) as answer:
        assert answer.read() == bytes(3_000_000)


@real
def test_what_is_no_announce_is_not_found(lab: Lab) -> None:
    trk = lab.tracker("trk")
    with pytest.raises(HTTPError, match="404"):
        urllib.request.urlopen(trk.url.replace("announce", "stats"), timeout=5)


@real
def test_a_partition_stops_announces_too(lab: Lab) -> None:
    trk, a = lab.tracker("trk"), lab.engine("a")
    lab.net.partition(a, trk)
    with pytest.raises(TimeoutError):
        announce(trk.url, "a", a, timeout=0.3)
    assert not trk.announces


@real
def test_unknown_words_are_refused(lab: Lab) -> None:
    with pytest.raises(ValueError, match="opentracker"):
        lab.tracker("a", kind="carrier pigeon")
    with pytest.raises(ValueError, match="silent"):
        lab.tracker("b", behave="loud")
    with pytest.raises(jst.Error, match="not there yet"):
        lab.tracker("c", kind="opentracker")


@pytest.mark.lanes("sim")
def test_the_sim_lane_has_none_yet(lab: Lab) -> None:
    with pytest.raises(jst.Error, match="not there yet"):
        lab.tracker("trk")
