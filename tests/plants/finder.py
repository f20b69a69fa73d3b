"""Does one frozen generator find bugs that it knows nothing of? `python -m tests.plants.finder`, or `make finder`.

Plan n of a seed, the same plans for every bug: each plan runs without any bug, and must pass, and with each bug that is not found
yet. What was found is shrunk. The table goes into README.md beside this file. `--plants a,b --check` writes nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- finder: written by `make finder` -->", "<!-- end of finder -->"
SEED = 1
MOST = 10_000
"""Plans that a bug may take."""
NEEDED, SMALL = 20, 3
"""So many bugs at least, each shrunk to so many elements at most."""
_SHRINK_SECONDS = 300.0
PATIENCE = 60.0
"""Real seconds after which a run counts as one that hangs."""
_SLOW, _SHORT_PATIENCE = 10.0, 3.0
"""What took longer than the one when it was found counts, while it is shrunk, as hanging after the other: others take milliseconds."""


@dataclass
class Found:
    """One bug: by which oracle, and what it took."""

    plant: str
    oracle: str
    error: str
    plans: int
    seconds: float
    elements: int
    token: str
    last: float
    """Seconds of the run that found it."""


def tree() -> Path | None:
    """Where the module with bugs in it is built."""
    built = sorted(ROOT.glob("build/*/planted/jstorrent/_core*.so"), key=lambda path: path.stat().st_mtime)
    return built[-1].parent.parent if built else None


# -- in the process that sees the module with bugs in it


def _plant(name: str) -> None:
    from jstorrent import _core

    _core.lab.plant(name)  # type: ignore[attr-defined]


def hunt(seed: int, first: int, most: int, plants: list[str]) -> Iterator[dict[str, Any]]:
    """Before each run {"at": bug or "none", "number": n}; what was found, as it is found; and plans that failed without any bug."""
    from jstorrent.lab._generate import generate
    from jstorrent.lab._perform import perform

    left = list(plants)
    for number in range(first, most):
        plan, clean = generate(seed, number), True
        for plant in ["none", *left]:
            if not clean:
                break
            yield {"at": plant, "number": number}
            _plant(plant)
            began = time.perf_counter()
            done = perform(plan, brief=True)
            spent = time.perf_counter() - began
            _plant("none")
            clean = clean and (done.ok or plant != "none")
            if plant in left:
                yield {"spent": spent, "by": plant}
            if not done.ok and done.report is not None:
                left = [each for each in left if each != plant]
                yield {"plant": plant, "number": number, "oracle": done.oracle, "error": (done.report.error or "").splitlines()[0]}
        if not left:
            return


def _hunt(words: list[str]) -> None:
    for fact in hunt(int(words[0]), int(words[1]), int(words[2]), words[3].split(",")):
        sys.stdout.write(json.dumps(fact) + "\n")
        if "spent" not in fact:
            sys.stdout.flush()


def _serve(plant: str, patience: float) -> None:
    """Runs plans in forks that have the bug inside."""
    import jstorrent.lab  # noqa: F401  once, for all forks
    from jstorrent.lab import _child

    _plant(plant)
    _child._serve(sys.stdin.buffer, sys.stdout.buffer, patience)


# -- outside


class Hunt:
    """The search, in a process that may die of a bug: then another goes on."""

    def __init__(self, plants: Iterable[str], seed: int, most: int, seconds: float) -> None:
        where = tree()
        if where is None:
            raise FileNotFoundError("the target `planted` is not built: make plants")
        self.environment = {**os.environ, "PYTHONPATH": f"{where}{os.pathsep}{ROOT}", "JST_MODULE_TREE": str(where)}
        self.left, self.seed, self.most, self.until = list(plants), seed, most, time.monotonic() + seconds
        self.found: list[Found] = []
        self.bad: list[str] = []
        self.at, self.number = "none", 0
        self.spent = dict.fromkeys(self.left, 0.0)
        self.last = 0.0
        self.heard = False
        self.suspect: tuple[str, int] | None = None
        """The run that hung last: the machine may have been busy elsewhere, so it counts when it does so again."""

    def run(self) -> None:
        """Until all is found, or it is enough."""
        while self.left and self.number < self.most and time.monotonic() < self.until:
            words = [self.seed, self.number, self.most, ",".join(self.left)]
            command = [sys.executable, "-m", "tests.plants.finder", "--hunt", *map(str, words)]
            with subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
                over = self.listen(process)
            if over and process.returncode == 0:
                return
            if over and not self.heard:
                raise RuntimeError("the process that hunts ended before its first run: what it said is above")
            if over:
                self.died("hang" if process.returncode == -signal.SIGKILL else "crash", process.returncode)

    def listen(self, process: subprocess.Popen[str]) -> bool:
        """Hears it out; False: time was up."""
        assert process.stdout is not None
        self.heard = False
        guard = threading.Timer(PATIENCE, process.kill)
        guard.start()
        for line in process.stdout:
            facts = json.loads(line)
            if "at" in facts:
                self.at, self.number, self.heard = facts["at"], facts["number"], True
                guard.cancel()
                guard = threading.Timer(PATIENCE, process.kill)
                guard.start()
            elif "spent" in facts:
                self.spent[facts["by"]] += facts["spent"]
                self.last = facts["spent"]
            else:
                self.take(facts["plant"], facts["oracle"], facts["error"])
            if time.monotonic() > self.until:
                process.kill()
                guard.cancel()
                return False
        guard.cancel()
        process.wait()
        return True

    def died(self, oracle: str, code: int) -> None:
        """The run that it was at killed it."""
        if oracle == "hang" and self.suspect != (self.at, self.number):
            self.suspect = (self.at, self.number)
            return
        self.last = PATIENCE if oracle == "hang" else 0.0
        self.take(self.at, oracle, f"{oracle}: the process ended with {code}")
        if self.at == "none":
            self.number += 1

    def take(self, plant: str, oracle: str, error: str) -> None:
        """One is found."""
        if plant == "none":
            self.bad.append(f"plan {self.number} fails without any bug: {error}")
            return
        self.left.remove(plant)
        self.found.append(Found(plant, oracle, error, self.number + 1, self.spent[plant], 0, "", self.last))
        print(f"{plant}: {oracle} after {self.number + 1} plans", file=sys.stderr, flush=True)

    def shrink(self) -> None:
        """Makes each finding small."""
        from jstorrent.lab._child import Children
        from jstorrent.lab._generate import generate
        from jstorrent.lab._shrink import shrink

        for each in self.found:
            plan = generate(self.seed, each.plans - 1)
            words = ["-m", "tests.plants.finder", "--serve", each.plant]
            patience = _SHORT_PATIENCE if each.last > _SLOW else PATIENCE
            with Children(patience, words=words, environment=self.environment) as children:
                made = shrink(plan, children.run, seconds=_SHRINK_SECONDS)
            each.elements, each.token = made.elements, made.plan.token
            print(f"{each.plant}: {made.elements} elements after {made.tried} tries", file=sys.stderr, flush=True)


def table(found: list[Found], what: dict[str, str]) -> str:
    """As Markdown."""
    lines = ["| bug | what breaks | oracle | plans | seconds | elements |", "|---|---|---|---|---|---|"]
    for each in sorted(found, key=lambda each: each.plans):
        lines.append(f"| `{each.plant}` | {what[each.plant]} | {each.oracle} | {each.plans} | {each.seconds:.1f} | {each.elements} |")
    return "\n".join(lines)


def write(hunted: Hunt, what: dict[str, str]) -> None:
    """Into the page."""
    from jstorrent.lab._generate import VERSION

    left = ", ".join(f"`{name}`" for name in hunted.left) or "none"
    head = (
        f"{len(hunted.found)} of {len(what)} bugs, by generator {VERSION} with seed {hunted.seed}; without any bug"
        f" {'all' if not hunted.bad else 'not all'} of the same plans passed.\nNot found within {hunted.number + 1} plans: {left}.\n\n"
    )
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{head}{table(hunted.found, what)}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def main() -> int:
    """Exits with 1 when too few were found, one was not made small, or a plan failed without any bug."""
    from tests.plants.defences import listed_plants

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plants", help="these only, separated by commas; the page is not written")
    parser.add_argument("--most", type=int, default=MOST, help="plans at most")
    parser.add_argument("--seconds", type=float, default=3600.0, help="time at most, without shrinking")
    parser.add_argument("--json", type=Path, help="what was found, as JSON")
    options = parser.parse_args()
    what = listed_plants()
    hunted = Hunt(options.plants.split(",") if options.plants else what, SEED, options.most, options.seconds)
    hunted.run()
    hunted.shrink()
    print(table(hunted.found, what))
    print(f"\n{len(hunted.found)} found; not found within {hunted.number + 1} plans: {', '.join(hunted.left) or 'none'}")
    if options.json:
        facts = {"found": [asdict(each) for each in hunted.found], "left": hunted.left, "bad": hunted.bad, "plans": hunted.number + 1}
        options.json.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    if not options.plants:
        write(hunted, what)
    large = [each.plant for each in hunted.found if each.elements > SMALL]
    for wrong in [*hunted.bad, *(f"{name} was not made small" for name in large)]:
        print(wrong, file=sys.stderr)
    needed = len(options.plants.split(",")) if options.plants else NEEDED
    return 1 if hunted.bad or len(hunted.found) - len(large) < needed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--hunt"]:
        _hunt(sys.argv[2:])
    elif sys.argv[1:2] == ["--serve"]:
        _serve(sys.argv[2], float(sys.argv[3]))
    else:
        sys.exit(main())
