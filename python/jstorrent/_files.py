"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes beside the file and renames: after a full disk or a crash the old one or the new one is there, whole.

    A link stays one, and a file keeps its mode and, where we may, its owner. What is no file (a pipe, a terminal), or
    lies in a directory that takes no new name, is written in place.
    """
    text = os.fspath(path)
    try:
        before = os.stat(text)
    except FileNotFoundError:
        before = None
    target = os.path.realpath(text)
    is_plain = before is None or stat.S_ISREG(before.st_mode)
    if not is_plain or not os.path.basename(text) or (before is not None and not os.access(target, os.W_OK, effective_ids=True)):
        return _write_in_place(text, data)  # or it says why not
    try:
        _replace(target, before, data)
    except PermissionError:  # of the directory
        if before is None:
            raise
        _write_in_place(text, data)


def _replace(target: str, before: os.stat_result | None, data: bytes) -> None:
    beside = os.path.join(os.path.dirname(target), f".{os.urandom(8).hex()}.tmp")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with open(descriptor, "wb") as file:
            if before is not None:
                _look_like(file.fileno(), before)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def _write_in_place(path: str, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)


def _look_like(descriptor: int, before: os.stat_result) -> None:
    with contextlib.suppress(PermissionError):  # only root may give files away
        os.fchown(descriptor, before.st_uid, before.st_gid)
    with contextlib.suppress(PermissionError):
        os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
