"""Run the adversarial scenarios, all or one group: `run_fuzz_tests.py`, `run_fuzz_tests.py disconnect`."""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "tests" / "scenarios"
GROUPS = {
    "disconnect": "S0-1",
    "corrupt_data": "S0-2",
    "protocol": "S0-3",
    "timing": "S0-4",
    "geometry": "S0-5",
    "resume": "S0-6",
    "multi_peer": "S0-7",
    "resources": "S0-8",
    "metadata": "S0-9",
    "multi_file": "S0-10",
}
"""The names of the groups, and the requirements behind each."""


def file_of(group: str) -> Path | None:
    """Where its scenarios are; None as long as they wait for their feature."""
    number = GROUPS[group].removeprefix("S0-")
    return next(iter(sorted(SCENARIOS.glob(f"test_s0_{number}_*.py"))), None)


def said_by(group: str) -> str:
    """The first line of its file."""
    file = file_of(group)
    if file is None:
        return "not there yet"
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def group_of(name: str) -> str:
    """The group of that name, or the only one that begins so."""
    found = [name] if name in GROUPS else [group for group in GROUPS if name and group.startswith(name)]
    if len(found) != 1:
        raise argparse.ArgumentTypeError(f"no such group: {name!r} (known: {', '.join(GROUPS)})")
    return found[0]


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    width = max(map(len, GROUPS))
    groups = "\n".join(f"  {group:<{width}}  {said_by(group)}" for group in GROUPS)
    made = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"groups:\n{groups}\n\nWhat stands behind -- goes to pytest: run_fuzz_tests.py timing -- -x -vv",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "groups", nargs="*", type=group_of, metavar="NAME", help="a group, or how its name begins; none: all"
    )
    made.add_argument(
        "--lane", choices=["sim", "real", "all"], default="all", help="simulated, over sockets, or both (all)"
    )
    made.add_argument("--seed", type=int, default=0, metavar="N", help="other luck (0)")
    made.add_argument("--jobs", "-n", type=int, default=1, metavar="N", help="so many processes (1)")
    made.add_argument("--list", action="store_true", help="show the tests and run none")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Runs them; pytest's exit code, or 2 for a group that is not there."""
    words = list(sys.argv[1:] if argv is None else argv)
    end = words.index("--") if "--" in words else len(words)
    made = parser()
    options = made.parse_args(words[:end])
    files = []
    for group in options.groups or [group for group in GROUPS if file_of(group)]:
        file = file_of(group)
        if file is None:
            made.error(f"the scenarios of {group!r} ({GROUPS[group]}) wait for their feature")
        files.append(str(file.relative_to(ROOT)))
    command = [sys.executable, "-m", "pytest", "-q", f"--lab-lane={options.lane}", f"--lab-seed={options.seed}"]
    command += ["--collect-only"] if options.list else ["-n", str(options.jobs)] if options.jobs > 1 else []
    return subprocess.run([*command, *files, *words[end + 1 :]], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
