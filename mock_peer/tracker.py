"""A tracker for tests, without input or output: HTTP (BEP 3, 23) and UDP (BEP 15), honest unless told otherwise.

Requests go in as bytes, answers come out as bytes. It keeps what each peer announced, and `announces`, all that was said.
Whoever carries it may say which name stands behind an address (`who`) and which addresses an answer names (`swarm`).
"""

from __future__ import annotations

import hashlib
import ipaddress
import itertools
import struct
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from mock_peer._bencode import encode

Address = tuple[str, int]

MOST_PEERS = 4096
"""Peers that are remembered; one more announce is refused."""
MOST_ANNOUNCES = 100_000
"""Announces that are kept; older ones are forgotten."""
MOST_GIVEN = 200
"""Addresses in one answer."""
USUAL_GIVEN = 50
_UDP_MAGIC = 0x41727101980
_CONNECT, _ANNOUNCE, _SCRAPE, _ERROR = range(4)
_EVENTS = ("", "completed", "started", "stopped")
_KINDS: dict[str, dict[str, Any]] = {
    "interval": {"value": -1},
    "silent": {},
    "failure": {"text": "no"},
    "body": {"nbytes": 1 << 30},
    "redirect": {"url": ""},
}
KINDS = tuple(_KINDS)
"""What a tracker may do wrong."""


@dataclass(frozen=True, slots=True)
class Announce:
    """One announce, as it was said. `node`: the name of who said it, as far as it is known."""

    time: float
    event: str
    info_hash: bytes
    node: str | None
    left: int
    uploaded: int
    downloaded: int
    numwant: int
    peer_id: bytes
    address: Address
    """The host that it came from and the port that it named."""


