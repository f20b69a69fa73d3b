"""Trackers, asked as a client asks them: by a scripted node in the sim lane, over sockets in the real one."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Any

import jstorrent as jst
import pytest
from jstorrent import _core
from jstorrent.lab import Engine, Lab, LabFailure, LaneLacks, Tracker, TrackerBehaviour, run

from mock_peer._bencode import decode

both = pytest.mark.lanes("sim", "real")
real = pytest.mark.lanes("real")
sim = pytest.mark.lanes("sim")
HASH = b"h" * 20
HELLO = struct.pack(">QII", 0x41727101980, 0, 3)
Asker = Callable[..., bytes]


class SimAsker:
    """A node of the simulated world that asks by hand."""

    def __init__(self, lab: Lab, name: str, host: str | None = None) -> None:
        self.lab = lab
        self.number = lab._lane.add_node(name, lab._lane.take_host(host))
        self.heard: dict[int, bytearray] = {}
        self.over: set[int] = set()
        self.datagrams: list[tuple[str, bytes]] = []
        self.me = _core.lab.Participant(lab._lane.world, self.number, self)  # type: ignore[attr-defined]
        self.me.open_udp(7000)

    def received(self, link: int, data: bytes) -> None:
        self.heard.setdefault(link, bytearray()).extend(data)

    def closed(self, link: int, error: str) -> None:
        self.over.add(link)
        self.me.close(link)

    failed = closed

    def datagram(self, source: str, data: bytes) -> None:
        self.datagrams.append((source, data))

    def get(self, tracker: Tracker, head: bytes, within: float = 5) -> bytes:
        link = self.me.connect(_text(tracker.address))
        self.me.send(link, head + b"\r\n\r\n")
        try:
            self.lab.until(lambda: link in self.over, within)
        except LabFailure as late:
            raise TimeoutError from late
        return bytes(self.heard.get(link, b""))

    def ask(self, tracker: Tracker, data: bytes, within: float = 5) -> bytes:
        before = len(self.datagrams)
        self.me.send_to(_text(tracker.address), data)
        try:
            self.lab.until(lambda: len(self.datagrams) > before, within)
        except LabFailure as late:
            raise TimeoutError from late
        return self.datagrams[-1][1]


class RealAsker:
    """A node of the real lane, which asks from where it lives."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.host = lab.engine(name).address[0]

    def get(self, tracker: Tracker, head: bytes, within: float = 5) -> bytes:
        with socket.create_connection(tracker.address, within, source_address=(self.host, 0)) as sock:
            sock.sendall(head + b"\r\n\r\n")
            return b"".join(iter(lambda: sock.recv(65536), b""))

    def ask(self, tracker: Tracker, data: bytes, within: float = 5) -> bytes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((self.host, 0))
            sock.settimeout(within)
            sock.sendto(data, tracker.address)
            return sock.recv(65536)


def asker(lab: Lab, name: str = "asker") -> Any:
    return SimAsker(lab, name) if lab.lane == "sim" else RealAsker(lab, name)


def _text(address: tuple[str, int]) -> str:
    return f"{address[0]}:{address[1]}"


def announce(name: str, port: int = 6881, **words: object) -> bytes:
    said = {"port": port, "left": 0, "event": "started", **words}
    query = "&".join(f"{key}={value}" for key, value in said.items())
    return f"GET /announce?info_hash={'h' * 20}&peer_id={name:0>20}&{query} HTTP/1.1\r\nHost: x".encode()


def body(answer: bytes) -> dict[bytes, object]:
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    made = decode(rest)
    assert isinstance(made, dict)
    return made


@both
def test_it_knows_nodes_by_name_and_names_them_by_their_address(lab: Lab) -> None:
    trk = lab.tracker("trk", interval=9)
    a, b = asker(lab, "a"), asker(lab, "b")
    hosts = [_host_of(lab, who) for who in (a, b)]
    ports = [node.address[1] for node in lab.engines] or [6881, 6881]
    a.get(trk, announce("a", ports[0]))
    answer = body(b.get(trk, announce("b", ports[1])))
    assert answer[b"interval"] == 9
    assert answer[b"peers"] == socket.inet_aton(hosts[0]) + ports[0].to_bytes(2, "big")
    assert trk.peers == list(zip(hosts, ports, strict=True))
    assert [said.address[0] for said in trk.announces] == [said.source[0] for said in trk.announces]  # type: ignore[index]
    if lab.lane == "real":
        assert [said.node for said in trk.announces] == ["a", "b"]
    assert trk.announces[0].time <= trk.announces[1].time <= lab.now


def _host_of(lab: Lab, who: Any) -> str:
    return str(who.host if isinstance(who, RealAsker) else lab._lane.world.host(who.number))  # type: ignore[attr-defined]


