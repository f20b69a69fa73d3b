"""What a .torrent says, field by field: v1, v2, hybrid."""

from __future__ import annotations

from hashlib import sha1, sha256
from typing import Any

import jstorrent as jst
import pytest
from jstorrent import _core

from tests.unit.codec.builders import BLOCK, benc, hybrid, multi, single, torrent, v2

lab = _core.lab.codec


def code_of(data: bytes, limits: dict[str, Any] | None = None) -> str:
    with pytest.raises(jst.ParseError) as caught:
        lab.parse_metainfo(data, limits or {})
    assert 0 <= caught.value.offset <= len(data)
    return caught.value.code


def test_single_file() -> None:
    data = b"x" * 40000
    info = single(data, source="lab", private=1)
    m = jst.Metainfo.parse(torrent(info))
    assert (m.name, m.version, m.piece_length, m.num_pieces, m.total_size) == ("file", "v1", BLOCK, 3, 40000)
    assert [m.piece_size(i) for i in range(3)] == [BLOCK, BLOCK, 40000 - 2 * BLOCK]
    assert m.info_hash == sha1(benc(info)).digest() and m.info_hash_v2 is None
    assert m.info_bytes == benc(info)
    assert m.piece_hash(2) == sha1(data[2 * BLOCK :]).digest()
    assert (m.is_private, m.source, m.is_single_file) == (True, "lab", True)
    (file,) = m.files
    assert (str(file.path), file.size, file.offset, file.pieces, file.is_pad) == ("file", 40000, 0, range(3), False)
    for wrong in (-1, 3):
        with pytest.raises(IndexError):
            m.piece_size(wrong)
        with pytest.raises(IndexError):
            m.piece_hash(wrong)


def test_several_files_with_empty_ones_anywhere() -> None:
    info = multi([(["e0"], 0), (["sub", "a"], 20000), (["e1"], 0), (["b"], 13000), (["e2"], 0)])
    m = jst.Metainfo.parse(torrent(info))
    assert [f.path.as_posix() for f in m.files] == ["dir/e0", "dir/sub/a", "dir/e1", "dir/b", "dir/e2"]
    assert [f.offset for f in m.files] == [0, 0, 20000, 20000, 33000]
    assert [f.pieces for f in m.files] == [range(0), range(2), range(1, 1), range(1, 3), range(2, 2)]
    assert (m.num_pieces, m.total_size, m.is_single_file) == (3, 33000, False)


def test_around_the_info() -> None:
    m = jst.Metainfo.parse(
        torrent(
            single(),
            announce="http://ignored/a",
            announce_list=[["http://a/x", "udp://b:80"], [], ["https://c/announce?key=1", "http://a/x"]],
            url_list=["http://w/1", "http://w/1", "https://w/2"],
            nodes=[["router.example", 6881], ["::1", 1], ["bad host", 1], ["x", 0], ["y", 70000], 5],
            comment="héllo",
            created_by=b"by \xff",
            creation_date=1700000000,
        )
    )
    assert m.trackers == (("http://a/x", "udp://b:80"), ("https://c/announce?key=1",))
    assert m.web_seeds == ("http://w/1", "https://w/2")
    assert m.nodes == (("router.example", 6881), ("::1", 1))
    assert (m.comment, m.created_by, m.created_at) == ("héllo", "by \ufffd", 1700000000)


def test_a_single_announce_and_a_single_web_seed() -> None:
    m = jst.Metainfo.parse(torrent(single(), announce=" http://a/x\n", url_list="http://w/"))
    assert (m.trackers, m.web_seeds) == ((("http://a/x",),), ("http://w/",))
    assert (m.comment, m.created_by, m.created_at, m.source) == (None, None, None, None)


