"""A world of one peer without any input or output: facts are calls, actions are lists."""

from __future__ import annotations

import contextlib
import heapq
import random
import struct
from typing import Any

from mock_peer import Handshake, Message, Peer
from mock_peer._handshake import Opening, read_opening
from mock_peer._wire import HANDSHAKE_SIZE, Frame, Parsed, Reader, parse
from mock_peer.torrent import MadeUp

SUBJECT_ID = b"-SU0001-abcdefghijkl"
SUBJECT = ("10.0.0.9", 6881)
TRUTH = MadeUp(pieces=8, piece_length=32768)
BLOCK = 16384


class Script:
    """A transport that writes down what it is told, and a clock that its owner moves."""

    lock = contextlib.nullcontext()

    def __init__(self) -> None:
        self.now = 0.0
        self.sent: dict[int, bytearray] = {}
        self.ends: dict[int, str] = {}
        self.paused: set[int] = set()
        self.dialled: list[tuple[tuple[str, int], int]] = []
        self.backlog = 0
        self.low_water: dict[int, int] = {}
        self.timers: list[tuple[float, int]] = []

    def connect(self, address: tuple[str, int], source_port: int) -> int:
        self.dialled.append((address, source_port))
        return 100 + len(self.dialled)

    def send(self, link: int, data: bytes) -> None:
        assert link not in self.ends, "said something on a link that it had ended"
        self.sent.setdefault(link, bytearray()).extend(data)

    def unsent(self, link: int) -> int:
        return self.backlog

    def tell_below(self, link: int, nbytes: int) -> None:
        self.low_water[link] = nbytes

    def close(self, link: int, how: str) -> None:
        assert link not in self.ends
        self.ends[link] = how

    def pause(self, link: int, paused: bool) -> None:
        (self.paused.add if paused else self.paused.discard)(link)

    def timer(self, when: float, number: int) -> None:
        heapq.heappush(self.timers, (when, number))


class Scripted(Peer):
    """A peer in a Script, and the subject's half of what is said."""

    def __init__(self, *, truth: MadeUp | None = TRUTH, seed: int = 1, **words: Any) -> None:
        self.script = Script()
        self._set_up(self.script, truth, lambda purpose: random.Random(f"{seed}/{purpose}"), **words)
        self.core = self._core
        self._read: dict[int, int] = {}
        self._readers: dict[int, Reader] = {}

    # -- the subject

    def accept(self, link: int = 0) -> None:
        """The subject dials."""
        self.core.accepted(link, ("10.0.0.1", 6881), SUBJECT)

    def hello(self, link: int = 0, *, fast: bool = True, extended: bool = True, info_hash: bytes | None = None) -> None:
        """The subject's handshake."""
        flags = Handshake(fast=fast, extended=extended).flags()
        self.core.received(link, Opening(flags, info_hash or TRUTH.info_hash, SUBJECT_ID).encode())

    def meet(self, link: int = 0, *, fast: bool = True, extended: bool = True) -> list[Parsed]:
        """The subject dials and opens; what the peer says to that, its handshake left out."""
        self.accept(link)
        self.hello(link, fast=fast, extended=extended)
        return self.heard(link)

    def say(self, kind: str, *numbers: int, data: bytes = b"", link: int = 0) -> list[Parsed]:
        """A message of the subject; what the peer says to it."""
        self.core.received(link, Frame(kind, *numbers, data=data).encode())
        return self.heard(link)

    def say_raw(self, data: bytes, link: int = 0) -> list[Parsed]:
        """Bytes of the subject; what the peer says to them."""
        self.core.received(link, data)
        return self.heard(link)

    def opening(self, link: int = 0) -> Opening:
        """The peer's handshake."""
        made = read_opening(bytes(self.script.sent.get(link, b"")[:HANDSHAKE_SIZE]))
        assert made is not None
        return made

    def heard(self, link: int = 0) -> list[Parsed]:
        """The messages of the peer since the last look."""
        sent = self.script.sent.get(link, bytearray())
        opens = sent.startswith(b"\x13")
        if opens and len(sent) < HANDSHAKE_SIZE:
            return []
        at = self._read.get(link, 0) or (HANDSHAKE_SIZE if opens else 0)
        self._read[link] = len(sent)
        return [parse(raw) for raw in self._readers.setdefault(link, Reader()).feed(bytes(sent[at:]))]

    def run(self, seconds: float, link: int = 0) -> list[Parsed]:
        """So much time passes; what the peer says meanwhile."""
        end = self.script.now + seconds
        while self.script.timers and self.script.timers[0][0] <= end:
            when, number = heapq.heappop(self.script.timers)
            self.script.now = max(when, self.script.now)
            self.core.timer(number)
        self.script.now = end
        return self.heard(link)

    def said(self, kind: str) -> list[Message]:
        """What the ledger has of it, on the way out."""
        return [m for m in self.ledger.messages if m.kind == kind and m.direction == "out"]


def kinds(messages: list[Parsed]) -> list[str]:
    """What they are."""
    return [message.kind for message in messages]


def blocks(messages: list[Parsed]) -> list[tuple[int | None, int | None]]:
    """Piece and begin of the blocks among them."""
    return [(message.piece, message.begin) for message in messages if message.kind == "piece"]


def bits(*pieces: int) -> bytes:
    """A bitfield of one byte."""
    return bytes((sum(0x80 >> piece for piece in pieces),))


def number(value: int) -> bytes:
    """Four bytes."""
    return struct.pack(">I", value)


def served(*behave: Any, fast: bool = True, **words: Any) -> Scripted:
    """A peer that has just unchoked the subject."""
    peer = Scripted(behave=behave, **words)
    peer.meet(fast=fast)
    peer.say("interested")
    return peer


def ask(peer: Scripted, *pieces: int) -> list[tuple[int | None, int | None]]:
    """The blocks that come at once for these requests."""
    return [block for piece in pieces for block in blocks(peer.say("request", piece, 0, BLOCK))]
