"""Metadata as Python sees it: values, files, creating torrents."""

from __future__ import annotations

import copy
import dataclasses
import errno
import itertools
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha1
from pathlib import Path
from typing import Any

import jstorrent as jst
import pytest
from jstorrent import _core, _create

from tests.unit.codec.builders import benc, hybrid, single, torrent, v2

SAMPLES = {
    "v1": torrent(single(), announce="http://a/x", comment="c", created_by="b", creation_date=5, url_list="http://w/"),
    "v2": benc(v2({"a": b"a" * 50000, "b": b"b"})),
    "hybrid": benc(hybrid({"a": b"a" * 50000, "b": b"b"})),
}


@pytest.fixture(params=list(SAMPLES))
def sample(request: pytest.FixtureRequest) -> jst.Metainfo:
    return jst.Metainfo.parse(SAMPLES[request.param])


def all_values(m: jst.Metainfo) -> list[Any]:
    return [m, m.files[0], jst.Magnet.parse(m.magnet())]


def test_values_compare_hash_pickle_and_copy(sample: jst.Metainfo) -> None:
    twin = jst.Metainfo.parse(sample.encode())
    for value, equal in zip(all_values(sample), all_values(twin), strict=True):
        assert value == equal and hash(value) == hash(equal) and len({value, equal}) == 1
        assert value != 5 and value is not None
        for again in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
            assert again == value and type(again) is type(value)
    assert sample.replace(comment="other") != sample


def test_values_do_not_change(sample: jst.Metainfo) -> None:
    for value, field in zip(all_values(sample), ("name", "path", "info_hash"), strict=True):
        with pytest.raises((AttributeError, dataclasses.FrozenInstanceError)):
            setattr(value, field, getattr(value, field))
    with pytest.raises(AttributeError):
        del sample._core


def test_to_dict_is_ready_for_json(sample: jst.Metainfo) -> None:
    for value in all_values(sample):
        json.dumps(value.to_dict())
    shown = sample.to_dict()
    assert shown["info_hash"] == (sample.info_hash.hex() if sample.info_hash else None)
    assert shown["files"][0]["path"] == "dir/a" or shown["files"][0] == {
        "index": 0, "path": "file", "size": 40000, "offset": 0, "pieces": [0, 3], "is_pad": False,
        "is_executable": False, "is_hidden": False, "symlink_target": None, "pieces_root": None,
    }  # fmt: skip
    assert set(shown) > {"name", "version", "piece_length", "num_pieces", "total_size", "is_private", "trackers"}


def test_parse_takes_any_buffer() -> None:
    data = SAMPLES["v1"]
    assert jst.Metainfo.parse(bytearray(data)) == jst.Metainfo.parse(memoryview(data)) == jst.Metainfo.parse(data)
    with pytest.raises(TypeError):
        jst.Metainfo.parse("text")  # type: ignore[arg-type]


def test_errors_say_where_and_pickle() -> None:
    with pytest.raises(jst.ParseError) as caught:
        jst.Metainfo.parse(b"d4:infoi5ee")
    error = caught.value
    assert (error.code, error.offset) == ("wrong_type", 7) and isinstance(error, ValueError)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.code, again.offset) == (str(error), error.code, error.offset)


def test_load_and_save(tmp_path: Path, sample: jst.Metainfo) -> None:
    path = tmp_path / "x.torrent"
    sample.save(path)
    assert path.read_bytes() == sample.encode()
    assert jst.Metainfo.load(path) == jst.Metainfo.load(str(path)) == sample
    with pytest.raises(jst.DiskError) as missing:
        jst.Metainfo.load(tmp_path / "missing")
    assert missing.value.code == "not_found" and str(tmp_path / "missing") in str(missing.value)
    with pytest.raises(jst.DiskError) as directory:
        sample.save(tmp_path)
    assert (directory.value.code, directory.value.filename) == ("is_directory", str(tmp_path))