def test_nothing_around_the_info_makes_it_unusable() -> None:
    m = jst.Metainfo.parse(
        torrent(single(), announce=5, announce_list={"a": 1}, url_list=[1, [2]], nodes=b"x", comment=[], created_by=1,
                creation_date=b"now")
    )  # fmt: skip
    assert (m.trackers, m.web_seeds, m.nodes, m.comment, m.created_by, m.created_at) == ((), (), (), None, None, None)
    assert jst.Metainfo.parse(torrent(single(), creation_date=-1)).created_at is None


def test_utf8_keys_win() -> None:
    info = multi([(["x"], 100)])
    info |= {"name": b"\xe4", "name.utf-8": "ä"}
    info["files"][0]["path.utf-8"] = ["ö"]
    m = jst.Metainfo.parse(benc({"info": info, "comment": b"\xe4", "comment.utf-8": "ü"}))
    assert (m.name, m.files[0].path.as_posix(), m.comment) == ("ä", "ä/ö", "ü")


def test_attributes() -> None:
    info = multi([(["a"], 100), (["b"], 100), ([".pad", "1"], 50), (["_____padding_file_0_x"], 10)])
    info["files"][0]["attr"] = "xh"
    info["files"][2]["attr"] = "p"
    info["files"].insert(
        2, {"path": ["link"], "length": 77, "attr": "l", "symlink path": ["..", "..", "etc", "passwd"]}
    )
    info["files"].insert(3, {"path": ["bare"], "attr": "l"})
    m = jst.Metainfo.parse(torrent(info))
    a, b, link, bare, pad, bitcomet = m.files
    assert (a.is_executable, a.is_hidden, b.is_executable, b.is_hidden) == (True, True, False, False)
    assert (link.size, link.symlink_target, link.is_pad) == (0, "../../etc/passwd", False)
    assert (bare.size, bare.symlink_target, a.symlink_target) == (0, "", None)
    assert (pad.is_pad, bitcomet.is_pad, b.is_pad) == (True, True, False)
    assert m.total_size == 260


FILES = {"a": b"a" * 50000, "d/b": b"b" * 100, "d/c": b"", "e": b"e" * (3 * 32768)}


def test_v2() -> None:
    whole = v2(FILES, 32768)
    m = jst.Metainfo.parse(benc(whole))
    assert (m.version, m.info_hash, m.info_hash_v2) == ("v2", None, sha256(benc(whole["info"])).digest())
    assert [f.path.as_posix() for f in m.files] == ["dir/a", "dir/d/b", "dir/d/c", "dir/e"]
    assert [f.offset for f in m.files] == [0, 65536, 98304, 98304]
    assert [f.pieces for f in m.files] == [range(2), range(2, 3), range(3, 3), range(3, 6)]
    assert m.num_pieces == 6 and m.total_size == sum(map(len, FILES.values()))
    assert [m.piece_size(i) for i in range(6)] == [32768, 50000 - 32768, 100, 32768, 32768, 32768]
    assert m.total_size == sum(m.piece_size(i) for i in range(6))
    assert m.piece_hash(0) == b""


def test_v2_piece_trees() -> None:
    whole = v2(FILES, 32768)
    handle = lab.parse_metainfo(benc(whole))
    layers = {root: [l[i : i + 32] for i in range(0, len(l), 32)] for root, l in whole["piece layers"].items()}
    tree = whole["info"]["file tree"]
    root_a, root_b, root_e = (f[""]["pieces root"] for f in (tree["a"], tree["d"]["b"], tree["e"]))
    expected = [(layers[root_a][0], 2, 32768), (layers[root_a][1], 2, 50000 - 32768), (root_b, 1, 100)]
    expected += [(node, 2, 32768) for node in layers[root_e]]
    assert [lab.piece_tree(handle, i) for i in range(6)] == expected
    assert lab.piece_tree(handle, 6) == (None, 0, 0)


def test_v2_single_file_is_one_named_like_the_torrent() -> None:
    m = jst.Metainfo.parse(benc(v2({"movie": b"x" * 20}, name="movie")))
    assert m.is_single_file and [f.path.as_posix() for f in m.files] == ["movie"]
    m = jst.Metainfo.parse(benc(v2({"movie": b"x" * 20}, name="other")))
    assert not m.is_single_file and [f.path.as_posix() for f in m.files] == ["other/movie"]


