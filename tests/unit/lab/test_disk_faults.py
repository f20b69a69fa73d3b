"""Disks that fail, fill up and stall under an engine."""

import errno

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, LaneLacks, Spec
from jstorrent.lab._disk_faults import ERRORS, OPS

_CODES = {
    "EACCES": "permission", "EDQUOT": "disk_quota", "EFBIG": "file_too_large", "EIO": "disk_io", "EMFILE": "too_many_open",
    "ENFILE": "too_many_open", "ENOMEM": "out_of_memory", "ENOSPC": "disk_full", "EPERM": "permission",
    "EROFS": "read_only", "ETIMEDOUT": "disk_timeout", "EXDEV": "cross_device", "ENAMETOOLONG": "name_too_long",
    "ENOENT": "not_found",
}  # fmt: skip


def pair(lab: Lab, pieces: int = 16) -> tuple[Engine, Engine, Spec]:
    spec = lab.torrent(pieces=pieces)
    good = lab.engine("good")
    good.add(spec, have="all")
    return good, lab.engine("client"), spec


def test_the_words_are_those_of_the_contract() -> None:
    assert set(OPS) == {"open", "read", "write", "allocate", "truncate", "rename", "unlink", "sync", "sync_dir", "any"}
    assert set(ERRORS) == {"short", *_CODES}


@pytest.mark.parametrize("error", sorted(_CODES))
def test_a_write_that_fails_is_the_error_of_its_torrent(lab: Lab, error: str) -> None:
    good, client, spec = pair(lab)
    fault = client.disk.fail("write", error=error, path=client.downloads)
    t = client.add(spec, peers=[good])
    lab.until(lambda: t.state == "error", within=30)
    assert t.error is not None and t.error.code == _CODES[error]
    assert fault.hits == 1
    t.start()
    lab.until(lambda: t.state == "seeding", within=60)
    assert client.complete(spec)


def test_the_nth_and_so_many_from_then_on(lab: Lab) -> None:
    good, client, spec = pair(lab, pieces=8)
    fault = client.disk.fail("write", nth=3, times=2, path=client.path(spec))
    t = client.add(spec, peers=[good])
    for hits in (1, 2):
        lab.until(lambda: t.state == "error", within=30)
        assert t.status().pieces_complete >= 2
        assert hits <= fault.hits <= 2
        if fault.hits == 2:
            break
        t.start()
        lab.until(lambda: t.state != "error", within=5)
    t.start()
    lab.until(lambda: t.state == "seeding", within=60)
    assert fault.hits == 2


def test_a_fault_that_is_cleared_strikes_no_more_and_keeps_its_count(lab: Lab) -> None:
    good, client, spec = pair(lab)
    fault = client.disk.fail("write", times=None, error="EROFS", path=client.downloads)
    t = client.add(spec, peers=[good])
    for _ in range(3):
        lab.until(lambda: t.state == "error", within=30)
        t.start()
        lab.run_for(0.01)
    lab.until(lambda: t.state == "error", within=30)
    assert fault.hits >= 4
    fault.clear()
    fault.clear()
    before = fault.hits
    t.start()
    lab.until(lambda: t.state == "seeding", within=60)
    assert fault.hits == before
    assert "cleared" in repr(fault)


def test_only_the_bytes_that_were_named_and_only_below_that_path(lab: Lab) -> None:
    spec = lab.torrent(files=[("a", 100_000), ("b", 100_000)], piece_length=16384)
    good, client = lab.engine("good"), lab.engine("client")
    good.add(spec, have="all")
    elsewhere = client.disk.fail("write", times=None, path="downloads/other")
    beyond = client.disk.fail("write", times=None, path=client.path(spec, "a"), offset=(100_000, 200_000))
    last = client.disk.fail("write", times=None, path=client.path(spec, "b"), offset=(99_999, 100_000))
    t = client.add(spec, peers=[good])
    lab.until(lambda: t.state == "error", within=60)
    assert "disk" in t.error_message and "/b" in t.error_message
    assert (elsewhere.hits, beyond.hits) == (0, 0) and last.hits >= 1


@pytest.mark.parametrize("op", ["open", "sync", "rename", "sync_dir", "any"])
def test_a_save_that_the_disk_refuses_raises_and_a_later_one_works(lab: Lab, op: str) -> None:
    _, client, spec = pair(lab)
    client.add(spec, have=[0, 1])
    client.session.save()
    client.torrent(spec).pause()  # type: ignore[union-attr]
    fault = client.disk.fail(op, error="ENOSPC", times=None, path="state")
    with pytest.raises(jst.DiskError) as caught:
        client.session.save()
    assert caught.value.errno == errno.ENOSPC and fault.hits >= 1
    fault.clear()
    client.torrent(spec).resume()  # type: ignore[union-attr]
    client.session.save()
    saved = client.saved(spec)
    assert saved is not None and saved.state == "running"


def test_a_read_that_fails_or_is_short_finds_the_piece_missing(lab: Lab) -> None:
    _, client, spec = pair(lab, pieces=4)
    t = client.add(spec, have="all")
    lab.until(lambda: t.state == "seeding", within=10)
    fault = client.disk.fail("read", error="EIO")
    t.recheck()
    lab.until(lambda: t.state == "stalled", within=10)
    assert fault.hits == 1
    assert t.status().pieces_complete == 3
    short = client.disk.fail("read", error="short", path=client.path(spec))
    t.recheck()
    lab.until(lambda: short.hits == 1 and t.state == "stalled", within=10)
    assert t.status().pieces_complete < 4


