"""Which torrents have an active place, in the order that the user chose."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jstorrent._core import lab


def key(n: int) -> int:
    return 1 << 32 | n


A, B, C, D = (key(i) for i in range(4))


def queue(**wishes: str) -> Any:
    q = lab.Queue()
    for name, wish in wishes.items():
        torrent = {"a": A, "b": B, "c": C, "d": D}[name]
        assert q.add(torrent) and q.set_wish(torrent, wish)
    return q


def order(q: Any) -> list[int]:
    return sorted((t for t in (A, B, C, D) if q.position(t) is not None), key=q.position)


def test_the_first_n_of_each_kind_run() -> None:
    q = queue(a="download", b="seed", c="download", d="download")
    assert q.running(downloads=2, seeds=0) == [A, C]
    assert q.running(downloads=3) == [A, B, C, D] and q.running(downloads=0, seeds=1) == [B]
    assert q.running() == [A, B, C, D]


def test_a_freed_place_goes_to_the_next() -> None:
    q = queue(a="download", b="download")
    assert q.running(downloads=1) == [A]
    q.set_wish(A, "nothing")
    assert q.running(downloads=1) == [B]
    q.set_wish(A, "seed")
    assert q.running(downloads=1, seeds=1, checks=0) == [A, B]
    q.set_wish(B, "check")
    assert q.running(checks=0) == [A] and q.running(checks=1) == [A, B]


def test_positions_can_be_changed() -> None:
    q = queue(a="download", b="download", c="download")
    assert q.move_to(C, 0) and order(q) == [C, A, B]
    assert q.running(downloads=1) == [C]
    assert q.down(C) and order(q) == [A, C, B]
    assert q.up(C) and q.up(C) and order(q) == [C, A, B]
    assert q.move_to(C, 99) and order(q) == [A, B, C] and q.down(C)
    assert order(q) == [A, B, C] and q.position(D) is None


def test_unknown_torrents_change_nothing() -> None:
    q = queue(a="download")
    assert not q.add(A)
    assert not any((q.remove(B), q.up(B), q.down(B), q.move_to(B, 0), q.set_wish(B, "seed")))
    assert q.remove(A) and q.running() == []


@given(
    st.lists(st.tuples(st.sampled_from(["add", "remove", "up", "down", "move"]), st.integers(0, 3), st.integers(0, 5)))
)
def test_the_order_is_that_of_a_plain_list(steps: list[tuple[str, int, int]]) -> None:
    q, model = lab.Queue(), list[int]()
    for what, i, to in steps:
        torrent = key(i)
        if what == "add":
            assert q.add(torrent) == (torrent not in model)
            model += [torrent] if torrent not in model else []
        elif torrent not in model:
            continue
        else:
            at = model.index(torrent)
            model.remove(torrent)
            if what == "remove":
                q.remove(torrent)
                continue
            to = {"up": max(at - 1, 0), "down": at + 1, "move": to}[what]
            model.insert(to, torrent)
            _ = q.move_to(torrent, to) if what == "move" else getattr(q, what)(torrent)
    assert order(q) == model