@dataclass(frozen=True, slots=True)
class TrackerBehaviour:
    """One thing that a tracker does wrong, from its nth announce on, so many times (None: always)."""

    kind: str
    nth: int = 1
    times: int | None = None
    args: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any) -> TrackerBehaviour:
        """From itself, its JSON dict or just its kind."""
        if isinstance(value, cls):
            return value
        plain = getattr(value, "to_dict", lambda: value)()
        said: dict[str, Any] = {"kind": value} if isinstance(value, str) else dict(plain)
        kind = said.pop("kind", None)
        if kind not in _KINDS:
            raise ValueError(f"no such behaviour of a tracker: {kind!r} (known: {', '.join(KINDS)})")
        nth, times = said.pop("nth", 1), said.pop("times", None)
        for word in said:
            if word not in _KINDS[kind]:
                raise ValueError(f"{kind} has no word {word!r} (known: {', '.join(['nth', 'times', *_KINDS[kind]])})")
        if nth < 1 or (times is not None and times < 1):
            raise ValueError("nth and times count from 1")
        return cls(kind, nth, times, {**_KINDS[kind], **said})

    def applies(self, number: int) -> bool:
        """To the announce of that number, from 1."""
        return self.nth <= number and (self.times is None or number < self.nth + self.times)


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes to send, and so many zeros behind them, of which nobody has to hold more than a few at a time."""

    data: bytes
    zeros: int = 0


@dataclass(slots=True)
class _Swarm:
    """Who announced one torrent, in order, and how many of them lack nothing."""

    peers: dict[bytes, tuple[Address, bool]] = field(default_factory=dict)
    seeds: int = 0

    def put(self, peer_id: bytes, address: Address, is_seed: bool) -> None:
        self.drop(peer_id)
        self.peers[peer_id] = address, is_seed
        self.seeds += is_seed

    def drop(self, peer_id: bytes) -> bool:
        old = self.peers.pop(peer_id, None)
        self.seeds -= old is not None and old[1]
        return old is not None


class TrackerCore:
    """A tracker. `behave` may be assigned at any time."""

    def __init__(
        self,
        kind: str = "http",
        *,
        interval: int = 1800,
        min_interval: int | None = None,
        behave: Any = (),
        who: Callable[[Address], str | None] = lambda address: None,
        swarm: Callable[[Announce, list[Address]], list[Address]] = lambda announce, known: known,
    ) -> None:
        if kind not in ("http", "udp"):
            raise ValueError(f"no such kind of tracker: {kind!r} (known: http, udp)")
        self.kind = kind
        self.interval, self.min_interval = interval, min_interval
        self.announces: deque[Announce] = deque(maxlen=MOST_ANNOUNCES)
        self._who, self._swarm = who, swarm
        self._known: dict[bytes, _Swarm] = {}
        self._num_known = 0
        self._count = 0
        self._key = hashlib.sha256(repr((kind, interval, min_interval)).encode()).digest()
        self.behave = behave

    @property
    def behave(self) -> tuple[TrackerBehaviour, ...]:
        """What it does wrong."""
        return self._behave

    @behave.setter
    def behave(self, value: Any) -> None:
        given = [value] if isinstance(value, str | dict) or not isinstance(value, Iterable) else value
        made = tuple(TrackerBehaviour.of(one) for one in given)
        if self.kind == "udp" and any(one.kind == "redirect" for one in made):
            raise ValueError("a UDP tracker has no redirect")
        self._behave = made

    def peers(self, info_hash: bytes | None = None) -> list[Address]:
        """Who announced and did not stop since, of one torrent or of all."""
        swarms = self._known.values() if info_hash is None else [self._known.get(info_hash, _Swarm())]
        return [address for swarm in swarms for address, _ in swarm.peers.values()]

    # -- HTTP

    def http(self, head: bytes, host: str, now: float) -> Reply | None:
        """The answer to a request (its bytes up to the empty line); None: none ever comes."""
        target = head.split(b"\r\n", 1)[0].split(b" ")
        if len(target) != 3 or target[0] != b"GET":
            return _http("400 Bad Request", b"")
        path, _, query = target[1].decode("latin-1").partition("?")
        if not path.endswith("/announce"):
            return _http("404 Not Found", b"")
        try:
            said = self._read_query(query, host, now)
        except (ValueError, KeyError) as wrong:
            return _http("200 OK", encode({"failure reason": f"not an announce: {wrong}"}))
        answer = self._announced(said)
        if answer is None:
            return None
        if answer.redirect is not None:
            return _http("302 Found", b"", f"Location: {answer.redirect}\r\n")
        if answer.zeros:
            return Reply(_http_head("200 OK", answer.zeros), answer.zeros)
        if answer.failure is not None:
            return _http("200 OK", encode({"failure reason": answer.failure}))
        body: dict[str, Any] = {"interval": answer.interval, "peers": _compact(answer.peers, 4)}
        if any(":" in host for host, _ in answer.peers):
            body["peers6"] = _compact(answer.peers, 16)
        if self.min_interval is not None:
            body["min interval"] = self.min_interval
        return _http("200 OK", encode({**body, "complete": answer.seeds, "incomplete": answer.leechers}))

    def _read_query(self, query: str, host: str, now: float) -> Announce:
        raw = {pair.partition("=")[0]: pair.partition("=")[2] for pair in query.split("&")[:64]}
        words = dict(parse_qsl(query, encoding="latin-1", max_num_fields=64))
        info_hash, peer_id = unquote_to_bytes(raw["info_hash"]), unquote_to_bytes(raw["peer_id"])
        if len(info_hash) != 20 or len(peer_id) != 20:
            raise ValueError("info_hash and peer_id have 20 bytes")
        event, port = words.get("event", ""), int(words["port"])
        if event == "empty":
            event = ""
        if event not in _EVENTS or not 0 <= port < 65536:
            raise ValueError("no such event or port")
        numbers = [int(words.get(name, 0)) for name in ("left", "uploaded", "downloaded")]
        address = (host, port)
        return Announce(now, event, info_hash, self._who(address), numbers[0], numbers[1], numbers[2],
                        int(words.get("numwant", USUAL_GIVEN)), peer_id, address)  # fmt: skip

    # -- UDP

    def udp(self, datagram: bytes, source: Address, now: float) -> bytes | None:
        """The answer to a datagram; None: none."""
        if len(datagram) < 16:
            return None
        connection, action, transaction = struct.unpack_from(">QII", datagram)
        if action == _CONNECT and connection == _UDP_MAGIC:
            if any(one.kind == "silent" and one.applies(self._count + 1) for one in self._behave):
                return None
            return struct.pack(">IIQ", _CONNECT, transaction, self._connection_id(source))
        if connection != self._connection_id(source):
            return _udp_error(transaction, "not connected")
        if action != _ANNOUNCE or len(datagram) < 98:
            return _udp_error(transaction, "not an announce")
        return self._udp_announce(datagram, transaction, source, now)

    def _udp_announce(self, datagram: bytes, transaction: int, source: Address, now: float) -> bytes | None:
        info_hash, peer_id, downloaded, left, uploaded, event, _, _, numwant, port = struct.unpack_from(
            ">20s20sQQQIIIiH", datagram, 16
        )
        if event >= len(_EVENTS):
            return _udp_error(transaction, "no such event")
        address = (source[0], port)
        answer = self._announced(
            Announce(now, _EVENTS[event], info_hash, self._who(address), left, uploaded, downloaded, numwant, peer_id,
                     address)
        )  # fmt: skip
        if answer is None:
            return None
        if answer.failure is not None:
            return _udp_error(transaction, answer.failure)
        size = 16 if ":" in source[0] else 4
        head = struct.pack(">IIiII", _ANNOUNCE, transaction, answer.interval, answer.leechers, answer.seeds)
        return head + _compact(answer.peers, size) + bytes(min(answer.zeros, 60_000))

    def _connection_id(self, source: Address) -> int:
        return int.from_bytes(hashlib.sha256(self._key + repr(source).encode()).digest()[:8], "big")

    # -- what both do

    def _announced(self, said: Announce) -> _Answer | None:
        self._count += 1
        self.announces.append(said)
        swarm = self._remember(said)
        if swarm is None:
            return _Answer(0, failure="full")
        answer = _Answer(self.interval)
        for behaviour in self._behave:
            if behaviour.applies(self._count):
                if behaviour.kind == "silent":
                    return None
                _misbehave(answer, behaviour)
        others = (address for key, (address, _) in swarm.peers.items() if key != said.peer_id)
        known = list(itertools.islice(others, MOST_GIVEN))
        wanted = USUAL_GIVEN if said.numwant < 0 else min(said.numwant, MOST_GIVEN)
        if said.event != "stopped":
            answer.peers = self._swarm(said, known)[:wanted]
        answer.seeds = swarm.seeds
        answer.leechers = len(swarm.peers) - swarm.seeds
        return answer

    def _remember(self, said: Announce) -> _Swarm | None:
        swarm = self._known.setdefault(said.info_hash, _Swarm())
        self._num_known -= swarm.drop(said.peer_id)
        is_full = self._num_known >= MOST_PEERS
        if said.event != "stopped" and not is_full:
            swarm.put(said.peer_id, said.address, said.left == 0)
            self._num_known += 1
        if not swarm.peers:
            del self._known[said.info_hash]
        return None if is_full and said.event != "stopped" else swarm


@dataclass(slots=True)
class _Answer:
    interval: int
    failure: str | None = None
    zeros: int = 0
    redirect: str | None = None
    peers: list[Address] = field(default_factory=list)
    seeds: int = 0
    leechers: int = 0


def _misbehave(answer: _Answer, behaviour: TrackerBehaviour) -> None:
    args = behaviour.args
    if behaviour.kind == "interval":
        answer.interval = int(args["value"])
    elif behaviour.kind == "failure":
        answer.failure = str(args["text"])
    elif behaviour.kind == "body":
        answer.zeros = int(args["nbytes"])
    else:
        answer.redirect = str(args["url"])


def _compact(peers: list[Address], size: int) -> bytes:
    packed = ((ipaddress.ip_address(host).packed, port) for host, port in peers)
    return b"".join(host + struct.pack(">H", port) for host, port in packed if len(host) == size)


def _http_head(status: str, length: int, more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{more}\r\n".encode("latin-1")


def _http(status: str, body: bytes, more: str = "") -> Reply:
    return Reply(_http_head(status, len(body), more) + body)


def _udp_error(transaction: int, text: str) -> bytes:
    return struct.pack(">II", _ERROR, transaction) + text.encode()
