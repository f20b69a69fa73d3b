"""The same torrents seen by libtorrent, which nobody here wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jstorrent as jst
import pytest

lt: Any = pytest.importorskip("libtorrent")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SIZES = {"a.bin": 70_000, "sub/b.bin": 1, "sub/deep/c.bin": 16384, "z.bin": 262_144, "movie/movie": 40_000}
KINDS = {"v1": lt.create_torrent.v1_only, "v2": lt.create_torrent.v2_only, "hybrid": 0}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root: Path = tmp_path_factory.mktemp("lt") / "tree"
    for name, size in SIZES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes((i * 31 + size) & 255 for i in range(size)))
    return root


def made_by_libtorrent(path: Path, kind: str, piece_length: int) -> bytes:
    storage = lt.file_storage()
    root = path.parent.resolve()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:  # its own walk takes them as the disk gives them
        if file.is_file():
            storage.add_file(file.resolve().relative_to(root).as_posix(), file.stat().st_size)
    creator = lt.create_torrent(storage, piece_length, KINDS[kind])
    creator.add_tracker("http://t.example/announce", 0)
    creator.add_tracker("udp://u.example:80", 1)
    creator.set_comment("by the other one")
    lt.set_piece_hashes(creator, str(root))
    data: bytes = lt.bencode(creator.generate())
    return data


@pytest.mark.parametrize("piece_length", [16384, 65536])
@pytest.mark.parametrize("name", [".", "z.bin", "movie"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_we_read_what_it_makes(tree: Path, kind: str, name: str, piece_length: int) -> None:
    data = made_by_libtorrent(tree / name, kind, piece_length)
    ours, theirs = jst.Metainfo.parse(data), lt.torrent_info(lt.bdecode(data))
    hashes = theirs.info_hashes()
    assert ours.version == kind
    assert ours.info_hash == (hashes.v1.to_bytes() if hashes.has_v1() else None)
    assert ours.info_hash_v2 == (hashes.v2.to_bytes() if hashes.has_v2() else None)
    assert (ours.name, ours.num_pieces, ours.piece_length) == (theirs.name(), theirs.num_pieces(), piece_length)
    assert ours.trackers == (("http://t.example/announce",), ("udp://u.example:80",))
    assert ours.comment == "by the other one"
    storage = theirs.files()
    real = [i for i in range(storage.num_files()) if not storage.file_flags(i) & storage.flag_pad_file]
    mine = [f for f in ours.files if not f.is_pad]
    assert [f.path.as_posix() for f in mine] == [storage.file_path(i) for i in real]
    assert [f.size for f in mine] == [storage.file_size(i) for i in real]
    assert [f.offset for f in mine] == [storage.file_offset(i) for i in real]
    assert ours.encode() == data
    if kind != "v2":
        assert [ours.piece_hash(i) for i in range(ours.num_pieces)] == [
            theirs.hash_for_piece(i) for i in range(ours.num_pieces)
        ]


@pytest.mark.parametrize("name", [".", "a.bin"])
def test_it_reads_what_we_make(tree: Path, name: str) -> None:
    ours = jst.create_torrent(tree / name, piece_length=32768, trackers=["http://t/a"], private=True, source="s")
    theirs = lt.torrent_info(lt.bdecode(ours.encode()))
    assert theirs.info_hashes().v1.to_bytes() == ours.info_hash
    assert (theirs.name(), theirs.total_size(), theirs.priv()) == (ours.name, ours.total_size, True)
    storage = theirs.files()
    assert [storage.file_path(i) for i in range(storage.num_files())] == [f.path.as_posix() for f in ours.files]
    same = made_by_libtorrent(tree / name, "v1", 32768)
    assert [ours.piece_hash(i) for i in range(ours.num_pieces)] == [
        jst.Metainfo.parse(same).piece_hash(i) for i in range(ours.num_pieces)
    ]


@pytest.mark.parametrize("kind", list(KINDS))
def test_links_mean_the_same(tree: Path, kind: str) -> None:
    data = made_by_libtorrent(tree, kind, 16384)
    ours, theirs = jst.Metainfo.parse(data), lt.torrent_info(lt.bdecode(data))
    parameters = lt.parse_magnet_uri(ours.magnet())
    assert parameters.info_hashes == theirs.info_hashes()
    assert (parameters.name, parameters.trackers) == (ours.name, ["http://t.example/announce", "udp://u.example:80"])
    link = jst.Magnet.parse(lt.make_magnet_uri(theirs))
    assert (link.info_hash, link.info_hash_v2) == (ours.info_hash, ours.info_hash_v2)
