"""An HTTP tracker of the simulated world that answers with the very bytes that it is told: for what no tracker should do."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_to_bytes

from jstorrent import _core
from jstorrent.lab import Lab
from jstorrent.lab._lanes import SimLane
from jstorrent.lab._tracker import TrackerNode

Address = tuple[str, int]


@dataclass
class Asked:
    """One request: its target, and what its query says."""

    time: float
    path: str
    words: dict[str, str]
    info_hash: bytes
    from_host: str

    @property
    def event(self) -> str:
        return self.words.get("event", "")


def compact(peers: list[Address]) -> bytes:
    return b"".join(socket.inet_aton(host) + port.to_bytes(2, "big") for host, port in peers)


def reply(peers: list[Address] = [], *, interval: int = 1800, more: bytes = b"") -> bytes:  # noqa: B006
    """A whole response. `more` are keys between "interval" and "peers", or before."""
    packed = compact(peers)
    return response(b"d8:intervali%de%s5:peers%d:%se" % (interval, more, len(packed), packed))


def response(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


Answer = bytes | Iterator[bytes] | None
"""What is sent for a request: all at once, one part each `pause` seconds, or nothing ever."""


class RawTracker(TrackerNode):
    """`answer` is bytes, None, or is asked for them with each request. Connections end after their answer."""

    def __init__(self, lab: Lab, name: str, answer: Answer | Callable[[Asked], Answer] = None, *, host: str | None = None,
                 pause: float = 1.0) -> None:  # fmt: skip
        super().__init__(lab, name, host=host)
        assert isinstance(lab._lane, SimLane), "a raw tracker lives in the sim lane"
        self.lab, self.answer, self.pause = lab, answer, pause
        self.asked: list[Asked] = []
        self.open: set[int] = set()
        self.most_open = 0
        self.sent = 0
        self._heads: dict[int, bytes] = {}
        self._hosts: dict[int, str] = {}
        self._parts: dict[int, Iterator[bytes]] = {}
        self._participant = _core.lab.Participant(lab._lane.world, self._number, self)
        self._participant.listen(self.address[1])

    @property
    def events(self) -> list[str]:
        """Of the announces, in order."""
        return [asked.event for asked in self.asked if asked.path.endswith("announce")]

    # -- what the world calls

    def accepted(self, number: int, local: str, remote: str) -> None:
        self.open.add(number)
        self.most_open = max(self.most_open, len(self.open))
        self._heads[number] = b""
        self._hosts[number] = remote.rpartition(":")[0]

    def received(self, number: int, data: bytes) -> None:
        if b"\r\n\r\n" in self._heads[number]:
            return
        self._heads[number] += data
        if b"\r\n\r\n" in self._heads[number]:
            self._answer(number, self._read(number))

    def timer(self, number: int) -> None:
        part = next(self._parts[number], None) if number in self.open else None
        if part is None:
            self._end(number)
        else:
            self._send(number, part)
            self._participant.timer(self.lab.now + self.pause, number)

    def closed(self, number: int, why: str) -> None:
        self._end(number)

    def _drop(self) -> None:
        pass

    def _read(self, number: int) -> Asked:
        target = self._heads[number].split(b" ")[1].decode("latin-1")
        path, _, query = target.partition("?")
        raw = dict(pair.partition("=")[::2] for pair in query.split("&") if pair)
        words = dict(parse_qsl(query, encoding="latin-1", keep_blank_values=True))
        self.asked.append(Asked(self.lab.now, path, words, unquote_to_bytes(raw.get("info_hash", "")), self._hosts[number]))
        return self.asked[-1]

    def _answer(self, number: int, asked: Asked) -> None:
        answer = self.answer(asked) if callable(self.answer) else self.answer
        if isinstance(answer, bytes):
            self._send(number, answer)
            self._end(number)
        elif answer is not None:
            self._parts[number] = iter(answer)
            self.timer(number)

    def _send(self, number: int, data: bytes) -> None:
        self.sent += len(data)
        self._participant.send(number, data)

    def _end(self, number: int) -> None:
        if number in self.open:
            self.open.discard(number)
            self._participant.close(number)