def test_replace_leaves_the_info_hash(sample: jst.Metainfo) -> None:
    other = sample.replace(trackers=["http://one/a", ["udp://two:1", "udp://three:1"]], web_seeds=["http://w/2"])
    assert other.trackers == (("http://one/a",), ("udp://two:1", "udp://three:1"))
    assert other.web_seeds == ("http://w/2",) and other.comment == sample.comment
    assert (other.info_hash, other.info_hash_v2) == (sample.info_hash, sample.info_hash_v2)
    assert other.info_bytes == sample.info_bytes and jst.Metainfo.parse(other.encode()) == other
    bare = sample.replace(trackers=(), web_seeds=(), comment=None)
    assert (bare.trackers, bare.web_seeds, bare.comment) == ((), (), None)
    assert sample.replace() == sample
    assert sample.replace(trackers="http://one/a").trackers == (("http://one/a",),)
    for wrong in ("file:///x", "http://x/?info_hash=1", "x"):
        with pytest.raises(jst.ParseError) as caught:
            sample.replace(trackers=[wrong])
        assert caught.value.code == "bad_url" and wrong in str(caught.value)
        with pytest.raises(jst.ParseError):
            sample.replace(web_seeds=["udp://x:1"])


def test_magnet_of_a_torrent(sample: jst.Metainfo) -> None:
    link = jst.Magnet.parse(sample.magnet())
    assert (link.info_hash, link.info_hash_v2, link.name) == (sample.info_hash, sample.info_hash_v2, sample.name)
    assert link.trackers == tuple(url for tier in sample.trackers for url in tier)
    assert link.web_seeds == sample.web_seeds


def test_a_magnet_needs_a_hash() -> None:
    for wrong in ({}, {"info_hash": b"x" * 19}, {"info_hash_v2": b"x" * 31}):
        with pytest.raises(ValueError):
            jst.Magnet(**wrong)
    assert str(jst.Magnet(info_hash=b"\x01" * 20, select_only=(3, 1, 2, 1))).endswith("&so=1-3")


def test_a_torrent_without_layers_pickles() -> None:
    m = jst.Metainfo(_core.Metainfo.parse_info(jst.Metainfo.parse(SAMPLES["v2"]).info_bytes))
    assert pickle.loads(pickle.dumps(m)) == m


# --- creating


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for name, size in {"b": 30000, "a/z": 5, "a/é": 20000, "c/empty": 0, "a.txt": 16384, ".hidden": 1}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes((i * 7 + size) & 255 for i in range(size)))
    return root


def paths(m: jst.Metainfo) -> list[str]:
    return [f.path.as_posix() for f in m.files]


def test_create_from_a_directory(tree: Path) -> None:
    m = jst.create_torrent(tree)
    assert paths(m) == ["tree/.hidden", "tree/a/z", "tree/a/é", "tree/a.txt", "tree/b", "tree/c/empty"]
    stream = b"".join((tree.parent / f.path).read_bytes() for f in m.files)
    assert (m.version, m.piece_length, m.total_size, len(stream)) == ("v1", 16384, 66390, 66390)
    for i in range(m.num_pieces):
        assert m.piece_hash(i) == sha1(stream[i * 16384 : (i + 1) * 16384]).digest()
    assert (m.created_at, m.comment, m.source, m.is_private, m.trackers, m.web_seeds) == (
        None,
        None,
        None,
        False,
        (),
        (),
    )
    assert jst.Metainfo.parse(m.encode()) == m


def test_create_from_a_file_with_everything_said(tree: Path) -> None:
    m = jst.create_torrent(
        str(tree / "b"), name="other", piece_length=32768, trackers=["http://a/", ["http://b/", "http://c/"]],
        web_seeds=["http://w/"], private=True, source="s", comment="c", created_at=1700000000.9,
    )  # fmt: skip
    assert (m.name, m.is_single_file, m.num_pieces, m.is_private, m.source, m.comment, m.created_at) == (
        "other", True, 1, True, "s", "c", 1700000000)  # fmt: skip
    assert m.trackers == (("http://a/",), ("http://b/", "http://c/")) and m.web_seeds == ("http://w/",)
    assert jst.create_torrent(tree / "b").info_hash != m.info_hash


