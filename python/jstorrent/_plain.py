"""Arguments of a wrong type, said in plain words: which one, what it may be, and what it was.

A public method is called as it is. Only when it ends in a TypeError are its arguments held against their annotations: what does
not fit is named, instead of the place deep below where that was noticed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from types import FunctionType
from typing import Any, TypeVar

from jstorrent._values import is_utf8

_T = TypeVar("_T")
_COROUTINE = 0x80  # inspect.CO_COROUTINE, without loading inspect
_LONGEST = 60

_KINDS: dict[str, type | tuple[type, ...]] = {
    "None": type(None),
    "bool": bool,
    "str": str,
    "int": int,
    "float": (int, float),
    "bytes": (bytes, bytearray, memoryview),
    "bytearray": bytearray,
    "memoryview": memoryview,
    "os.PathLike[str]": os.PathLike,
    "Iterable": Iterable,
    "Sequence": Iterable,
    "Mapping": Mapping,
    "Priorities": Mapping,
}
_CLASSES = {"Torrent", "Settings", "Metainfo", "Magnet", "_Keep"}
_WORDS = {
    "Source": "a Metainfo, a Magnet, the bytes of a .torrent, or a str or path that names one",
    "AddressLike": "(host, port) or 'host:port'",
    "Priorities": "a mapping of indices or globs to 0..7",
    "TrackersLike": "a sequence of str",
    "os.PathLike[str]": "a path",
    "bool": "True or False",
}


def plain(thing: _T) -> _T:
    """Of a class all public methods and its __init__, or one function."""
    if isinstance(thing, FunctionType):
        return _wrapped(thing, thing.__name__, 0)  # type: ignore[return-value]
    for name, member in list(vars(thing).items()):
        if name.startswith("_") and name != "__init__":
            continue
        label = f"{thing.__name__}.{name}" if name != "__init__" else thing.__name__  # type: ignore[attr-defined]
        if isinstance(member, FunctionType):
            setattr(thing, name, _wrapped(member, label, 1))
        elif isinstance(member, classmethod):
            setattr(thing, name, classmethod(_wrapped(member.__func__, label, 1)))
    return thing


def _wrapped(function: Any, label: str, skipped: int) -> Callable[..., Any]:
    if function.__code__.co_flags & _COROUTINE:

        @wraps(function)
        async def call_async(*given: Any, **named: Any) -> Any:
            try:
                return await function(*given, **named)
            except (TypeError, AttributeError) as error:
                _say(function, label, given[skipped:], named, skipped, error)
                raise

        return call_async

    @wraps(function)
    def call(*given: Any, **named: Any) -> Any:
        try:
            return function(*given, **named)
        except (TypeError, AttributeError) as error:
            _say(function, label, given[skipped:], named, skipped, error)
            raise

    return call


def _say(
    function: Any, label: str, given: tuple[Any, ...], named: dict[str, Any], skipped: int, error: Exception
) -> None:
    code = function.__code__
    names = code.co_varnames[skipped : code.co_argcount]
    for name, value in [*zip(names, given, strict=False), *named.items()]:
        wanted = function.__annotations__.get(name)
        if wanted is not None and not _fits(value, wanted):
            raise TypeError(f"{label}(): {name} must be {_words(wanted)}, not {_shown(value)}") from error
    if "incompatible function arguments" in str(error):  # of the right types, and the engine can not hold them
        odd = [item for item in [*given, *named.values()] if isinstance(item, (str, int)) and not _can_be_held(item)]
        what = f"what can not be held: {_shown(odd[0])}" if odd else "what is of no use to it"
        raise ValueError(f"{label}() was given {what}") from error


def _fits(value: object, wanted: str) -> bool:
    return any(_is(value, one) for one in _alternatives(wanted))


def _alternatives(wanted: str) -> list[str]:
    """What stands between the bars; those in brackets belong to what is around them."""
    found, depth, begin = [], 0, 0
    for at, char in enumerate(wanted):
        depth += (char in "[(") - (char in "])")
        if char == "|" and depth == 0:
            found.append(wanted[begin:at].strip())
            begin = at + 1
    return [*found, wanted[begin:].strip()]


def _can_be_held(value: str | int) -> bool:
    """The engine's texts are UTF-8, and its numbers have 64 bits."""
    return is_utf8(value) if isinstance(value, str) else -(2**63) <= value < 2**64


def _is(value: object, wanted: str) -> bool:
    if wanted in _CLASSES:  # not looked up: it may not be loaded
        return any(cls.__name__ == wanted for cls in type(value).__mro__)
    kind = _KINDS.get(wanted) or _KINDS.get(wanted.partition("[")[0])
    if isinstance(value, bool) and kind in (int, (int, float)):
        return False
    return kind is None or isinstance(value, kind)


def _words(wanted: str) -> str:
    known = [one for one in _alternatives(wanted) if not one.startswith("_")]
    return " or ".join(dict.fromkeys(_WORDS.get(one, one) for one in known))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({type(value).__name__})"
