"""Wishes for files that are not known yet (storage/file_wishes): globs as Python's fnmatch, so=, later ones win."""

from __future__ import annotations

import fnmatch
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jstorrent import _errors as jstorrent
from jstorrent._core import lab

storage = lab.storage
PATHS = ["album/a.mkv", "album/b.txt", "album/extra/c.mkv", "album/extra/d.nfo"]
letters = st.text("ab[]!-*?é/.", max_size=8)


@settings(max_examples=500, deadline=None)
@given(letters, letters)
def test_globs_mean_what_they_mean_in_python(pattern: str, name: str) -> None:
    assert storage.glob_matches(pattern, name) == fnmatch.fnmatchcase(name, pattern)


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [("", "", True), ("*", "", True), ("?", "", False), ("?", "é", True), ("[!a]", "b", True), ("[!a]", "a", False),
     ("[a", "[a", True), ("[]]", "]", True), ("[a-c]x", "bx", True), ("**a**", "xxa", True), ("a*b*c", "aXbYb", False)],
)  # fmt: skip
def test_single_globs(pattern: str, name: str, matches: bool) -> None:
    assert storage.glob_matches(pattern, name) is matches


def test_a_glob_made_to_be_slow_is_not() -> None:
    before = time.process_time()
    assert not storage.glob_matches("*a" * 500 + "b", "a" * 4000)
    assert time.process_time() - before < 2


def test_a_glob_is_tried_on_the_path_below_it_and_the_name() -> None:
    for glob in ("album/extra/c.mkv", "extra/c.mkv", "c.mkv"):
        assert storage.wished_priorities(PATHS, [], [(glob, 7)]) == [4, 4, 7, 4], glob
    assert storage.wished_priorities(PATHS, [], [("*.mkv", 0)]) == [0, 4, 0, 4]


def test_later_wishes_win() -> None:
    assert storage.wished_priorities(PATHS, [], [("*", 0), ("*.mkv", 7), (3, 1), (99, 1)]) == [7, 0, 7, 1]


def test_what_a_link_does_not_select_is_skipped_unless_wished_for() -> None:
    assert storage.wished_priorities(PATHS, [(0, 0), (2, 50)], []) == [4, 0, 4, 4]
    assert storage.wished_priorities(PATHS, [(0, 0)], [(1, 6)]) == [4, 6, 0, 0]


def test_a_record_with_more_wishes_than_fit_keeps_the_first() -> None:
    most = storage.max_wishes
    record = {"info_hash": b"h" * 20, "wishes": [(n, 1) for n in range(most + 1)]}
    kept = storage.decode_torrent_record(storage.encode_torrent_record(record))["wishes"]
    assert kept == [(n, 1) for n in range(most)]


@pytest.mark.parametrize("wish", [b"li0ei8ee", b"l1:ae", b"li-1ei0ee", b"li4194304ei0ee", b"i0e", b"l4097:" + b"a" * 4097 + b"i0ee"])  # fmt: skip
def test_a_record_with_a_senseless_wish_is_bad(wish: bytes) -> None:
    body = b"d9:info_hash20:" + b"h" * 20 + b"6:wishesl" + wish + b"ee"
    with pytest.raises(jstorrent.Error) as caught:
        storage.decode_torrent_record(storage.frame_record("t", storage.record_version, body))
    assert caught.value.code == "bad_record"