def test_same_input_same_bytes(tree: Path, tmp_path: Path) -> None:
    first = jst.create_torrent(tree, trackers=["http://a/"]).encode()
    other = tmp_path / "elsewhere" / "tree"
    for path in sorted((p for p in tree.rglob("*") if p.is_file()), reverse=True):  # another order on disk
        copied = other / path.relative_to(tree)
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.write_bytes(path.read_bytes())
    assert jst.create_torrent(other, trackers=["http://a/"]).encode() == first
    script = "import sys, jstorrent as j; sys.stdout.write(j.create_torrent(sys.argv[1], trackers=['http://a/']).encode().hex())"
    env = os.environ | {"PYTHONHASHSEED": "77", "PYTHONPATH": os.pathsep.join(sys.path)}
    out = subprocess.run(
        [sys.executable, "-c", script, str(other)], env=env, capture_output=True, text=True, check=True
    )
    assert out.stdout == first.hex()


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        ("*.txt", [".hidden", "a/z", "a/é", "b", "c/empty"]),
        (["a/"], [".hidden", "a.txt", "b", "c/empty"]),
        (["a/*", ".*"], ["a.txt", "b", "c/empty"]),
        (["empty", "nothing"], [".hidden", "a/z", "a/é", "a.txt", "b"]),
        ([], [".hidden", "a/z", "a/é", "a.txt", "b", "c/empty"]),
    ],
)
def test_exclude(tree: Path, exclude: Any, left: list[str]) -> None:
    assert paths(jst.create_torrent(tree, exclude=exclude)) == [f"tree/{name}" for name in left]


def test_links_and_special_files(tree: Path) -> None:
    (tree / "link").symlink_to(tree / "b")
    (tree / "loop").symlink_to(tree)
    (tree / "dangling").symlink_to(tree / "nowhere")
    os.mkfifo(tree / "pipe")
    with pytest.warns(UserWarning, match="no session follows"):
        m = jst.create_torrent(tree)
    assert "tree/link" in paths(m)
    assert not {"tree/loop", "tree/dangling", "tree/pipe"} & set(paths(m))
    assert m.files[paths(m).index("tree/link")].size == 30000


@pytest.mark.parametrize("piece_length", [16384, 32768, 100_000, 5000, 1 << 23, 1 << 24])
def test_any_piece_length_any_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece_length: int) -> None:
    data = os.urandom(1 << 16) * 33
    (tmp_path / "a").write_bytes(data[:1_000_001])
    (tmp_path / "b").write_bytes(data[1_000_001:])
    monkeypatch.setattr(_create, "_STEP", 40_000)
    m = jst.create_torrent(tmp_path, piece_length=piece_length)
    expected = [sha1(data[i : i + piece_length]).digest() for i in range(0, len(data), piece_length)]
    assert [m.piece_hash(i) for i in range(m.num_pieces)] == expected


@pytest.mark.parametrize("open_files", [1, 2, 64])
@pytest.mark.parametrize("cached", [True, False])
def test_pieces_over_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_files: int, cached: bool) -> None:
    data = os.urandom(100_000)
    cuts = [0, 1, 1, 5000, 5001, 30_000, 30_000, 70_000, 99_999, len(data)]
    for number, (begin, end) in enumerate(itertools.pairwise(cuts)):
        (tmp_path / f"{number:02}").write_bytes(data[begin:end])
    monkeypatch.setattr(_create, "_OPEN_FILES", open_files)
    monkeypatch.setattr(_create, "_STEP", 16 * 700)
    read = os.preadv

    def with_luck(descriptor: int, into: list[memoryview], offset: int, flags: int = 0) -> int:
        if flags and not cached:
            raise BlockingIOError(errno.EAGAIN, "not cached")
        return read(descriptor, [into[0][:500]], offset, flags)

    monkeypatch.setattr(os, "preadv", with_luck)
    m = jst.create_torrent(tmp_path, piece_length=5000)
    assert [m.piece_hash(i) for i in range(m.num_pieces)] == [sha1(data[i : i + 5000]).digest() for i in range(0, len(data), 5000)]


def test_no_more_pieces_than_the_limit_are_in_a_group(tmp_path: Path) -> None:
    data = os.urandom(2 * _create._MOST_PIECES + 1)
    (tmp_path / "f").write_bytes(data)
    m = jst.create_torrent(tmp_path / "f", piece_length=1)
    assert [m.piece_hash(i) for i in range(m.num_pieces)] == [sha1(data[i : i + 1]).digest() for i in range(len(data))]


def test_default_piece_length() -> None:
    table = {
        1: 1 << 14,
        32 << 20: 1 << 14,
        (32 << 20) + 1: 1 << 15,
        1 << 30: 1 << 19,
        32 << 30: 1 << 24,
        1 << 50: 1 << 24,
    }
    assert {size: _core.default_piece_length(size) for size in table} == table