@sim
def test_who_asks_is_known_by_host_and_port(lab: Lab) -> None:
    trk = lab.tracker("trk")
    one, other = lab.peer("one"), lab.peer("other", host="10.0.0.77")
    twin = lab.peer("twin", host=other)
    for name, node in (("1", one), ("2", other), ("3", twin)):
        assert trk._who(node.address) == node.name, name
    assert trk._who((other.address[0], 1)) == "other"
    assert trk._who(("10.9.9.9", 1)) is None


@both
def test_a_torrent_carries_its_url(lab: Lab) -> None:
    http, udp = lab.tracker("http"), lab.tracker("udp", kind="udp")
    spec = lab.torrent(pieces=1, trackers=(http, [udp, "http://t.example/a"]))
    assert spec.metainfo.trackers == ((http.url,), (udp.url, "http://t.example/a"))
    assert udp.url.startswith("udp://") and http.url.startswith("http://") and http.url.endswith("/announce")
    assert http.address[0] != udp.address[0]
    if lab.lane == "sim":
        assert http.address[1] == udp.address[1] == 6969


@both
def test_udp_answers(lab: Lab) -> None:
    trk = lab.tracker("trk", kind="udp")
    who = asker(lab)
    if lab.lane == "sim":
        connection = struct.unpack(">IIQ", who.ask(trk, HELLO))[2]
        answer = who.ask(trk, _udp_announce(connection))
    else:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((who.host, 0))
            sock.settimeout(5)
            sock.sendto(HELLO, trk.address)
            connection = struct.unpack(">IIQ", sock.recv(100))[2]
            sock.sendto(_udp_announce(connection), trk.address)
            answer = sock.recv(100)
    assert len(answer) == 20
    (said,) = trk.announces
    assert (said.event, said.downloaded, said.left, said.uploaded, said.numwant) == ("completed", 2, 3, 1, 5)
    assert said.source is not None and said.source[0] == _host_of(lab, who)
    assert [request.kind for request in trk.requests] == ["connect", "announce"]


def _udp_announce(connection: int) -> bytes:
    return struct.pack(">QII20s20sQQQIIIiH", connection, 1, 7, HASH, HASH, 2, 3, 1, 1, 0, 0, 5, 6881)


@both
def test_a_long_body_comes_as_it_is_read(lab: Lab) -> None:
    trk = lab.tracker("trk", behave={"kind": "body", "nbytes": 3_000_000})
    head, _, rest = asker(lab).get(trk, announce("a"), within=30).partition(b"\r\n\r\n")
    assert b"Content-Length: 3000000" in head and rest == bytes(3_000_000)


@both
def test_a_body_without_end_goes_on_until_its_reader_leaves(lab: Lab) -> None:
    trk = lab.tracker("trk", behave={"kind": "body", "nbytes": None})
    if lab.lane == "sim":
        who = asker(lab)
        link = who.me.connect(_text(trk.address))
        who.me.send(link, announce("a") + b"\r\n\r\n")
        lab.until(lambda: len(who.heard.get(link, b"")) > 1 << 20, within=60)
        assert trk._transport._participant.unsent(0) < 1 << 20
        who.me.close(link, abort=True)
    else:
        with socket.create_connection(trk.address, 5) as sock:
            sock.sendall(announce("a") + b"\r\n\r\n")
            assert sum(len(sock.recv(65536)) for _ in range(200)) > 1 << 16
    lab.until(lambda: not trk._server._links, within=10)


@sim
def test_an_answer_in_drops_and_a_late_one(lab: Lab) -> None:
    trk = lab.tracker("trk", behave=[{"kind": "late", "seconds": 7}, {"kind": "drip", "nbytes": 10, "seconds": 2}])
    before = lab.now
    answer = asker(lab).get(trk, announce("a"), within=600)
    assert body(answer)[b"interval"] == 1800
    assert 7 + len(answer) // 10 * 2 - 1 < lab.now - before < 7 + len(answer) // 10 * 2 + 3


@both
def test_a_silent_one_keeps_the_link(lab: Lab) -> None:
    trk = lab.tracker("trk", behave="silent")
    with pytest.raises(TimeoutError):
        asker(lab).get(trk, announce("a"), within=0.5)
    assert len(trk.announces) == 1
    trk.behave = ()
    assert body(asker(lab, "again").get(trk, announce("a")))


@both
def test_what_is_no_announce_is_not_found(lab: Lab) -> None:
    trk = lab.tracker("trk")
    assert asker(lab).get(trk, b"GET /stats HTTP/1.1").startswith(b"HTTP/1.1 404 ")
    assert trk.requests[0].kind == "other"


