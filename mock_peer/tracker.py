"""A tracker for tests, without input or output: HTTP (BEP 3, 7, 23, 48) and UDP (BEP 15), honest unless told otherwise.

Requests go in as bytes, answers come out as bytes. It keeps what each peer announced; `announces` has all that was said,
`requests` every request, also one that it did not answer. Whoever carries it may say which name stands behind an address
(`who`) and which addresses an answer names (`swarm`).
"""

from __future__ import annotations

import hashlib
import itertools
import struct
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mock_peer._tracker_answer import Address, Answer, Reply
from mock_peer._tracker_http import HttpRequest, NotFound, http_reply, read_request, refusal
from mock_peer._tracker_kinds import KINDS, ON, TrackerBehaviour, behaviours_of, tracker_table
from mock_peer._tracker_swarm import MOST_PEERS, Announce, Swarms
from mock_peer._tracker_udp import ANNOUNCE_SIZE, EVENTS, UdpRequest, read_datagram, udp_reply

MOST_KEPT = 100_000
"""Announces, and requests, that are kept; older ones are forgotten."""
MOST_GIVEN = 200
"""Addresses in one answer."""
USUAL_GIVEN = 50
CONNECTION_LIFE = 60.0
"""Seconds that a UDP connection id is good for at least; at most it is twice as long."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of any kind. kind: announce, scrape, connect, or other for what is none of these."""

    time: float
    kind: str
    node: str | None
    source: Address
    transaction: int | None = None
    """Of UDP."""


