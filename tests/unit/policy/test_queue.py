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


# -- who only sits on a place

RATE, SPAN = 1000, 60.0
MEASURED = (RATE, SPAN)


def seat(q: Any, now: float, moved: dict[int, int], **limits: int) -> list[int]:
    running: list[int] = q.running(**limits)
    q.seat(running, now, moved, True)
    return running


def test_who_moves_less_for_a_whole_span_holds_no_place() -> None:
    q = queue(a="download", b="download", c="download")
    assert seat(q, 0, {}, downloads=1) == [A]
    assert q.next_judgement(*MEASURED) == SPAN
    below, enough = {A: RATE * 60 - 1}, {A: RATE * 60}
    assert not q.judge(*MEASURED, SPAN - 0.001, below) and q.slow() == []
    assert q.judge(*MEASURED, SPAN, below) and q.slow() == [A]
    assert seat(q, SPAN, below, downloads=1) == [A, B]
    other = queue(a="download", b="download")
    assert seat(other, 0, {}, downloads=1) == [A]
    assert not other.judge(*MEASURED, SPAN, enough) and other.slow() == []


def test_who_was_slow_counts_again_at_twice_the_rate_and_the_last_one_waits() -> None:
    q = queue(a="download", b="download")
    seat(q, 0, {}, downloads=1)
    assert q.judge(*MEASURED, 60, {})
    assert seat(q, 60, {}, downloads=1) == [A, B]
    moved = {A: RATE * 60 * lab.recovery_factor - 1, B: 1 << 30}
    assert not q.judge(*MEASURED, 120, moved) and q.slow() == [A]
    moved = {A: moved[A] + RATE * 60 * lab.recovery_factor, B: 2 << 30}
    assert q.judge(*MEASURED, 180, moved) and q.slow() == []
    assert seat(q, 180, moved, downloads=1) == [A]
    assert q.next_judgement(*MEASURED) == 240, "who lost its place is not measured"


def test_who_moves_about_as_fast_as_the_rate_does_not_change_sides() -> None:
    q = queue(a="download", b="download")
    seat(q, 0, {}, downloads=1)
    moved, changes = 0, 0
    for n in range(1, 101):
        moved += RATE * 60 * (1 if n % 2 else 3) // 2 - 1  # half the rate, one and a half of it
        changes += q.judge(*MEASURED, 60.0 * n, {A: moved})
    assert changes == 1 and q.slow() == [A]


def test_a_place_for_something_else_is_measured_anew() -> None:
    q = queue(a="download", b="seed", c="seed")
    seat(q, 0, {}, downloads=1, seeds=1)
    assert q.judge(*MEASURED, 60, {}) and q.slow() == [A, B]
    q.set_wish(A, "seed")
    assert seat(q, 60, {}, downloads=1, seeds=1) == [A, B], "of these two one is slow, so that C waits"
    assert q.slow() == [B]
    q.set_wish(B, "nothing")
    seat(q, 70, {}, seeds=1)
    q.set_wish(B, "seed")
    assert seat(q, 80, {}, seeds=1) == [A], "it gave its place back, and counts when it wants one again"


def test_slow_ones_are_bounded_by_all_that_run() -> None:
    q = queue(a="download", b="download", c="seed", d="download")
    assert seat(q, 0, {}, downloads=1, torrents=3) == [A, C]
    assert q.judge(*MEASURED, 60, {})
    assert seat(q, 60, {}, downloads=1, torrents=3) == [A, B, C]
    assert q.judge(*MEASURED, 120, {})
    assert seat(q, 120, {}, downloads=1, torrents=3) == [A, B, C]
    assert seat(q, 120, {}, downloads=1, torrents=4) == [A, B, C, D]
    assert q.running(torrents=0, checks=1) == []
    q.set_wish(D, "check")
    assert q.running(torrents=0, checks=1) == [D], "a check is neither"


def test_without_a_rate_nobody_is_slow_and_nothing_is_measured() -> None:
    q = queue(a="download", b="download")
    seat(q, 0, {}, downloads=1)
    assert not q.judge(0, SPAN, 60, {}) and q.slow() == []
    assert q.judge(*MEASURED, 120, {}) and q.slow() == [A]
    assert q.judge(0, SPAN, 180, {}) and q.slow() == [], "and who was slow is not any more"
    q.judge(*MEASURED, 240, {})
    q.seat(q.running(downloads=1), 240, {}, False)
    assert q.slow() == [] and q.next_judgement(*MEASURED) is None


def test_many_judgements_share_a_moment() -> None:
    q = queue(a="download", b="download", c="download")
    for n, torrents in enumerate(([A], [A, B], [A, B, C])):
        q.seat(torrents, 0.5 * n, {}, True)
    assert q.next_judgement(*MEASURED) == 60.0
    q.judge(*MEASURED, 60, {A: 1 << 40})
    assert q.next_judgement(*MEASURED) == 67.5 and q.slow() == []
    assert q.judge(*MEASURED, 67.5, {A: 1 << 40, C: 1 << 62}) and q.slow() == [B]


@given(st.lists(st.tuples(st.sampled_from(["wish", "time", "limit"]), st.integers(0, 3), st.integers(0, 3)), max_size=60))
def test_never_more_than_so_many_that_are_not_slow(steps: list[tuple[str, int, int]]) -> None:
    q, now, moved, limit = lab.Queue(), 0.0, dict.fromkeys((A, B, C, D), 0), 1
    for torrent in (A, B, C, D):
        q.add(torrent)
    for what, i, n in steps:
        if what == "wish":
            q.set_wish(key(i), ["nothing", "download", "seed", "check"][n])
        elif what == "limit":
            limit = n
        else:
            now += 30
            moved[key(i)] += n * RATE * 30
        before = set(q.slow())
        q.judge(*MEASURED, now, moved)
        running = seat(q, now, moved, downloads=limit, seeds=limit, checks=limit)
        slow = set(q.slow())
        assert slow <= set(running)
        assert len([t for t in running if t not in slow]) <= 3 * limit
        assert what != "limit" or slow == before & set(running)
