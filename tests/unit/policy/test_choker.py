"""Who is unchoked: tit-for-tat, optimistic, round-robin, and never more than there are slots."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jstorrent._core import lab


def key(n: int) -> int:
    return 1 << 32 | n


class Room:
    """Peers and their facts; carries out what the choker decides."""

    def __init__(self, n: int, **more: Any) -> None:
        self.choker = lab.Choker(**more)
        self.now = 0.0
        self.peers: dict[int, dict[str, Any]] = {}
        for i in range(n):
            self.join(i)

    def join(self, i: int, **more: Any) -> None:
        facts = {
            "interested": True,
            "unchoked": False,
            "snubbed": False,
            "rate": 0,
            "connected": self.now,
            "changed": self.now,
        }
        self.peers[i] = facts | more

    def decide(self, now: float) -> tuple[list[int], list[int]]:
        self.now = now
        facts = [
            (key(i), p["interested"], p["unchoked"], p["snubbed"], p["rate"], p["connected"], p["changed"])
            for i, p in sorted(self.peers.items())
        ]
        choke, unchoke = ([k & 0xFFFFFFFF for k in keys] for keys in self.choker.decide(facts, now))
        for i in choke + unchoke:
            assert self.peers[i]["unchoked"] == (i in choke)
            self.peers[i] |= {"unchoked": i in unchoke, "changed": now}
        return choke, unchoke

    def unchoked(self) -> set[int]:
        return {i for i, p in self.peers.items() if p["unchoked"]}

    def optimistic(self) -> set[int]:
        return {i for i in self.peers if self.choker.is_optimistic(key(i))}


def test_the_four_best_and_one_optimistic_peer_are_unchoked() -> None:
    room = Room(10)
    for i, p in room.peers.items():
        p["rate"] = 100 * i
    room.decide(0)
    assert room.unchoked() - room.optimistic() == {6, 7, 8, 9}
    assert len(room.optimistic()) == 1 and room.choker.deadline == 10


def test_rates_are_judged_every_ten_seconds_not_between() -> None:
    room = Room(6, optimistic_slots=0)
    for i, p in room.peers.items():
        p["rate"] = 100 * i
    room.decide(0)
    assert room.unchoked() == {2, 3, 4, 5}
    room.peers[0]["rate"] = 999
    room.decide(9.9)
    assert room.unchoked() == {2, 3, 4, 5}
    room.decide(10)
    assert room.unchoked() == {0, 3, 4, 5}


def test_the_optimistic_peer_changes_every_thirty_seconds() -> None:
    room = Room(8)
    for i in range(4):
        room.peers[i]["rate"] = 1000
    seen = []
    for step in range(31):
        room.decide(step * 10.0)
        seen.append(next(iter(room.optimistic())))
    changes = [i for i in range(1, len(seen)) if seen[i] != seen[i - 1]]
    assert changes == list(range(3, 31, 3))


def test_new_peers_are_thrice_as_likely_to_be_optimistic() -> None:
    wins: Counter[bool] = Counter()
    for seed in range(600):
        room = Room(0, slots=1, seed=seed)
        room.join(0, rate=1000)
        for i in range(1, 4):
            room.join(i, connected=-100.0)
        room.join(4, connected=0.0)
        room.decide(0)
        wins[4 in room.optimistic()] += 1
    assert 0.42 < wins[True] / 600 < 0.58  # 3 of 6 lots


def test_a_freed_slot_is_filled_at_once() -> None:
    room = Room(7, optimistic_slots=0)
    room.decide(0)
    assert room.unchoked() == {0, 1, 2, 3}
    del room.peers[1]
    assert room.decide(1) == ([], [4])
    room.peers[2]["interested"] = False
    assert room.decide(2) == ([2], [5])


def test_a_freed_optimistic_slot_is_filled_at_once() -> None:
    room = Room(7)
    room.decide(0)
    (gone,) = room.optimistic()
    del room.peers[gone]
    room.decide(1)
    assert len(room.optimistic()) == 1 and len(room.unchoked()) == 5


def test_an_optimistic_peer_that_gives_earns_a_regular_slot() -> None:
    room = Room(6)
    for i in range(5):
        room.peers[i]["rate"] = 10
    room.decide(0)
    (lucky,) = room.optimistic()
    room.peers[lucky]["rate"] = 1000
    room.decide(10)
    assert lucky in room.unchoked() - room.optimistic() and len(room.unchoked()) == 5


def test_who_owes_us_blocks_gets_no_regular_slot() -> None:
    room = Room(3, slots=2, optimistic_slots=0)
    room.peers[0] |= {"rate": 1000, "snubbed": True}
    room.decide(0)
    assert room.unchoked() == {1, 2}


def test_who_is_not_interested_takes_no_slot() -> None:
    room = Room(9)
    for i in range(8):
        room.peers[i]["interested"] = False
    room.decide(0)
    assert room.unchoked() == {8}


def test_no_slots_choke_everybody_and_none_unchoke_everybody() -> None:
    room = Room(9)
    room.decide(0)
    room.choker.configure("tit-for-tat", 0, 1)
    room.decide(1)
    assert room.unchoked() == set()
    room.choker.configure("tit-for-tat", None, 1)
    room.decide(2)
    assert room.unchoked() == set(range(9))


def test_lowering_the_slots_sheds_the_worst() -> None:
    room = Room(5, optimistic_slots=0)
    for i, p in room.peers.items():
        p["rate"] = i
    room.decide(0)
    room.choker.configure("tit-for-tat", 1, 0)
    room.decide(1)
    assert room.unchoked() == {4}


def test_when_nobody_is_interested_there_is_nothing_to_wait_for() -> None:
    room = Room(2)
    for p in room.peers.values():
        p["interested"] = False
    room.decide(0)
    assert room.choker.deadline == float("inf")
    room.peers[0]["interested"] = True
    room.decide(5)
    assert room.unchoked() == {0} and room.choker.deadline < float("inf")


def test_round_robin_gives_everybody_a_turn() -> None:
    room = Room(12, rule="round-robin", slots=2, optimistic_slots=1)
    turns: Counter[int] = Counter()
    before: set[int] = set()
    for step in range(48):
        room.decide(step * 10.0)
        now = room.unchoked()
        assert len(now) == 3
        turns.update(now - before)
        before = now
    assert set(turns) == set(range(12))
    assert max(turns.values()) - min(turns.values()) <= 1


def test_round_robin_lets_a_lone_peer_keep_its_slot() -> None:
    room = Room(2, rule="round-robin", slots=2)
    room.decide(0)
    for step in range(1, 10):
        assert room.decide(step * 10.0) == ([], [])


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_never_more_than_the_slots_and_always_as_many_as_possible(data: Any) -> None:
    rule = data.draw(st.sampled_from(["tit-for-tat", "round-robin"]))
    slots, extra = data.draw(st.integers(1, 4)), data.draw(st.integers(0, 2))
    rooms = [Room(0, rule=rule, slots=slots, optimistic_slots=extra, seed=7) for _ in range(2)]
    now = 0.0
    for _ in range(data.draw(st.integers(1, 20))):
        now += data.draw(st.sampled_from([0.0, 0.5, 3.0, 10.0, 40.0]))
        i = data.draw(st.integers(0, 9))
        what = data.draw(st.sampled_from(["join", "join", "leave", "interest", "rate", "snub"]))
        rate = data.draw(st.integers(0, 5))
        for room in rooms:
            room.now = now
            if i not in room.peers:
                room.join(i, rate=rate)
            elif what == "leave":
                del room.peers[i]
            elif what == "interest":
                room.peers[i]["interested"] ^= True
            elif what == "snub":
                room.peers[i]["snubbed"] ^= True
            else:
                room.peers[i]["rate"] = rate
        assert rooms[0].decide(now) == rooms[1].decide(now)
        room = rooms[0]
        interested = {i for i, p in room.peers.items() if p["interested"]}
        eligible = {i for i in interested if not room.peers[i]["snubbed"]} if rule == "tit-for-tat" else interested
        assert room.unchoked() <= interested
        assert len(room.unchoked()) <= slots + extra
        assert len(room.unchoked()) >= min(slots, len(eligible))
        if rule == "tit-for-tat" and len(interested) >= slots + extra and eligible == interested:
            assert len(room.unchoked()) == slots + extra
