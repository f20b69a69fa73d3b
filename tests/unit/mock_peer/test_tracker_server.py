"""A tracker behind a port, on a transport that is a script: links, windows, bounds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from mock_peer._tracker_server import MOST_HEAD, MOST_LINKS, MOST_RUNS, ROOM, Server
from mock_peer.tcp import Loop
from mock_peer.tracker import Reply
from mock_peer.udp import net_transport

AT = ("10.0.0.1", 7)
ASK = b"GET /announce HTTP/1.1\r\n\r\n"


class Script:
    """Notes what is said and ended; nothing drains by itself."""

    lock = contextlib.nullcontext()

    def __init__(self) -> None:
        self.now = 0.0
        self.sent: dict[int, int] = {}
        self.out: dict[int, int] = {}
        self.ended: list[tuple[int, str]] = []
        self.timers: list[tuple[float, int]] = []
        self.low: dict[int, int] = {}
        self.datagrams: list[tuple[tuple[str, int], bytes]] = []

    def tell(self, facts: Server) -> None:
        self.facts = facts

    def send(self, link: int, data: bytes) -> None:
        self.sent[link] = self.sent.get(link, 0) + len(data)
        self.out[link] = self.out.get(link, 0) + len(data)

    def unsent(self, link: int) -> int:
        return self.out.get(link, 0)

    def pause(self, link: int, paused: bool) -> None:
        self.ended.append((link, "paused"))

    def tell_below(self, link: int, nbytes: int) -> None:
        self.low[link] = nbytes

    def close(self, link: int, how: str) -> None:
        self.ended.append((link, how))

    def timer(self, when: float, number: int) -> None:
        self.timers.append((when, number))

    def send_to(self, address: tuple[str, int], data: bytes) -> None:
        self.datagrams.append((address, data))

    def drain(self, link: int) -> None:
        self.out[link] = 0
        self.facts.drained(link)

    def fire(self) -> None:
        self.now, number = self.timers.pop(0)
        self.facts.timer(number)


class Answers:
    """Answers what it is told."""

    def __init__(self, reply: Reply | None) -> None:
        self.reply = reply
        self.asked: list[bytes] = []

    def http(self, head: bytes, source: tuple[str, int], now: float) -> Reply | None:
        self.asked.append(head)
        return self.reply

    def udp(self, datagram: bytes, source: tuple[str, int], now: float) -> Reply | None:
        self.asked.append(datagram)
        return self.reply


def served(reply: Reply | None) -> tuple[Script, Server, Answers]:
    script, answers = Script(), Answers(reply)
    server = Server(script, answers)
    server.accepted(0, AT, AT)
    return script, server, answers


def test_a_request_in_any_pieces_is_answered_once() -> None:
    script, server, answers = served(Reply(b"hello"))
    for byte in ASK:
        server.received(0, bytes([byte]))
    server.received(0, ASK)
    assert answers.asked == [ASK[:-4]]
    assert script.sent == {0: 5} and script.ended == [(0, "fin")]


@pytest.mark.parametrize(("more", "ended"), [(0, []), (1, [(0, "rst")])])
def test_the_head_of_a_request_has_a_bound(more: int, ended: list[object]) -> None:
    script, server, answers = served(Reply(b""))
    server.received(0, b"x" * (MOST_HEAD + more))
    assert script.ended == ended and not answers.asked


def test_links_have_a_bound() -> None:
    script, server, _ = served(None)
    for number in range(1, MOST_LINKS):
        server.accepted(number, AT, AT)
    assert not script.ended
    server.accepted(MOST_LINKS, AT, AT)
    assert script.ended == [(0, "rst")]


def test_an_answer_without_end_waits_for_room() -> None:
    script, server, _ = served(Reply(b"head", bytes(ROOM // 2), None))
    server.received(0, ASK)
    first = script.sent[0]
    assert ROOM <= first <= ROOM + 65536 and script.low == {0: ROOM}
    script.drain(0)
    assert script.sent[0] > first
    server.closed(0, "connection_reset")
    assert script.ended == [(0, "fin")] and not server._links
    script.drain(0)


def test_a_link_that_takes_all_does_not_keep_the_others_waiting() -> None:
    script, server, _ = served(Reply(b"", bytes(1000), None))
    script.send = lambda link, data: script.sent.update({link: script.sent.get(link, 0) + len(data)})  # type: ignore[method-assign]
    server.received(0, ASK)
    assert script.sent[0] == (MOST_RUNS * 1000)
    script.fire()
    assert script.sent[0] == 2 * MOST_RUNS * 1000 and len(script.timers) == 1
    server.closed(0, "connection_reset")
    script.fire()
    assert not script.timers


def test_drops_come_by_the_clock_and_end_with_the_link() -> None:
    script, server, _ = served(Reply(b"abcde", delay=3.0, pace=(2, 0.5), ending="rst"))
    server.received(0, ASK)
    sizes = []
    while script.timers:
        script.fire()
        sizes.append((script.now, script.sent[0]))
    assert sizes == [(3.0, 2), (3.5, 4), (4.0, 5), (4.5, 5)] and script.ended == [(0, "rst")]
    script, server, _ = served(Reply(b"abcde", pace=(1, 1.0)))
    server.received(0, ASK)
    server.closed(0, "connection_reset")
    script.fire()
    assert script.sent == {0: 1} and not script.timers


def test_who_has_asked_may_say_no_more_and_is_answered() -> None:
    script, server, _ = served(Reply(b"late", delay=1.0))
    server.received(0, ASK)
    server.closed(0, "end_of_stream")
    script.fire()
    assert script.sent == {0: 4} and script.ended == [(0, "paused"), (0, "fin")]
    script, server, _ = served(None)
    server.received(0, ASK[:5])
    server.closed(0, "end_of_stream")
    assert script.ended == [(0, "fin")]


def test_silence_ends_with_the_other_side() -> None:
    script, server, _ = served(None)
    server.received(0, ASK)
    assert not script.ended
    server.closed(0, "end_of_stream")
    assert script.ended == [(0, "fin")]


def test_datagrams_are_answered_at_once_or_later() -> None:
    script, server, answers = served(Reply(b"now"))
    server.datagram(AT, b"x")
    answers.reply = Reply(b"later", delay=2.0)
    server.datagram(AT, b"y")
    answers.reply = None
    server.datagram(AT, b"z")
    assert script.datagrams == [(AT, b"now")]
    script.fire()
    assert script.datagrams[1:] == [(AT, b"later")] and not script.timers and answers.asked == [b"x", b"y", b"z"]


def test_on_sockets_it_hears_datagrams() -> None:
    loop = Loop()
    here, there = net_transport(loop, "127.0.0.1"), net_transport(loop, "127.0.0.1")
    heard: list[bytes] = []

    class Ear(Answers):
        def udp(self, datagram: bytes, source: tuple[str, int], now: float) -> Reply | None:
            heard.append(datagram)
            return Reply(b"pong") if datagram == b"ping" else None

    Server(here, Ear(None))
    Server(there, Ear(None))
    at = ("127.0.0.1", here.open_udp(0))
    there.open_udp(0)
    there.send_to(at, b"ping")
    there.send_to(("127.0.0.1", 1), b"into the void")
    _run(loop, lambda: heard == [b"ping", b"pong"])
    loop.close()
    there.send_to(at, b"too late")


def test_on_sockets_a_timer_that_sets_itself_again_lets_others_have_their_turn() -> None:
    loop = Loop()
    count = 0

    def again() -> None:
        nonlocal count
        count += 1
        loop.at(loop.clock() + 1e-9, again)

    loop.at(0.0, again)
    for _ in range(5):
        loop.run_once(0.0)
    assert 1 <= count <= 5
    loop.close()


def _run(loop: Loop, done: Callable[[], bool]) -> None:
    for _ in range(200):
        if done():
            return
        loop.run_once(0.1)
    raise AssertionError("it did not come")
