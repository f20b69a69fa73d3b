"""The journal of verified pieces: a torn tail costs pieces, never truth (storage/journal)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jstorrent import _errors as jstorrent
from jstorrent._core import lab

storage = lab.storage
HASH = bytes(range(20))
HEADER = 48
ENTRY = 12


def journal(pieces: list[int], epoch: int = 3, info_hash: bytes = HASH) -> bytes:
    header = storage.journal_header(info_hash, epoch)
    return bytes(header + b"".join(storage.journal_entry(header, n, p) for n, p in enumerate(pieces)))


@given(st.lists(st.integers(0, 99), max_size=20), st.integers(0, 2**64 - 1), st.sampled_from([HASH, HASH + b"x" * 12]))
def test_what_was_written_is_read(pieces: list[int], epoch: int, info_hash: bytes) -> None:
    data = journal(pieces, epoch, info_hash)
    assert storage.read_journal(data, info_hash, 100) == (epoch, pieces, len(data))


def test_a_torn_tail_costs_the_last_entry_only() -> None:
    pieces = [5, 0, 7]
    data = journal(pieces)
    for end in range(HEADER, len(data) + 1):
        whole = (end - HEADER) // ENTRY
        assert storage.read_journal(data[:end], HASH, 100) == (3, pieces[:whole], HEADER + whole * ENTRY)
    assert storage.read_journal(data + b"\0" * ENTRY, HASH, 100)[1] == pieces


def test_a_flipped_bit_ends_the_journal_there() -> None:
    pieces = [5, 0, 7]
    data = journal(pieces)
    for at in range(HEADER, len(data)):
        for bit in range(8):
            broken = bytearray(data)
            broken[at] ^= 1 << bit
            assert storage.read_journal(bytes(broken), HASH, 2**32 - 1)[1] == pieces[: (at - HEADER) // ENTRY]


def test_a_damaged_or_foreign_header_is_refused() -> None:
    data = journal([1])
    other = [journal([1], info_hash=b"z" * 20), data[: HEADER - 1], b"", b"X" + data[1:]]
    for broken in other:
        with pytest.raises(jstorrent.ParseError) as caught:
            storage.read_journal(broken, HASH, 100)
        assert caught.value.code == "bad_record"


def test_every_flipped_bit_of_the_header_names_no_piece() -> None:
    """An epoch that changed is another epoch: its entries do not count."""
    data = journal([5, 0, 7])
    for at in range(HEADER):
        for bit in range(8):
            broken = bytearray(data)
            broken[at] ^= 1 << bit
            try:
                pieces = storage.read_journal(bytes(broken), HASH, 100)[1]
            except jstorrent.ParseError as error:
                assert error.code == "bad_record"
            else:
                assert pieces == []
    for end in range(HEADER):
        with pytest.raises(jstorrent.ParseError):
            storage.read_journal(data[:end], HASH, 100)


def test_entries_of_another_epoch_or_out_of_place_do_not_count() -> None:
    ours = storage.journal_header(HASH, 4)
    theirs = storage.journal_header(HASH, 3)
    assert storage.read_journal(ours + storage.journal_entry(theirs, 0, 1), HASH, 100)[1] == []
    assert storage.read_journal(ours + storage.journal_entry(ours, 1, 1), HASH, 100)[1] == []


def test_a_piece_past_the_last_ends_the_journal() -> None:
    data = journal([1, 9, 10, 2])
    assert storage.read_journal(data, HASH, 10)[1] == [1, 9]
