"""Run every libFuzzer target of a build for some seconds: `run.py build/fuzz --seconds 30`. New inputs go to .cache/fuzz."""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path)
    parser.add_argument("--seconds", type=int, default=30)
    options = parser.parse_args()
    failed = []
    for target in sorted(options.build.resolve().glob("fuzz_*")):
        if target.suffix or not target.is_file():
            continue
        name = target.name.removeprefix("fuzz_")
        found = HERE.parent.parent / ".cache" / "fuzz" / name
        found.mkdir(parents=True, exist_ok=True)
        corpus = HERE / "corpus" / name
        command = [target, found, corpus, f"-max_total_time={options.seconds}", "-print_final_stats=0", "-verbosity=0"]
        print(f"fuzz: {name} for {options.seconds} s", flush=True)
        if subprocess.run(command, cwd=found.parent, check=False).returncode:
            failed.append(name)
    print(f"fuzz: findings in {failed}" if failed else "fuzz: no finding")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
