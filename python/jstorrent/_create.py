"""Making a new torrent out of files."""

from __future__ import annotations

import errno
import io
import mmap
import os
import stat
import time
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import accumulate
from pathlib import Path
from typing import Literal, NamedTuple, Self

from jstorrent import _core
from jstorrent._errors import DiskError, Error, _from_os_error
from jstorrent._metadata import Metainfo
from jstorrent._plain import plain
from jstorrent._urls import TrackersLike, tiers_of, urls_of
from jstorrent._values import is_utf8

_STEP = 4 << 20  # bytes between two looks at the clock; also what one call hashes at most
_LANES = 16  # pieces that are hashed side by side, where they are longer than their part of a step
_MOST_PIECES = 1024  # of a group
_MOST_IN_PLACE = 256 << 20  # of a group that is hashed where it lies, in one call that hears no Ctrl-C
_AHEAD = 1 << 20  # bytes that the disk is asked for at once
_OPEN_FILES = 64
_PROGRESS_SECONDS = 0.1

Progress = Callable[[int, int], object]


class _Source(NamedTuple):
    """One file to be read."""

    path: str
    components: tuple[str, ...]
    size: int
    is_link: bool


@plain
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
    called in this thread, at most ten times a second and once at the end; raising in it cancels. What cannot be seeded
    from where it lies is warned of: links, and files that will be called otherwise wherever the torrent is downloaded.
    """
    if version in ("v2", "hybrid"):
        raise Error(f'version {version!r} cannot be created yet: use "v1"', code="not_supported")
    for word, text in (("source", source), ("comment", comment)):
        if text is not None and not is_utf8(text):
            raise Error(f"{word} is not UTF-8: {text!r}", code="invalid_argument")
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
    made = Metainfo(core)
    names = [title] if single else ["/".join((title, *item.components)) for item in sources]
    for told in filter(None, (_renamed(made, names), _linked(root, sources))):
        warnings.warn(told, UserWarning, stacklevel=3)  # above us stands plain()
    return made


def _linked(root: Path, sources: Sequence[_Source]) -> str:
    """What to tell of links: a session follows none, or a torrent could have it write and read anywhere."""
    links = [str(root)] if root.is_symlink() else [item.path for item in sources if item.is_link]
    if not links:
        return ""
    more = f" (and so are {len(links) - 1} more)" if len(links) > 1 else ""
    return (
        f"{links[0]!r} is a symbolic link{more}, and no session follows those: put what it leads to in its place to seed "
        "the torrent from where it lies"
    )


def _renamed(made: Metainfo, names: Sequence[str]) -> str:
    """What to tell of files that are called otherwise on disk, since not every system can hold their names."""
    changed = [
        (name, there) for name, entry in zip(names, made.files, strict=True) if (there := entry.path.as_posix()) != name
    ]
    if not changed:
        return ""
    name, there = changed[0]
    more = f" (and so with {len(changed) - 1} more)" if len(changed) > 1 else ""
    return (
        f"{name!r} is called {there!r}{more} on any disk that this torrent is on, as some cannot hold it by its own name: "
        "rename it and make the torrent anew to seed it from where it lies"
    )


def _checked_length(piece_length: int) -> int:
    if not 1 <= piece_length <= _core.max_piece_length:
        raise Error(f"piece_length is 1 to {_core.max_piece_length}, not {piece_length}", code="invalid_argument")
    return piece_length


def _utf8(text: str, what: str) -> str:
    if text in ("", ".", "..") or "/" in text or "\0" in text or not is_utf8(text):
        raise Error(f"{what} cannot stand in a torrent: {text!r}", code="invalid_argument")
    return text


def _order(item: _Source) -> list[bytes]:
    return [component.encode("utf-8") for component in item.components]


def _single(path: Path) -> _Source:
    facts = os.stat(path)
    if not stat.S_ISREG(facts.st_mode):
        raise Error(f"neither a file nor a directory: {path}", code="invalid_argument")
    return _Source(str(path), (_utf8(path.name, "a file name"),), facts.st_size, path.is_symlink())


def _walk(root: Path, globs: Sequence[str]) -> Iterator[_Source]:
    open_directories: list[tuple[str, ...]] = [()]
    while open_directories:
        above = open_directories.pop()
        with os.scandir(os.path.join(root, *above)) as entries:
            for entry in entries:
                if is_excluded((*above, entry.name), globs):
                    continue
                below = (*above, _utf8(entry.name, "a file name"))
                if entry.is_dir(follow_symlinks=False):
                    open_directories.append(below)
                elif entry.is_file():
                    yield _Source(entry.path, below, entry.stat().st_size, entry.is_symlink())


def is_excluded(components: tuple[str, ...], globs: Sequence[str]) -> bool:
    """Whether one of the globs means this path below the folder, or its name."""
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
    hasher = _core.PieceHasher()
    report = _Reporter(progress, total)
    # The pieces of a group are hashed side by side, a strip of each at a time: in memory that stays in the CPU's caches.
    strip = min(piece_length, _STEP // _LANES)
    group = min(_STEP // strip, _MOST_PIECES) * piece_length
    buffer = memoryview(mmap.mmap(-1, min(_STEP, total)))  # at the begin of a page: copied and hashed quicker
    done = 0
    with _Stream(sources) as stream:
        for begin in range(0, total, group):
            end = min(begin + group, total)
            if stream.hash_in_place(hasher, begin, end, piece_length):
                done += end - begin
                report(done)
                continue
            for at in range(0, min(piece_length, end - begin), strip):
                each = min(strip, piece_length - at)
                chunk = buffer[: stream.fill(buffer, begin + at, end, each, piece_length)]
                hasher.step(chunk, each)
                done += len(chunk)
                report(done)
            hasher.end_group()
    return hasher.finish()


class _Stream:
    """All bytes of all files, one after another, read at any place. A file that is not as it was found ends it."""

    def __init__(self, sources: Sequence[_Source]) -> None:
        self._sources = sources
        self._ends = list(accumulate(item.size for item in sources))
        self._open: dict[int, io.FileIO] = {}  # those used last

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            for number, item in enumerate(self._sources):
                if item.size == 0:
                    self._file(number)
        while self._open:
            self._close(next(iter(self._open)), look=kind is None)

    def fill(self, into: memoryview, begin: int, end: int, each: int, apart: int) -> int:
        """`each` bytes from `begin` and from every `apart` bytes behind it, before `end`; how many they are."""
        if each == apart:
            self._read(into[: end - begin], begin)
            return end - begin
        held = 0
        for at in range(begin, end, apart):
            count = min(each, end - at)
            self._read(into[held : held + count], at)
            held += count
        return held

    def hash_in_place(self, hasher: _core.PieceHasher, begin: int, end: int, piece_length: int) -> bool:
        """A group that lies in one file, if the page cache has it: nothing is copied."""
        number, offset, count = next(self._places(begin, end - begin))
        if count < end - begin or count > _MOST_IN_PLACE:
            return False
        return hasher.group_of_file(self._file(number).fileno(), offset, count, piece_length)

    def _places(self, at: int, count: int) -> Iterator[tuple[int, int, int]]:
        number = bisect_right(self._ends, at)
        while count:
            offset = at - self._ends[number] + self._sources[number].size
            part = min(count, self._ends[number] - at)
            if part:
                yield number, offset, part
            at, count, number = at + part, count - part, number + 1

    def _read(self, into: memoryview, at: int) -> None:
        for number, offset, part in self._places(at, len(into)):
            item, descriptor = self._sources[number], self._file(number).fileno()
            while part:
                try:
                    count = _pread(descriptor, into[:part], offset)
                except OSError as error:
                    raise _from_os_error(error, item.path) from error
                if not count:
                    raise _changed(item)
                into, offset, part = into[count:], offset + count, part - count

    def _file(self, number: int) -> io.FileIO:
        file = self._open.pop(number, None) or self._opened(self._sources[number])
        self._open[number] = file
        if len(self._open) > _OPEN_FILES:
            self._close(next(iter(self._open)), look=True)
        return file

    @staticmethod
    def _opened(item: _Source) -> io.FileIO:
        try:
            return io.FileIO(item.path)
        except OSError as error:
            raise _from_os_error(error, item.path) from error

    def _close(self, number: int, *, look: bool) -> None:
        with self._open.pop(number) as file:
            if look and os.fstat(file.fileno()).st_size != self._sources[number].size:
                raise _changed(self._sources[number])


def _pread(descriptor: int, into: memoryview, offset: int) -> int:
    """What the page cache lacks is asked for together with what follows it: a disk that turns reads both in one go."""
    try:
        return os.preadv(descriptor, [into], offset, os.RWF_NOWAIT)
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EOPNOTSUPP):
            raise
    os.posix_fadvise(descriptor, offset, max(len(into), _AHEAD), os.POSIX_FADV_WILLNEED)
    return os.preadv(descriptor, [into], offset)


def _changed(item: _Source) -> DiskError:
    return DiskError(f"disk: the file changed while it was read: {item.path}", code="short_read", filename=item.path)
