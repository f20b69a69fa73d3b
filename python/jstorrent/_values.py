"""What all values of jstorrent share: they are frozen dataclasses, and have `to_dict()`, ready for JSON.

They are made without the module `dataclasses`: to load it, and to compile what it writes for each class, would cost a
program that downloads one torrent more than all else that it loads of us. `dataclass` here only notes the fields, the methods
stand once in Value, and what `dataclasses` looks for in a class (fields(), replace() ...) is made when it does.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar, cast

__all__ = ["Address", "Value", "dataclass", "is_utf8", "to_json"]

Address = tuple[str, int]


def is_utf8(text: str) -> bool:
    """Whether the text can be written as UTF-8: bytes of other names stand in it as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def to_json(value: Any) -> Any:
    """The value in words of JSON: bytes as hex, paths as text, ranges as [start, stop], whatever has to_dict() by it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value.value if isinstance(value, enum.Enum) else value
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, range):
        return [value.start, value.stop]
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(to_json(key)): to_json(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(to_json(item) for item in value)
    if isinstance(value, Iterable):
        return [to_json(item) for item in value]
    return str(value)


class Value:
    """Base of the frozen dataclasses."""

    __slots__ = ()
    _types: ClassVar[dict[str, str]] = {}
    """Of the fields, in order."""
    _defaults: ClassVar[dict[str, Any]] = {}
    _row: ClassVar[Callable[[Any], Any]]
    """Of a value: what its fields hold."""
    _assigns: ClassVar[tuple[Callable[[Any, Any], None], ...]] = ()
    """Of a class with slots: what sets each field of a new value, in order. It takes a third of the time of setattr by name."""
    __match_args__: ClassVar[tuple[str, ...]] = ()
    """The fields that may be given by their place."""

    def to_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        import dataclasses

        return {field.name: to_json(getattr(self, field.name)) for field in dataclasses.fields(self)}  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        """What a class checks of a new value."""

    def __init__(self, *given: Any, **named: Any) -> None:
        if named or not given or len(given) != len(self.__match_args__):
            given = self._in_order(given, named)
        if self._assigns:
            for assign, item in zip(self._assigns, given, strict=True):
                assign(self, item)
        else:
            for name, item in zip(self._types, given, strict=True):
                object.__setattr__(self, name, item)
        self.__post_init__()

    def _in_order(self, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        known = dict(zip(self.__match_args__, given, strict=False)) | named
        fields = self._defaults | known
        if len(known) != len(given) + len(named) or fields.keys() != self._types.keys():
            _real(type(self))(*given, **named)  # it says what is wrong
        return tuple(fields[name] for name in self._types)

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._types}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, item in state.items():
            object.__setattr__(self, name, item)

    def __repr__(self) -> str:
        fields = (f"{name}={item!r}" for name, item in self.__getstate__().items())
        return f"{type(self).__qualname__}({', '.join(fields)})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Value) or type(self) is not type(other):
            return NotImplemented
        return bool(type(self)._row(self) == type(self)._row(other))

    def __hash__(self) -> int:
        return hash(type(self)._row(self))

    def __setattr__(self, name: str, item: object) -> None:
        from dataclasses import FrozenInstanceError

        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        from dataclasses import FrozenInstanceError

        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __replace__(self, **changes: Any) -> Any:
        import dataclasses

        return dataclasses.replace(self, **changes)  # type: ignore[type-var]


def _real(cls: type[Value]) -> type:
    """A real dataclass with the same fields."""
    import dataclasses
    import inspect

    body = {**cls._defaults, "__annotations__": cls._types, "__module__": cls.__module__, "__qualname__": cls.__qualname__}
    real: Any = dataclasses.dataclass(frozen=True, kw_only=not cls.__match_args__)(type(cls.__name__, (), body))
    real.__signature__ = inspect.signature(real)
    return cast("type", real)


class _AsDataclass:
    """What a real dataclass has under a name, made when somebody looks for it there."""

    def __init__(self, of: type[Value], name: str) -> None:
        self._of, self._name = of, name
        self._found: Any = None

    def __get__(self, instance: object, cls: type) -> Any:
        if cls is not self._of and self._name == "__signature__":
            raise AttributeError(self._name)  # a class below may have an __init__ of its own
        if self._found is None:
            self._found = getattr(_real(self._of), self._name)
        return self._found


def _with_slots(cls: type[Value], names: Iterable[str]) -> type[Value]:
    """The class again: slots can not be added, nor be where a default is."""
    body = {name: item for name, item in vars(cls).items() if name not in ("__dict__", "__weakref__", *names)}
    return type(cls.__name__, cls.__bases__, body | {"__slots__": tuple(names)})


if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen: bool, slots: bool = False, kw_only: bool = False) -> Callable[[type[Value]], type[Value]]:
        """As `dataclasses.dataclass`, of a class below Value."""
        if not frozen:
            raise TypeError("values are frozen")

        def make(cls: type[Value]) -> type[Value]:
            own = cls.__annotations__
            types = {**cls._types, **own}
            defaults = {**cls._defaults, **{name: vars(cls)[name] for name in own if name in vars(cls)}}
            if slots:
                cls = _with_slots(cls, [name for name in own if name not in cls._types])
            cls._types, cls._defaults = types, defaults
            cls._row = attrgetter(*types)
            cls._assigns = tuple(getattr(cls, name).__set__ for name in types) if slots else ()
            cls.__match_args__ = () if kw_only else tuple(types)
            for name in ("__dataclass_fields__", "__dataclass_params__", "__signature__"):
                setattr(cls, name, _AsDataclass(cls, name))
            return cls

        return make
