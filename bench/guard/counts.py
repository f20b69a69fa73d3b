"""How many instructions the work of a scenario takes, counted by callgrind, and on what that depends."""

from __future__ import annotations

import platform
import re
import shutil
import ssl
import subprocess
from pathlib import Path

from bench import machine
from bench.other_end import build

SCENARIOS = ("bencode", "peer_wire", "picker", "transfer")
_ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 120.0


def missing() -> str | None:
    """What has to be installed first."""
    return None if shutil.which("valgrind") else "valgrind is missing: apt-get install valgrind"


def count(scenario: str) -> int:
    """Only the work counts, not what prepares it."""
    counter = ["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no", "--toggle-collect=guarded"]
    done = subprocess.run(
        ["valgrind", *counter, build("bench_guard"), scenario],
        capture_output=True, text=True, check=False, timeout=_PATIENCE,
    )  # fmt: skip
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        raise SystemExit(f"guard: {scenario} went wrong under valgrind:\n{done.stderr[-2000:]}")
    return int(found[1])


def _compiler() -> str:
    for path in sorted((_ROOT / "build" / "release" / "CMakeFiles").glob("*/CMakeCXXCompiler.cmake")):
        text = path.read_text(encoding="utf-8")
        kind, version = (re.search(rf'CMAKE_CXX_COMPILER_{what} "([^"]*)"', text) for what in ("ID", "VERSION"))
        if kind and version:
            return f"{kind[1]} {version[1]}"
    return "unknown compiler"


def conditions() -> str:
    """Counts of two machines can be compared when this is the same."""
    valgrind = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    # valgrind hides newer instructions, so that this one decides which memcpy and which SHA-1 of OpenSSL run.
    avx2 = "avx2" if "avx2" in machine.cpu_flags() else "no avx2"
    libc = " ".join(platform.libc_ver())
    return f"{_compiler()}, {libc}, {ssl.OPENSSL_VERSION}, {valgrind}, {platform.machine()} {avx2}"
