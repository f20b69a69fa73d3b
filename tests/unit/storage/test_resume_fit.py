"""A record that does not fit the files is checked, not trusted (storage/resume_fit)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from jstorrent._core import lab

storage = lab.storage
Stamp = tuple[bool, int, int]
GONE: Stamp = (False, 0, 0)


def three_files() -> object:
    # pieces: 0 = a, 1 = a and b, 2 = b, 3 = b and c
    return storage.FileMap([(24, False), (32, False), (8, False)], 16)


SAVED: list[Stamp] = [(True, 24, 1), (True, 32, 2), (True, 8, 3)]
HAVE = [True, True, False, True]


def test_files_as_they_were_are_trusted() -> None:
    assert storage.fit_record(three_files(), HAVE, SAVED, SAVED) == (HAVE, [False] * 4, True)


def test_what_a_journal_or_bytes_on_disk_hint_at_is_checked_and_not_trusted() -> None:
    m = three_files()
    assert storage.fit_record(m, HAVE, SAVED, SAVED, hinted=[2, 3]) == (HAVE, [False, False, True, False], True)
    gone = storage.fit_record(m, HAVE, SAVED, [SAVED[0], (True, 20, 2), SAVED[2]], hinted=[2])
    assert gone[1][2] is False, "past the end of its file it is missing for sure"


def test_a_changed_file_is_checked_with_all_its_pieces() -> None:
    now = [SAVED[0], (True, 32, 99), SAVED[2]]
    assert storage.fit_record(three_files(), HAVE, SAVED, now) == (
        [True, False, False, False],
        [False, True, True, True],
        False,
    )


def test_an_absent_file_has_nothing() -> None:
    now = [SAVED[0], GONE, SAVED[2]]
    assert storage.fit_record(three_files(), HAVE, SAVED, now) == ([True, False, False, False], [False] * 4, False)
    assert storage.fit_record(three_files(), HAVE, SAVED, [GONE] * 3) == ([False] * 4, [False] * 4, False)


def test_what_lies_past_the_end_of_a_cut_file_is_missing() -> None:
    now = [(True, 20, 1), SAVED[1], SAVED[2]]
    assert storage.fit_record(three_files(), HAVE, SAVED, now) == (
        [False, False, False, True],
        [True, False, False, False],
        False,
    )


def test_without_a_record_what_exists_is_checked() -> None:
    now = [SAVED[0], SAVED[1], GONE]
    assert storage.fit_record(three_files(), None, [], now) == ([False] * 4, [True, True, True, False], False)


def test_a_record_of_another_piece_count_is_not_used() -> None:
    assert storage.fit_record(three_files(), [True] * 5, SAVED, SAVED) == ([False] * 4, [True] * 4, False)


def test_a_file_that_appeared_is_checked() -> None:
    saved = [SAVED[0], GONE, SAVED[2]]
    assert storage.fit_record(three_files(), [True, False, False, False], saved, SAVED) == (
        [True, False, False, False],
        [False, True, True, True],
        False,
    )


def test_pad_files_need_not_exist() -> None:
    m = storage.FileMap([(10, False), (6, True), (16, False)], 16)
    stamps = [(True, 10, 1), GONE, (True, 16, 1)]
    assert storage.fit_record(m, [True, True], stamps, stamps) == ([True, True], [False, False], True)


def test_a_skipped_file_is_judged_by_the_part_file() -> None:
    m = three_files()
    saved = [SAVED[0], GONE, SAVED[2]]
    parts = (True, 64, 8)
    have = [True, True, False, True]
    in_parts = [False, True, False]
    assert storage.fit_record(m, have, saved, saved, parts, parts, in_parts) == (have, [False] * 4, True)
    assert storage.fit_record(m, have, saved, saved, parts, (True, 64, 9), in_parts)[1] == [False, True, False, True]
    assert storage.fit_record(m, have, saved, saved, parts, GONE, in_parts)[0] == [True, False, False, False]


def test_a_piece_of_a_skipped_file_alone_is_judged_by_that_file() -> None:
    parts = (True, 64, 8)
    have = [True] * 4
    in_parts = [False, True, False]
    assert storage.fit_record(three_files(), have, SAVED, SAVED, parts, parts, in_parts)[0] == have
    gone = [SAVED[0], GONE, SAVED[2]]
    assert storage.fit_record(three_files(), have, SAVED, gone, parts, parts, in_parts)[0] == [True, True, False, True]


def test_files_trusted_at_the_users_word_must_at_least_be_there() -> None:
    assert storage.trust_files(three_files(), SAVED) == [True] * 4
    assert storage.trust_files(three_files(), [SAVED[0], SAVED[1], (True, 7, 3)]) == [True, True, True, False]
    assert storage.trust_files(three_files(), []) == [False] * 4


stamps = st.tuples(st.just(True), st.integers(0, 40), st.integers(0, 1)) | st.just(GONE)


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=6),
    st.integers(1, 16),
    st.booleans(),
    st.data(),
)
def test_nothing_is_trusted_that_could_have_changed(
    files: list[tuple[int, bool]], length: int, aligned: bool, data: st.DataObject
) -> None:
    m = storage.FileMap(files, length, aligned)
    saved = data.draw(st.lists(stamps, min_size=len(files), max_size=len(files)))
    now = [data.draw(st.just(before) | stamps) for before in saved]
    have = data.draw(st.lists(st.booleans(), min_size=m.num_pieces, max_size=m.num_pieces))
    trusted, to_check, fits = storage.fit_record(m, have, saved, now)
    assert fits == all(a == b for a, b, (_, pad) in zip(saved, now, files, strict=True) if not pad)
    for p in range(m.num_pieces):
        slices = [s for s in m.slices(p, 0, m.piece_size(p)) if not s[3]]
        there = all(now[f][0] and now[f][1] >= offset + n for f, offset, n, _ in slices)
        same = all(now[f] == saved[f] for f, _, _, _ in slices)
        assert trusted[p] == (there and same and have[p])
        assert to_check[p] == (there and not same)


def test_pieces_newer_than_the_have_bits_are_checked_later() -> None:
    m = three_files()
    older = [True, False, False, False]
    stamps, part = storage.distrust_newer(m, older, [True, False, False, True], SAVED, (True, 1, 1))
    assert stamps[0] == SAVED[0], "no new piece in the first file"
    trusted, to_check, _ = storage.fit_record(m, older, stamps, SAVED)
    assert trusted == [True, False, False, False]
    assert to_check == [False, True, True, True]
    assert part != (True, 1, 1)
    assert storage.distrust_newer(m, HAVE, HAVE, SAVED, (True, 1, 1)) == (SAVED, (True, 1, 1))