def test_a_short_write_is_an_error_with_half_of_it_on_the_disk(lab: Lab) -> None:
    good, client, spec = pair(lab, pieces=1)
    client.disk.fail("write", error="short", path=client.path(spec))
    t = client.add(spec, peers=[good])
    lab.until(lambda: t.state == "error", within=10)
    assert t.error is not None and t.error.code == "short_write"
    assert t.status().pieces_complete == 0
    half = client.disk.read(client.path(spec))
    assert half == spec.data(0, len(half)) and 0 < len(half) < spec.total_size
    t.start()
    lab.until(lambda: t.state == "seeding", within=30)


def test_a_full_disk_is_a_short_write_then_enospc_and_room_ends_it(lab: Lab) -> None:
    good, client, spec = pair(lab)
    used = 65536 * 5 + 4096
    fault = client.disk.quota(used, under=client.downloads)
    t = client.add(spec, peers=[good])
    lab.until(lambda: t.state == "error", within=30)
    assert t.error is not None and t.error.code == "disk_full"
    assert isinstance(t.error, OSError) and t.error.errno == errno.ENOSPC
    assert fault.hits >= 1
    assert t.status().pieces_complete <= 5
    client.session.save()  # the state lies elsewhere
    fault.clear()
    t.start()
    lab.until(lambda: t.state == "seeding", within=60)
    assert client.complete(spec)


def test_a_quota_counts_what_lies_below_its_directory_alone(lab: Lab) -> None:
    disk = lab.engine("client").disk
    disk.write("other/file", 0, bytes(100_000))
    fault = disk.quota(8192, under="some/where")
    disk.write("some/else", 0, bytes(100_000))
    disk.write("some/where/a", 0, bytes(8192))
    with pytest.raises(jst.DiskError) as caught:
        disk.write("some/where/b", 0, b"x")
    assert caught.value.code == "disk_full" and fault.hits == 1
    disk.delete("some/where/a")
    disk.write("some/where/b", 0, b"x")
    disk.write("some/where/b", 1_000_000, b"x")  # a hole takes nothing
    with pytest.raises(jst.DiskError):
        disk.write("some/where/b", 500_000, b"x")
    disk.quota(None, under="some/where")
    disk.write("some/where/b", 500_000, b"x")


def test_a_disk_that_stalls_puts_the_torrent_into_error_and_comes_back(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    client = lab.engine("client", disk_timeout=5.0)
    good = lab.seeder("good", spec)
    fault = client.disk.stall(20, "write", path=client.downloads)
    t = client.add(spec, peers=[good])
    lab.until(lambda: t.state == "error", within=30)
    assert lab.now < 10 and t.error is not None and t.error.code == "disk_timeout"
    assert fault.hits >= 1
    fault.clear()
    lab.run_for(20)
    t.start()
    lab.until(lambda: t.state == "seeding", within=60)
    assert client.complete(spec)


def test_a_stall_delays_and_is_counted(lab: Lab) -> None:
    good, client, spec = pair(lab, pieces=1)
    fault = client.disk.stall(3)
    t = client.add(spec, peers=[good])
    lab.until(lambda: t.state == "seeding", within=60)
    assert lab.now > 6 and fault.hits > 2  # look, then write: each waits


def test_faults_outlive_a_crash(lab: Lab) -> None:
    good, client, spec = pair(lab)
    client.add(spec, peers=[good])
    client.session.save()
    fault = client.disk.fail("write", path=client.downloads)
    client.crash()
    client.start()
    lab.until(lambda: fault.hits == 1, within=60)
    t = client.torrent(spec)
    assert t is not None and t.state == "error"


def test_nonsense_is_refused_with_what_is_known(lab: Lab) -> None:
    disk = lab.engine("client").disk
    with pytest.raises(ValueError, match="known: allocate, any, open, read"):
        disk.fail("close")
    with pytest.raises(ValueError, match="known: EACCES"):
        disk.fail("read", error="EWHAT")
    with pytest.raises(ValueError, match="count from 1"):
        disk.fail("read", nth=0)
    with pytest.raises(ValueError, match="count from 1"):
        disk.fail("read", times=0)
    with pytest.raises(ValueError, match="can be short"):
        disk.fail("sync", error="short")
    with pytest.raises(ValueError, match="with an offset"):
        disk.fail("rename", offset=(0, 1))
    with pytest.raises(ValueError, match=r"\(low, high\)"):
        disk.fail("read", offset=(5, 5))
    with pytest.raises(ValueError, match="known: allocate"):
        disk.stall(1, "flush")
    for seconds in (0, -1, float("nan"), 1e9):
        with pytest.raises(ValueError, match="more than 0"):
            disk.stall(seconds)
    with pytest.raises(ValueError, match="at least 0"):
        disk.quota(-1)


@pytest.mark.lanes("real")
def test_the_real_lane_has_no_such_disk(lab: Lab) -> None:
    disk = lab.engine("client").disk
    for act in (lambda: disk.fail("read"), lambda: disk.stall(1), lambda: disk.quota(1)):
        with pytest.raises(LaneLacks, match="sim lane"):
            act()
    with pytest.raises(ValueError, match="known: allocate"):
        disk.fail("close")