class TrackerCore:
    """A tracker. `behave` may be assigned at any time; requests count from then on."""

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
        self.announces: deque[Announce] = deque(maxlen=MOST_KEPT)
        self.requests: deque[Request] = deque(maxlen=MOST_KEPT)
        self.deeds: Counter[str] = Counter()
        """How often it did wrong, by kind."""
        self._who, self._swarm = who, swarm
        self._swarms = Swarms()
        self._key = hashlib.sha256(repr((kind, interval, min_interval)).encode()).digest()
        self.behave = behave

    @property
    def behave(self) -> tuple[TrackerBehaviour, ...]:
        """What it does wrong."""
        return self._behave

    @behave.setter
    def behave(self, value: Any) -> None:
        self._behave = behaviours_of(value, self.kind)
        self._seen: Counter[str] = Counter()

    def peers(self, info_hash: bytes | None = None) -> list[Address]:
        """Who announced and did not stop since, of one torrent or of all."""
        return self._swarms.peers(info_hash)

    # -- HTTP

    def http(self, head: bytes, source: Address, now: float) -> Reply | None:
        """The answer to a request (its bytes up to the empty line); None: none ever comes."""
        try:
            request = read_request(head)
        except NotFound as wrong:
            self._note("other", source, now)
            return refusal(wrong.status)
        self._note(request.kind, source, now)
        answer = Answer()
        try:
            if request.kind == "announce":
                self._announced(answer, self._http_announce(request, source, now))
            else:
                self._scraped(answer, request.hashes)
        except (ValueError, KeyError) as wrong:
            answer = Answer(failure=f"not an announce: {wrong}")
        if request.words.get("compact") == "0":
            answer.is_compact = False
        self._misbehave(answer, request.kind)
        return None if answer.is_silent else http_reply(answer, request, source[0])

    def _http_announce(self, request: HttpRequest, source: Address, now: float) -> Announce:
        words = request.words
        info_hash, peer_id = b"".join(request.hashes), request.peer_id
        if len(info_hash) != 20 or len(peer_id) != 20:
            raise ValueError("info_hash and peer_id have 20 bytes")
        event, port = words.get("event", ""), int(words["port"])
        if event == "empty":
            event = ""
        if event not in EVENTS or not 0 <= port < 65536:
            raise ValueError("no such event or port")
        left, uploaded, downloaded = (int(words.get(name, 0)) for name in ("left", "uploaded", "downloaded"))
        return Announce(
            now, event, info_hash, self._who(source), left, uploaded, downloaded,
            int(words.get("numwant", USUAL_GIVEN)), peer_id, (source[0], port), words.get("key", ""), request.target,
            source,
        )  # fmt: skip

    # -- UDP

    def udp(self, datagram: bytes, source: Address, now: float) -> Reply | None:
        """The answer to a datagram; None: none."""
        request = read_datagram(datagram)
        if request is None:
            self._note("other", source, now)
            return None
        self._note(request.kind, source, now, request.transaction)
        answer = Answer()
        if request.kind == "other":
            answer.failure = "no such action"
        elif not request.is_connect and not self._is_connected(request.connection, source, now):
            answer.failure = "not connected"
        elif request.kind == "scrape":
            self._scraped(answer, request.hashes())
        elif request.kind == "announce":
            said = self._udp_announce(request, source, now)
            if said is None:
                answer.failure = "not an announce"
            else:
                self._announced(answer, said)
        self._misbehave(answer, request.kind)
        return None if answer.is_silent else udp_reply(answer, request, source, self._connection_id(source, now))

    def _udp_announce(self, request: UdpRequest, source: Address, now: float) -> Announce | None:
        if len(request.data) < ANNOUNCE_SIZE:
            return None
        info_hash, peer_id, downloaded, left, uploaded, event, _, key, numwant, port = struct.unpack_from(
            ">20s20sQQQIIIiH", request.data, 16
        )
        if event >= len(EVENTS):
            return None
        return Announce(
            now, EVENTS[event], info_hash, self._who(source), left, uploaded, downloaded, numwant, peer_id,
            (source[0], port), f"{key:08x}", request.path(), source,
        )  # fmt: skip

    def _connection_id(self, source: Address, now: float, ago: int = 0) -> int:
        when = int(now // CONNECTION_LIFE) - ago
        return int.from_bytes(hashlib.sha256(self._key + repr((source, when)).encode()).digest()[:8], "big")

    def _is_connected(self, connection: int, source: Address, now: float) -> bool:
        return connection in (self._connection_id(source, now), self._connection_id(source, now, 1))

    # -- what both do

    def _note(self, kind: str, source: Address, now: float, transaction: int | None = None) -> None:
        self._seen[kind] += 1
        self._seen["any"] += 1
        self.requests.append(Request(now, kind, self._who(source), source, transaction))

    def _announced(self, answer: Answer, said: Announce) -> None:
        self.announces.append(said)
        answer.interval, answer.min_interval = self.interval, self.min_interval
        swarm = self._swarms.take(said)
        if swarm is None:
            answer.failure = "full"
            return
        answer.seeds, answer.leechers = swarm.seeds, swarm.leechers
        if said.event != "stopped":
            known = list(itertools.islice(swarm.others(said.peer_id), MOST_GIVEN))
            wanted = USUAL_GIVEN if said.numwant < 0 else min(said.numwant, MOST_GIVEN)
            answer.peers = self._swarm(said, known)[:wanted]

    def _scraped(self, answer: Answer, hashes: tuple[bytes, ...]) -> None:
        for info_hash in hashes:
            swarm = self._swarms.of(info_hash)
            answer.files.append((info_hash, swarm.seeds, swarm.downloaded, swarm.leechers))

    def _misbehave(self, answer: Answer, kind: str) -> None:
        for behaviour in self._behave:
            if behaviour.on in (kind, "any") and behaviour.applies(self._seen[behaviour.on]):
                KINDS[behaviour.kind].deed(answer, behaviour.args)
                self.deeds[behaviour.kind] += 1


__all__ = [
    "CONNECTION_LIFE", "KINDS", "MOST_GIVEN", "MOST_KEPT", "MOST_PEERS", "ON", "USUAL_GIVEN", "Address", "Announce", "Reply",
    "Request", "TrackerBehaviour", "TrackerCore", "tracker_table",
]  # fmt: skip
