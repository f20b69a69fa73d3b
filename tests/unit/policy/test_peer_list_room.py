"""Known addresses: who gives way where there is no room for all, and who is remembered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from jstorrent._core import lab

X, Y, Z = "9.0.0.1:6881", "9.0.0.2:6881", "9.0.0.3:6881"


def test_lowering_the_capacity_forgets_the_one_whose_turn_is_last() -> None:
    known = lab.PeerList()
    known.add(X, 3.0, source="dht")
    known.add(Y, 5.0, source="pex")
    known.add(Z, 4.0, source="tracker")
    known.configure(1, 10.0)
    assert known.find(Y) is None and known.find(Z) is None and known.find(X) is not None


def test_at_capacity_the_most_failed_address_gives_way() -> None:
    known = lab.PeerList(capacity=3)
    for address in (X, Y, Z):
        assert known.add(address) == "added"
    assert known.add("9.0.0.4:1") == "full" and len(known) == 3
    for address, times in ((Y, 2), (X, 1)):
        for _ in range(times):
            known.on_dialling(address)
            known.on_dial_failed(address, 0.0)
    assert known.add("9.0.0.4:1") == "added" and known.find(Y) is None and len(known) == 3


def fail(known: Any, address: str, times: int = 1) -> None:
    for _ in range(times):
        known.on_dialling(address)
        known.on_dial_failed(address, 0.0)


def test_who_gave_payload_or_was_named_by_the_user_gives_way_last() -> None:
    known = lab.PeerList(capacity=4)
    known.add(X)
    known.add(Y, source="tracker")
    assert known.add(Y, source="user") == "known" and known.find(Y)["source"] == "user"
    known.on_connected(X, 0.0)
    known.on_disconnected(X, 100.0, received=1)
    for friend in (X, Y):
        fail(known, friend, 9)
    for i in range(20):
        known.add(f"9.0.1.{i}:1")
        known.add(f"9.0.2.{i}:1")
        assert known.add(f"9.0.3.{i}:1") == "full", "whom nobody tried yet is as good as a new one"
        fail(known, f"9.0.1.{i}:1")
        fail(known, f"9.0.2.{i}:1")
    assert known.find(X) and known.find(Y) and len(known) == 4


def test_for_whom_the_user_names_a_stranger_gives_way_whom_nobody_tried() -> None:
    known = lab.PeerList(capacity=3)
    for i, address in enumerate((X, Y, Z)):
        known.add(address, float(i))
    known.on_dialling(Z)
    assert known.add("9.0.1.1:1") == "full"
    for i in (1, 2):
        assert known.add(f"9.0.1.{i}:1", source="user") == "added"
    assert not known.find(Y) and not known.find(X) and known.find(Z)
    assert known.add("9.0.1.3:1", source="user") == "full", "one that is dialled, and two that the user named before"


def test_friends_that_are_more_than_half_give_way_too() -> None:
    known = lab.PeerList(capacity=4)
    friends = [f"9.0.1.{i}:1" for i in range(3)]
    for friend in friends:
        known.add(friend, source="user")
        fail(known, friend)
    fail(known, friends[1])
    assert known.add(X) == known.add(Y) == "added" and known.add(Z) == "full"
    assert known.find(friends[0]) and not known.find(friends[1]) and known.find(friends[2])


@pytest.mark.parametrize("host", [lambda i: f"9.0.0.1:{i + 1}", lambda i: f"[2600::{i + 1:x}:1]:1"])
def test_strangers_tell_of_so_many_addresses_of_one_host(host: Callable[[int], str]) -> None:
    known = lab.PeerList(capacity=1000)
    most = 32
    for i in range(most):
        assert known.add(host(i), from_global=True) == "added"
    assert known.add(host(most), from_global=True) == "host_full" and known.add(host(0), from_global=True) == "known"
    assert known.add("9.0.0.2:1", from_global=True) == known.add("[2600:0:0:1::1]:1", from_global=True) == "added"
    assert known.add(host(most), source="user") == "added", "what the user and those near us say is not counted"
    for i, times in ((5, 2), (6, 1)):
        for _ in range(times):
            known.on_dialling(host(i))
            known.on_dial_failed(host(i), 0.0)
    known.on_connected(host(7), 0.0)
    assert known.add(host(most + 1), from_global=True) == "added", "who failed most gives way"
    assert known.find(host(5)) is None and known.find(host(6)) and known.find(host(7))


def test_a_host_that_comes_to_us_tells_of_as_many_ports_as_strangers_do() -> None:
    known = lab.PeerList(capacity=1000)
    for port in range(1, 33):
        assert known.add(f"9.0.0.1:{port}", source="incoming") == "added"
    assert known.add("9.0.0.1:33", source="incoming") == known.add("9.0.0.1:33", from_global=True) == "host_full"
    assert known.add("9.0.0.2:1", source="incoming") == "added"


def test_the_best_are_linked_or_gave_or_were_named_or_failed_least() -> None:
    known = lab.PeerList()
    dead, untried, named, gave, linked = (f"9.0.0.{i}:1" for i in range(1, 6))
    for address in (dead, untried, gave, linked):
        known.add(address)
    known.add(named, source="user")
    known.on_connected(gave, 0.0)
    known.on_disconnected(gave, 100.0, received=1)
    known.on_connected(linked, 0.0)
    fail(known, dead)
    fail(known, gave, 3)
    fail(known, named, 2)
    assert known.best(9) == [linked, gave, named, untried, dead]
    assert known.best(2) == [linked, gave] and known.best(0) == []


def test_lowering_the_capacity_keeps_links() -> None:
    known = lab.PeerList(capacity=3)
    for address in (X, Y, Z):
        known.add(address)
    known.on_connected(X, 0.0)
    known.on_connected(Z, 0.0)
    known.configure(1, 10.0)
    assert known.find(Y) is None and len(known) == 2
    known.on_disconnected(X, 50.0)
    assert known.find(X) is None and len(known) == 1


def test_a_link_from_outside_makes_its_address_known() -> None:
    known = lab.PeerList(capacity=1)
    known.on_connected(X, 0.0)
    assert known.find(X)["source"] == "incoming"
    known.on_connected(Y, 0.0)
    assert known.find(Y) is None
    known.on_disconnected(Y, 1.0)
    assert len(known) == 1
