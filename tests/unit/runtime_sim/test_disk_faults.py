"""Faults of a simulated disk, operation by operation."""

from typing import Any

import pytest

from tests.unit.runtime_sim.machine import Machine


def fail(m: Machine, op: str, **words: Any) -> int:
    words = {"nth": 1, "error": "EIO", "times": 1, "path": "", "offset": None, **words}
    return int(m.world.disk_fail(m.node, op, *(words[name] for name in ("nth", "error", "times", "path", "offset"))))


def hits(m: Machine, fault: int) -> int:
    return int(m.world.disk_fault_hits(m.node, fault))


def test_an_operation_that_fails_has_no_effect() -> None:
    m = Machine()
    file = m.store("/a", b"old", sync="file dir")
    fail(m, "write", error="ENOSPC")
    fail(m, "truncate", error="EROFS")
    fail(m, "rename", error="EACCES")
    fail(m, "unlink", error="EPERM")
    fail(m, "allocate", error="EDQUOT")
    before = m.world.disk_operations(m.node)
    assert m.write(file, b"new").error == "disk_full"
    assert m.disk("truncate", file=file, offset=1).error == "read_only"
    assert m.disk("rename", path="/a", path_to="/b").error == "permission"
    assert m.disk("unlink", path="/a").error == "permission"
    assert m.disk("allocate", file=file, offset=100_000).error == "disk_quota"
    assert m.content("/a") == b"old" and m.world.disk_operations(m.node) == before
    assert m.write(file, b"new").error == "ok"


def test_a_sync_that_fails_makes_nothing_durable() -> None:
    m = Machine()
    file = m.store("/a", b"old", sync="file dir")
    m.write(file, b"new")
    fail(m, "sync")
    assert m.disk("sync_file", file=file).error == "disk_io"
    assert bytes(m.world.disk_durable(m.node, "/a")) == b"old"
    m.crash()
    assert m.content("/a") == b"old"


def test_an_open_that_fails_gives_no_file() -> None:
    m = Machine()
    fail(m, "open", error="EMFILE")
    event = m.disk("open", path="/a", mode="create")
    assert event.error == "too_many_open" and m.content("/a") is None


def test_several_faults_all_count_and_the_oldest_decides() -> None:
    m = Machine()
    file = m.store("/a", b"x")
    first, second = fail(m, "write", nth=2, times=2), fail(m, "any", error="ENOSPC", times=0)
    said = [m.write(file, b"y").error for _ in range(4)]
    assert said == ["disk_full", "disk_io", "disk_io", "disk_full"]
    assert (hits(m, first), hits(m, second)) == (2, 2)
    m.world.disk_clear_fault(m.node, second)
    assert m.write(file, b"y").error == "ok"
    assert m.world.disk_fault_hits(m.node, second) is None


@pytest.mark.parametrize(
    ("path", "where", "strikes"),
    [
        ("/d/a", "", True), ("/d/a", "/d", True), ("/d/a", "/d/a", True), ("/d/a", "/", True), ("/d/a", "/d/", True),
        ("/d/a", "/d/ab", False), ("/d/ab", "/d/a", False), ("/d/a", "/e", False), ("/d//./a", "/d/a", True),
    ],
)  # fmt: skip
def test_a_path_is_itself_and_all_below_it(path: str, where: str, strikes: bool) -> None:
    m = Machine()
    m.disk("mkdirs", path="/d")
    file = m.open(path)
    fault = fail(m, "write", path=where)
    assert (m.write(file, b"x").error == "disk_io") is strikes
    assert hits(m, fault) == strikes


def test_an_open_file_goes_with_its_name() -> None:
    m = Machine()
    m.disk("mkdirs", path="/old")
    m.disk("mkdirs", path="/new")
    file = m.store("/old/f", b"x")
    fail(m, "write", path="/old", times=0)
    fault = fail(m, "write", path="/new/f")
    assert m.disk("rename", path="/old/f", path_to="/new/f").error == "ok"
    assert m.write(file, b"y").error == "disk_io" and hits(m, fault) == 1
    assert m.write(file, b"y").error == "ok"


@pytest.mark.parametrize(
    ("offset", "size", "strikes"), [(0, 100, False), (0, 101, True), (199, 1, True), (200, 50, False), (50, 500, True)]
)
def test_only_operations_that_touch_these_bytes(offset: int, size: int, strikes: bool) -> None:
    m = Machine()
    file = m.store("/a", bytes(1000))
    fail(m, "write", offset=(100, 200))
    assert (m.write(file, b"x" * size, offset).error == "disk_io") is strikes


def test_half_of_a_short_write_is_there_and_a_short_read_looks_like_the_end() -> None:
    m = Machine()
    file = m.store("/a", b"0123456789")
    fail(m, "any", error="short", times=2)
    event = m.write(file, b"abcdefg")
    assert event.error == "short_write" and m.content("/a") == b"abc3456789"
    event = m.disk("read", file=file, offset=0, sizes=[4, 4])
    assert event.error == "ok" and bytes(event.data) == b"abc3"


def test_a_stall_holds_up_what_stands_behind_it_and_a_clear_ends_it() -> None:
    m = Machine()
    file = m.store("/a", b"x")
    fault = m.world.disk_stall(m.node, 5.0, "sync", "/a")
    began = m.world.now
    slow, behind = m.host.disk("sync_file", file=file), m.host.disk("write", file=file, offset=0, data=[b"y"])
    m.completion(behind)
    assert m.world.now - began == pytest.approx(5.0, abs=0.01)
    m.completion(slow)
    assert hits(m, fault) == 1
    m.world.disk_clear_fault(m.node, fault)
    began = m.world.now
    assert m.disk("sync_file", file=file).error == "ok" and m.world.now - began < 0.1


def test_free_space_is_what_the_tightest_quota_leaves() -> None:
    m = Machine()
    m.disk("mkdirs", path="/d/e")
    m.world.disk_quota(m.node, 1 << 20)
    m.world.disk_quota(m.node, 65_536, "/d")
    m.store("/d/e/f", bytes(8192))
    assert m.disk("free_space", path="/d/e").value == 65_536 - 8192
    assert m.disk("free_space", path="/").value == (1 << 20) - 8192
    m.world.disk_quota(m.node, None, "/d")
    assert m.disk("free_space", path="/d/e").value == (1 << 20) - 8192
