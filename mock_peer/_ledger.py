"""What was said, both ways: every message, with what it asked, answered and carried.

Bounded against a subject that says too much: MAX_MESSAGES messages and MAX_KEPT bytes of their contents are kept. What
comes after counts (`dropped`), and is judged, but is not kept; contents beyond are None.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

MAX_MESSAGES = 1_000_000
MAX_KEPT = 64 << 20
MAX_VIOLATIONS = 1000

KINDS = (
    "handshake", "keepalive", "choke", "unchoke", "interested", "not_interested", "have", "bitfield", "have_all",
    "have_none", "suggest", "allowed_fast", "port", "request", "cancel", "reject", "piece", "extended_handshake",
    "metadata_request", "metadata", "metadata_reject", "pex", "extended", "unknown", "raw",
)  # fmt: skip
"""What a Message can be."""


class Message(NamedTuple):
    """One message. direction: "in" from the subject, "out" to it. ok: its payload is equal to the truth."""

    time: float
    connection: int
    direction: str
    kind: str
    piece: int | None = None
    begin: int | None = None
    length: int | None = None
    data: bytes | None = None
    ok: bool | None = None
    raw: bytes | None = None

    @property
    def block(self) -> tuple[int | None, int | None, int | None]:
        """What it is about: piece, begin, length."""
        return self.piece, self.begin, self.length

    def __str__(self) -> str:
        numbers = " ".join(f"{n}" for n in self.block if n is not None)
        wrong = " (not the truth)" if self.ok is False else ""
        return f"{self.time:10.4f} #{self.connection} {'<' if self.direction == 'in' else '>'} {self.kind} {numbers}{wrong}"


@dataclass(slots=True)
class Connection:
    """One link. direction: "in" when the subject dialled. closed_by: "subject", "peer", "network" or None."""

    direction: str
    address: tuple[str, int]
    opened_at: float | None = None
    handshake_at: float | None = None
    closed_at: float | None = None
    closed_by: str | None = None
    how: str | None = None


class Violation(NamedTuple):
    """A rule that the subject broke."""

    message: Message
    why: str


class Request:
    """A request of the subject until it is answered."""

    __slots__ = ("cancelled", "done", "hits", "invalid", "message")

    def __init__(self, message: Message, invalid: bool) -> None:
        self.message = message
        self.invalid = invalid
        self.done = False
        self.cancelled = False
        self.hits: list[Any] = []  # the behaviours that it triggered


class Outstanding:
    """The requests of one link that were not answered yet. The same block may be asked for more than once."""

    def __init__(self) -> None:
        self._blocks: dict[tuple[int, int, int], list[Request]] = {}
        self.count = 0

    def add(self, request: Request) -> None:
        """One more."""
        m = request.message
        self._blocks.setdefault((m.piece, m.begin, m.length), []).append(request)  # type: ignore[arg-type]
        self.count += 1

    def take(self, piece: int, begin: int, length: int) -> Request | None:
        """The oldest for that block, which is done with this; None if there is none."""
        found = self._blocks.get((piece, begin, length))
        if not found:
            return None
        request = found.pop(0)
        if not found:
            del self._blocks[piece, begin, length]
        request.done = True
        self.count -= 1
        return request

    def oldest(self, piece: int, begin: int, length: int) -> Request | None:
        """The oldest for that block."""
        found = self._blocks.get((piece, begin, length))
        return found[0] if found else None

    def clear(self) -> None:
        """They are dropped."""
        for request in self:
            request.done = request.cancelled = True
        self._blocks.clear()
        self.count = 0

    def __iter__(self) -> Iterator[Request]:
        for found in list(self._blocks.values()):
            yield from found


class Ledger:
    """All that was said over all links, in order; what is here is what went over the wire, behaviours included."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.requests: list[Message] = []
        self.cancels: list[Message] = []
        self.rejects: list[Message] = []
        self.haves: list[Message] = []
        self.payload: list[Message] = []
        self.metadata_requests: list[Message] = []
        self.served: list[Message] = []
        self.violations: list[Violation] = []
        self.connections: list[Connection] = []
        self.extended_handshake: dict[bytes, Any] | None = None
        self.claimed: set[int] = set()
        self.bytes_in = 0
        self.bytes_out = 0
        self.dropped = 0
        self.kept = 0
        self._open: list[Outstanding] = []
        self._from_subject: dict[str, list[Message]] = {
            "request": self.requests,
            "cancel": self.cancels,
            "reject": self.rejects,
            "have": self.haves,
            "piece": self.payload,
            "metadata_request": self.metadata_requests,
        }

    @property
    def outstanding(self) -> list[Message]:
        """Requests not answered, cancelled, rejected or dropped by a choke; of links that are open."""
        return [request.message for each in self._open for request in each]

    @property
    def closed_by(self) -> str | None:
        """Who ended the newest link."""
        return self.connections[-1].closed_by if self.connections else None

    def add(self, message: Message) -> Message:
        """Writes it down."""
        if len(self.messages) >= MAX_MESSAGES:
            self.dropped += 1
            return message
        size = len(message.data or b"") + len(message.raw or b"")
        if self.kept + size > MAX_KEPT:
            message = message._replace(data=None, raw=None)
        else:
            self.kept += size
        self.messages.append(message)
        if message.direction == "in":
            kept = self._from_subject.get(message.kind)
            if kept is not None:
                kept.append(message)
        elif message.kind == "piece":
            self.served.append(message)
        return message

    def blame(self, message: Message, why: Iterable[str]) -> None:
        """Rules that the subject broke with this."""
        for reason in why:
            if len(self.violations) < MAX_VIOLATIONS:
                self.violations.append(Violation(message, reason))

    def opened(self, connection: Connection, outstanding: Outstanding) -> int:
        """A new link; its number."""
        self.connections.append(connection)
        self._open.append(outstanding)
        return len(self.connections) - 1

    def ended(self, outstanding: Outstanding) -> None:
        """Of a link that is over nothing is outstanding."""
        outstanding.clear()
        self._open = [each for each in self._open if each is not outstanding]
