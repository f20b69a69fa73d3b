"""Made-up torrents: the truth is the same by any way of asking, and follows from seed and name."""

import hashlib

import jstorrent as jst
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jstorrent.lab import Lab, Spec


@pytest.fixture
def lab() -> Lab:
    return Lab(seed=7)


def whole(spec: Spec) -> bytes:
    return spec.data(0, spec.total_size)


def test_pieces_are_the_truth_that_was_hashed(lab: Lab) -> None:
    spec = lab.torrent(pieces=5, piece_length=32768, tail=100)
    assert spec.total_size == 4 * 32768 + 100
    assert [len(spec.piece(i)) for i in range(5)] == [32768] * 4 + [100]
    assert b"".join(spec.piece(i) for i in range(5)) == whole(spec)
    hashes = jst.bdecode(spec.metainfo.info_bytes)[b"pieces"]
    assert hashes == b"".join(hashlib.sha1(spec.piece(i)).digest() for i in range(5))


@given(offset=st.integers(0, 70_000), length=st.integers(0, 70_000))
def test_any_run_is_cut_out_of_the_same_bytes(offset: int, length: int) -> None:
    spec = Lab(seed=3).torrent(pieces=4, piece_length=16384, tail=1)
    assert spec.data(offset, length) == whole(spec)[offset : offset + length]


def test_other_seed_or_other_name_gives_other_bytes(lab: Lab) -> None:
    spec = lab.torrent(name="a")
    assert whole(spec) == whole(Lab(seed=7).torrent(name="a"))
    assert whole(spec) != whole(Lab(seed=8).torrent(name="a"))
    assert whole(spec) != whole(lab.torrent(name="b"))
    assert lab.torrent().info_hash != lab.torrent().info_hash


def test_the_truth_has_no_pattern(lab: Lab) -> None:
    spec = lab.torrent(pieces=64)
    blocks = [spec.data(at, 64) for at in range(0, spec.total_size, 64)]
    assert len(set(blocks)) == len(blocks)


def test_files_fix_the_sizes(lab: Lab) -> None:
    spec = lab.torrent(files=[("empty", 0), ("d/one", 1), ("d/long", 100_000), ("last", 0)], piece_length=16384)
    assert [(str(f.path), f.size) for f in spec.metainfo.files] == [
        (f"{spec.name}/empty", 0),
        (f"{spec.name}/d/one", 1),
        (f"{spec.name}/d/long", 100_000),
        (f"{spec.name}/last", 0),
    ]
    assert spec.file("d/long").index == spec.file(f"{spec.name}/d/long").index == spec.file(2).index == 2
    with pytest.raises(ValueError, match="no such file"):
        spec.file("d/other")


def test_a_piece_on_disk_is_its_runs_in_the_files_that_it_spans(lab: Lab) -> None:
    spec = lab.torrent(files=[("a", 10_000), ("none", 0), ("b", 10_000), ("c", 30_000)], piece_length=16384)
    found = [(file.path.name, at, len(data)) for file, at, data in spec.runs([1])]
    assert found == [("b", 6384, 3616), ("c", 0, 12768)]
    assert b"".join(data for _, _, data in spec.runs([1])) == spec.piece(1)


def test_private_and_trackers_are_in_the_metainfo(lab: Lab) -> None:
    spec = lab.torrent(private=True, trackers=["http://a/", ["http://b/", "http://c/"]])
    assert spec.metainfo.is_private
    assert spec.metainfo.trackers == (("http://a/",), ("http://b/", "http://c/"))
    assert jst.Magnet.parse(spec.magnet).info_hash == spec.info_hash


@pytest.mark.parametrize("wrong", [{"pieces": 0}, {"pieces": None}, {"tail": 0}, {"tail": 65537}, {"version": "v3"}])
def test_nonsense_is_refused(lab: Lab, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        lab.torrent(**wrong)  # type: ignore[arg-type]


def test_what_is_not_there_yet_says_so(lab: Lab) -> None:
    with pytest.raises(jst.Error, match="not there yet"):
        lab.torrent(version="v2")
