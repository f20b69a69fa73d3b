"""A full disk is an error with a path, and goes on once there is room (engine/file_store, handle_cache, state_store)."""

from __future__ import annotations

from jstorrent._core import lab

from tests.unit.engine.torrents import v1

storage = lab.storage
BLOCK = 16384


def test_a_full_disk_names_the_file_and_room_heals_it() -> None:
    sample = v1([("a", 20 * BLOCK)])
    bench = storage.DiskBench.simulated(1)
    bench.set_quota(5 * BLOCK)
    store = storage.StoreBench(bench, sample.torrent, "/data")
    writes = [(n, 0, p) for n, p in enumerate(sample.pieces)]
    outcomes = store.write(writes)
    assert ("disk_full", "/data/t/a") in outcomes
    assert set(outcomes) <= {("disk_full", "/data/t/a"), ("ok", "")}
    bench.set_quota(None)
    assert set(store.write(writes)) == {("ok", "")}
    assert bench.file("/data/t/a") == sample.files["t/a"]


def test_space_that_cannot_be_reserved_is_an_error_before_any_byte() -> None:
    size = storage.reserve_from_bytes * 4
    sample = v1([("a", size)], 1 << 20)
    bench = storage.DiskBench.simulated(2, 1)
    bench.set_quota(size // 2)
    store = storage.StoreBench(bench, sample.torrent, "/data")
    assert store.write([(0, 0, sample.pieces[0]), (1, 0, sample.pieces[1])]) == [("disk_full", "/data/t/a")] * 2
    assert bench.open_files == 0, "the handle was closed again"
    bench.set_quota(None)
    assert store.write([(0, 0, sample.pieces[0])]) == [("ok", "")]
    assert len(bench.file("/data/t/a")) == size


def test_all_space_at_the_start_or_an_error_that_names_the_file() -> None:
    sample = v1([("a", 2 * BLOCK), ("b", 4 * BLOCK), ("c", 2 * BLOCK)])
    bench = storage.DiskBench.simulated(4)
    bench.set_quota(4 * BLOCK)
    store = storage.StoreBench(bench, sample.torrent, "/data")
    assert store.make_all() == ("disk_full", "/data/t/b")
    assert bench.open_files == 0, "the handle was closed again"
    bench.set_quota(8 * BLOCK)
    assert store.make_all() == ("ok", "")
    assert [len(bench.file(f"/data/t/{name}")) for name in "abc"] == [2 * BLOCK, 4 * BLOCK, 2 * BLOCK]


def test_a_state_that_cannot_be_saved_keeps_the_old_record() -> None:
    bench = storage.DiskBench.simulated(3)
    state = storage.StateBench(bench, "/state")
    assert state.open()[0] == ("ok", "")
    state.save({"info_hash": b"h" * 20, "queue_position": 1})
    assert state.flush() == ("ok", "")
    old = bench.file("/state/torrents/" + (b"h" * 20).hex() + ".jst")
    bench.set_quota(1)
    state.save({"info_hash": b"h" * 20, "queue_position": 2, "metainfo": bytes(100_000)})
    assert state.flush() == ("disk_full", "/state/torrents/" + (b"h" * 20).hex() + ".jst")
    assert bench.file("/state/torrents/" + (b"h" * 20).hex() + ".jst") == old
    bench.set_quota(None)
    state.save({"info_hash": b"h" * 20, "queue_position": 2})
    assert state.flush() == ("ok", "")
    state.close()
    assert storage.StateBench(bench, "/state").open()[1][0]["queue_position"] == 2
