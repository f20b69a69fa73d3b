"""What goes wrong on the disk of a node: the words for it, and the handle of one such fault."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jstorrent import _core
from jstorrent.lab._args import whole
from jstorrent.lab._failure import check_word

OPS: tuple[str, ...] = tuple(_core.lab.World.disk_ops)
"""allocate any open read rename sync sync_dir truncate unlink write"""
ERRORS: tuple[str, ...] = (*_core.lab.World.disk_errors, "short")
_ON_BYTES = ("allocate", "any", "read", "truncate", "write")
_ON_DATA = ("any", "read", "write")


class DiskFault:
    """One fault of a disk, until it is cleared. It outlives a crash of its node."""

    def __init__(self, name: str, hits: Callable[[], int], clear: Callable[[], None]) -> None:
        self._name = name
        self._hits = hits
        self._clear = clear
        self._last: int | None = None

    @property
    def hits(self) -> int:
        """Operations that it struck so far."""
        return self._hits() if self._last is None else self._last

    def clear(self) -> None:
        """It strikes no more; hits stay. Safe twice."""
        if self._last is None:
            self._last = self._hits()
            self._clear()

    def __repr__(self) -> str:
        return f"<{self._name}, {self.hits} hits{'' if self._last is None else ', cleared'}>"


def check_fault(
    op: str, nth: int, error: str, times: int | None, offset: tuple[int, int] | None
) -> tuple[int, tuple[int, int] | None]:
    """ValueError for what no fault can be; else `times` as a number (0: for ever), and the range."""
    check_word(op, OPS, "disk operation")
    check_word(error, ERRORS, "disk error")
    for number in (nth, times):
        if number is not None:
            whole(number, "nth and times count from 1", 1)
    if error == "short":
        check_word(op, _ON_DATA, "disk operation that can be short")
    if offset is not None:
        check_word(op, _ON_BYTES, "disk operation with an offset")
        said = "offset is (low, high), the bytes from low up to high"
        if not isinstance(offset, Sequence) or len(offset) != 2:
            raise ValueError(f"{said}: {offset!r}")
        low = whole(offset[0], said)
        offset = (low, whole(offset[1], said, low + 1))
    return times or 0, offset
