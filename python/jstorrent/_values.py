"""What all values of jstorrent share: they are frozen dataclasses, and have `to_dict()`, ready for JSON.

They are made without the module `dataclasses`: to load it, and to compile what it writes for each class, would cost a
program that downloads one torrent more than all else that it loads of us. `dataclass` here makes only the __init__, the
other methods stand once in Value, and what `dataclasses` looks for in a class (fields(), replace() ...) is made when it does.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar

__all__ = ["Address", "Value", "dataclass", "to_json"]

Address = tuple[str, int]


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

    def to_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        import dataclasses

        return {field.name: to_json(getattr(self, field.name)) for field in dataclasses.fields(self)}  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        """What a class checks of a new value."""

    def _fill(self, given: dict[str, Any]) -> None:
        assign = object.__setattr__
        for name in self._types:
            assign(self, name, given[name])
        self.__post_init__()

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


class _AsDataclass:
    """What a real dataclass with the fields of a class has under a name: made when somebody looks for it there."""

    def __init__(self, of: type[Value], kw_only: bool, name: str) -> None:
        self._of, self._kw_only, self._name = of, kw_only, name

    def __get__(self, instance: object, cls: type) -> Any:
        import dataclasses

        body = {**self._of._defaults, "__annotations__": self._of._types, "__module__": self._of.__module__}
        twin: type = dataclasses.dataclass(frozen=True, kw_only=self._kw_only)(type(self._of.__name__, (), body))
        found = getattr(twin, self._name)
        setattr(self._of, self._name, found)
        return found


def _with_slots(cls: type[Value], names: Iterable[str]) -> type[Value]:
    """The class again: slots can not be added, nor be where a default is."""
    body = {name: item for name, item in vars(cls).items() if name not in ("__dict__", "__weakref__", *names)}
    return type(cls.__name__, cls.__bases__, body | {"__slots__": tuple(names)})


def _init(cls: type[Value], kw_only: bool) -> Any:
    """The __init__: only its arguments are compiled, since a line for each field takes the parser ten times as long."""
    scope: dict[str, Any] = {}
    exec(f"def __init__(self, {'*, ' if kw_only else ''}{', '.join(cls._types)}): self._fill(locals())", scope)  # noqa: S102 - our own names
    init = scope["__init__"]
    if kw_only:
        init.__kwdefaults__ = cls._defaults
    else:
        init.__defaults__ = tuple(cls._defaults.values())
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__annotations__ = {**cls._types, "return": None}
    return init


if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen: bool, slots: bool = False, kw_only: bool = False) -> Callable[[type[Value]], type[Value]]:
        """As `dataclasses.dataclass`, of a class below Value."""
        assert frozen

        def make(cls: type[Value]) -> type[Value]:
            own = cls.__annotations__
            types = {**cls._types, **own}
            defaults = {**cls._defaults, **{name: vars(cls)[name] for name in own if name in vars(cls)}}
            if slots:
                cls = _with_slots(cls, [name for name in own if name not in cls._types])
            cls._types, cls._defaults = types, defaults
            cls._row = attrgetter(*types)
            cls.__match_args__ = () if kw_only else tuple(types)
            cls.__init__ = _init(cls, kw_only)
            for name in ("__dataclass_fields__", "__dataclass_params__"):
                setattr(cls, name, _AsDataclass(cls, kw_only, name))
            return cls

        return make
