"""What a crash leaves of a simulated disk, in each mode, against a slow model of what may be there."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.runtime_sim.machine import Machine

SECTOR = 512
MODES = ("drop-all", "keep-prefix", "torn-512", "metadata-first", "random")
NAMES = ("/a", "/b", "/d/c")
DIRECTORIES = ("/", "/d")


@dataclass
class File:
    visible: bytes = b""
    durable: bytes = b""
    unsynced: list[tuple[int, bytes | int]] = field(default_factory=list)
    """In order: (offset, bytes) written, (size, 0) cut or grown."""


def written(before: bytes, change: tuple[int, bytes | int]) -> bytes:
    at, what = change
    if isinstance(what, int):
        return before[:at].ljust(at, b"\0")
    return before[:at].ljust(at, b"\0") + what + before[at + len(what) :]


@dataclass
class Model:
    """Files by number; names by path, as seen and as durable; and the log of what no sync has made durable."""

    files: list[File] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    durable_names: dict[str, int] = field(default_factory=dict)
    log: list[tuple[str, Any]] = field(default_factory=list)

    def rename(self, old: str, new: str) -> None:
        self.names[new] = self.names.pop(old)
        self.log.append(("names", {new: self.names[new], old: None}))

    def create(self, path: str) -> None:
        self.files.append(File())
        self.names[path] = len(self.files) - 1
        self.log.append(("names", {path: self.names[path]}))

    def unlink(self, path: str) -> None:
        del self.names[path]
        self.log.append(("names", {path: None}))

    def change(self, path: str, change: tuple[int, bytes | int]) -> None:
        number = self.names[path]
        self.files[number].visible = written(self.files[number].visible, change)
        self.log.append(("bytes", (number, change)))

    def sync(self, path: str) -> None:
        number = self.names[path]
        self.files[number].durable = self.files[number].visible
        self.log = [entry for entry in self.log if entry[0] == "names" or entry[1][0] != number]

    def sync_dir(self, directory: str) -> None:
        def inside(path: str) -> bool:
            return (path.rpartition("/")[0] or "/") == directory

        self.durable_names = {p: n for p, n in self.durable_names.items() if not inside(p)} | {
            p: n for p, n in self.names.items() if inside(p)
        }
        for kind, names in self.log:
            for path in [p for p in names if inside(p)] if kind == "names" else []:
                del names[path]
        self.log = [entry for entry in self.log if entry[1]]

    # -- what a crash may leave: {path: contents}

    def after(self, kept: int, torn: int | None = None) -> dict[str, bytes]:
        """The first `kept` entries of the log; the last of them as far as byte `torn`."""
        names, contents = dict(self.durable_names), [file.durable for file in self.files]
        for i, (kind, what) in enumerate(self.log[:kept]):
            if kind == "names":
                for path, number in what.items():
                    if number is None:
                        names.pop(path, None)
                    else:
                        names[path] = number
                continue
            number, (at, data) = what
            if torn is not None and i == kept - 1 and isinstance(data, bytes):
                data = data[: max(0, torn - at)]
                if not data:
                    continue
            contents[number] = written(contents[number], (at, data))
        return {path: contents[number] for path, number in names.items()}

    def torn_states(self) -> list[dict[str, bytes]]:
        states = [self.after(0)]
        for kept in range(1, len(self.log) + 1):
            kind, what = self.log[kept - 1]
            if kind == "names" or isinstance(what[1][1], int):
                states.append(self.after(kept))
                continue
            at, data = what[1]
            cuts = {at} | {c for c in range(0, at + len(data), SECTOR) if c > at}
            states += [self.after(kept, cut) for cut in cuts]
        return states

    def dirty(self, number: int) -> list[tuple[int, int]]:
        """What was written or cut since the last sync."""
        ranges, size = [], len(self.files[number].durable)
        for kind, what in self.log:
            if kind == "bytes" and what[0] == number:
                at, data = what[1]
                end = size if isinstance(data, int) else at + len(data)
                ranges.append((at, end))
                size = at if isinstance(data, int) else max(size, end)
        return ranges

    def check(self, mode: str, found: dict[str, bytes]) -> None:
        if mode == "drop-all":
            assert found == self.after(0)
        elif mode == "keep-prefix":
            assert found in [self.after(n) for n in range(len(self.log) + 1)]
        elif mode == "torn-512":
            assert found in self.torn_states()
        elif mode == "metadata-first":
            assert found == {path: self._zeroed(number) for path, number in self.names.items()}
        else:
            self._check_random(found)

    def _zeroed(self, number: int) -> bytes:
        data = bytearray(self.files[number].visible)
        for begin, end in self.dirty(number):
            end = min(end, len(data))
            data[begin:end] = bytes(max(0, end - begin))
        return bytes(data)

    def _check_random(self, found: dict[str, bytes]) -> None:
        by_names: list[dict[str, int]] = []
        for kept in range(len(self.log) + 1):
            names: dict[str, int | None] = dict(self.durable_names)
            for kind, what in self.log[:kept]:
                if kind == "names":
                    names |= what
            by_names.append({p: n for p, n in names.items() if n is not None})
        assert any(set(names) == set(found) and all(self._is_mix(found[p], n) for p, n in names.items()) for names in by_names)

    def _is_mix(self, found: bytes, number: int) -> bool:
        file = self.files[number]
        if len(found) not in (len(file.visible), len(file.durable)):
            return False
        size = max(len(file.visible), len(file.durable))
        seen, kept = file.visible.ljust(size, b"\0"), file.durable.ljust(size, b"\0")
        cuts = sorted({0, size, *range(0, size, SECTOR), *(c for r in self.dirty(number) for c in r if c < size)})
        return all(
            found[a:b] in (seen[a : min(b, len(found))], kept[a : min(b, len(found))]) for a, b in pairwise(cuts)
        )


class Pair:
    """A simulated disk and its model, side by side."""

    def __init__(self, seed: int) -> None:
        self.m = Machine(seed)
        self.model = Model()
        self.m.disk("mkdirs", path="/d")
        self.m.disk("sync_dir", path="/")
        self.open: dict[str, int] = {}
        self.turn = 0

    def step(self, what: str, path: str, at: int, size: int) -> None:
        self.turn += 1
        there = path in self.model.names
        if what == "sync_dir":
            directory = path.rpartition("/")[0] or "/"
            self.m.disk("sync_dir", path=directory)
            return self.model.sync_dir(directory)
        if what == "rename" and there:
            target = NAMES[(NAMES.index(path) + 1) % len(NAMES)]
            self.m.disk("rename", path=path, path_to=target)
            self.open[target] = self.open.pop(path)
            return self.model.rename(path, target)
        if what == "unlink" and there:
            self.m.disk("unlink", path=path)
            self.m.disk("close", file=self.open.pop(path))
            return self.model.unlink(path)
        if not there:
            self.open[path] = self.m.open(path)
            self.model.create(path)
        if what == "write":
            data = bytes((self.turn * 31 + i // 100) % 255 + 1 for i in range(size))
            assert self.m.write(self.open[path], data, at).error == "ok"
            self.model.change(path, (at, data))
        elif what == "truncate":
            self.m.disk("truncate", file=self.open[path], offset=at)
            self.model.change(path, (at, 0))
        elif what == "sync":
            self.m.disk("sync_file", file=self.open[path])
            self.model.sync(path)
        return None

    def found(self) -> dict[str, bytes]:
        contents = {path: self.m.content(path) for path in NAMES}
        return {path: data for path, data in contents.items() if data is not None}


STEP = st.tuples(
    st.sampled_from(["write", "write", "write", "truncate", "sync", "sync_dir", "rename", "unlink"]),
    st.sampled_from(NAMES),
    st.integers(0, 5000),
    st.integers(1, 3000),
)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), mode=st.sampled_from(MODES), steps=st.lists(STEP, min_size=1, max_size=14))
def test_a_crash_leaves_what_its_mode_allows_and_nothing_else(
    seed: int, mode: str, steps: list[tuple[str, str, int, int]]
) -> None:
    pair = Pair(seed)
    for step in steps:
        pair.step(*step)
        assert pair.found() == {path: pair.model.files[n].visible for path, n in pair.model.names.items()}
    model = copy.deepcopy(pair.model)
    pair.m.crash(mode)
    found = pair.found()
    model.check(mode, found)
    pair.m.crash("drop-all")
    assert pair.found() == found, "what a crash left is on disk"


def crashed(mode: str, seed: int) -> tuple[bytes | None, ...]:
    """Of two files that were never synced: their contents after a crash."""
    m = Machine(seed)
    first = m.open("/first")
    for n in range(4):
        m.write(first, bytes([n + 1]) * 1500, n * 1500)
    m.store("/second", b"s" * 3000)
    m.crash(mode)
    return m.content("/first"), m.content("/second")


def test_the_seed_chooses_and_chooses_every_length() -> None:
    assert [crashed("keep-prefix", seed) for seed in range(5)] == [crashed("keep-prefix", seed) for seed in range(5)]
    kept = {len(first or b"") for first, _ in (crashed("keep-prefix", seed) for seed in range(60))}
    assert kept == {0, 1500, 3000, 4500, 6000}
    torn = {len(first or b"") for first, _ in (crashed("torn-512", seed) for seed in range(60))}
    assert torn - kept and all(size % SECTOR == 0 for size in torn - kept - {1500, 3000, 4500})


def test_sizes_survive_and_bytes_do_not_when_metadata_comes_first() -> None:
    assert crashed("metadata-first", 1) == (bytes(6000), bytes(3000))


def test_random_sectors_survive() -> None:
    seen = set()
    for seed in range(40):
        first, _ = crashed("random", seed)
        for at in range(0, len(first or b"") - SECTOR, SECTOR):
            seen.add(first[at : at + SECTOR] == bytes(SECTOR))  # type: ignore[index]
    assert seen == {True, False}


@pytest.mark.parametrize("mode", MODES)
def test_what_is_synced_survives_each_mode(mode: str) -> None:
    for seed in range(10):
        m = Machine(seed)
        file = m.store("/kept", b"kept" * 5000, sync="file dir")
        m.write(file, b"more", 20_000)
        m.store("/other", b"other")
        m.crash(mode)
        assert (m.content("/kept") or b"")[:20_000] == b"kept" * 5000


@pytest.mark.parametrize("mode", MODES)
def test_what_a_laboratory_does_survives_each_mode(mode: str) -> None:
    for seed in range(10):
        m = Machine(seed)
        file = m.store("/a", b"a" * 3000, sync="file dir")
        m.write(file, b"x" * 700, 100)
        m.world.disk_write(m.node, "/a", 200, b"LAB")
        m.store("/gone", b"g", sync="file")
        m.world.disk_delete(m.node, "/gone")
        m.crash(mode)
        assert (m.content("/a") or b"")[200:203] == b"LAB"
        assert m.content("/gone") is None


def test_space_is_counted_anew_after_each_crash() -> None:
    for mode in MODES:
        for seed in range(5):
            m = Machine(seed)
            file = m.store("/a", bytes(8000), sync="file dir")
            m.write(file, b"x" * 40_000, 8000)
            m.store("/b", b"y" * 9000)
            m.crash(mode)
            allocated = sum(
                m.disk("stat", path=path).data["allocated"] for path in ("/a", "/b") if m.content(path) is not None
            )
            assert m.world.disk_used(m.node) == allocated
