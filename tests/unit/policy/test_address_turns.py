"""Which addresses of a name are asked, and in which order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from jstorrent._core import lab

MOST = lab.AddressTurns.most_asked
HOSTS = [f"10.0.0.{i}" for i in range(1, 11)]


def test_the_resolvers_order_is_taken_and_cut() -> None:
    turns = lab.AddressTurns()
    assert turns.order("name", HOSTS[:2]) == HOSTS[:2] and turns.order("name", []) == []
    assert turns.order("name", HOSTS[:MOST]) == HOSTS[:MOST]
    assert turns.order("name", HOSTS[: MOST + 1]) == HOSTS[:MOST]


def test_who_answered_is_asked_first() -> None:
    turns = lab.AddressTurns()
    turns.on_answer("name", HOSTS[2])
    assert turns.order("name", HOSTS[:4]) == [HOSTS[2], HOSTS[3], HOSTS[0], HOSTS[1]]
    assert turns.order("other", HOSTS[:4]) == HOSTS[:4]
    assert turns.order("name", HOSTS[:2]) == HOSTS[:2], "it is no address of it any more"


def test_after_a_round_in_vain_the_next_begins_behind_it() -> None:
    turns = lab.AddressTurns()
    turns.on_silence("name", HOSTS[3])
    assert turns.order("name", HOSTS[:6]) == [HOSTS[4], HOSTS[5], HOSTS[0], HOSTS[1]]
    turns.on_silence("name", HOSTS[5])
    assert turns.order("name", HOSTS[:6]) == HOSTS[:MOST], "behind the last comes the first"


@given(st.integers(1, len(HOSTS)), st.integers(0, len(HOSTS) - 1))
def test_whoever_answers_is_found_in_as_many_rounds_as_it_takes(count: int, good: int) -> None:
    turns, hosts = lab.AddressTurns(), HOSTS[:count]
    good %= count
    for _ in range(-(-count // MOST)):
        asked = turns.order("name", hosts)
        assert len(asked) == min(count, MOST) == len(set(asked))
        if hosts[good] in asked:
            return
        turns.on_silence("name", asked[-1])
    raise AssertionError("it was never asked")


def test_one_name_more_than_max_names_forgets_the_others() -> None:
    turns = lab.AddressTurns()
    for i in range(lab.AddressTurns.max_names):
        turns.on_answer(f"name{i}", HOSTS[1])
    turns.on_answer("name0", HOSTS[2])
    assert turns.known == lab.AddressTurns.max_names and turns.order("name0", HOSTS[:3])[0] == HOSTS[2]
    turns.on_answer("more", HOSTS[1])
    assert turns.known == 1
    assert turns.order("name0", HOSTS[:3]) == HOSTS[:3] and turns.order("more", HOSTS[:3])[0] == HOSTS[1]
