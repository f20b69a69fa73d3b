"""Behaviours as data: what a peer does wrong, when, how often."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

EVENTS = (
    "connect", "handshake", "request", "cancel", "interested", "unchoked", "choked", "have", "metadata_request", "send",
    "bytes_out", "time",
)  # fmt: skip
"""What may trigger a behaviour."""
_WORDS = ("kind", "on", "nth", "times", "after", "p")
_NARROWING = ("piece", "begin")


@dataclass(frozen=True, slots=True)
class Arg:
    """A word of a kind: what it is unless told, what it must be, and what it means."""

    default: Any
    type: str
    what: str

    def checked(self, name: str, value: Any) -> Any:
        """The value in its usual form; ValueError if it cannot be."""
        made = _CHECKS[self.type.partition(":")[0]](value, self.type.partition(":")[2])
        if made is _NO:
            raise ValueError(f"{name} is {_MEANING[self.type.partition(':')[0]]}, not {value!r}")
        return made


_NO = object()


def _number(value: Any, _: str) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else _NO


def _integer(value: Any, _: str) -> Any:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else _NO


def _maybe(value: Any, _: str) -> Any:
    return value if value is None else _integer(value, _)


def _maybe_number(value: Any, _: str) -> Any:
    return value if value is None else _number(value, _)


def _pieces(value: Any, _: str) -> Any:
    if value == "all":
        return value
    if isinstance(value, str) or not isinstance(value, Iterable):
        return _NO
    made = tuple(value)
    return made if all(_integer(piece, "") is not _NO and piece < 1 << 32 for piece in made) else _NO


def _bytes(value: Any, _: str) -> Any:
    if isinstance(value, str):
        try:
            return bytes.fromhex(value)
        except ValueError:
            return _NO
    return bytes(value) if isinstance(value, bytes | bytearray) else _NO


def _word(value: Any, words: str) -> Any:
    return value if (value is None and "" in words.split("|")) or (value and value in words.split("|")) else _NO


def _text(value: Any, _: str) -> Any:
    return value if isinstance(value, str) and value else _NO


def _whole(value: Any, _: str) -> Any:
    return value if value is None or (isinstance(value, int) and not isinstance(value, bool)) else _NO


def _count(value: Any, _: str) -> Any:
    return value if _integer(value, "") is not _NO and value >= 1 else _NO


def _string(value: Any, _: str) -> Any:
    return value if isinstance(value, str) else _NO


def _flag(value: Any, _: str) -> Any:
    return value if isinstance(value, bool) else _NO


def _retry(value: Any, _: str) -> Any:
    return value if value == "never" else _whole(value, "")


def _keys(value: Any, _: str) -> Any:
    return dict(value) if isinstance(value, dict) and all(isinstance(key, str) for key in value) else _NO


def _addresses(value: Any, _: str) -> Any:
    try:
        made = tuple((str(ipaddress.ip_address(host)), port) for host, port in value)
    except (TypeError, ValueError):
        return _NO
    return made if all(_integer(port, "") is not _NO and port < 1 << 16 for _, port in made) else _NO


_CHECKS = {
    "whole": _whole, "count": _count, "string": _string, "flag": _flag, "retry": _retry, "keys": _keys,
    "addresses": _addresses, "number": _number, "integer": _integer, "maybe": _maybe, "maybe_number": _maybe_number, "pieces": _pieces,
    "bytes": _bytes, "word": _word, "text": _text,
}  # fmt: skip
_MEANING = {
    "number": "a number above 0",
    "integer": "an integer of at least 0",
    "maybe": "an integer of at least 0, or None",
    "maybe_number": "a number above 0, or None",
    "pieces": '"all" or some pieces',
    "bytes": "bytes, or their hexadecimal digits",
    "word": "a known word",
    "text": "a text",
    "whole": "an integer, or None",
    "count": "an integer of at least 1",
    "string": "a str",
    "flag": "True or False",
    "retry": 'minutes, "never" or None',
    "keys": "a dict with str keys",
    "addresses": "pairs of a host and a port",
}


class Behaviour:
    """One thing that a peer does wrong. Immutable; equal when it says the same; to_dict() is its JSON form.

    on: what triggers it (each kind has its default); nth: from its nth match, or (first, last); times: how often (None:
    always); after: seconds from trigger to deed; p: with that chance; piece, begin: only matches about these. Other words
    are those of the kind.
    """

    __slots__ = ("after", "args", "begin", "kind", "nth", "on", "p", "piece", "times")
    kind: str
    on: str
    nth: int | tuple[int, int]
    times: int | None
    after: float
    p: float
    piece: int | None
    begin: int | None
    args: dict[str, Any]

    def __init__(
        self,
        kind: str,
        *,
        on: str | None = None,
        nth: int | tuple[int, int] = 1,
        times: int | None = None,
        after: float = 0.0,
        p: float = 1.0,
        **args: Any,
    ) -> None:
        from mock_peer._kinds import KINDS

        if kind not in KINDS:
            raise ValueError(f"no such kind of behaviour: {kind!r} (known: {', '.join(KINDS)})")
        known = KINDS[kind].args
        narrowing = {name: args.pop(name) for name in _NARROWING if name in args and name not in known}
        for word in args:
            if word not in known:
                words = [*_WORDS[1:], *(name for name in _NARROWING if name not in known), *known]
                raise ValueError(f"{kind} has no word {word!r} (known: {', '.join(words)})")
        made = {name: arg.checked(name, args[name]) if name in args else arg.default for name, arg in known.items()}
        _check_trigger(on, nth, times, after, p, narrowing)
        first_last = (int(nth[0]), int(nth[1])) if isinstance(nth, tuple | list) else nth
        chosen = on or KINDS[kind].trigger(made)
        values = (after, made, narrowing.get("begin"), kind, first_last, chosen, p, narrowing.get("piece"), times)
        for name, value in zip(self.__slots__, values, strict=True):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a Behaviour does not change: make another")

    @property
    def first(self) -> int:
        """The first match that counts."""
        return self.nth if isinstance(self.nth, int) else self.nth[0]

    @property
    def last(self) -> int | None:
        """The last match that counts; None: there is none."""
        return None if isinstance(self.nth, int) else self.nth[1]

    @classmethod
    def of(cls, value: Behaviour | dict[str, Any] | str) -> Behaviour:
        """One from its JSON form, or from just its kind."""
        if isinstance(value, Behaviour):
            return value
        if isinstance(value, str):
            return cls(value)
        if not isinstance(value, dict) or "kind" not in value:
            raise ValueError(f"a behaviour is a Behaviour, a dict with a kind, or a kind, not {value!r}")
        return cls(**value)

    def to_dict(self) -> dict[str, Any]:
        """Its JSON form: what differs from the defaults of its kind."""
        from mock_peer._kinds import KINDS

        kind = KINDS[self.kind]
        args = {name: self.args[name] for name, arg in kind.args.items() if self.args[name] != arg.default}
        usual = Behaviour(self.kind, **args)
        made: dict[str, Any] = {"kind": self.kind}
        for name in ("on", "nth", "times", "after", "p", "piece", "begin"):
            if getattr(self, name) != getattr(usual, name):
                made[name] = plain(getattr(self, name))
        return made | {name: plain(value) for name, value in args.items()}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Behaviour):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        return hash((self.kind, self.on, self.nth, self.times, self.after, self.p, self.piece, self.begin))

    def __reduce__(self) -> tuple[Any, ...]:
        return Behaviour.of, (self.to_dict(),)

    def __repr__(self) -> str:
        words = [repr(self.kind), *(f"{name}={value!r}" for name, value in self.to_dict().items() if name != "kind")]
        return f"Behaviour({', '.join(words)})"


def plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, bytes):
        return value.hex()
    return list(value) if isinstance(value, tuple) else value


def _check_trigger(
    on: str | None, nth: Any, times: int | None, after: float, p: float, narrowing: dict[str, Any]
) -> None:
    if on is not None and on not in EVENTS:
        raise ValueError(f"no such trigger: {on!r} (known: {', '.join(EVENTS)})")
    pair = tuple(nth) if isinstance(nth, tuple | list) else (nth, nth)
    if len(pair) != 2 or not all(isinstance(n, int) and n >= 1 for n in pair) or pair[0] > pair[1]:
        raise ValueError(f"nth is a number from 1 on, or (first, last), not {nth!r}")
    if times is not None and (not isinstance(times, int) or times < 1):
        raise ValueError(f"times is at least 1, or None, not {times!r}")
    if isinstance(after, bool) or not isinstance(after, int | float) or not after >= 0:
        raise ValueError(f"after is not negative: {after!r}")
    if isinstance(p, bool) or not isinstance(p, int | float) or not 0 <= p <= 1:
        raise ValueError(f"p is a chance from 0 to 1, not {p!r}")
    for name, value in narrowing.items():
        if _maybe(value, "") is _NO:
            raise ValueError(f"{name} is an integer of at least 0, or None, not {value!r}")
