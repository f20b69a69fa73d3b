"""Torrents that want to hurt: each ends in a clear error or is made harmless, with bounded work."""

from __future__ import annotations

import time
from typing import Any

import jstorrent as jst
import pytest
from jstorrent import _core

from tests.unit.codec.builders import BLOCK, benc, multi, single, torrent, v2, without
from tests.unit.codec.test_metainfo import code_of

lab = _core.lab.codec
PIB = 1 << 50


# 1. nesting
@pytest.mark.parametrize("data", [b"l" * 1_000_000, b"d1:a" * 100_000, b"d4:info" + b"l" * 2000 + b"e" * 2000 + b"e"])
def test_nested_lists(data: bytes) -> None:
    assert code_of(data) == "too_deep"


def test_a_deep_file_tree() -> None:
    assert jst.Metainfo.parse(benc(v2({"/".join("d" * 50): b"x"}))).num_pieces == 1
    assert code_of(benc(v2({"/".join("d" * 200): b"x"}))) == "too_deep"


# 2. lengths
@pytest.mark.parametrize("length", [b"9223372036854775808", b"18446744073709551615", b"4294967296", b"1" * 100])
def test_impossible_string_lengths(length: bytes) -> None:
    assert code_of(b"d4:info" + length + b":x") == "bad_string"


def test_a_string_longer_than_the_input() -> None:
    assert code_of(b"d4:info199999999:x") == "truncated"


# 3. tokens and size
def test_token_bomb() -> None:
    start = time.process_time()
    assert code_of(b"d4:junkl" + b"0:" * 5_000_000 + b"ee") == "too_many_tokens"
    assert code_of(b"d" + b"".join(b"7:%07dle" % i for i in range(1_600_000)) + b"e") == "too_many_tokens"
    assert time.process_time() - start < 10


def test_larger_than_any_torrent() -> None:
    limit = _core.max_torrent_size
    assert limit == 64 << 20
    assert code_of(bytes(limit + 1)) == "too_large"
    assert code_of(bytes(limit)) == "bad_token"


# 4. sizes and pieces
@pytest.mark.parametrize("length", [0, -1, (1 << 29) + 1, 1 << 31, 1 << 62])
def test_piece_length_out_of_range(length: int) -> None:
    assert code_of(torrent(single() | {"piece length": length})) == "bad_piece_length"


def test_largest_piece_length() -> None:
    assert jst.Metainfo.parse(torrent(single(b"x", 1 << 29))).piece_length == 1 << 29
    assert code_of(torrent(single(b"x", 100)), {"max_piece_length": 99}) == "bad_piece_length"


