"""Torrents of BEP 52 that lie: trees, roots, layers, and halves that disagree."""

from __future__ import annotations

from typing import Any

import jstorrent as jst
import pytest
from jstorrent import _core

from tests.unit.codec.builders import BLOCK, benc, hybrid, single, torrent, v2, without
from tests.unit.codec.test_metainfo import code_of

lab = _core.lab.codec


# 7. v2
BIG = {"a": b"a" * 50000}


def test_piece_layers_fit_their_roots() -> None:
    whole = v2(BIG)
    ((root, layer),) = whole["piece layers"].items()
    wrong: list[tuple[Any, str]] = [
        ({root: layer[:-32]}, "bad_merkle"),
        ({root: layer + bytes(32)}, "bad_merkle"),
        ({root: layer[:-1]}, "bad_merkle"),
        ({root: b""}, "bad_merkle"),
        ({root: layer[32:] + layer[:32]}, "bad_merkle"),
        ({root: layer, b"u" * 32: layer}, "bad_merkle"),
        ({root: layer, root[:31]: layer}, "bad_merkle"),
        ({root: 5}, "wrong_type"),
        (5, "wrong_type"),
        ({}, "missing_field"),
    ]
    for layers, code in wrong:
        assert code_of(benc(whole | {"piece layers": layers})) == code
    assert code_of(benc(without(whole, "piece layers"))) == "missing_field"
    assert not lab.parse_metainfo(benc(without(whole, "piece layers")), {"layers_required": False}).has_all_layers


def test_a_layer_named_twice() -> None:
    whole = v2(BIG)
    ((root, layer),) = whole["piece layers"].items()
    twice = benc(whole).replace(benc(root) + benc(layer), (benc(root) + benc(layer)) * 2)
    assert code_of(twice) == "bad_merkle"


def test_one_layer_serves_equal_files() -> None:
    m = jst.Metainfo.parse(benc(v2({"a": b"x" * 50000, "b": b"x" * 50000})))
    assert m.num_pieces == 8
    whole = v2({"a": b"x" * 50000, "b": b"x" * 50000})
    whole["info"]["file tree"]["b"][""]["length"] = 60000 + BLOCK  # same root, another size: one of them lies
    assert code_of(benc(whole)) == "bad_merkle"


@pytest.mark.parametrize(
    ("root", "code"),
    [
        (bytes(32), "bad_merkle"),
        (b"r" * 31, "bad_merkle"),
        (b"r" * 33, "bad_merkle"),
        (b"", "bad_merkle"),
        (7, "wrong_type"),
    ],
)
def test_roots_are_32_bytes_and_not_zero(root: Any, code: str) -> None:
    whole = v2({"a": b"x"})
    whole["info"]["file tree"]["a"][""]["pieces root"] = root
    assert code_of(benc(whole)) == code


def test_a_file_with_bytes_needs_a_root() -> None:
    whole = v2({"a": b"x"})
    del whole["info"]["file tree"]["a"][""]["pieces root"]
    assert code_of(benc(whole)) == "missing_field"


def test_odd_file_trees() -> None:
    leaf = v2({"a": b"x"})["info"]["file tree"]["a"]
    trees: list[tuple[Any, str]] = [
        (leaf, "bad_path"),  # a file without a name
        ({"a": {**leaf, "b": leaf}}, "bad_path"),  # a file and a directory at once
        ({"a": {"b": {"": 5}}}, "wrong_type"),
        ({"a": 5}, "wrong_type"),
        ({"a": {"": {"pieces root": b"r" * 32}}}, "missing_field"),
        ({"a": {}}, "bad_value"),  # nothing to download
        ([], "wrong_type"),
    ]
    for tree, code in trees:
        whole = v2({"a": b"x"})
        whole["info"]["file tree"] = tree
        assert code_of(benc(whole)) == code


@pytest.mark.parametrize("pieces", [511, 512, 513, 1025])
def test_layers_of_awkward_length(pieces: int) -> None:
    m = jst.Metainfo.parse(benc(v2({"a": bytes(pieces * BLOCK - 1)})))
    assert (m.num_pieces, m.piece_size(pieces - 1)) == (pieces, BLOCK - 1)


@pytest.mark.parametrize("version", [0, 3, -1, 1 << 40])
def test_unknown_meta_version(version: int) -> None:
    assert code_of(torrent(single() | {"meta version": version})) == "bad_value"


# 8. hybrid
def test_the_halves_of_a_hybrid_agree() -> None:
    files = {"a": b"a" * 50000, "b": b"b" * 100}

    def changed(change: Any) -> bytes:
        whole = hybrid(files)
        change(whole["info"])
        return benc(whole)

    assert jst.Metainfo.parse(benc(hybrid(files))).version == "hybrid"

    def other_name(info: dict[str, Any]) -> None:
        info["files"][0]["path"] = ["z"]

    def other_size(info: dict[str, Any]) -> None:
        info["files"][-1]["length"] += 1

    def other_order(info: dict[str, Any]) -> None:
        info["files"].reverse()

    def pad_is_no_pad(info: dict[str, Any]) -> None:
        del info["files"][1]["attr"]

    def file_is_pad(info: dict[str, Any]) -> None:
        info["files"][0]["attr"] = "p"

    def one_more(info: dict[str, Any]) -> None:
        info["files"].append({"path": ["c"], "length": 0})

    def one_less(info: dict[str, Any]) -> None:
        info["file tree"]["c"] = {"": {"length": 0}}

    def more_pieces(info: dict[str, Any]) -> None:
        info["files"].append({"path": ["p"], "length": BLOCK, "attr": "p"})
        info["pieces"] += b"h" * 20

    for change in (other_name, other_size, other_order, pad_is_no_pad, file_is_pad, one_more, one_less, more_pieces):
        assert code_of(changed(change)) == "hybrid_mismatch", change.__name__


@pytest.mark.parametrize(("v1_half", "path"), [
    ({"length": 100}, "movie"), ({"files": [{"path": ["movie"], "length": 100}]}, "movie/movie"),
])  # fmt: skip
def test_a_file_in_a_directory_of_its_own_name_is_where_the_v1_half_says(v1_half: dict[str, Any], path: str) -> None:
    whole = v2({"movie": b"x" * 100}, name="movie")
    whole["info"] |= v1_half | {"pieces": b"h" * 20}
    assert [file.path.as_posix() for file in jst.Metainfo.parse(benc(whole)).files] == [path]


def test_one_file_in_a_directory_is_not_one_file() -> None:
    whole = v2({"movie": b"x" * 100}, name="other")
    whole["info"] |= {"length": 100, "pieces": b"h" * 20}
    assert code_of(benc(whole)) == "hybrid_mismatch"


def test_forged_layer_in_a_hybrid() -> None:
    whole = hybrid(BIG)
    ((root, layer),) = whole["piece layers"].items()
    assert code_of(benc(whole | {"piece layers": {root: b"\x01" + layer[1:]}})) == "bad_merkle"
