"""The simulated disk: what a process sees, what a crash leaves, space, errors, and how long it takes."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.runtime_sim.machine import Machine

BLOCK = 4096
MAX_NAME = 255
MAX_SIZE = 1 << 44


# ---- what is durable ----


def test_a_crash_keeps_what_file_and_directory_syncs_made_durable() -> None:
    m = Machine()
    m.store("/kept", b"kept" * 1000, sync="file dir")
    m.crash()
    assert m.content("/kept") == b"kept" * 1000


def test_a_crash_loses_bytes_since_the_last_sync_of_that_file() -> None:
    m = Machine()
    file = m.store("/a", b"one" * 10_000, sync="file dir")
    m.write(file, b"TWO", 0)
    m.write(file, b"more", 30_000)
    assert m.world.disk_size(m.node, "/a") == 30_004
    m.crash()
    assert m.content("/a") == b"one" * 10_000


def test_a_crash_undoes_a_truncation_that_was_not_synced() -> None:
    m = Machine()
    file = m.store("/a", bytes(range(256)) * 200, sync="file dir")
    assert m.disk("truncate", file=file, offset=100).error == "ok"
    m.crash()
    assert m.content("/a") == bytes(range(256)) * 200


def test_a_name_is_durable_only_by_a_sync_of_its_directory() -> None:
    m = Machine()
    m.store("/unnamed", b"x", sync="file")
    m.crash()
    assert m.content("/unnamed") is None
    m.store("/empty", b"x", sync="dir")
    m.crash()
    assert m.content("/empty") == b""


def test_renames_and_unlinks_are_undone_until_their_directory_is_synced() -> None:
    m = Machine()
    m.store("/old", b"old", sync="file dir")
    m.store("/new", b"new", sync="file dir")
    assert m.disk("rename", path="/new", path_to="/old").error == "ok"
    assert (m.content("/old"), m.content("/new")) == (b"new", None)
    m.crash()
    assert (m.content("/old"), m.content("/new")) == (b"old", b"new")
    m.disk("rename", path="/new", path_to="/old")
    m.disk("sync_dir", path="/")
    m.crash()
    assert (m.content("/old"), m.content("/new")) == (b"new", None)
    m.disk("unlink", path="/old")
    m.crash()
    assert m.content("/old") == b"new"


def test_directories_are_names_too() -> None:
    m = Machine()
    m.disk("mkdirs", path="/d/e")
    m.store("/d/e/f", b"f", sync="file dir")
    m.disk("sync_dir", path="/d")
    m.crash()
    assert m.world.disk_list(m.node, "/") == {}
    m.disk("mkdirs", path="/d/e")
    m.store("/d/e/f", b"f", sync="file dir")
    m.disk("sync_dir", path="/d")
    m.disk("sync_dir", path="/")
    m.crash()
    assert m.content("/d/e/f") == b"f"


def test_a_clean_end_keeps_everything() -> None:
    m = Machine()
    m.store("/a", b"unsynced")
    m.crash("clean")
    assert m.content("/a") == b"unsynced"


def test_a_crash_drops_operations_that_have_not_taken_effect() -> None:
    m = Machine()
    file = m.store("/a", b"1", sync="file dir")
    m.host.disk("write", file=file, offset=0, data=[b"2"])
    m.host.disk("sync_file", file=file)
    m.crash()
    m.world.run_for(10)
    assert m.content("/a") == b"1" and m.collect() == [] and m.world.idle


def test_what_a_laboratory_changes_is_durable_and_nothing_else_becomes_so() -> None:
    m = Machine()
    file = m.store("/a", b"aaaa" * 10_000, sync="file dir")
    m.write(file, b"unsynced", 30_000)
    m.world.disk_write(m.node, "/a", 2, b"XX")
    m.world.disk_write(m.node, "/deep/er/b", 0, b"b")
    m.crash()
    content = m.content("/a")
    assert content is not None and content[:8] == b"aaXXaaaa" and b"unsynced" not in content
    assert m.content("/deep/er/b") == b"b"
    m.world.disk_delete(m.node, "/a")
    m.crash()
    assert m.content("/a") is None


# ---- space ----


def test_the_write_that_crosses_the_quota_is_short_and_the_next_finds_no_space() -> None:
    m = Machine()
    m.world.disk_quota(m.node, 10 * BLOCK)
    file = m.open("/a")
    assert m.write(file, bytes(8 * BLOCK)).error == "ok"
    crossing = m.write(file, bytes(4 * BLOCK), 8 * BLOCK)
    assert (crossing.error, crossing.value) == ("disk_full", 2 * BLOCK)
    assert (m.write(file, b"x", 10 * BLOCK).error, m.world.disk_size(m.node, "/a")) == ("disk_full", 10 * BLOCK)
    assert m.write(file, b"over what is there", 0).error == "ok"
    m.world.disk_quota(m.node, None)
    assert m.write(file, b"x", 10 * BLOCK).error == "ok"


def test_holes_are_free_and_what_is_freed_can_be_used() -> None:
    m = Machine()
    m.world.disk_quota(m.node, 4 * BLOCK)
    file = m.open("/a")
    assert m.write(file, b"x", 1000 * BLOCK).error == "ok"
    assert m.world.disk_used(m.node) == BLOCK
    other = m.open("/b")
    assert m.write(other, bytes(4 * BLOCK)).value == 3 * BLOCK
    m.disk("truncate", file=file, offset=0)
    assert m.write(other, bytes(BLOCK), 3 * BLOCK).error == "ok"
    m.disk("unlink", path="/b")
    assert m.disk("free_space", path="/").value == 0  # still open
    m.disk("close", file=other)
    assert m.disk("free_space", path="/").value == 4 * BLOCK


def test_allocation_reserves_or_says_that_there_is_no_space() -> None:
    m = Machine()
    m.world.disk_quota(m.node, 10 * BLOCK)
    file = m.open("/a")
    assert m.disk("allocate", file=file, offset=11 * BLOCK).error == "disk_full"
    assert m.disk("allocate", file=file, offset=10 * BLOCK).error == "ok"
    stat = m.disk("stat", path="/a").data
    assert (stat["size"], stat["allocated"]) == (10 * BLOCK, 10 * BLOCK)
    other = m.open("/b")
    assert m.write(other, b"x").error == "disk_full"
    assert m.write(file, bytes(10 * BLOCK)).error == "ok"


def test_space_of_a_removed_tree_comes_back_after_a_crash_too() -> None:
    m = Machine()
    m.store("/a", bytes(5 * BLOCK), sync="file dir")
    m.store("/b", bytes(7 * BLOCK))
    m.crash()
    assert m.world.disk_used(m.node) == 5 * BLOCK


# ---- errors ----


def test_errors_are_those_of_posix() -> None:
    m = Machine()
    file = m.store("/file", b"x")
    m.disk("mkdirs", path="/dir/sub")
    said = {
        ("open", "/none", "read"): "not_found",
        ("open", "/none/deeper", "create"): "not_found",
        ("open", "/file/deeper", "create"): "not_directory",
        ("open", "/dir", "write"): "is_directory",
        ("open", "/" + "n" * (MAX_NAME + 1), "create"): "name_too_long",
        ("open", "/" + "n" * MAX_NAME, "create"): "ok",
    }
    for (action, path, mode), error in said.items():
        assert m.disk(action, path=path, mode=mode).error == error, path
    for action, path, error in [
        ("unlink", "/dir", "is_directory"),
        ("unlink", "/none", "not_found"),
        ("rmdir", "/dir", "not_empty"),
        ("rmdir", "/file", "not_directory"),
        ("rmdir", "/dir/sub", "ok"),
        ("mkdirs", "/file/sub", "not_directory"),
        ("mkdirs", "/file", "not_directory"),
        ("list", "/file", "not_directory"),
        ("list", "/none", "not_found"),
        ("sync_dir", "/none", "not_found"),
        ("stat", "/none", "not_found"),
    ]:
        assert m.disk(action, path=path).error == error, (action, path)
    assert m.disk("rename", path="/file", path_to="/dir").error == "is_directory"
    assert m.disk("rename", path="/dir", path_to="/file").error == "not_directory"
    assert m.disk("rename", path="/dir", path_to="/dir/below").error == "invalid_argument"
    assert m.disk("read", file=999, sizes=[1]).error == "bad_handle"
    reader = m.open("/file", "read")
    assert m.write(reader, b"x").error == "bad_handle"
    assert m.write(file, b"x", MAX_SIZE).error == "file_too_large"
    assert m.write(file, b"x", MAX_SIZE - 1).error == "ok"
    m.disk("close", file=file)
    assert m.write(file, b"x").error == "bad_handle"


def test_a_link_is_followed_where_the_path_is_trusted_and_refused_beyond() -> None:
    m = Machine()
    m.disk("mkdirs", path="/real")
    m.world.disk_symlink(m.node, "/link", "/real")
    m.world.disk_symlink(m.node, "/real/out", "/real/elsewhere")
    m.world.disk_symlink(m.node, "/loop", "/loop")
    assert m.disk("open", path="/link/a", mode="create").error == "ok"
    assert m.content("/real/a") == b""
    assert m.disk("open", path="/link/b", mode="create", trusted=len("/link")).error == "ok"
    assert m.disk("open", path="/link/c", mode="create", trusted=1).error == "symlink"
    assert m.disk("open", path="/real/out", mode="create", trusted=len("/real")).error == "symlink"
    assert m.disk("mkdirs", path="/link/d", trusted=1).error == "symlink"
    assert m.disk("open", path="/loop", mode="read").error == "symlink"
    assert m.disk("stat", path="/real/out", trusted=len("/real")).data["kind"] == "symlink"
    assert m.disk("unlink", path="/real/out", trusted=len("/real")).error == "ok"


def test_a_lock_is_held_by_one_and_ends_with_its_process() -> None:
    m = Machine()
    lock = m.disk("lock", path="/lock")
    assert lock.error == "ok"
    assert m.disk("lock", path="/lock").error == "state_dir_in_use"
    m.disk("close", file=lock.value)
    assert m.disk("lock", path="/lock").error == "ok"
    m.crash("clean")
    assert m.disk("lock", path="/lock").error == "ok"


# ---- time ----


def test_operations_take_effect_in_order_each_with_its_latency() -> None:
    m = Machine()
    m.world.set_disk(m.node, 1_000_000, 0.01, 0.5)
    file = m.open("/a")
    start = m.world.now
    first = m.host.disk("write", file=file, offset=0, data=[bytes(100_000)])
    second = m.host.disk("write", file=file, offset=0, data=[b"x" * 100_000])
    third = m.host.disk("sync_file", file=file)
    fourth = m.host.disk("read", file=file, offset=0, sizes=[1])
    ends = [m.completion(op).now - start for op in (first, second, third, fourth)]
    assert ends == pytest.approx([0.11, 0.21, 0.71, 0.71])
    assert m.completion(fourth).data == b"x"


def test_a_read_is_short_only_at_the_end() -> None:
    m = Machine()
    file = m.store("/a", b"0123456789")
    assert m.disk("read", file=file, offset=4, sizes=[2, 100]).data == b"456789"
    assert m.disk("read", file=file, offset=10, sizes=[5]).value == 0


def test_a_buffer_changed_while_it_is_written_is_a_broken_rule() -> None:
    m = Machine()
    file = m.open("/a")
    op = m.host.disk("write", file=file, offset=0, data=[b"abc"])
    m.host.spoil(op)
    assert m.completion(op).error == "internal"
    assert m.world.broken_rules == 1 and m.content("/a") == b""


# ---- against a real file ----

STEP = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 70_000), st.integers(1, 40_000)),
    st.tuples(st.just("truncate"), st.integers(0, 80_000), st.just(0)),
    st.tuples(st.just("read"), st.integers(0, 90_000), st.integers(1, 50_000)),
    st.tuples(st.just("sync"), st.just(0), st.just(0)),
    st.tuples(st.just("crash"), st.just(0), st.just(0)),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(STEP, max_size=14))
def test_a_file_is_like_a_plain_array_of_bytes_with_a_durable_copy(steps: list[tuple[str, int, int]]) -> None:
    m = Machine()
    file = m.store("/a", b"", sync="file dir")
    visible, durable = b"", b""
    for turn, (what, offset, size) in enumerate(steps):
        if what == "write":
            data = bytes((turn * 50 + i) & 0xFF for i in range(size))
            assert m.write(file, data, offset).error == "ok"
            visible = visible[:offset].ljust(offset, b"\0") + data + visible[offset + size :]
        elif what == "truncate":
            assert m.disk("truncate", file=file, offset=offset).error == "ok"
            visible = visible[:offset].ljust(offset, b"\0")
        elif what == "read":
            assert m.disk("read", file=file, offset=offset, sizes=[size]).data == visible[offset : offset + size]
        elif what == "sync":
            m.disk("sync_file", file=file)
            durable = visible
        else:
            m.crash()
            file, visible = m.open("/a", "write"), durable
        assert m.content("/a") == visible


def test_the_real_disk_is_not_touched(tmp_path: Path) -> None:
    m = Machine()
    m.disk("mkdirs", path=str(tmp_path / "x"))
    m.store(str(tmp_path / "x" / "a"), b"a", sync="file dir")
    assert list(tmp_path.iterdir()) == []