@pytest.mark.parametrize("length", [BLOCK - 1, BLOCK // 2, BLOCK + 1, 3 * BLOCK, 1])
def test_v2_pieces_are_whole_trees(length: int) -> None:
    whole = v2({"a": b"x"})
    whole["info"]["piece length"] = length
    assert code_of(benc(whole)) == "bad_piece_length"
    assert jst.Metainfo.parse(torrent(single(b"x" * 100, length))).num_pieces == -(-100 // length)  # v1 takes any


def test_hashes_fit_the_size() -> None:
    for pieces in (b"", b"h" * 19, b"h" * 20, b"h" * 59, b"h" * 61, b"h" * 80):
        assert code_of(torrent(single() | {"pieces": pieces})) == "bad_pieces"
    assert code_of(torrent(single() | {"pieces": 5})) == "wrong_type"


@pytest.mark.parametrize("size", [-1, PIB + 1, 1 << 62, (1 << 63) - 1])
def test_impossible_file_sizes(size: int) -> None:
    assert code_of(torrent(single() | {"length": size})) == "bad_value"
    assert code_of(torrent(multi([(["a"], 1)]) | {"files": [{"path": ["a"], "length": size}]})) == "bad_value"
    whole = v2({"a": b"x"})
    whole["info"]["file tree"]["a"][""]["length"] = size
    assert code_of(benc(whole)) == "bad_value"


def test_sizes_that_overflow_together() -> None:
    files = [{"path": [str(i)], "length": PIB} for i in range(20000)]
    assert code_of(torrent(multi([(["a"], 1)]) | {"files": files})) == "bad_value"
    tree = {str(i): {"": {"length": PIB, "pieces root": b"r" * 32}} for i in range(3)}
    assert code_of(benc({"info": without(v2({"a": b"x"})["info"], "") | {"file tree": tree}})) == "bad_value"


def test_nothing_to_download() -> None:
    assert code_of(torrent(single(b""))) == "bad_value"
    assert code_of(torrent(multi([(["a"], 0), (["b"], 0)]))) == "bad_value"
    assert code_of(torrent(multi([]))) == "bad_value"
    assert code_of(benc(v2({"a": b""}))) == "bad_value"
    assert code_of(benc(v2({}))) == "bad_value"


def test_too_many_pieces() -> None:
    assert code_of(torrent(single() | {"length": (1 << 21) + 1, "piece length": 1})) == "too_many_pieces"
    assert code_of(torrent(single() | {"length": PIB, "piece length": 1})) == "too_many_pieces"
    assert lab.parse_metainfo(torrent(single()), {"max_pieces": 3}).num_pieces == 3
    assert code_of(torrent(single()), {"max_pieces": 2}) == "too_many_pieces"
    assert code_of(benc(v2({"a": b"x", "b": b"x", "c": b"x"})), {"max_pieces": 2}) == "too_many_pieces"


def test_total_size_one_step_beyond() -> None:
    assert lab.parse_metainfo(torrent(single()), {"max_total_size": 40000}).total_size == 40000
    assert code_of(torrent(single()), {"max_total_size": 39999}) == "bad_value"
    assert code_of(torrent(multi([(["a"], 20), (["b"], 21)])), {"max_total_size": 40}) == "bad_value"


def test_a_last_piece_smaller_than_a_block() -> None:
    assert jst.Metainfo.parse(torrent(single(b"x" * (BLOCK + 1)))).piece_size(1) == 1


# 5. paths
NASTY = [
    [".."], ["..", "..", "etc", "passwd"], ["/etc/passwd"], ["C:\\x"], ["a\\..\\b"], ["nul\0byte"], ["\x01\x9f\u202e"],
    [b"%c0%ae%c0%ae"], [b"\xc0\xae\xc0\xae"], ["CON"], ["aux.txt"], ["dot."], ["space "], ["n" * 1000], ["."], [""],
    ["a", "", "..", "b"], ["d"] * 100,
]  # fmt: skip


@pytest.mark.parametrize("path", NASTY)
def test_no_path_leads_out(path: list[Any]) -> None:
    for info in (multi([(path, 10)]), multi([(["ok"], 10)], name=path[-1]), single(name=path[0])):
        m = jst.Metainfo.parse(torrent(info))
        for file in m.files:
            assert not file.path.is_absolute() and file.path.parts
            for part in file.path.parts:
                assert part not in ("", ".", "..") and not set(part) & set("/\\:\0\x01\u202e")
                assert len(part.encode()) <= 255 and not part.endswith((".", " "))


def test_raw_names_are_kept_for_the_decision() -> None:
    handle = lab.parse_metainfo(torrent(multi([(["..", b"\xff"], 10), (["b"], 10)])))
    assert lab.raw_paths(handle) == [(b"..", b"\xff"), (b"b",)]


def test_path_limits_one_step_beyond() -> None:
    assert code_of(torrent(multi([([], 10)]))) == "bad_path"
    assert code_of(torrent(multi([(["d"] * 129, 10)]))) == "bad_path"
    assert code_of(torrent(multi([(["n" * 4097], 10)]))) == "bad_path"
    assert code_of(torrent(single(name="n" * 4097))) == "bad_path"
    assert code_of(torrent(multi([([5], 10)]))) == "wrong_type"
    assert code_of(benc(v2({"a/b/c": b"x"})), {"max_path_components": 2}) == "bad_path"
    ok = lab.parse_metainfo(torrent(multi([(["d"] * 128, 10), (["n" * 4096], 10)])))
    assert ok.num_pieces == 1


def test_a_deep_tree_cannot_blow_up_the_paths() -> None:
    """Each file repeats its directories: 20,000 files below 50 names of 4 KiB would be 4 GB."""
    whole = v2({"/".join(["n" * 4096] * 50 + ["x"]): b"x"})
    at = whole["info"]["file tree"]
    while "x" not in at:
        at = next(iter(at.values()))
    at |= {str(i): {"": {"length": 0}} for i in range(20000)}
    assert code_of(benc(whole)) == "too_large"
    assert code_of(torrent(multi([(["ab"], 5), (["cd"], 5)])), {"max_path_bytes": 67}) == "too_large"
    assert lab.parse_metainfo(torrent(multi([(["ab"], 5), (["cd"], 5)])), {"max_path_bytes": 68}).num_pieces == 1


def test_symlinks_are_shown_and_never_followed() -> None:
    info = multi([(["up", "file"], 100)])
    info["files"].insert(0, {"path": ["up"], "attr": "l", "symlink path": ["..", ".."]})
    info["files"].insert(1, {"path": ["loop"], "attr": "l", "symlink path": ["loop"]})
    m = jst.Metainfo.parse(torrent(info))
    assert [(f.symlink_target, f.size) for f in m.files] == [("../..", 0), ("loop", 0), (None, 100)]
    assert all(".." not in f.path.parts for f in m.files)
    bad = multi([(["x"], 5)])
    bad["files"].append({"path": ["l"], "attr": "l", "symlink path": ["d"] * 129})
    assert code_of(torrent(bad)) == "bad_path"


# 6. many equal names
def test_colliding_names_in_bounded_time() -> None:
    files = [([("NaMe", "name", "NAME")[i % 3]], 1) for i in range(50_000)]
    files += [(["name", "below"], 1)]
    start = time.process_time()
    paths = [f.path for f in jst.Metainfo.parse(torrent(multi(files))).files]
    assert time.process_time() - start < 10
    assert len({str(p).casefold() for p in paths}) == len(paths)
    assert not {str(p).casefold() for p in paths} & {str(p.parent).casefold() for p in paths}


def test_many_symlinks_in_bounded_time() -> None:
    info = multi([(["x"], 5)])
    info["files"] += [{"path": [f"l{i}"], "attr": "l", "symlink path": [f"l{i + 1}"]} for i in range(100_000)]
    start = time.process_time()
    assert len(jst.Metainfo.parse(torrent(info)).files) == 100_001
    assert time.process_time() - start < 10


def test_too_many_files() -> None:
    three = torrent(multi([([str(i)], 1) for i in range(3)]))
    assert len(lab.parse_metainfo(three, {"max_files": 3}).files()) == 3
    assert code_of(three, {"max_files": 2}) == "too_many_files"
    assert code_of(benc(v2({"a": b"x", "b": b"x"})), {"max_files": 1}) == "too_many_files"
    assert code_of(torrent(multi([]) | {"files": [{"length": 0, "path": ["x"]}] * 400_001})) == "too_many_files"


# 9. names
def test_names_that_are_not_text() -> None:
    m = jst.Metainfo.parse(torrent(single(name=b"\xff\xfe ok")))
    assert m.name == "\ufffd\ufffd ok"
    for nameless in (single(name=""), without(single(), "name")):
        m = jst.Metainfo.parse(torrent(nameless))
        assert m.info_hash is not None and m.name == m.info_hash.hex()
    whole = v2({"a": b"x"}, name="")
    m = jst.Metainfo.parse(benc(whole))
    assert m.info_hash_v2 is not None and m.name == m.info_hash_v2.hex()
    assert code_of(torrent(single(name=5))) == "wrong_type"


# 10. URLs
def test_a_hundred_thousand_trackers() -> None:
    m = jst.Metainfo.parse(torrent(single(), announce_list=[[f"http://t{i}/a"] for i in range(100_000)]))
    assert len(m.trackers) == 1024
    m = jst.Metainfo.parse(torrent(single(), url_list=[f"http://t{i}/a" for i in range(1025)]))
    assert len(m.web_seeds) == 1024
    m = jst.Metainfo.parse(torrent(single(), nodes=[[f"h{i}", 1] for i in range(1025)]))
    assert len(m.nodes) == 1024


BAD_URLS = [
    "file:///etc/passwd", "gopher://x/", "javascript:alert(1)", "ftp://x/", "http://", "http:///x", "http://?x", "//x/a",
    "x", "", "http://a b/", "http://a/\x00", "http://a/\nb", "udp:x", "http://x/?info_hash=abc", "http://x/?a=1&EVENT=stopped",
    "http://x/?peer_id", "http://x/?info%5Fhash=a", "http://x/?a&%65vent=stopped", "http://x/" + "y" * 2040,
    b"http://x/\xff", b"http://\x80/", "http://x/\x9b2J", "udp://x:1/\u202e", "http://\u0430/",
]  # fmt: skip


@pytest.mark.parametrize("url", BAD_URLS)
def test_bad_tracker_urls_are_left_out(url: str | bytes) -> None:
    m = jst.Metainfo.parse(torrent(single(), announce_list=[[url, "HTTP://good/?passkey=event"]], announce=url))
    assert m.trackers == (("HTTP://good/?passkey=event",),)
    assert jst.Metainfo.parse(torrent(single(), announce=url)).trackers == ()


@pytest.mark.parametrize("url", ["file:///x", "udp://x:1", "javascript:x", "http://" + "x" * 2042, b"http://x/\xff"])
def test_bad_web_seeds_are_left_out(url: str | bytes) -> None:
    assert jst.Metainfo.parse(torrent(single(), url_list=[url, "https://ok/"])).web_seeds == ("https://ok/",)


def test_url_length_one_step_beyond() -> None:
    fits = "http://x/" + "y" * 2039
    assert len(fits) == 2048
    m = jst.Metainfo.parse(torrent(single(), announce=fits, url_list=[fits, fits + "y"]))
    assert (m.trackers, m.web_seeds) == (((fits,),), (fits,))


# 11. history
def test_oversized_creator() -> None:
    m = jst.Metainfo.parse(torrent(single(), created_by="x" * 1_000_000, comment="y" * 1_000_000))
    assert m.created_by is not None and len(m.created_by) == 1_000_000


@pytest.mark.parametrize(
    "data", [b"de", b"le", b"i0e", b"0:", benc({"info": 5}), benc({"info": []}), benc({"info": {}})]
)
def test_not_a_torrent(data: bytes) -> None:
    assert code_of(data) in ("missing_field", "wrong_type")


@pytest.mark.parametrize("key", ["length", "piece length", "pieces"])
def test_missing_fields(key: str) -> None:
    assert code_of(torrent(without(single(), key))) == "missing_field"


WRONG_TYPES: list[dict[str, Any]] = [
    {"length": b"1"},
    {"piece length": b"1"},
    {"pieces": []},
    {"files": 1},
    {"files": [1]},
    {"name": 1},
    {"meta version": b"2"},
    {"files": [{"path": b"x", "length": 1}]},
]


@pytest.mark.parametrize("change", WRONG_TYPES)
def test_fields_of_the_wrong_type(change: dict[str, Any]) -> None:
    assert code_of(torrent(single() | change)) == "wrong_type"


def test_files_without_their_fields() -> None:
    assert code_of(torrent(single() | {"files": [{"path": ["x"]}]})) == "missing_field"
    assert code_of(torrent(single() | {"files": [{"length": 5}]})) == "missing_field"
