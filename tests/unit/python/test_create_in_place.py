"""Torrents made of files that the page cache has: the bytes are hashed where they lie."""

from __future__ import annotations

import os
import random
import threading
from hashlib import sha1
from pathlib import Path

import jstorrent as jst
import pytest
from jstorrent import _core, _create

MIB = 1 << 20
DATA = random.Random(3).randbytes(40 * MIB + 12_345)


def hashes(data: bytes, piece_length: int) -> list[bytes]:
    return [sha1(data[i : i + piece_length]).digest() for i in range(0, len(data), piece_length)]


@pytest.fixture
def in_place(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What each group was asked, and answered."""
    answers: list[bool] = []
    ask = _create._Stream.hash_in_place

    def listen(*words: object) -> bool:
        answers.append(ask(*words))  # type: ignore[arg-type]
        return answers[-1]

    monkeypatch.setattr(_create._Stream, "hash_in_place", listen)
    return answers


def can_map(path: Path) -> bool:
    with path.open("rb") as file:
        return _core.lab.GuardedMapping.of(file.fileno(), 0, MIB) is not None


@pytest.mark.parametrize("piece_length", [16384, 100_000, MIB, 16 * MIB, 64 * MIB])
def test_one_file(tmp_path: Path, in_place: list[bool], piece_length: int) -> None:
    (tmp_path / "f").write_bytes(DATA)
    m = jst.create_torrent(tmp_path / "f", piece_length=piece_length)
    assert [m.piece_hash(i) for i in range(m.num_pieces)] == hashes(DATA, piece_length)
    if can_map(tmp_path / "f"):
        assert all(in_place[:-1]) and any(in_place)  # of the last group less may be left than is worth it


def test_a_group_that_is_too_large_is_read_in_strips(
    tmp_path: Path, in_place: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that progress is told and Ctrl-C heard."""
    (tmp_path / "f").write_bytes(DATA)
    for most, expected in ((len(DATA), can_map(tmp_path / "f")), (len(DATA) - 1, False)):
        monkeypatch.setattr(_create, "_MOST_IN_PLACE", most)
        m = jst.create_torrent(tmp_path / "f", piece_length=64 * MIB)
        assert [m.piece_hash(i) for i in range(m.num_pieces)] == hashes(DATA, 64 * MIB)
        assert in_place[-1] == expected


@pytest.mark.parametrize("cuts", [[7 * MIB], [1, 30 * MIB], [16 * MIB, 32 * MIB], [1000, 1001, 20 * MIB + 7]])
def test_groups_that_lie_in_one_file_among_others(tmp_path: Path, in_place: list[bool], cuts: list[int]) -> None:
    ends = [0, *cuts, len(DATA)]
    for number in range(len(ends) - 1):
        (tmp_path / str(number)).write_bytes(DATA[ends[number] : ends[number + 1]])
    m = jst.create_torrent(tmp_path, piece_length=128 << 10)
    assert [m.piece_hash(i) for i in range(m.num_pieces)] == hashes(DATA, 128 << 10)
    if can_map(tmp_path / str(len(cuts))):
        assert any(in_place)
        assert all(in_place[:-1]) == (cuts == [16 * MIB, 32 * MIB])


def test_a_file_that_is_cut_while_it_is_hashed_gives_no_wrong_hashes(tmp_path: Path) -> None:
    """Whenever that is: the group is right, or it was not made."""
    path, expected = tmp_path / "f", b"".join(hashes(DATA[: 16 * MIB], MIB))
    path.write_bytes(DATA[: 16 * MIB])
    if not can_map(path):
        pytest.skip("this kernel does not tell what it has in its cache")
    made = 0
    for turns in range(0, 40_000, 1000):
        path.write_bytes(DATA[: 16 * MIB])
        begins = threading.Event()

        def cut(turns: int = turns, begins: threading.Event = begins) -> None:
            begins.wait()
            for _ in range(turns):
                pass
            os.truncate(path, 4 * MIB + 1)

        cutter = threading.Thread(target=cut)
        cutter.start()
        hasher = _core.PieceHasher()
        with path.open("rb") as file:
            begins.set()
            whole = hasher.group_of_file(file.fileno(), 0, 16 * MIB, MIB)
        cutter.join()
        assert hasher.finish() == (expected if whole else b"")
        made += whole
    assert made < 40
