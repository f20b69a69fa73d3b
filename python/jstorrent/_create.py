"""Making a new torrent out of files."""

from __future__ import annotations

import io
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from jstorrent import _core
from jstorrent._errors import DiskError, Error, _from_os_error
from jstorrent._metadata import Metainfo, TrackersLike, tiers_of, urls_of

_STEP = 8 << 20  # bytes between two looks at the clock; also what one call hashes at most
_PROGRESS_SECONDS = 0.1

Progress = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class _Source:
    """One file to be read."""

    path: str
    components: tuple[str, ...]
    size: int


def create_torrent(
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    piece_length: int | None = None,
    version: Literal["v1", "v2", "hybrid"] = "v1",
    trackers: str | TrackersLike = (),
    web_seeds: str | Iterable[str] = (),
    private: bool = False,
    source: str | None = None,
    comment: str | None = None,
    created_at: float | None = None,
    exclude: str | Sequence[str] = (),
    progress: Progress | None = None,
) -> Metainfo:
    """Hashes a file or a directory into a torrent. The same input gives the same bytes.

    Files are taken in the order of their names, byte by byte. Links to files are read as files; links to directories,
    and what is neither file nor directory, are left out. `exclude` holds globs for names or relative paths.
    `piece_length` is chosen so that there are at most 2048 pieces of 16 KiB to 16 MiB. `progress(done, total)` is
    called in this thread, at most ten times a second and once at the end; raising in it cancels.
    """
    if version in ("v2", "hybrid"):
        raise Error(f'version {version!r} cannot be created yet: use "v1"', code="not_supported")
    root = Path(os.path.abspath(path))
    globs = [exclude] if isinstance(exclude, str) else list(exclude)
    try:
        single = not stat.S_ISDIR(os.stat(root).st_mode)
        sources = [_single(root)] if single else sorted(_walk(root, globs), key=_order)
    except OSError as error:
        raise _from_os_error(error, error.filename or root) from error
    title = _utf8(root.name if name is None else name, "the name of the torrent")
    total = sum(item.size for item in sources)
    if total == 0:
        raise Error(f"there are no bytes to make a torrent of in {root}", code="invalid_argument")
    length = _core.default_piece_length(total) if piece_length is None else _checked_length(piece_length)
    hashes = _hash(sources, total, length, progress)
    entries = [(list(item.components), item.size) for item in sources]
    core = _core.build_torrent(
        version, title, single, entries, length, hashes, private, source, tiers_of(trackers), urls_of(web_seeds),
        comment, "jstorrent", None if created_at is None else int(created_at),
    )  # fmt: skip
    return Metainfo(core)


def _checked_length(piece_length: int) -> int:
    if not 1 <= piece_length <= _core.max_piece_length:
        raise Error(f"piece_length is 1 to {_core.max_piece_length}, not {piece_length}", code="invalid_argument")
    return piece_length


def _utf8(text: str, what: str) -> str:
    if not text or "/" in text or "\0" in text or not _encodable(text):
        raise Error(f"{what} cannot stand in a torrent: {text!r}", code="invalid_argument")
    return text


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _order(item: _Source) -> list[bytes]:
    return [component.encode("utf-8") for component in item.components]


def _single(path: Path) -> _Source:
    facts = os.stat(path)
    if not stat.S_ISREG(facts.st_mode):
        raise Error(f"neither a file nor a directory: {path}", code="invalid_argument")
    return _Source(str(path), (_utf8(path.name, "a file name"),), facts.st_size)


def _walk(root: Path, globs: Sequence[str]) -> Iterator[_Source]:
    open_directories: list[tuple[str, ...]] = [()]
    while open_directories:
        above = open_directories.pop()
        with os.scandir(os.path.join(root, *above)) as entries:
            for entry in entries:
                if _excluded((*above, entry.name), globs):
                    continue
                below = (*above, _utf8(entry.name, "a file name"))
                if entry.is_dir(follow_symlinks=False):
                    open_directories.append(below)
                elif entry.is_file():
                    yield _Source(entry.path, below, entry.stat().st_size)


def _excluded(components: tuple[str, ...], globs: Sequence[str]) -> bool:
    relative = "/".join(components)
    for glob in globs:
        pattern = glob.rstrip("/")
        if fnmatchcase(components[-1], pattern) or fnmatchcase(relative, pattern):
            return True
    return False


class _Reporter:
    """Calls progress at most ten times a second, and once at the end."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._last = time.monotonic()

    def __call__(self, done: int) -> None:
        if self._progress is None:
            return
        now = time.monotonic()
        if done < self._total and now - self._last < _PROGRESS_SECONDS:
            return
        self._last = now
        self._progress(done, self._total)


def _hash(sources: Sequence[_Source], total: int, piece_length: int, progress: Progress | None) -> bytes:
    hasher = _core.PieceHasher(piece_length)
    report = _Reporter(progress, total)
    # Whole pieces in each step, so that several of them can be hashed side by side.
    step = _STEP // piece_length * piece_length if piece_length <= _STEP else _STEP
    done = 0
    for chunk in _chunks(sources, memoryview(bytearray(min(step, total)))):
        hasher.update(chunk)
        done += len(chunk)
        report(done)
    return hasher.finish()


def _chunks(sources: Sequence[_Source], buffer: memoryview) -> Iterator[memoryview]:
    """All bytes of all files, a buffer at a time; each chunk is valid until the next one."""
    held = 0
    for item in sources:
        with _opened(item) as file:
            left = item.size
            while left:
                count = _read(file, buffer[held : held + left], item)
                held += count
                left -= count
                if held == len(buffer):
                    yield buffer
                    held = 0
            if _read(file, memoryview(bytearray(1)), item, at_end=True):
                raise _changed(item)
    if held:
        yield buffer[:held]


def _opened(item: _Source) -> io.FileIO:
    try:
        return io.FileIO(item.path)
    except OSError as error:
        raise _from_os_error(error, item.path) from error


def _read(file: io.FileIO, into: memoryview, item: _Source, *, at_end: bool = False) -> int:
    try:
        count = file.readinto(into) or 0
    except OSError as error:
        raise _from_os_error(error, item.path) from error
    if not count and not at_end:
        raise _changed(item)
    return count


def _changed(item: _Source) -> DiskError:
    return DiskError(f"disk: the file changed while it was read: {item.path}", code="short_read", filename=item.path)
