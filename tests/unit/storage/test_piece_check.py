"""What proves a piece (storage/piece_check)."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from jstorrent._core import lab

from tests.unit.engine.torrents import Sample, v1, v2

Expectation = lab.storage.PieceExpectation
FILES = [("a", 100_000), ("b", 5), ("c", 32768), ("d", 40_000)]
LENGTH = 32768


def digests(expected: Any, data: bytes) -> tuple[bytes, list[bytes]]:
    spans = expected.spans
    assert b"".join(data[begin : begin + length] for begin, length in spans) == data, "all bytes once, in order"
    assert all(0 < length <= 16384 for _, length in spans)
    leaves = [hashlib.sha256(data[begin : begin + length]).digest() for begin, length in spans]
    return hashlib.sha1(data).digest(), leaves


def samples() -> dict[str, Sample]:
    return {"v1": v1(FILES, LENGTH), "v2": v2(FILES, LENGTH), "hybrid": v2(FILES, LENGTH, hybrid=True)}


@pytest.mark.parametrize("kind", ["v1", "v2", "hybrid"])
def test_a_right_piece_passes_and_any_wrong_one_does_not(kind: str) -> None:
    sample = samples()[kind]
    for number, data in enumerate(sample.pieces):
        expected = Expectation(sample.torrent, number)
        assert expected.is_known
        sha1, leaves = digests(expected, data)
        assert expected.passes(sha1, leaves)
        other_sha1, other_leaves = digests(expected, bytes([data[0] ^ 1]) + data[1:])
        assert not expected.passes(other_sha1, other_leaves)
        assert expected.passes(other_sha1, leaves) == (kind == "v2"), "SHA-1 counts wherever it is known"
        assert expected.passes(sha1, other_leaves) == (kind == "v1"), "and so does the tree"
        if kind != "v1":
            assert not expected.passes(sha1, leaves[: expected.leaf_count - 1])
            assert not expected.passes(sha1, [])


def test_a_piece_past_the_last_is_not_known() -> None:
    for sample in samples().values():
        expected = Expectation(sample.torrent, len(sample.pieces))
        assert not expected.is_known
        assert not expected.passes(bytes(20), [])


def test_without_piece_layers_only_small_files_and_sha1_are_known() -> None:
    sample = samples()["v2"]
    known = [Expectation(sample.torrent, n, with_layers=False).is_known for n in range(len(sample.pieces))]
    assert known == [False, False, False, False, True, True, False, False]
    unknown = Expectation(sample.torrent, 0, with_layers=False)
    sha1, leaves = digests(Expectation(sample.torrent, 0), sample.pieces[0])
    assert not unknown.passes(sha1, leaves), "what is not known never passes"
    hybrid = samples()["hybrid"]
    assert all(Expectation(hybrid.torrent, n, with_layers=False).is_known for n in range(len(hybrid.pieces)))
