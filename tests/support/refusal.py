"""A world in which one request for memory is refused, in a turn of an engine: what comes of it, for each request.

`python -m tests.support.refusal [all | each | N]` sweeps over the requests of one recorded run: all of them, one for each place in
the code, or each N-th of those places. It starts itself anew with a library that counts (refusal.cpp), records the run in one
child and refuses in others, so that a crash is an outcome as any other.
"""

from __future__ import annotations

import ctypes
import gc
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".cpp")
ROOT = Path(__file__).resolve().parents[2]
LONGEST = 60
"""Seconds of real time that one world may take: more is a hang."""
HEALED = "whole"
KEPT = 6
MOST = 100_000
OURS, WORLD, TURN = 1, 2, 3
_ROOM = re.compile(r"jst::(\w+)::")
_TURN = re.compile(r"(bool )?jst::runtime_sim::(Node::(run_turn|end_round|run_round)\(|(Node|World)::command)")


class Range(ctypes.Structure):
    _fields_ = [("begin", ctypes.c_size_t), ("end", ctypes.c_size_t), ("kind", ctypes.c_uint32), ("number", ctypes.c_uint32)]


def kind_of(function: str) -> int:
    if _TURN.match(function):
        return TURN
    room = _ROOM.search(function)
    if room is None or function.startswith(("std::", "void std::")):
        return 0
    if room[1] in ("runtime_sim", "runtime_fault", "bind"):
        return WORLD
    return OURS if room[1] in ("engine", "policy", "wire", "storage", "tracker", "http", "codec") else 0


def functions_of(module: str) -> list[tuple[int, int, str]]:
    """Of the compiled module in this process: begin, end and name of each."""
    listed = subprocess.run(["nm", "-n", "-C", "--defined-only", module], capture_output=True, text=True, check=True).stdout
    base = next(int(line.split("-")[0], 16) for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith(module))
    rows = [line.split(" ", 2) for line in listed.splitlines()]
    starts = [(base + int(at, 16), name) for at, letter, name in rows if letter in "tTwWiu"]
    return [(at, end, name) for (at, name), (end, _) in itertools.pairwise(starts) if end > at]


def build(folder: Path) -> Path | None:
    """The library, or None where it can not be: no compiler, or something else is loaded before all."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None or shutil.which("nm") is None or os.environ.get("LD_PRELOAD"):
        return None
    library = folder / "refusal.so"
    subprocess.run([compiler, "-std=c++17", "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE)], check=True)
    return library


def sweep(library: Path, which: str) -> dict[str, list[str]]:
    """What came of the worlds, and where memory was refused in each of them."""
    environment = {**os.environ, "LD_PRELOAD": str(library), "PYTHONPATH": os.pathsep.join([*filter(None, sys.path), str(ROOT)])}
    command = [sys.executable, "-m", "tests.support.refusal", which, str(library)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


class Story:
    """A magnet link becomes a download from a seed and a liar, serves somebody, is saved and checked once more."""

    def __init__(self) -> None:
        from jstorrent.lab import Lab
        from jstorrent.lab._oracles import NAMES

        self.lab = Lab(seed=7, without=tuple(NAMES))
        files = [("a", 90_000), ("b", 0), ("c/d", 100_000), ("e", 30_000)]
        self.spec = self.lab.torrent(files=files, piece_length=32768)
        self.good, self.client = self.lab.engine("good"), self.lab.engine("client")
        self.good.add(self.spec, have="all")
        self.leech = self.lab.peer("leech", self.spec, have="none")
        self.liar = self.lab.peer("liar", self.spec, behave=[{"kind": "corrupt", "p": 0.3}])

    def tell(self) -> None:
        lab = self.lab
        self.said(lambda: self.client.add(self.spec, peers=[self.good, self.liar], magnet=True))
        lab.run_for(4)
        torrent = self.client.torrent(self.spec)
        self.said(lambda: self.leech.connect(self.client))
        lab.run_for(2)
        if torrent is not None:
            self.said(torrent.recheck)
        lab.run_for(2)

    @staticmethod
    def said(command: Callable[[], object]) -> None:
        """The user is told that it failed."""
        import jstorrent as jst

        try:
            command()
        except (MemoryError, jst.Error):
            pass

    def heal(self) -> str:
        """The user starts what stands still; then all is there, also after the session was closed and opened again."""
        for engine in (self.good, self.client):
            torrent = engine.torrent(self.spec) or engine.add(self.spec, magnet=True)
            if torrent.state == "error":
                torrent.start()
            if engine is self.client:
                torrent.connect(self.good.address)
        for _ in range(60):
            self.lab.run_for(3)
            if self.states() == ["seeding", "seeding"]:
                break
        else:
            return f"left {self.states()}"
        if not self.client.complete(self.spec):
            return "corrupt"
        self.client.stop()
        self.client.start()
        self.lab.run_for(5)
        return HEALED if self.states() == ["seeding", "seeding"] and self.client.complete(self.spec) else f"forgotten {self.states()}"

    def states(self) -> list[str]:
        return [torrent.state for engine in (self.good, self.client) for torrent in engine.session.torrents]


def outcome(library: ctypes.CDLL, nth: int) -> str:
    story = Story()
    library.refuse(nth)
    try:
        story.tell()
    finally:
        library.halt()
    return story.heal() if library.was_refused() else "never came"


def recording(library: ctypes.CDLL) -> str:
    story = Story()
    rows = (ctypes.c_long * (MOST * (KEPT + 1)))()
    library.record(rows, MOST)
    story.tell()
    found = library.halt()
    return json.dumps([rows[i * (KEPT + 1) : (i + 1) * (KEPT + 1)] for i in range(found)])


def in_child(deed: Callable[[], str]) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        signal.alarm(LONGEST)
        try:
            said = deed()
        except BaseException as error:  # noqa: BLE001 - a child says all
            said = f"raised {error!r}"
        with os.fdopen(writing, "w") as pipe:
            pipe.write(said)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    return said or f"died of {status}"


def chosen(rows: list[list[int]], which: str) -> list[list[int]]:
    if which == "all":
        return rows
    places: dict[tuple[int, ...], list[int]] = {}
    for row in rows:
        places.setdefault(tuple(row[1:]), row)
    return list(places.values())[:: 1 if which == "each" else int(which)]


def main(which: str, path: str) -> None:
    from jstorrent import _core

    library = ctypes.CDLL(path)
    functions = functions_of(_core.__file__)
    ranges = (Range * len(functions))(*(Range(begin, end, kind_of(name), i) for i, (begin, end, name) in enumerate(functions)))
    library.know(ranges, len(functions))
    Story()  # what is made once in a process is there
    gc.collect()
    gc.disable()  # each child asks for memory in the same order as the one that recorded
    rows = json.loads(in_child(lambda: recording(library)))
    found: dict[str, list[str]] = {}
    for row in chosen(rows, which):
        where = " < ".join(re.sub(r"[(\[].*", "", functions[i][2]) for i in row[1:] if i >= 0)
        found.setdefault(in_child(lambda nth=row[0]: outcome(library, nth)), []).append(f"{row[0]}: {where}")  # type: ignore[misc]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        main(*sys.argv[1:])
    else:
        with tempfile.TemporaryDirectory() as folder:
            counting = build(Path(folder))
            assert counting is not None, "needs a compiler and nm"
            for result, cases in sweep(counting, *(sys.argv[1:] or ["each"])).items():
                print(len(cases), result, *(cases if result != HEALED else ()), sep="\n  ")