@real
def test_a_partition_stops_announces_too(lab: Lab) -> None:
    trk, udp = lab.tracker("trk"), lab.tracker("udp", kind="udp")
    who = asker(lab)
    a = lab.engines[0]
    lab.net.partition(a, [trk, udp], only="udp")
    assert body(who.get(trk, announce("a")))
    with pytest.raises(TimeoutError):
        who.ask(udp, HELLO, within=0.3)
    lab.net.heal()
    assert len(who.ask(udp, HELLO)) == 16
    lab.net.partition(a, [trk, udp], only="tcp")
    assert len(who.ask(udp, HELLO)) == 16
    with pytest.raises(TimeoutError):
        who.get(trk, announce("a"), within=0.3)
    assert len(trk.announces) == 1


@both
@pytest.mark.parametrize("kind", ["http", "udp"])
def test_it_can_be_out_of_order_and_come_back(lab: Lab, kind: str) -> None:
    trk = lab.tracker("trk", kind=kind)
    who = asker(lab)
    trk.stop()
    trk.stop()
    with pytest.raises((TimeoutError, ConnectionError, AssertionError)):
        if kind == "http":
            body(who.get(trk, announce("a"), within=0.5))
        else:
            who.ask(trk, HELLO, within=0.5)
    trk.start()
    trk.start()
    if kind == "http":
        assert body(who.get(trk, announce("a")))
    else:
        assert len(who.ask(trk, HELLO)) == 16


@sim
def test_names_mean_what_they_were_told(lab: Lab) -> None:
    trk = lab.tracker("trk")
    lab.net.name("t.example", [trk, "10.0.0.200"])
    lab.net.name("trk")
    lab.net.name("one", trk)
    world = lab._lane.world  # type: ignore[attr-defined]
    assert world.lookup("t.example") == [trk.address[0], "10.0.0.200"]
    assert world.lookup("one") == [trk.address[0]]
    assert world.lookup("trk") == [] and world.lookup("10.1.1.1") == ["10.1.1.1"]


@real
def test_the_real_lane_has_no_names(lab: Lab) -> None:
    with pytest.raises(LaneLacks, match="sim lane"):
        lab.net.name("t.example")


@both
def test_unknown_words_are_refused(lab: Lab) -> None:
    with pytest.raises(ValueError, match="opentracker"):
        lab.tracker("a", kind="carrier pigeon")
    with pytest.raises(ValueError, match="silent"):
        lab.tracker("b", behave="loud")
    with pytest.raises(ValueError, match="redirect"):
        lab.tracker("c", kind="udp", behave="redirect")
    lab.tracker("b")
    assert not lab.tracker("c").announces, "what was refused took no name"


@sim
def test_programs_need_the_real_lane(lab: Lab) -> None:
    with pytest.raises(LaneLacks, match="real lane"):
        lab.tracker("a", kind="opentracker")


@sim
def test_a_world_with_trackers_is_told_as_a_plan(lab: Lab) -> None:
    trk, udp = lab.tracker("trk", interval=60), lab.tracker("udp", "udp", behave={"kind": "body", "nbytes": 5})
    spec = lab.torrent(pieces=8, trackers=[trk, [udp, "http://t.example/announce"]])
    lab.net.name("t.example", trk)
    t = lab.engine("client").add(spec, peers=[lab.seeder("seed", spec)])
    lab.until(lambda: t.progress > 0.3, within=60)
    trk.behave = [TrackerBehaviour("raw", data=b"x"), {"kind": "peers", "addresses": [("10.0.0.9", 1)]}]
    udp.stop()
    lab.until(lambda: t.state == "seeding", within=60)
    udp.start()
    lab.run_for(100)
    report = run(lab.plan)
    assert report.ok and report.fingerprint == lab.fingerprint, report
    text = lab.plan.to_python()
    assert "trk.behave = [{'kind': 'raw', 'data': '78'}" in text and "udp.stop()" in text and "lab.net.name(" in text


@sim
@pytest.mark.parametrize(("times", "seconds", "is_storm"), [(55, 1.0, True), (40, 1.0, False), (80, 2.0, False)])
def test_a_storm_of_announces_is_found(lab: Lab, times: int, seconds: float, is_storm: bool) -> None:
    """By whoever speaks from the engine's host; 40 in a minute are allowed, and some for what its user did."""
    trk = lab.tracker("trk")
    client = lab.engine("client")
    who = SimAsker(lab, "other", client.address[0])
    for _ in range(times):
        who.get(trk, announce("a"))
        lab.run_for(seconds)
    assert {request.node for request in trk.requests} == {"client"}
    if is_storm:
        with pytest.raises(LabFailure, match="asked 5. times within a minute") as found:
            lab.check()
        assert found.value.oracle == "loops"
        lab._without.add("loops")
    else:
        assert "loops" in lab.check()


@sim
def test_oracles_live_with_trackers(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, trackers=[lab.tracker("trk"), lab.tracker("udp", kind="udp")])
    client: Engine = lab.engine("client")
    t = client.add(spec, peers=[lab.seeder("seed", spec)])
    lab.until(lambda: t.state == "seeding", within=60)
    lab.run_for(3600)
    assert "statistics" in lab.check()
    assert jst.TorrentStatus is type(t.status())