def test_hybrid() -> None:
    whole = hybrid(FILES, 32768)
    m = jst.Metainfo.parse(benc(whole))
    info = benc(whole["info"])
    assert (m.version, m.info_hash, m.info_hash_v2) == ("hybrid", sha1(info).digest(), sha256(info).digest())
    real = [f for f in m.files if not f.is_pad]
    assert [f.path.as_posix() for f in real] == ["dir/a", "dir/d/b", "dir/d/c", "dir/e"]
    assert [f.offset for f in real if f.size] == [0, 65536, 98304]
    assert [f.pieces_root is None for f in real] == [False, False, True, False]
    assert m.total_size == 98304 + 3 * 32768 == sum(m.piece_size(i) for i in range(m.num_pieces))
    handle = lab.parse_metainfo(benc(whole))
    assert lab.piece_tree(handle, 1)[1:] == (
        2,
        50000 - 32768,
    )  # the tree ends with the file, the piece with its padding
    assert m.piece_size(1) == 32768


def test_without_layers_the_pieces_of_large_files_are_unknown() -> None:
    info = v2(FILES, 32768)["info"]
    handle = _core.Metainfo.parse_info(benc(info))
    assert not handle.has_all_layers
    assert lab.piece_tree(handle, 0) == (None, 2, 32768)
    assert lab.piece_tree(handle, 2)[0] is not None  # one piece: its root is in the info
    assert _core.Metainfo.parse_info(benc(v2({"a": b"1"})["info"])).has_all_layers
    # An info dictionary cannot bring layers along: they stand beside it.
    assert not _core.Metainfo.parse_info(benc(info | {"piece layers": v2(FILES, 32768)["piece layers"]})).has_all_layers


WHOLE = [
    torrent(single(), announce="http://a/"),
    torrent(multi([(["a"], 9), (["b", "c"], 5)])),
    benc(v2(FILES)),
    benc(hybrid(FILES)),
]


@pytest.mark.parametrize("whole", WHOLE)
def test_cut_anywhere_or_with_a_tail_it_is_an_error(whole: bytes) -> None:
    for cut in range(len(whole)):
        assert code_of(whole[:cut]) == "truncated"
    assert code_of(whole + b"\n") == "trailing_bytes"


@pytest.mark.parametrize("whole", WHOLE)
def test_a_changed_byte_is_another_torrent_or_an_error(whole: bytes) -> None:
    before = jst.Metainfo.parse(whole)
    for at in range(0, len(whole), 7):
        changed = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        try:
            after = jst.Metainfo.parse(changed)
        except jst.ParseError as error:
            assert 0 <= error.offset <= len(whole)
        else:
            assert after.info_bytes != before.info_bytes or after.info_hash == before.info_hash


@pytest.mark.parametrize("whole", WHOLE)
def test_encoding_gives_back_the_same_bytes(whole: bytes) -> None:
    assert jst.Metainfo.parse(whole).encode() == whole


def test_encoding_keeps_what_it_does_not_know() -> None:
    data = benc({"info": single(), "publisher": "me", "azureus_properties": {"x": [1]}, "announce": "http://a/"})
    m = jst.Metainfo.parse(data)
    assert m.encode() == data
    assert jst.bdecode(m.replace(comment="c").encode())[b"publisher"] == b"me"


def test_an_unsorted_torrent_keeps_its_info_bytes() -> None:
    info = b"d6:pieces20:" + b"h" * 20 + b"12:piece lengthi16384e6:lengthi5e4:name1:xe"
    m = jst.Metainfo.parse(b"d4:info" + info + b"8:announce9:http://a/e")
    assert m.info_bytes == info and m.info_hash == sha1(info).digest()
    assert m.trackers == (("http://a/",),)
    assert info in m.encode()
