"""Disk operations say the same on a real disk and on a simulated one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.conformance.harness import World


@pytest.fixture
def base(world: World, tmp_path: Path) -> str:
    assert world.disk("mkdirs", path=str(tmp_path)).error == "ok"
    return str(tmp_path)


def put(world: World, path: str, data: bytes) -> None:
    file = world.open(path)
    assert world.disk("write", file=file, offset=0, data=[data]).error == "ok"
    assert world.disk("close", file=file).error == "ok"


def contents(world: World, path: str, size: int = 1000) -> bytes:
    file = world.open(path, mode="read")
    event = world.disk("read", file=file, offset=0, sizes=[size])
    assert event.error == "ok"
    world.disk("close", file=file)
    return bytes(event.data)


def test_written_bytes_are_read_back(world: World, base: str) -> None:
    file = world.open(f"{base}/a")
    event = world.disk("write", file=file, offset=3, data=[b"ab", b"", b"cde"])
    assert (event.error, event.value, event.intact) == ("ok", 5, True)
    event = world.disk("read", file=file, offset=0, sizes=[2, 6])
    assert (event.error, event.value, event.data) == ("ok", 8, b"\0\0\0abcde")


def test_a_read_is_short_only_at_the_end(world: World, base: str) -> None:
    file = world.open(f"{base}/a")
    world.disk("write", file=file, data=[b"12345"])
    assert world.disk("read", file=file, offset=2, sizes=[2, 100]).data == b"345"
    event = world.disk("read", file=file, offset=5, sizes=[10])
    assert (event.error, event.value) == ("ok", 0)
    assert world.disk("read", file=file, offset=500, sizes=[10]).value == 0


@pytest.mark.parametrize("bulk", [False, True])
def test_what_is_wanted_next_changes_no_answer(world: World, base: str, bulk: bool) -> None:
    data = bytes(range(256)) * 1000
    put(world, f"{base}/a", data)
    file = world.open(f"{base}/a", mode="read")
    for ahead in (1, len(data), (1 << 32) - 1):
        for offset in (0, 5000, len(data) - 100, len(data), len(data) + 100):
            event = world.disk("read", file=file, offset=offset, sizes=[100, 200], ahead=ahead, bulk=bulk)
            assert (event.error, event.data) == ("ok", data[offset : offset + 300])


def test_a_read_may_lend_what_it_would_copy(world: World, base: str) -> None:
    file = world.open(f"{base}/lent")
    data = bytes(i * i >> 3 & 255 for i in range(300_000))
    world.disk("write", file=file, data=[data])
    for offset, size in ((0, 32768), (1, 65536), (200_001, 99_999)):
        read = world.disk("read", file=file, offset=offset, sizes=[size // 2, size - size // 2], may_lend=True)
        assert read.is_lent or world.name == "asio"  # where a disk may be slow just now
        assert (read.error, read.value) == ("ok", size)
        assert bytes(read.data) == data[offset : offset + size]


def test_what_is_short_or_not_all_there_is_copied(world: World, base: str) -> None:
    file = world.open(f"{base}/lent")
    data = bytes(i & 255 for i in range(40_000))
    world.disk("write", file=file, data=[data])
    for offset, size in ((0, 32767), (7_500, 32768), (50_000, 32768)):
        read = world.disk("read", file=file, offset=offset, sizes=[size], may_lend=True)
        assert not read.is_lent and read.error == "ok" and bytes(read.data) == data[offset : offset + size]
    assert not world.disk("read", file=file, sizes=[32768]).is_lent


def test_spans_longer_and_shorter_than_one_call_writes(world: World, base: str) -> None:
    file = world.open(f"{base}/spans")
    sizes = [1, 32767, 32768, 32769, 0, 5, 100_003, 65536, 2, 32766]
    spans = [bytes([i + 1]) * size for i, size in enumerate(sizes)]
    assert world.disk("write", file=file, offset=7, data=spans).value == sum(sizes)
    assert world.disk("read", file=file, offset=7, sizes=[sum(sizes)]).data == b"".join(spans)


def test_many_spans(world: World, base: str) -> None:
    file = world.open(f"{base}/a")
    spans = [bytes([i % 256]) * (i % 5) for i in range(300)]
    assert world.disk("write", file=file, offset=0, data=spans).value == sum(map(len, spans))
    assert world.disk("read", file=file, offset=0, sizes=[len(s) for s in spans]).data == b"".join(spans)


@pytest.mark.parametrize("bulk", [False, True])
def test_operations_on_one_file_take_effect_in_order(world: World, base: str, bulk: bool) -> None:
    """Also when every second one may go another way (to a worker)."""
    file = world.open(f"{base}/a")
    ops = []
    for i in range(20):
        ops.append(world.host.disk("write", file=file, offset=0, data=[bytes([i]) * 1000], bulk=bulk and i % 2 == 0))
        ops.append(world.host.disk("read", file=file, offset=0, sizes=[1000], bulk=bulk and i % 3 == 0))
        if i % 5 == 4:
            ops.append(world.host.disk("sync_file", file=file))
    reads = [world.done(op) for op in ops]
    values = [bytes(e.data)[0] for e in reads if e.kind == "read"]
    assert values == list(range(20))


def test_truncate_waits_for_the_writes_before_it(world: World, base: str) -> None:
    file = world.open(f"{base}/a")
    ops = [
        world.host.disk("write", file=file, offset=0, data=[b"x" * 5000], bulk=True),
        world.host.disk("truncate", file=file, offset=10),
        world.host.disk("read", file=file, offset=0, sizes=[100]),
        world.host.disk("close", file=file),
    ]
    events = [world.done(op) for op in ops]
    assert [e.error for e in events] == ["ok"] * 4
    assert events[2].data == b"x" * 10


def test_operations_by_path_take_effect_in_order(world: World, base: str) -> None:
    put(world, f"{base}/a", b"old")
    ops = [
        world.host.disk("rename", path=f"{base}/a", path_to=f"{base}/b"),
        world.host.disk("sync_dir", path=base),
        world.host.disk("mkdirs", path=f"{base}/a/deep"),
        world.host.disk("stat", path=f"{base}/a"),
        world.host.disk("rmdir", path=f"{base}/a/deep"),
        world.host.disk("rmdir", path=f"{base}/a"),
        world.host.disk("stat", path=f"{base}/a"),
    ]
    events = [world.done(op) for op in ops]
    assert [e.error for e in events] == ["ok"] * 6 + ["not_found"]
    assert events[3].data["kind"] == "directory"
    assert contents(world, f"{base}/b") == b"old"


def test_modes_of_open(world: World, base: str) -> None:
    path = f"{base}/a"
    assert world.disk("open", path=path, mode="read").error == "not_found"
    assert world.disk("open", path=path, mode="write").error == "not_found"
    put(world, path, b"12")
    file = world.open(path, mode="write")
    assert world.disk("write", file=file, offset=2, data=[b"3"]).error == "ok"
    again = world.open(path, mode="create")
    assert again != file
    assert world.disk("read", file=again, offset=0, sizes=[9]).data == b"123"


def test_writing_to_a_file_opened_for_reading_fails(world: World, base: str) -> None:
    put(world, f"{base}/a", b"12")
    file = world.open(f"{base}/a", mode="read")
    assert world.disk("write", file=file, data=[b"x"]).error == "bad_handle"
    assert contents(world, f"{base}/a") == b"12"


def test_a_closed_or_unknown_file_is_a_bad_handle(world: World, base: str) -> None:
    file = world.open(f"{base}/a")
    closing = world.host.disk("close", file=file)
    late = world.host.disk("read", file=file, sizes=[1])
    assert world.done(closing).error == "ok"
    assert world.done(late).error == "bad_handle"
    for action in ("read", "write", "close", "truncate", "allocate", "sync_file"):
        assert world.disk(action, file=9999).error == "bad_handle"
    assert world.open(f"{base}/a") != file


def test_stat_tells_files_apart_whatever_their_names(world: World, base: str) -> None:
    put(world, f"{base}/a", b"x")
    put(world, f"{base}/b", b"x")
    a, b = (world.disk("stat", path=f"{base}/{name}").data["id"] for name in "ab")
    assert a != b and (0, 0) not in (a, b)
    assert world.disk("rename", path=f"{base}/a", path_to=f"{base}/b").error == "ok"
    assert world.disk("stat", path=f"{base}/b").data["id"] == a
    assert world.disk("stat", path=f"{base}/.").data["id"] == world.disk("stat", path=base).data["id"]


def test_stat_tells_kind_size_and_time(world: World, base: str) -> None:
    put(world, f"{base}/a", b"x" * 5000)
    file = world.disk("stat", path=f"{base}/a").data
    assert (file["kind"], file["size"]) == ("file", 5000)
    assert file["modified_ns"] > 0 or world.name == "sim"
    assert world.disk("stat", path=base).data["kind"] == "directory"
    missing = world.disk("stat", path=f"{base}/none")
    assert (missing.error, missing.data["kind"]) == ("not_found", "missing")
    assert world.disk("stat", path=f"{base}/a/under").error == "not_directory"


def test_list_is_sorted_and_knows_kinds(world: World, base: str) -> None:
    for name in ("b", "a", "c"):
        put(world, f"{base}/{name}", b"")
    world.disk("mkdirs", path=f"{base}/B")
    listed = world.disk("list", path=base).data
    assert list(listed.items()) == [("B", "directory"), ("a", "file"), ("b", "file"), ("c", "file")]
    assert world.disk("list", path=f"{base}/none").error == "not_found"
    assert world.disk("list", path=f"{base}/a").error == "not_directory"
    assert len(world.disk("list", path=base, bulk=True).data) == 4


def test_mkdirs_makes_all_and_minds_files_in_the_way(world: World, base: str) -> None:
    for _ in range(2):
        assert world.disk("mkdirs", path=f"{base}/x/y/z").error == "ok"
    assert world.disk("stat", path=f"{base}/x/y/z").data["kind"] == "directory"
    put(world, f"{base}/f", b"")
    assert world.disk("mkdirs", path=f"{base}/f").error == "not_directory"
    assert world.disk("mkdirs", path=f"{base}/f/g").error == "not_directory"
    assert world.disk("mkdirs", path=f"{base}/t/u", trusted=len(base)).error == "ok"
    assert world.disk("stat", path=f"{base}/t/u", trusted=len(base)).data["kind"] == "directory"


def test_open_minds_directories(world: World, base: str) -> None:
    for mode in ("read", "write", "create"):
        assert world.disk("open", path=base, mode=mode).error == "is_directory"
    put(world, f"{base}/f", b"")
    assert world.disk("open", path=f"{base}/f/g", mode="create").error == "not_directory"
    assert world.disk("open", path=f"{base}/none/g", mode="create").error == "not_found"


def test_rename_replaces(world: World, base: str) -> None:
    put(world, f"{base}/a", b"new")
    put(world, f"{base}/b", b"old")
    assert world.disk("rename", path=f"{base}/a", path_to=f"{base}/b").error == "ok"
    assert contents(world, f"{base}/b") == b"new"
    assert world.disk("stat", path=f"{base}/a").error == "not_found"
    assert world.disk("rename", path=f"{base}/a", path_to=f"{base}/b").error == "not_found"
    world.disk("mkdirs", path=f"{base}/d")
    assert world.disk("rename", path=f"{base}/b", path_to=f"{base}/d").error == "is_directory"


def test_unlink_and_rmdir(world: World, base: str) -> None:
    put(world, f"{base}/d", b"")
    assert world.disk("rmdir", path=f"{base}/d").error == "not_directory"
    assert world.disk("unlink", path=f"{base}/d").error == "ok"
    assert world.disk("unlink", path=f"{base}/d").error == "not_found"
    world.disk("mkdirs", path=f"{base}/d/e")
    assert world.disk("unlink", path=f"{base}/d").error == "is_directory"
    assert world.disk("rmdir", path=f"{base}/d").error == "not_empty"
    assert world.disk("rmdir", path=f"{base}/d/e").error == "ok"
    assert world.disk("rmdir", path=f"{base}/d").error == "ok"


def test_an_unlinked_file_that_is_open_lives_on(world: World, base: str) -> None:
    file = world.open(f"{base}/a")
    world.disk("write", file=file, data=[b"ghost"])
    assert world.disk("unlink", path=f"{base}/a").error == "ok"
    assert world.disk("read", file=file, sizes=[9]).data == b"ghost"


def test_truncate_and_allocate(world: World, base: str) -> None:
    file = world.open(f"{base}/a")
    assert world.disk("truncate", file=file, offset=100).error == "ok"
    assert world.disk("stat", path=f"{base}/a").data["size"] == 100
    assert world.disk("allocate", file=file, offset=5000).error == "ok"
    assert world.disk("stat", path=f"{base}/a").data["size"] == 5000
    assert world.disk("allocate", file=file, offset=10).error == "ok"
    assert world.disk("stat", path=f"{base}/a").data["size"] == 5000
    assert world.disk("read", file=file, offset=4990, sizes=[100]).data == b"\0" * 10


def test_where_bytes_lie_in_a_file(world: World, base: str) -> None:
    file = world.open(f"{base}/a")
    block = 1 << 20  # far apart, so that no file system joins them
    for at in (1, 3):
        assert world.disk("write", file=file, offset=at * block, data=[b"x" * block]).error == "ok"
    assert world.disk("truncate", file=file, offset=6 * block).error == "ok"
    assert world.disk("extents", path=f"{base}/a").data == [(block, 2 * block), (3 * block, 4 * block)]
    assert world.disk("extents", path=f"{base}/a", offset=2 * block - 1).data == [(2 * block - 1, 2 * block), (3 * block, 4 * block)]
    assert world.disk("extents", path=f"{base}/a", offset=5 * block).data == []
    assert world.disk("extents", path=f"{base}/none").error == "not_found"
    world.disk("mkdirs", path=f"{base}/d")
    assert world.disk("extents", path=f"{base}/d").error == "is_directory"


def test_what_is_hashed_in_place_is_right_and_may_be_nothing(world: World, base: str) -> None:
    """Whole parts, from the first on; a runtime need not have any of them at hand."""
    file = world.open(f"{base}/a")
    each, count = 96 << 10, 40
    parts = [bytes([number]) * each for number in range(count - 1)] + [b"short"]
    assert world.disk("write", file=file, offset=7, data=parts).error == "ok"
    length = sum(map(len, parts))
    for more in (0, 1, each):  # the last part ends behind the file
        found = world.disk("digest", file=file, offset=7, each=each, length=length + more, bulk=True)
        assert found.error == "ok"
        known = -(-found.value // each)
        assert found.value in (min(known * each, length + more), 0)
        assert found.data[:known] == [hashlib.sha1(part).digest() for part in parts[:known]]
    assert world.disk("close", file=file).error == "ok"
    assert world.disk("digest", file=file, each=each, length=each, bulk=True).error == "bad_handle"


def test_syncs_and_free_space(world: World, base: str) -> None:
    file = world.open(f"{base}/a")
    assert world.disk("sync_file", file=file).error == "ok"
    assert world.disk("sync_dir", path=base).error == "ok"
    assert world.disk("sync_dir", path=f"{base}/none").error == "not_found"
    assert world.disk("free_space", path=base).value > 0
    assert world.disk("free_space", path=f"{base}/none").error == "not_found"


def test_a_lock_is_exclusive_until_it_is_closed(world: World, base: str) -> None:
    first = world.disk("lock", path=f"{base}/lock")
    assert first.error == "ok" and first.value > 0
    assert world.disk("lock", path=f"{base}/lock").error == "state_dir_in_use"
    assert world.disk("close", file=first.value).error == "ok"
    assert world.disk("lock", path=f"{base}/lock").error == "ok"


@pytest.mark.parametrize("name", ["..", "a/../b", "./a", "nul\0inside"])
def test_an_untrusted_path_may_not_lead_elsewhere(world: World, base: str, name: str) -> None:
    event = world.disk("open", path=f"{base}/{name}", mode="create", trusted=len(base))
    assert event.error == "bad_path"


def test_a_trusted_prefix_with_plain_names_below(world: World, base: str) -> None:
    world.disk("mkdirs", path=f"{base}/a/b", trusted=len(base))
    file = world.open(f"{base}/a/b/c", trusted=len(base))
    assert world.disk("write", file=file, data=[b"deep"]).error == "ok"
    world.disk("close", file=file)
    assert world.disk("rename", path=f"{base}/a/b/c", path_to=f"{base}/d", trusted=len(base)).error == "ok"
    assert contents(world, f"{base}/d") == b"deep"
    assert world.disk("unlink", path=f"{base}/d", trusted=len(base)).error == "ok"
    assert list(world.disk("list", path=f"{base}/a", trusted=len(base)).data) == ["b"]


def test_a_name_may_be_too_long(world: World, base: str) -> None:
    assert world.disk("open", path=f"{base}/{'n' * 255}", mode="create").error == "ok"
    assert world.disk("open", path=f"{base}/{'n' * 256}", mode="create").error == "name_too_long"


def test_pending_counts_what_has_not_completed(world: World, base: str) -> None:
    assert world.host.disk_pending == 0
    file = world.open(f"{base}/a")
    seen: list[int] = []

    def submit_two() -> None:
        for i in range(2):
            world.host.disk("write", file=file, offset=i, data=[b"x"])
            seen.append(world.host.disk_pending)

    world.host.command(submit_two)
    assert seen == [1, 2]
    world.until(lambda: len(world.events("write")) == 2)
    assert world.host.disk_pending == 0
