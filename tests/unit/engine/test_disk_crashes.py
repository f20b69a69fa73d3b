"""The power fails at every moment of a save or a sync: what was promised is there (state_store, SyncSweep, file_store).

The simulated disk keeps nothing that was not synced: of a file its contents, of a directory its names.
"""

from __future__ import annotations

from typing import Any

import pytest
from jstorrent._core import lab

from tests.unit.engine.torrents import v1, v2

storage = lab.storage
MOST_ROUNDS = 200


def record(n: int, position: int) -> dict[str, Any]:
    return {"info_hash": bytes([n]) * 20, "queue_position": position, "save_path": "/data"}


def open_state(bench: Any) -> tuple[Any, list[dict[str, Any]], list[Any]]:
    store = storage.StateBench(bench, "/home/user/state")
    outcome, records, _, problems = store.open()
    assert outcome == ("ok", "")
    return store, records, problems


@pytest.mark.parametrize("seed", [1, 2])
def test_a_crash_in_a_save_leaves_the_old_record_or_the_new(seed: int) -> None:
    seen = set()
    for rounds in range(MOST_ROUNDS):
        bench = storage.DiskBench.simulated(seed)
        store, _, _ = open_state(bench)
        store.save(record(1, 10))
        store.save(record(2, 20))
        assert store.flush() == ("ok", "")
        bench.crash_after(rounds)
        finished = False
        try:
            store.save(record(1, 11))
            store.forget(bytes([2]) * 20)
            store.save(record(3, 30))
            finished = store.flush() == ("ok", "")
        except RuntimeError as error:
            assert str(error) == "crash"
        bench.crash()
        _, records, problems = open_state(bench.reboot())
        found = tuple(r["queue_position"] for r in records)
        assert problems == []
        assert found in {(10, 20), (11, 20), (11,), (11, 30)}, f"after {rounds} rounds"
        seen.add(found)
        if finished:
            assert found == (11, 30)
            break
    else:
        pytest.fail("the save never finished")
    assert len(seen) == 4, "each moment was met"


def test_a_crash_right_after_opening_a_new_state_dir_leaves_a_usable_one() -> None:
    for rounds in range(30):
        bench = storage.DiskBench.simulated(3)
        bench.crash_after(rounds)
        try:
            store, _, _ = open_state(bench)
            store.save(record(1, 1))
            store.flush()
        except RuntimeError:
            pass
        else:
            return
        store, _, problems = open_state(bench.reboot())
        assert problems == []
        store.save(record(1, 1))
        assert store.flush() == ("ok", "")
    pytest.fail("opening never finished")


@pytest.mark.parametrize("make", [v1, v2])
def test_what_was_synced_survives(make: Any) -> None:
    sample = make([("a", 40_000), ("b", 100), ("c", 70_000)])
    bench = storage.DiskBench.simulated(4)
    store = storage.StoreBench(bench, sample.torrent, "/new/dir/data")
    store.write([(n, 0, p) for n, p in enumerate(sample.pieces)])
    store.create_empty()
    assert store.sync() == ("ok", "")
    bench.crash()
    again = bench.reboot()
    for name, data in sample.files.items():
        assert again.file(f"/new/dir/data/{name}") == data
    store = storage.StoreBench(again, sample.torrent, "/new/dir/data", 2)
    assert {good for _, good in store.check()[1]} == {True}


def test_empty_files_survive_a_sync() -> None:
    sample = v1([("d/e", 0), ("a", 1)])
    bench = storage.DiskBench.simulated(5)
    store = storage.StoreBench(bench, sample.torrent, "/data")
    store.create_empty()
    assert store.sync() == ("ok", "")
    bench.crash()
    assert bench.reboot().file("/data/t/d/e") == b""


def test_what_was_not_synced_is_found_missing_by_the_check() -> None:
    sample = v1([("a", 10 * 16384)])
    bench = storage.DiskBench.simulated(6)
    store = storage.StoreBench(bench, sample.torrent, "/data")
    store.write([(n, 0, sample.pieces[n]) for n in (0, 1, 2)])
    assert store.sync() == ("ok", "")
    store.write([(n, 0, sample.pieces[n]) for n in (3, 4, 5)])
    bench.crash()
    store = storage.StoreBench(bench.reboot(), sample.torrent, "/data", 2)
    good = sorted(piece for piece, right in store.check()[1] if right)
    assert good == [0, 1, 2]


def test_a_crash_in_a_move_loses_no_byte() -> None:
    """Renames and directories may come back in part, but each file is in one of the two places, whole."""
    sample = v1([("a", 20_000), ("d/b", 20_000)])
    for rounds in range(MOST_ROUNDS):
        bench = storage.DiskBench.simulated(7)
        store = storage.StoreBench(bench, sample.torrent, "/old")
        store.write([(n, 0, p) for n, p in enumerate(sample.pieces)])
        store.sync()
        bench.crash_after(rounds)
        finished = False
        try:
            finished = store.move("/new") == ("ok", "")
        except RuntimeError:
            pass
        if not finished:
            again = bench.reboot()
            for name, data in sample.files.items():
                places = []
                for root in ("/old/", "/new/"):
                    try:
                        places.append(again.file(root + name))
                    except OSError:
                        continue
                assert data in places, f"{name} after {rounds} rounds"
            continue
        return
    pytest.fail("the move never finished")
