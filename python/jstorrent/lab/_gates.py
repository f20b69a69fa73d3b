"""Gates: named moments of an engine at which a laboratory looks, holds, fails or crashes. Matched in C++, never here."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, cast

from jstorrent import _core
from jstorrent._torrent import Torrent
from jstorrent._values import Address, Value
from jstorrent.lab._engine import Engine, checked_crash_mode
from jstorrent.lab._failure import LaneLacks, check_word
from jstorrent.lab._node import Node
from jstorrent.lab._spec import Spec

if TYPE_CHECKING:
    from jstorrent.lab._lab import Lab

ACTIONS: Final = ("hold", "observe", "fail", "crash")
ACTIONS_IN_TURN: Final = ("observe", "crash")
ERRORS: Final = {
    "EIO": "disk_io", "ENOSPC": "disk_full", "EDQUOT": "disk_quota", "EROFS": "read_only", "EACCES": "permission",
    "ENOENT": "not_found", "EEXIST": "exists", "EMFILE": "too_many_open", "EFBIG": "file_too_large",
    "ENOMEM": "out_of_memory", "ECONNABORTED": "connection_aborted",
}  # fmt: skip
OPS: Final = (
    "open", "close", "stat", "list", "mkdirs", "rename", "unlink", "rmdir", "truncate", "allocate", "free_space", "read",
    "write", "sync", "sync_dir", "extents", "lock",
)  # fmt: skip
_KEYS: Final = {"n": "node", "t": "torrent", "p": "piece", "b": "begin", "a": "peer", "f": "path", "o": "op"}


@dataclass(frozen=True, slots=True)
class Point:
    """A moment that gates know."""

    name: str
    in_turn: bool
    when: str
    keys: tuple[str, ...]

    @property
    def actions(self) -> tuple[str, ...]:
        """What a gate may do there."""
        return ACTIONS_IN_TURN if self.in_turn else ACTIONS


POINTS: Final = {
    word: Point(word, in_turn, when, tuple(_KEYS[letter] for letter in letters))
    for word, in_turn, when, letters in _core.lab.gate_points()
}


@dataclass(frozen=True, slots=True)
class Hit(Value):
    """One time that a gate acted. What the point does not know is None."""

    time: float
    node: str
    torrent: bytes | None
    """The info-hash; of a v2 torrent its first 20 bytes."""
    piece: int | None
    begin: int | None
    peer: Address | None
    path: Path | None
    op: str | None


class Gate:
    """What lab.gate() gives; used with `with`, it is removed on leaving, and what it held is released."""

    def __init__(
        self,
        lab: Lab,
        point: str,
        action: str,
        *,
        nth: int,
        times: int | None,
        mode: str,
        error: str,
        where: dict[str, Any],
    ) -> None:
        check_word(point, POINTS, "point")
        if check_word(action, ACTIONS, "action") not in POINTS[point].actions:
            known = ", ".join(POINTS[point].actions)
            raise ValueError(f"{point} is within a turn: nothing there can {action} (known: {known})")
        check_word(error, ERRORS, "error")
        _check_mode(lab, action, mode)
        if nth < 1 or (times is not None and times < 1):
            raise ValueError(f"nth and times count from 1, not nth={nth!r} times={times!r}")
        if action == "crash" and times is None:
            times = 1
        conditions = _conditions(POINTS[point], where)
        self._lab = lab
        self._hits: list[Hit] = []
        self._lets_pass = action != "hold"
        self._instruments = lab._lane.instruments
        self._id = self._instruments.add_gate(point, action, nth, times, mode, ERRORS[error], conditions)
        self.point = point
        self.action = action

    @property
    def hit(self) -> bool:
        """It has acted."""
        return bool(self._instruments.hit_count(self._id))

    @property
    def hits(self) -> list[Hit]:
        """Each time that it acted, in order."""
        for ns, node, torrent, piece, begin, peer, path, op in self._instruments.hits(self._id, len(self._hits)):
            where = None if path is None else Path(path)
            self._hits.append(Hit(self._lab._lane.time_of(ns), node, torrent, piece, begin, peer, where, op))
        return list(self._hits)

    def release(self) -> None:
        """Performs what is held, in order. From now on it lets pass, and still records."""
        self._lab._check_thread()
        self._lets_pass = True
        self._instruments.open_gate(self._id)
        for engine in self._lab.engines:
            if engine.running:
                _core.lab.release_gate(engine.session._engine, self._id)

    def remove(self) -> None:
        """It matches no more; what it holds is released. Its hits stay."""
        self._instruments.remove_gate(self._id)
        self.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self.remove()

    def __repr__(self) -> str:
        return f"<Gate {self.point} {self.action} {self._instruments.hit_count(self._id)} hits>"


class Gating:
    """The side of a Lab that has gates."""

    _gates: list[Gate] | None = None

    def gate(
        self,
        point: str,
        action: str = "hold",
        *,
        nth: int = 1,
        times: int | None = None,
        mode: str = "drop-all",
        error: str = "EIO",
        **where: Any,
    ) -> Gate:
        """From the nth match of `where` on, at most `times` often (a crash: once) holds, observes, fails or crashes."""
        lab = cast("Lab", self)
        lab._check_thread()
        gate = Gate(lab, point, action, nth=nth, times=times, mode=mode, error=error, where=where)
        self._gates = [*(self._gates or []), gate]
        return gate

    def _remove_gates(self) -> None:
        for gate in self._gates or []:
            gate.remove()


def _check_mode(lab: Lab, action: str, mode: str) -> None:
    if lab.lane != "sim" and action == "crash" and mode != "drop-all":
        raise LaneLacks(f"a crash of mode {mode!r} needs the sim lane")
    checked_crash_mode(mode)


def _conditions(point: Point, where: dict[str, Any]) -> dict[str, Any]:
    """The words of C++ for the conditions of lab.gate()."""
    found: dict[str, Any] = {}
    for key, value in where.items():
        if key not in point.keys:
            raise ValueError(f"{point.name} has no {key!r} (known: {', '.join(point.keys)})")
        if key == "peer":
            found |= _peer(value)
        else:
            found[key] = _READ[key](value)
    return found


def _node(value: Any) -> str:
    if isinstance(value, Node) and not isinstance(value, Engine):
        raise LaneLacks(f"{value.name} is not this engine: there are no gates in a foreign process")
    return value.name if isinstance(value, Node) else str(value)


def _torrent(value: Any) -> bytes:
    info_hash = value.info_hash if isinstance(value, (Spec, Torrent)) else value
    if isinstance(info_hash, str):
        info_hash = bytes.fromhex(info_hash)
    if not isinstance(info_hash, bytes) or len(info_hash) not in (20, 32):
        raise ValueError(f"torrent is a spec, a torrent or an info-hash, not {value!r}")
    return info_hash[:20]


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32 - 1:
        raise ValueError(f"piece and begin are numbers, not {value!r}")
    return value


def _peer(value: Any) -> dict[str, Any]:
    if isinstance(value, Node):
        return {"host": value.address[0]}
    if isinstance(value, str):
        return {"host": value}
    host, port = value
    return {"host": host, "port": port}


_READ: Final[dict[str, Callable[[Any], Any]]] = {
    "node": _node,
    "torrent": _torrent,
    "piece": _number,
    "begin": _number,
    "path": os.fspath,
    "op": lambda word: check_word(word, OPS, "op"),
}


def table() -> str:
    """All points in Markdown, for the page on the laboratory."""
    lines = ["| point | when | keys | actions |", "|---|---|---|---|"]
    lines += [
        f"| `{point.name}` | {point.when} | {' '.join(point.keys)} | {' '.join(point.actions)} |"
        for point in POINTS.values()
    ]
    return "\n".join(lines)
