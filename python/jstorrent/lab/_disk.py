"""The disk of a node, as the process on it sees it. Paths are the node's own; relative ones start at its root."""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from jstorrent._errors import _from_os_error
from jstorrent.lab._args import whole
from jstorrent.lab._disk_faults import OPS, DiskFault, check_fault
from jstorrent.lab._failure import LaneLacks, check_word

if TYPE_CHECKING:
    from jstorrent.lab._lanes import RealLane, SimLane
    from jstorrent.lab._node import Client

PathLike = str | os.PathLike[str]
T = TypeVar("T")

_LONGEST_STALL = 1e9  # seconds


class Disk:
    """What both lanes have. Changes by hand are remembered, so that oracles do not blame the engine for them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.touched: set[Path] = set()
        self._client: Client | None = None

    def full(self, path: PathLike) -> Path:
        """The path with the node's root in front, unless it is absolute."""
        return self.root / path

    def read(self, path: PathLike, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes of a file, as the process would see them; cut at its end."""
        raise NotImplementedError

    def write(self, path: PathLike, offset: int, data: bytes) -> None:
        """Writes into a file past the engine, and makes it and its directories if need be."""
        self.touched.add(self.full(path))
        self._write(path, offset, data)

    def _write(self, path: PathLike, offset: int, data: bytes) -> None:
        raise NotImplementedError

    def exists(self, path: PathLike) -> bool:
        """A file, a directory or a link is there."""
        raise NotImplementedError

    def size(self, path: PathLike) -> int:
        """Of a file, in bytes."""
        raise NotImplementedError

    def list(self, path: PathLike = "") -> builtins.list[str]:
        """The names in a directory, sorted."""
        raise NotImplementedError

    def delete(self, path: PathLike) -> None:
        """Removes a file past the engine."""
        raise NotImplementedError

    def truncate(self, path: PathLike, size: int) -> None:
        """Sets the size of a file past the engine."""
        raise NotImplementedError

    def corrupt(self, path: PathLike, offset: int, data: bytes) -> None:
        """Overwrites bytes of a file that is there."""
        if offset + len(data) > self.size(path):
            raise ValueError(f"{path} has {self.size(path)} bytes: nothing to corrupt at {offset}")
        self.write(path, offset, data)

    @property
    def ops(self) -> int:
        """Operations that took effect."""
        raise NotImplementedError

    def quota(self, nbytes: int | None, under: PathLike | None = None) -> DiskFault:
        """How many bytes may be allocated on the disk, or below a directory; None ends it. Holes are free.

        The write that crosses it is short and says ENOSPC, as all that come after it do.
        """
        raise LaneLacks("a quota needs the sim lane")

    def fail(
        self,
        op: str,
        *,
        nth: int = 1,
        error: str = "EIO",
        times: int | None = 1,
        path: PathLike | None = None,
        offset: tuple[int, int] | None = None,
    ) -> DiskFault:
        """From the nth such operation on, so many of them (None: all) fail without effect.

        path: on that file, or below that directory. offset=(low, high): those that touch bytes from low up to high.
        error: the kernel's word, or "short": half of a write takes effect and it says so; a read ends half-way.
        """
        check_fault(op, nth, error, times, offset)
        raise LaneLacks("a disk that fails needs the sim lane")

    def stall(self, seconds: float, op: str = "any", path: PathLike | None = None) -> DiskFault:
        """Such operations take so much longer until it is cleared, and what stands behind them waits too."""
        check_word(op, OPS, "disk operation")
        raise LaneLacks("a disk that stalls needs the sim lane")

    @property
    def failed_to_read(self) -> bool:
        """It was told to fail, and did not give what was asked for: what it holds may be taken for lost."""
        return False

    @property
    def failed(self) -> bool:
        """It was told to fail or to be full, and something met with that."""
        return False

    def _durable(self, path: PathLike) -> bytes | None:
        """A file as a crash would leave it; None: it would not be there."""
        raise NotImplementedError


class SimDisk(Disk):
    """A disk of the simulated world."""

    def __init__(self, lane: SimLane, number: int) -> None:
        super().__init__(Path("/"))
        self._world = lane.world
        self._number = number
        self._faults: list[DiskFault] = []
        self._read_faults: list[DiskFault] = []

    # As str(self.full(path)), which takes most of the time of a look at a piece.
    def _name(self, path: PathLike) -> str:
        name = os.fspath(path)
        return name if name[:1] == "/" and os.path.normpath(name) == name else str(self.full(path))

    def read(self, path: PathLike, offset: int = 0, length: int | None = None) -> bytes:
        try:
            data: bytes = self._world.disk_read(self._number, self._name(path), offset, length)
        except TypeError:
            raise ValueError(f"what is read is so many bytes from an offset, not {length!r} from {offset!r}") from None
        return data

    def _write(self, path: PathLike, offset: int, data: bytes) -> None:
        try:
            self._world.disk_write(self._number, self._name(path), offset, data)
        except TypeError:
            raise ValueError(f"what is written is bytes at an offset, not {type(data).__name__} at {offset!r}") from None

    def exists(self, path: PathLike) -> bool:
        return bool(self._world.disk_exists(self._number, self._name(path)))

    def size(self, path: PathLike) -> int:
        return int(self._world.disk_size(self._number, self._name(path)))

    def list(self, path: PathLike = "") -> builtins.list[str]:
        return sorted(self._world.disk_list(self._number, self._name(path)))

    def delete(self, path: PathLike) -> None:
        self.touched.add(self.full(path))
        self._world.disk_delete(self._number, self._name(path))

    def truncate(self, path: PathLike, size: int) -> None:
        size = whole(size, "the size of a file is bytes, at least 0")
        self.touched.add(self.full(path))
        self._world.disk_truncate(self._number, self._name(path), size)

    @property
    def ops(self) -> int:
        return int(self._world.disk_operations(self._number))

    def quota(self, nbytes: int | None, under: PathLike | None = None) -> DiskFault:
        if nbytes is not None:
            nbytes = whole(nbytes, "a quota is bytes, at least 0, or None")
        world, number, below = self._world, self._number, self._place(under)
        world.disk_quota(number, nbytes, below)
        fault = DiskFault(
            f"quota of {nbytes} bytes",
            lambda: int(world.disk_quota_hits(number, below)),
            lambda: world.disk_quota(number, None, below),
        )
        self._faults.append(fault)
        return fault

    def fail(
        self,
        op: str,
        *,
        nth: int = 1,
        error: str = "EIO",
        times: int | None = 1,
        path: PathLike | None = None,
        offset: tuple[int, int] | None = None,
    ) -> DiskFault:
        count, touched = check_fault(op, nth, error, times, offset)
        number = self._world.disk_fail(self._number, op, nth, error, count, self._place(path), touched)
        fault = self._fault(f"{error} on {op}", number)
        self._faults.append(fault)
        if op in ("read", "open", "any"):
            self._read_faults.append(fault)
        return fault

    @property
    def failed_to_read(self) -> bool:
        return any(fault.hits for fault in self._read_faults)

    @property
    def failed(self) -> bool:
        return any(fault.hits for fault in self._faults)

    def stall(self, seconds: float, op: str = "any", path: PathLike | None = None) -> DiskFault:
        check_word(op, OPS, "disk operation")
        if not isinstance(seconds, Real) or not 0 < seconds < _LONGEST_STALL:
            raise ValueError(f"seconds must be more than 0 and less than {_LONGEST_STALL:g}: {seconds!r}")
        return self._fault(f"{op} stalls", self._world.disk_stall(self._number, seconds, op, self._place(path)))

    def _fault(self, name: str, fault: int) -> DiskFault:
        world, number = self._world, self._number
        return DiskFault(
            name,
            lambda: int(world.disk_fault_hits(number, fault)),
            lambda: world.disk_clear_fault(number, fault),
        )

    def _place(self, path: PathLike | None) -> str:
        return "" if path is None else os.path.normpath(self.full(path))

    def _durable(self, path: PathLike) -> bytes | None:
        data: bytes | None = self._world.disk_durable(self._number, self._name(path))
        return data


class RealDisk(Disk):
    """A directory of this machine."""

    def __init__(self, lane: RealLane, root: Path) -> None:
        super().__init__(root)
        root.mkdir(parents=True)

    def read(self, path: PathLike, offset: int = 0, length: int | None = None) -> bytes:
        def act(full: Path) -> bytes:
            with open(full, "rb") as file:
                file.seek(offset)
                return file.read() if length is None else file.read(length)

        return self._do(path, act)

    def _write(self, path: PathLike, offset: int, data: bytes) -> None:
        def act(full: Path) -> None:
            full.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(full, os.O_WRONLY | os.O_CREAT, 0o644)
            try:
                os.pwrite(descriptor, data, offset)
            finally:
                os.close(descriptor)

        self._do(path, act)

    def exists(self, path: PathLike) -> bool:
        return os.path.lexists(self.full(path))

    def size(self, path: PathLike) -> int:
        return self._do(path, os.path.getsize)

    def list(self, path: PathLike = "") -> builtins.list[str]:
        return sorted(self._do(path, os.listdir))

    def delete(self, path: PathLike) -> None:
        self.touched.add(self.full(path))
        self._do(path, os.unlink)

    def truncate(self, path: PathLike, size: int) -> None:
        self.touched.add(self.full(path))
        self._do(path, lambda full: os.truncate(full, size))

    @property
    def ops(self) -> int:
        raise LaneLacks("counting disk operations needs the sim lane")

    def _durable(self, path: PathLike) -> bytes | None:
        return self.read(path) if self.exists(path) else None

    def _do(self, path: PathLike, act: Callable[[Path], T]) -> T:
        full = self.full(path)
        try:
            return act(full)
        except OSError as error:
            raise _from_os_error(error, full) from error
