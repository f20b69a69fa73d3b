"""The exceptions of jstorrent.

    Error                         everything below, with a stable word in `.code`
      ParseError(ValueError)      bytes that are not what they should be; `.offset`
      DiskError(OSError)          the disk said no; `.errno`, `.filename`
      NetworkError(OSError)       the network said no; `.address`
      TimeoutError                it took longer than asked (also builtins.TimeoutError)
      SettingsError(ValueError)   a setting that cannot be; `.key`
      RemovedError                the torrent was removed while it was waited for

All pickle and copy with their attributes, and `str()` says what to do.
"""

from __future__ import annotations

import builtins
import errno as _errno
from typing import Any


class Error(Exception):
    """Something the engine could not do. `code` is a stable word, listed in the docs."""

    code: str

    def __init__(self, message: str, *, code: str = "internal") -> None:
        super().__init__(message)
        self.code = code

    def to_dict(self) -> dict[str, Any]:
        """The type, the sentence and all attributes, ready for JSON."""
        return {"type": type(self).__name__, "message": str(self), **self._attributes()}

    def _attributes(self) -> dict[str, Any]:
        attributes = {name: value for name, value in self.__dict__.items() if not name.startswith("__")}
        for name in ("errno", "filename"):  # OSError keeps these elsewhere
            if getattr(self, name, None) is not None:
                attributes[name] = getattr(self, name)
        return attributes

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, Error):
            return NotImplemented
        return self.args == other.args and self._attributes() == other._attributes()

    def __hash__(self) -> int:
        return hash((type(self), self.args))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self._attributes())


class ParseError(Error, ValueError):
    """Bytes from outside that are not what they should be. `offset` is where it was noticed."""

    offset: int

    def __init__(self, message: str, *, code: str = "bad_value", offset: int = 0) -> None:
        super().__init__(message, code=code)
        self.offset = offset


class DiskError(Error, OSError):
    """The disk said no. `errno` and `filename` as in OSError."""

    def __init__(self, message: str, *, code: str = "disk_io", filename: str | None = None) -> None:
        Error.__init__(self, message, code=code)
        self.errno = _ERRNO.get(code, _errno.EIO)
        self.filename = filename

    def __str__(self) -> str:
        return str(self.args[0])


class NetworkError(Error, OSError):
    """The network said no. `address` is the (host, port) concerned, or None."""

    address: tuple[str, int] | None

    def __init__(self, message: str, *, code: str = "network_other", address: tuple[str, int] | None = None) -> None:
        Error.__init__(self, message, code=code)
        self.address = address

    def __str__(self) -> str:
        return str(self.args[0])


class TimeoutError(Error, builtins.TimeoutError):
    """It took longer than asked."""

    def __init__(self, message: str, *, code: str = "timeout") -> None:
        Error.__init__(self, message, code=code)

    def __str__(self) -> str:
        return str(self.args[0])


class SettingsError(Error, ValueError):
    """A setting that cannot be. `key` names it."""

    key: str

    def __init__(self, message: str, *, code: str = "bad_setting", key: str = "") -> None:
        super().__init__(message, code=code)
        self.key = key


class RemovedError(Error):
    """The torrent was removed from its session."""

    def __init__(self, message: str = "the torrent was removed from its session", *, code: str = "removed") -> None:
        super().__init__(message, code=code)


_ERRNO = {
    "disk_full": _errno.ENOSPC, "disk_quota": _errno.EDQUOT, "disk_io": _errno.EIO, "not_found": _errno.ENOENT,
    "permission": _errno.EACCES, "read_only": _errno.EROFS, "exists": _errno.EEXIST, "not_directory": _errno.ENOTDIR,
    "is_directory": _errno.EISDIR, "symlink": _errno.ELOOP, "name_too_long": _errno.ENAMETOOLONG,
    "too_many_open": _errno.EMFILE, "file_too_large": _errno.EFBIG, "not_empty": _errno.ENOTEMPTY,
    "cross_device": _errno.EXDEV, "bad_handle": _errno.EBADF, "disk_timeout": _errno.ETIMEDOUT,
}  # fmt: skip


def _rebuild(cls: type[Error], args: tuple[Any, ...], state: dict[str, Any]) -> Error:
    error = cls.__new__(cls)
    error.args = args
    for name, value in state.items():
        setattr(error, name, value)
    return error


def _address(text: str) -> tuple[str, int] | None:
    host, colon, port = text.rpartition(":")
    return (host.strip("[]"), int(port)) if colon and port.isdigit() else None


_KINDS = ("none", "general", "parse", "disk", "network", "timeout", "settings", "removed")


def _make(code: str, kind: int, text: str, detail: int, where: str) -> Error:
    """The exception for an engine error: one table, kind -> type."""
    name = _KINDS[kind]
    if name == "parse":
        at = f" at offset {detail}" if detail else ""
        return ParseError(f"{text}{at}" + (f": {where}" if where else ""), code=code, offset=detail)
    message = f"{text}: {where}" if where else text
    if name == "disk":
        return DiskError(message if "disk" in message else f"disk: {message}", code=code, filename=where or None)
    if name == "network":
        return NetworkError(message, code=code, address=_address(where))
    if name == "timeout":
        return TimeoutError(message, code=code)
    if name == "settings":
        return SettingsError(message, code=code, key=where)
    if name == "removed":
        return RemovedError(message, code=code)
    return Error(message, code=code)


_CODES = {number: code for code, number in _ERRNO.items()}


def _from_os_error(error: OSError, path: object) -> Error:
    """The DiskError for an OSError of Python's own; an error of ours stays what it is."""
    if isinstance(error, Error):
        return error
    code = _CODES.get(error.errno or 0, "disk_io")
    return DiskError(f"disk: {error.strerror or error}: {path}", code=code, filename=str(path))


for _public in (Error, ParseError, DiskError, NetworkError, TimeoutError, SettingsError, RemovedError):
    _public.__module__ = "jstorrent"  # as a traceback should name them, and as they are imported
