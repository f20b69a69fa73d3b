"""What all values of jstorrent share: `to_dict()`, ready for JSON."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

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

    def to_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return {field.name: to_json(getattr(self, field.name)) for field in dataclasses.fields(self)}  # type: ignore[arg-type]
