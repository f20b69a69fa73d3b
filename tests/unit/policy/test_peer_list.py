"""Known addresses: whom to dial and when. No storm, no self, no port 0, no more than the capacity."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jstorrent._core import lab

INF = float("inf")
X, Y, Z = "9.0.0.1:6881", "9.0.0.2:6881", "9.0.0.3:6881"


def test_a_new_address_is_dialled_at_once_and_once() -> None:
    known = lab.PeerList()
    assert known.add(X, 5.0) == "added" and known.add(X, 6.0) == "known" and len(known) == 1
    assert known.next_to_dial(4.9) is None and known.next_to_dial(5.0) == X and known.deadline == 5.0
    known.on_dialling(X)
    assert known.next_to_dial(100.0) is None and known.deadline == INF
    assert known.find(X)["state"] == "dialling"
    known.on_connected(X, 6.0)
    assert known.find(X)["state"] == "connected" and known.next_to_dial(1e6) is None


def test_what_cannot_be_a_peer_is_refused() -> None:
    known = lab.PeerList()
    assert known.add("9.0.0.1:0") == "no_port"
    assert known.add("0.0.0.0:5") == "not_global" and known.add("224.0.0.1:5") == "not_global"
    for nobody in ("255.255.255.255:5", "240.0.0.1:5", "0.1.2.3:5"):
        assert known.add(nobody) == "not_global", nobody
    assert known.add("223.255.255.255:5") == "added"
    for private in ("127.0.0.1:5", "10.1.2.3:5", "192.168.1.1:5", "169.254.169.254:5", "[::1]:5"):
        assert known.add(private, from_global=True) == "not_global", private
        assert known.add(private) == "added", private


def test_our_own_address_is_forgotten_for_good() -> None:
    known = lab.PeerList()
    known.add(X)
    known.on_own(X)
    assert len(known) == 0 and known.add(X) == "own" and known.next_to_dial(9.0) is None


def test_only_so_many_own_addresses_are_remembered() -> None:
    known = lab.PeerList()
    for i in range(17):
        known.on_own(f"9.0.0.{i}:1")
    assert known.add("9.0.0.16:1") == "own" and known.add("9.0.0.1:1") == "own"
    assert known.add("9.0.0.0:1") == "added"


def test_addresses_are_dialled_in_the_order_of_their_turn() -> None:
    known = lab.PeerList()
    for address in (Z, X, Y):
        known.add(address, 1.0)
    assert known.next_to_dial(1.0) == Z
    assert known.next_to_dial(1.0, refused=[Z]) == X
    assert known.candidates_waiting(1.0, 10) == 3 and known.candidates_waiting(1.0, 2) == 2
    assert known.candidates_waiting(0.0, 10) == 0
    assert known.candidates_waiting(1.0, 10, refused=[X, Y]) == 1 and known.candidates_waiting(1.0, 1, refused=[X]) == 1


def dialled(known: Any, now: float, most: int) -> list[str]:
    """One after the other, none of which answers for as long as this takes."""
    out = []
    while len(out) < most and (address := known.next_to_dial(now)) is not None:
        known.on_dialling(address)
        out.append(address)
    return out


def test_a_flood_from_one_source_delays_the_others_by_a_dial_each() -> None:
    known = lab.PeerList(capacity=1000, reconnect_interval=10.0)
    flood = [f"9.1.{i // 256}.{i % 256}:1" for i in range(300)]
    for address in flood:
        known.add(address, 0.0, source="tracker")
    known.add(Z, 1.0, source="pex")
    known.add(X, 1.0, source="dht")
    known.on_connected(Y, 0.0)  # it called us, and broke off
    known.on_disconnected(Y, 2.0)
    assert dialled(known, 5.0, 3) == [flood[0], X, Z]
    assert dialled(known, 15.0, 4) == [Y, flood[1], flood[2], flood[3]]
    assert known.deadline == 0.0 and known.candidates_waiting(15.0, 1000) == 296


def test_whoever_failed_once_waits_for_one_dial_of_a_flood() -> None:
    known = lab.PeerList(capacity=1000, reconnect_interval=10.0)
    known.add(X, 0.0)
    for i in range(300):
        known.add(f"9.1.{i // 256}.{i % 256}:1", 0.0)
    known.on_dialling(X)
    known.on_dial_failed(X, 1.0)
    assert X in dialled(known, 14.0, 2)


def dial_and_fail(known: Any, address: str) -> float:
    now = known.deadline
    assert known.next_to_dial(now) == address
    known.on_dialling(address)
    known.on_dial_failed(address, now)
    return float(known.deadline - now)


def test_failed_dials_wait_twice_as_long_each_time_up_to_an_hour() -> None:
    known = lab.PeerList(reconnect_interval=10.0)
    known.add(X)
    waits = [dial_and_fail(known, X) for _ in range(14)]
    for i, wait in enumerate(waits):
        expected = min(10.0 * 2**i, 3600.0)
        assert 0.75 * expected <= wait <= 1.25 * expected
    assert known.find(X)["failures"] == 14


def test_jitter_is_seeded() -> None:
    def waits(seed: int) -> list[float]:
        known = lab.PeerList(seed=seed)
        known.add(X)
        return [dial_and_fail(known, X) for _ in range(4)]

    assert waits(1) == waits(1) != waits(2)


def link(known: Any, seconds: float, **more: Any) -> tuple[int, float]:
    now = known.deadline
    known.on_dialling(X)
    known.on_connected(X, now)
    known.on_disconnected(X, now + seconds, **more)
    return known.find(X)["failures"], known.deadline - now - seconds


def test_a_link_that_gave_nothing_is_a_failure_however_long_it_lived() -> None:
    known = lab.PeerList()
    known.add(X)
    assert [link(known, s)[0] for s in (0.1, 5.0, 500.0)] == [1, 2, 3]


def test_a_link_that_gave_payload_resets_unless_it_was_quick() -> None:
    known = lab.PeerList()
    known.add(X)
    link(known, 0.1)
    link(known, 0.1)
    assert link(known, 9.9, received=1)[0] == 2  # neither better nor worse
    failures, wait = link(known, 10.0, received=1)
    assert failures == 0 and 7.5 <= wait <= 12.5
    link(known, 0.1)
    assert link(known, 10.0, sent=1)[0] == 0


def test_what_we_end_ourselves_is_not_held_against_the_address() -> None:
    known = lab.PeerList()
    known.add(X)
    failures, wait = link(known, 0.1, end="ours")
    assert failures == 0 and wait <= 12.5
    now = known.deadline
    known.on_dialling(X)
    known.on_disconnected(X, now, end="ours")  # before it was connected
    assert known.find(X)["failures"] == 0 and known.deadline - now <= 12.5
    assert link(known, 100.0, received=9, end="replaced")[0] == 1
    assert link(known, 100.0, end="useless")[1] == 3600.0


def test_old_friends_are_dialled_often_while_nothing_comes_and_others_are_not() -> None:
    known = lab.PeerList()
    known.add(X)
    link(known, 100.0, received=1)
    for _ in range(10):
        dial_and_fail(known, X)
    known.add(Y, known.deadline - 1)
    known.on_dialling(Y)
    now = known.deadline - 1
    known.on_dial_failed(Y, now)
    known.on_dialling(Y)
    for _ in range(9):
        known.on_dial_failed(Y, now)
        known.on_dialling(Y)
    known.on_dial_failed(Y, now)
    known.set_starved(True, now)
    assert known.next_to_dial(now + 15.0) == X
    for _ in range(5):
        assert 9.0 <= dial_and_fail(known, X) <= 15.0
    known.set_starved(False, now)
    assert dial_and_fail(known, X) >= 0.75 * 3600


def test_a_link_that_ends_later_makes_an_old_friend_too() -> None:
    known = lab.PeerList()
    known.add(X)
    known.on_dialling(X)
    known.on_connected(X, 0.0)
    known.set_starved(True, 60.0)
    known.on_disconnected(X, 120.0, received=1)
    for _ in range(9):
        wait = dial_and_fail(known, X)
    assert wait <= 15.0


def test_only_so_many_old_friends_are_dialled_often() -> None:
    known = lab.PeerList()
    for i in range(17):
        address = f"9.0.1.{i}:1"
        known.add(address)
        known.on_dialling(address)
        known.on_connected(address, 0.0)
        known.on_disconnected(address, 100.0, received=100 - i)
        for _ in range(8):
            known.on_dialling(address)
            known.on_dial_failed(address, 100.0)
    known.set_starved(True, 100.0)
    assert known.candidates_waiting(115.0, 99) == 16
    assert "9.0.1.16:1" not in [a for a in (known.next_to_dial(115.0),) if a]


def test_ten_quick_disconnects_do_not_make_a_storm() -> None:
    """28,216 dials of one dead address is what this prevents."""
    known = lab.PeerList(reconnect_interval=1.0)
    known.add(X)
    dials, now = 0, 0.0
    while now < 600.0:
        if known.next_to_dial(now) is not None:
            dials += 1
            known.on_dialling(X)
            known.on_connected(X, now)
            known.on_disconnected(X, now)
        now = max(known.deadline, now)
    assert dials <= 11


def test_totals_of_an_address_outlive_its_links() -> None:
    known = lab.PeerList()
    known.add(X)
    link(known, 20.0, received=1000, sent=5, unchoked=10.0)
    link(known, 20.0, received=3000, sent=6, unchoked=10.0)
    found = known.find(X)
    assert (found["received"], found["sent"], found["unchoked_rate"]) == (4000, 11, 200)


def test_a_banned_host_is_forgotten_with_all_its_ports() -> None:
    known = lab.PeerList()
    for address in ("9.0.0.1:1", "9.0.0.1:2", "9.0.0.2:1"):
        known.add(address)
    known.on_connected("9.0.0.1:2", 0.0)
    known.forget_host("9.0.0.1")
    assert known.find("9.0.0.1:1") is None and known.find("9.0.0.1:2")["state"] == "connected" and len(known) == 2


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_one_dial_at_a_time_and_never_too_soon(data: Any) -> None:
    known = lab.PeerList(capacity=4, reconnect_interval=10.0)
    states: dict[str, str] = {}
    last_dial: dict[str, float] = {}
    dials: Counter[str] = Counter()
    now = 0.0
    for _ in range(data.draw(st.integers(1, 60))):
        now += data.draw(st.sampled_from([0.0, 1.0, 8.0, 100.0]))
        address = f"9.0.0.{data.draw(st.integers(0, 6))}:1"
        what = data.draw(st.sampled_from(["add", "dial", "dial", "connect", "fail", "leave", "forget"]))
        if what == "add":
            known.add(address, now)
        elif what == "dial" and (next_one := known.next_to_dial(now)) is not None:
            assert states.get(next_one, "idle") == "idle"
            assert now - last_dial.get(next_one, -INF) >= 7.5
            known.on_dialling(next_one)
            states[next_one], last_dial[next_one] = "dialling", now
            dials[next_one] += 1
        elif what == "connect" and known.find(address):
            known.on_connected(address, now)
            states[address] = "connected"
        elif what == "fail" and states.get(address) == "dialling":
            known.on_dial_failed(address, now)
            states[address] = "idle"
        elif what == "leave" and states.get(address) in ("dialling", "connected"):
            known.on_disconnected(address, now, received=data.draw(st.integers(0, 1)))
            states[address] = "idle"
        elif what == "forget":
            known.forget_host(address.rsplit(":")[0])
            if known.find(address) is None:
                last_dial.pop(address, None)
        for each in [a for a in states if known.find(a) is None]:
            assert states[each] == "idle"
            del states[each]
            last_dial.pop(each, None)
        assert all(known.find(a)["state"] == s for a, s in states.items())
        assert len(known) <= 4
