"""A piece of which memory is refused has not begun, whichever allocation it was, and can begin later.

A library that is loaded before all others counts what the compiled module asks for, and refuses one.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SOURCE = """
#include <cstdlib>
#include <new>
static long left = 0;
extern "C" void refuse(long nth) { left = nth; }
static void* take(std::size_t n) {
    if (left > 0 && --left == 0) throw std::bad_alloc();
    if (void* p = std::malloc(n ? n : 1)) return p;
    throw std::bad_alloc();
}
void* operator new(std::size_t n) { return take(n); }
void* operator new[](std::size_t n) { return take(n); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
"""
BEGUN = (0, 1, 8, 9)
"""Pieces that are active before: some of the lists are full then, some have room."""
MOST = 40
"""Allocations that one beginning may take."""


def refused(library: ctypes.CDLL, begun: int) -> int:
    """How many allocations a beginning has; each is refused once, and the ledger is as it was."""
    from tests.unit.policy.test_request_ledger import A, ask, ledger

    for nth in range(1, MOST):
        made = ledger(pieces=20)
        for piece in range(begun):
            made.start(piece, 0.0)
        library.refuse(nth)
        try:
            made.start(19, 1.0)
        except MemoryError:
            library.refuse(0)
        else:
            library.refuse(0)
            return nth - 1
        made.check()
        assert made.active == list(range(begun)), nth
        assert len(ask(made, A, 19, 4, 2.0)) == 4, nth
        assert made.active == [*range(begun), 19], nth
        made.check()
    raise AssertionError("it never came to an end")


def test_a_piece_begins_with_all_that_it_needs_or_not_at_all(tmp_path: Path) -> None:
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None or os.environ.get("LD_PRELOAD"):
        pytest.skip("needs a compiler, and no sanitizer")
    source, library = tmp_path / "refusal.cpp", tmp_path / "refusal.so"
    source.write_text(SOURCE)
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    environment = {**os.environ, "LD_PRELOAD": str(library), "PYTHONPATH": os.pathsep.join([*filter(None, sys.path), str(ROOT)])}
    command = [sys.executable, "-m", "tests.unit.policy.test_short_memory", str(library)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, *others = (int(word) for word in done.stdout.split())
    assert first >= 5 and all(1 <= count <= first for count in others), done.stdout


if __name__ == "__main__":
    print(*(refused(ctypes.CDLL(sys.argv[1]), begun) for begun in BEGUN))
