"""What a user may hand in, made into what the engine takes: sources of torrents, addresses, priorities."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from jstorrent._errors import Error, ParseError
from jstorrent._magnet import Magnet
from jstorrent._metadata import FileEntry, Metainfo
from jstorrent._values import Address, is_utf8

if TYPE_CHECKING:
    from jstorrent._fastresume import FastResume

Source = Metainfo | Magnet | bytes | str | os.PathLike[str]
"""A torrent, a magnet link, the bytes of a .torrent, a bare info-hash in hex, or the path of a .torrent or a .fastresume."""


class Located(Protocol):
    """Anything with an address: the status of a peer, a node of a laboratory."""

    @property
    def address(self) -> Address: ...


class Priorities(Protocol):
    """{index or glob: 0..7}: any mapping of the two, whatever mixture of them its keys are."""

    def items(self) -> Iterable[tuple[int | str, int]]: ...


AddressLike = Address | str | Located
"""(host, port), "host:port", or what has such an address."""

_HEX = frozenset("0123456789abcdefABCDEF")
_PRIORITIES = range(8)


def _hash_of(text: str) -> bytes | None:
    return bytes.fromhex(text) if len(text) in (40, 64) and _HEX.issuperset(text) else None


def hash_of(info_hash: bytes | str) -> bytes:
    """An info-hash from bytes or hex digits."""
    digest = info_hash if isinstance(info_hash, bytes) else _hash_of(info_hash)
    if digest is None or len(digest) not in (20, 32):
        raise ValueError(f"an info-hash is 20 or 32 bytes, or 40 or 64 hex digits, not {info_hash!r}")
    return digest


def resolve(source: Source) -> Metainfo | Magnet:
    """The torrent or the magnet link that `source` means."""
    if isinstance(source, (Metainfo, Magnet)):
        return source
    if isinstance(source, (bytes, bytearray, memoryview)):
        return Metainfo.parse(source)
    if isinstance(source, str):
        if source[:7].lower() == "magnet:":
            return Magnet.parse(source)
        digest = _hash_of(source)
        if digest is not None:
            return Magnet(info_hash=digest) if len(digest) == 20 else Magnet(info_hash_v2=digest)
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"not a source of a torrent: {source!r}")
    return Metainfo.load(Path(source))


def resume_file(source: Source) -> FastResume | None:
    """What a resume file of libtorrent or qBittorrent says; None when the source is none."""
    is_path = isinstance(source, os.PathLike) or (isinstance(source, str) and source[:7].lower() != "magnet:")
    if not is_path or Path(source).suffix.lower() != ".fastresume":  # type: ignore[arg-type]
        return None
    from jstorrent._fastresume import load_fastresume  # few have one

    return load_fastresume(Path(source))  # type: ignore[arg-type]


def address_of(address: AddressLike) -> Address:
    """(host, port) from what a user wrote; the host must be an IP address."""
    if isinstance(address, str):
        host, colon, port = address.rpartition(":")
        if not colon or not port.isdecimal():
            raise ValueError(f"an address is (host, port) or 'host:port', not {address!r}")
        address = (host.strip("[]"), int(port))
    pair = address if isinstance(address, (tuple, list)) else getattr(address, "address", None)
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError(f"an address is (host, port) or 'host:port', not {address!r}")
    host, number = pair
    if isinstance(number, float) or not 1 <= int(number) <= 65535:
        raise ValueError(f"a port is 1 to 65535, not {number}")
    host = str(host)
    if ":" not in host and not host.replace(".", "").isdecimal():
        raise ParseError(f"{host!r} is no IP address: names are not looked up", code="bad_address")
    return host, int(number)


def _checked(priority: int) -> int:
    if isinstance(priority, bool) or not isinstance(priority, int) or priority not in _PRIORITIES:
        raise ValueError(f"a priority is 0 (skip) to 7, not {priority!r}")
    return priority


def checked_priority(priority: int) -> int:
    """0..7, or ValueError."""
    return _checked(priority)


def _matches(file: FileEntry, pattern: str) -> bool:
    path = file.path.as_posix()
    below = path.partition("/")[2]
    return any(fnmatch.fnmatchcase(name, pattern) for name in (path, below, file.path.name))


def files_of(files: Sequence[FileEntry], which: int | str) -> list[int]:
    """The indices that an index or a glob means. A name without wildcards must be there."""
    if isinstance(which, int) and not isinstance(which, bool):
        if not 0 <= which < len(files):
            raise IndexError(f"no file {which}: the torrent has {len(files)}")
        return [which]
    if not isinstance(which, str):
        raise TypeError(f"a file is named by its index or a glob, not {which!r}")
    found = [file.index for file in files if not file.is_pad and _matches(file, which)]
    if not found and not any(c in which for c in "*?["):
        import difflib  # only mistakes pay for it

        near = difflib.get_close_matches(which, [file.path.name for file in files], 1)
        raise ValueError(f"no file {which!r} in the torrent" + (f"; did you mean {near[0]!r}?" if near else ""))
    return found


def priorities_of(
    files: Sequence[FileEntry], wanted: Priorities | None
) -> list[tuple[int, int]]:
    """(file, priority) in order; later entries win."""
    pairs: Iterable[tuple[int | str, int]] = (wanted or {}).items()
    return [(index, _checked(priority)) for which, priority in pairs for index in files_of(files, which)]


def wishes_of(
    wanted: Priorities | None,
) -> list[tuple[int | str, int]]:
    """The same before the files are known: indices and globs as they are, for later."""
    wishes = []
    for which, priority in (wanted or {}).items():
        if isinstance(which, bool) or not isinstance(which, (int, str)):
            raise TypeError(f"a file is named by its index or a glob, not {which!r}")
        if isinstance(which, int) and not 0 <= which < 2**32:
            raise IndexError(f"no file {which}")
        wishes.append((which, _checked(priority)))
    return wishes


def save_path_of(path: str | os.PathLike[str]) -> str:
    """The absolute path, as text."""
    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(f"a path is a str or PathLike, not {path!r}")
    if "\0" in text:
        raise ParseError(f"a path holds no NUL: {text!r}", code="bad_path")
    where = os.path.abspath(text)
    if not is_utf8(where):
        raise Error(f"a path that is not UTF-8 can not be used yet: {where!r}", code="not_supported")
    return where
