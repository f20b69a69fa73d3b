"""What a tracker can be told to do wrong: behaviours as data, and the table of their kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from mock_peer._behaviour import Arg, plain
from mock_peer._tracker_answer import Answer

ON = ("any", "announce", "connect", "scrape")
"""What a behaviour is about: requests of that kind."""


@dataclass(frozen=True, slots=True)
class TrackerKind:
    """One kind of behaviour: its words, who has it, what it is about unless told, and what it does to an answer."""

    what: str
    deed: Callable[[Answer, dict[str, Any]], None]
    args: dict[str, Arg] = field(default_factory=dict)
    protocols: tuple[str, ...] = ("http", "udp")
    on: str = "announce"


def _sets(**values: Callable[[dict[str, Any]], Any]) -> Callable[[Answer, dict[str, Any]], None]:
    """A deed that gives fields of the answer what these say."""

    def deed(answer: Answer, args: dict[str, Any]) -> None:
        for name, value in values.items():
            setattr(answer, name, value(args))

    return deed


def _fail(answer: Answer, args: dict[str, Any]) -> None:
    text, nbytes = args["text"], args["nbytes"]
    answer.failure = text if nbytes is None else (text * (nbytes // len(text) + 1))[:nbytes]
    answer.retry_in = args["retry_in"]


def _flood(answer: Answer, args: dict[str, Any]) -> None:
    answer.peers += [(f"203.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}", 1024 + n % 60000) for n in range(args["count"])]


def _name(answer: Answer, args: dict[str, Any]) -> None:
    answer.peers = list(args["addresses"]) + ([] if args["only"] else answer.peers)


_HTTP, _UDP = ("http",), ("udp",)
KINDS: dict[str, TrackerKind] = {
    "interval": TrackerKind(
        "Says this interval, whatever it is: in UDP its lowest 32 bits. None: says none (in UDP 0).",
        _sets(interval=lambda a: a["value"]), {"value": Arg(-1, "whole", "seconds")}),
    "min_interval": TrackerKind(
        "Says this shortest interval.",
        _sets(min_interval=lambda a: a["value"]), {"value": Arg(-1, "whole", "seconds")}, _HTTP),
    "silent": TrackerKind("Never answers; the link stays open.", _sets(is_silent=lambda a: True), on="any"),
    "failure": TrackerKind(
        "Refuses, with a reason.", _fail,
        {"text": Arg("no", "text", "the reason"),
         "nbytes": Arg(None, "maybe", "the reason over and over, so long in all"),
         "retry_in": Arg(None, "retry", "BEP 31: minutes, or `never`; HTTP only")}),
    "warning": TrackerKind(
        "Answers, and says this besides.",
        _sets(warning=lambda a: a["text"]), {"text": Arg("hm", "text", "what it says")}, _HTTP),
    "peers": TrackerKind(
        "Names these addresses.", _name,
        {"addresses": Arg((), "addresses", "(host, port) each; any port"), "only": Arg(True, "flag", "none besides")}),
    "flood": TrackerKind(
        "Names made-up addresses, however many were wanted.", _flood, {"count": Arg(5000, "integer", "how many")}),
    "dict_peers": TrackerKind(
        "Names peers as a list of dictionaries, as before BEP 23.", _sets(is_compact=lambda a: False), {}, _HTTP),
    "extra": TrackerKind(
        "Says more keys, or other values for the usual ones.",
        lambda answer, args: answer.extra.update(args["keys"]), {"keys": Arg({}, "keys", "key: value")}, _HTTP),
    "status": TrackerKind(
        "Answers with this status of HTTP.",
        _sets(status=lambda a: a["code"]), {"code": Arg(503, "integer", "the status")}, _HTTP, "any"),
    "redirect": TrackerKind(
        "Sends whoever asks elsewhere. Without a url: to itself, without end.",
        _sets(status=lambda a: a["code"], location=lambda a: a["url"]),
        {"url": Arg("", "string", "where to"), "code": Arg(302, "integer", "the status")}, _HTTP, "any"),
    "content": TrackerKind(
        "Answers with these bytes in place of its own: as the body in HTTP, as all of a datagram in UDP.",
        _sets(content=lambda a: a["data"]), {"data": Arg(b"", "bytes", "the bytes")}),
    "body": TrackerKind(
        "The body is so many zeros; in UDP they come behind the answer, up to 60,000. None: without end.",
        _sets(zeros=lambda a: a["nbytes"]), {"nbytes": Arg(1 << 30, "maybe", "how many")}),
    "raw": TrackerKind(
        "Answers with these bytes and nothing else, not even a head.",
        _sets(raw=lambda a: a["data"]), {"data": Arg(b"", "bytes", "the bytes")}, _HTTP, "any"),
    "gzip": TrackerKind("Compresses the body.", _sets(is_gzip=lambda a: True), {}, _HTTP, "any"),
    "gzip_bomb": TrackerKind(
        "The body is so many zeros, compressed: a thousandth of them on the wire.",
        _sets(bomb=lambda a: a["nbytes"]), {"nbytes": Arg(64 << 20, "integer", "bytes that it unpacks to")}, _HTTP),
    "chunked": TrackerKind(
        "The body comes in chunks.",
        _sets(chunk=lambda a: a["size"]), {"size": Arg(1, "count", "bytes of each")}, _HTTP, "any"),
    "head_flood": TrackerKind(
        "The head of the answer never ends.", _sets(has_endless_head=lambda a: True), {}, _HTTP, "any"),
    "late": TrackerKind(
        "Answers so much later.",
        _sets(delay=lambda a: a["seconds"]), {"seconds": Arg(5.0, "number", "how much")}, on="any"),
    "drip": TrackerKind(
        "The answer comes in drops.",
        _sets(pace=lambda a: (a["nbytes"], a["seconds"])),
        {"nbytes": Arg(1, "count", "bytes of a drop"), "seconds": Arg(1.0, "number", "between two")}, _HTTP, "any"),
    "cut": TrackerKind(
        "The answer ends after so many bytes: a datagram that is short, a link that closes.",
        _sets(cut=lambda a: a["nbytes"], ending=lambda a: a["how"]),
        {"nbytes": Arg(0, "integer", "how many"), "how": Arg("fin", "word:fin|rst", "in HTTP: how")}, on="any"),
    "wrong_transaction": TrackerKind(
        "Answers with another transaction id.", _sets(transaction_lie=lambda a: 1), {}, _UDP, "any"),
    "wrong_action": TrackerKind(
        "Answers with this action.",
        _sets(action=lambda a: a["value"]), {"value": Arg(7, "integer", "the action")}, _UDP, "any"),
    "forget": TrackerKind(
        "Does not know the connection any more.",
        _sets(failure=lambda a: "connection id mismatch"), {}, _UDP),
}  # fmt: skip


class TrackerBehaviour:
    """One thing that a tracker does wrong. Immutable; equal when it says the same; to_dict() is its JSON form.

    on: which requests it is about (each kind has its default); nth: from the nth of these since it was told; times: how
    often (None: always). Other words are those of the kind.
    """

    __slots__ = ("args", "kind", "nth", "on", "times")
    kind: str
    on: str
    nth: int
    times: int | None
    args: dict[str, Any]

    def __init__(
        self, kind: str, *, on: str | None = None, nth: int = 1, times: int | None = None, **args: Any
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"no such behaviour of a tracker: {kind!r} (known: {', '.join(KINDS)})")
        known = KINDS[kind].args
        for word in args:
            if word not in known:
                raise ValueError(f"{kind} has no word {word!r} (known: {', '.join(['on', 'nth', 'times', *known])})")
        if on is not None and on not in ON:
            raise ValueError(f"a tracker has no such requests: {on!r} (known: {', '.join(ON)})")
        if not _counts(nth) or not (times is None or _counts(times)):
            raise ValueError("nth and times count from 1")
        made = {name: arg.checked(name, args[name]) if name in args else arg.default for name, arg in known.items()}
        for name, value in zip(self.__slots__, (made, kind, nth, on or KINDS[kind].on, times), strict=True):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a TrackerBehaviour does not change: make another")

    @classmethod
    def of(cls, value: Any) -> TrackerBehaviour:
        """From itself, its JSON dict or just its kind."""
        if isinstance(value, cls):
            return value
        said = {"kind": value} if isinstance(value, str) else value
        if not isinstance(said, dict) or "kind" not in said:
            raise ValueError(f"a behaviour is a TrackerBehaviour, a dict with a kind, or a kind, not {value!r}")
        return cls(**said)

    def applies(self, number: int) -> bool:
        """To the request of that number, from 1, of those that it is about."""
        return self.nth <= number and (self.times is None or number < self.nth + self.times)

    def to_dict(self) -> dict[str, Any]:
        """Its JSON form: what differs from the defaults of its kind."""
        usual = TrackerBehaviour(self.kind)
        made: dict[str, Any] = {"kind": self.kind}
        made |= {
            name: getattr(self, name) for name in ("on", "nth", "times") if getattr(self, name) != getattr(usual, name)
        }
        return made | {name: plain(value) for name, value in self.args.items() if value != usual.args[name]}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TrackerBehaviour):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.kind, self.on, self.nth, self.times))

    def __reduce__(self) -> tuple[Any, ...]:
        return TrackerBehaviour.of, (self.to_dict(),)

    def __repr__(self) -> str:
        words = [repr(self.kind), *(f"{name}={value!r}" for name, value in self.to_dict().items() if name != "kind")]
        return f"TrackerBehaviour({', '.join(words)})"


def _counts(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def behaviours_of(value: Any, protocol: str) -> tuple[TrackerBehaviour, ...]:
    """One or some, in any form, of a tracker that speaks this."""
    is_one = isinstance(value, str | dict | TrackerBehaviour) or not isinstance(value, Iterable)
    made = tuple(TrackerBehaviour.of(one) for one in ([value] if is_one else value))
    for one in made:
        if protocol not in KINDS[one.kind].protocols:
            raise ValueError(f"a tracker of {protocol.upper()} has no {one.kind}")
    return made


def tracker_table() -> str:
    """All kinds as a Markdown table: kind, words with their defaults, protocols, what they are about, what they do."""
    lines = ["| kind | words | of | on | what it does |", "|---|---|---|---|---|"]
    for word, kind in KINDS.items():
        words = "; ".join(f"`{name}={_shown(arg.default)}` {arg.what}" for name, arg in kind.args.items())
        of = " ".join(kind.protocols) if len(kind.protocols) == 1 else "both"
        lines.append(f"| `{word}` | {words or '-'} | {of} | {kind.on} | {kind.what} |")
    return "\n".join(lines) + "\n"


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else f"{value}"


__all__ = ["KINDS", "ON", "TrackerBehaviour", "TrackerKind", "behaviours_of", "tracker_table"]