def test_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = 64 * 16384
    (tmp_path / "f").write_bytes(bytes(size))
    monkeypatch.setattr(_create, "_STEP", 16384)
    clock = iter(x * 0.03 for x in range(1000))
    monkeypatch.setattr(_create.time, "monotonic", lambda: next(clock))
    calls: list[tuple[int, int]] = []
    jst.create_torrent(tmp_path / "f", progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (size, size) and calls == sorted(calls)
    assert [total for _, total in calls] == [size] * len(calls)
    steps = [done // 16384 for done, _ in calls[:-1]]
    assert steps == [4 * (i + 1) for i in range(len(steps))] and len(steps) == 15  # 0.12 s apart


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, jst.Error("mine"), RuntimeError("enough")])
def test_raising_in_progress_cancels(tmp_path: Path, error: Any) -> None:
    (tmp_path / "f").write_bytes(b"x")

    def progress(done: int, total: int) -> None:
        raise error

    with pytest.raises(BaseException) as caught:
        jst.create_torrent(tmp_path / "f", progress=progress)
    assert caught.value is error or type(caught.value) is error


@pytest.mark.parametrize("version", ["v2", "hybrid"])
def test_only_v1_is_made_yet(tree: Path, version: Any) -> None:
    with pytest.raises(jst.Error) as caught:
        jst.create_torrent(tree, version=version)
    assert caught.value.code == "not_supported" and version in str(caught.value)


def test_what_cannot_be_made(tree: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "nothing").touch()
    undecodable = tmp_path / "odd"
    undecodable.mkdir()
    (Path(os.fsdecode(os.fsencode(undecodable) + b"/\xff"))).write_bytes(b"x")
    wrong: list[Callable[[], object]] = [
        lambda: jst.create_torrent(empty),
        lambda: jst.create_torrent(tree, exclude="*"),
        lambda: jst.create_torrent(undecodable),
        lambda: jst.create_torrent(tree, piece_length=0),
        lambda: jst.create_torrent(tree, piece_length=(1 << 29) + 1),
        lambda: jst.create_torrent(tree, name=""),
        lambda: jst.create_torrent(tree, name="a/b"),
        lambda: jst.create_torrent("/dev/null"),
        lambda: jst.create_torrent(tree, version="v3"),  # type: ignore[arg-type]
    ]
    for make in wrong:
        with pytest.raises(jst.Error) as caught:
            make()
        assert caught.value.code == "invalid_argument"
    with pytest.raises(jst.DiskError) as missing:
        jst.create_torrent(tmp_path / "missing")
    assert missing.value.code == "not_found"
    with pytest.raises(jst.ParseError) as url:
        jst.create_torrent(tree, trackers=["nonsense"])
    assert url.value.code == "bad_url"


@pytest.mark.parametrize("change", ["shorter", "longer", "gone"])
def test_a_file_that_changes_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    (tmp_path / "f").write_bytes(bytes(50000))
    found = _create._single(tmp_path / "f")

    def then_change(path: Path) -> Any:
        if change == "gone":
            path.unlink()
        else:
            path.write_bytes(bytes(49999 if change == "shorter" else 50001))
        return found

    monkeypatch.setattr(_create, "_single", then_change)
    with pytest.raises(jst.DiskError) as caught:
        jst.create_torrent(tmp_path / "f")
    assert caught.value.code == ("not_found" if change == "gone" else "short_read")
    assert caught.value.filename == str(tmp_path / "f")


def test_an_empty_file_that_grows_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "ab":
        (tmp_path / name).write_bytes(b"x" if name == "b" else b"")
    walk = _create._walk

    def then_grow(*words: Any) -> Any:
        found = list(walk(*words))
        (tmp_path / "a").write_bytes(b"x")
        return found

    monkeypatch.setattr(_create, "_walk", then_grow)
    with pytest.raises(jst.DiskError) as caught:
        jst.create_torrent(tmp_path)
    assert (caught.value.code, caught.value.filename) == ("short_read", str(tmp_path / "a"))


def test_the_package_lists_its_names() -> None:
    assert isinstance(jst.__version__, str)
    for name in jst.__all__:
        assert hasattr(jst, name)
    assert len(set(jst.__all__)) == len(jst.__all__)
