"""What is there is found with few questions (engine/file_sweeps, StatSweep)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.engine.test_file_store import open_store, storage, write_all
from tests.unit.engine.torrents import v1

UNCOUNTED = Path("/sys/kernel/mm/ksm/run")
MANY = [(f"d{n // 100}/e/{n}", 1000) for n in range(2000)]


def looked_at(store: Any) -> tuple[int, list[bool]]:
    """Operations of one look at all files, and which are there."""
    before = store.operations
    outcome, stamps, _, _ = store.stat()
    assert outcome == ("ok", "")
    return store.operations - before, [exists for exists, _, _ in stamps]


def test_files_in_a_directory_that_is_missing_are_not_looked_for(tmp_path: Path) -> None:
    sample = v1(MANY)
    store = open_store(sample, tmp_path)
    operations, there = looked_at(store)
    assert operations < 50 and not any(there)
    write_all(store, sample)
    operations, there = looked_at(store)
    assert operations == len(MANY) + 1 and all(there)


@pytest.mark.parametrize("left", ["t/d7/e/750", "t/d0/e/0", "t/d19/e/1999", "t/d7/e"])
def test_a_file_among_missing_directories_is_found(tmp_path: Path, left: str) -> None:
    sample = v1(MANY)
    target = tmp_path / left
    target.parent.mkdir(parents=True)
    if left.endswith("e"):
        target.mkdir()
    else:
        target.write_bytes(bytes(1000))
    operations, there = looked_at(open_store(sample, tmp_path))
    assert [n for n, exists in enumerate(there) if exists] == [
        n for n, (name, _) in enumerate(MANY) if left == f"t/{name}"
    ]
    assert operations < 700


def test_directories_without_end_cost_a_few_questions_for_each_file(tmp_path: Path) -> None:
    """A torrent chooses its own depth: each of these has 50 directories of its own above it."""
    names = [f"{n}/" + "d/" * 50 + "f" for n in range(200)]
    (tmp_path / "t").mkdir()
    operations, there = looked_at(open_store(v1([(name, 1) for name in names]), tmp_path))
    assert not any(there)
    assert len(names) < operations <= len(names) * (1 + storage.most_climbed) + 1


@pytest.mark.skipif(not UNCOUNTED.is_file() or UNCOUNTED.stat().st_blocks > 0, reason="needs sysfs")
def test_a_disk_that_counts_no_blocks_has_no_holes_for_that() -> None:
    """Many file systems of networks and of user space say so of every file."""
    sample = v1([(UNCOUNTED.name, UNCOUNTED.stat().st_size)], name=UNCOUNTED.parent.name)
    outcome, stamps, holes, _ = open_store(sample, UNCOUNTED.parent.parent).stat()
    assert outcome == ("ok", "") and stamps[0][0] and holes == [False]
