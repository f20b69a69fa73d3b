"""Every input that is kept in the corpora goes through its fuzz target, in an ordinary build."""

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
BUILDS = [HERE.parent.parent / "build" / preset for preset in ("release", "dev")]
TARGETS = sorted(p.stem for p in HERE.glob("*.cpp") if p.stem != "replay_main")


def _program(name: str) -> Path:
    built = [b / f"fuzz_{name}" for b in BUILDS if (b / f"fuzz_{name}").exists()]
    if not built:
        pytest.skip(
            f"fuzz_{name} is not built (make test builds it: cmake --build build/release --target fuzz_targets)"
        )
    return max(built, key=lambda p: p.stat().st_mtime)


def test_every_target_has_a_corpus() -> None:
    assert TARGETS
    assert [n for n in TARGETS if not any((HERE / "corpus" / n).glob("*"))] == []


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_is_replayed_without_a_finding(name: str) -> None:
    corpus = HERE / "corpus" / name
    done = subprocess.run([_program(name), corpus], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) == len(list(corpus.iterdir()))
