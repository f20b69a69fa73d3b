"""`make guard`: has anything become dearer? Instructions of runs without clock or luck, and hash lanes beside OpenSSL."""

from __future__ import annotations

import argparse
import json
import sys

from bench.guard.counts import SCENARIOS, conditions, count, missing
from bench.guard.record import LEAST_LANES, PATH, Verdict, has_lanes, lanes_ratio, load, save


def _line(name: str, verdict: Verdict) -> str:
    was = f"{verdict.recorded:>13,}" if verdict.recorded else f"{'none':>13}"
    return f"{name:12} {verdict.counted:>13,} instructions, on record {was}  {verdict.change:+7.2%}  {verdict.word}"


def main(argv: list[str]) -> int:
    """1 when something became dearer than the record allows."""
    parser = argparse.ArgumentParser(prog="bench.guard", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write what is counted now on record")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    options = parser.parse_args(argv)
    why = missing()
    if why:
        print(f"guard: {why}", file=sys.stderr)
        return 1
    counted = {name: count(name) for name in SCENARIOS}
    if options.record:
        save(conditions(), counted)
        print(f"guard: recorded in {PATH}")
        return 0
    here, record = conditions(), load()
    verdicts = {name: Verdict(number, record.counts.get(name)) for name, number in counted.items()}
    lanes, comparable = lanes_ratio(), here == record.conditions
    alone = has_lanes() and lanes < LEAST_LANES
    if options.json:
        print(json.dumps({"counts": counted, "comparable": comparable, "lanes": round(lanes, 2)}))
    else:
        for name, verdict in verdicts.items():
            print(_line(name, verdict))
        wanted = f"at least {LEAST_LANES} is wanted" if has_lanes() else "this CPU has no instructions for more"
        print(f"hash lanes   {lanes:.2f} times as fast as OpenSSL; {wanted}")
    if not comparable:
        print(f"guard: the record is of {record.conditions}, here is {here}: counts are not compared", file=sys.stderr)
    dearer = comparable and any(verdict.is_dearer for verdict in verdicts.values())
    if dearer:
        print("guard: what is meant to cost more is put on record by: make guard ARGS=--record", file=sys.stderr)
    return 1 if dearer or alone else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
