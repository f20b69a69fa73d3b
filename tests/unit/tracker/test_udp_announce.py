"""The UDP tracker protocol by its bytes (BEP 15, BEP 41), its time-outs, and packets from strangers."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jstorrent import Error
from jstorrent._core import lab

LIMITS = lab.tracker_limits
HASH, ID = bytes(range(20)), b"-JS0010-abcdefghijkl"
US: dict[str, Any] = {
    "info_hash": HASH, "peer_id": ID, "downloaded": 11, "left": 22, "uploaded": 33, "event": "started", "key": 44, "num_want": 55, "port": 6881,
}  # fmt: skip
CONNECTION = 0x1122334455667788


def transaction(packet: bytes) -> int:
    return int(struct.unpack_from(">I", packet, 4 if len(packet) < 8 else 12)[0])


def connected(udp: Any, now: float = 0.0) -> bytes:
    """Answers the connect; gives back the question that follows."""
    packet = udp.next_datagram()
    assert packet[:12] == struct.pack(">QI", 0x41727101980, 0) and len(packet) == 16
    udp.receive(struct.pack(">IIQ", 0, transaction(packet), CONNECTION), now)
    question = udp.next_datagram()
    assert isinstance(question, bytes)
    return question


def asking(**more: Any) -> tuple[Any, bytes]:
    udp = lab.UdpAnnounce(US, **more)
    udp.start(0.0)
    return udp, connected(udp)


def reply(question: bytes, peers: bytes = b"", action: int = 1, interval: int = 1800) -> bytes:
    return struct.pack(">IIIII", action, transaction(question), interval, 7, 8) + peers


def test_the_packets_of_bep_15() -> None:
    udp, question = asking()
    assert question == (
        struct.pack(">QII", CONNECTION, 1, transaction(question))
        + HASH
        + ID
        + struct.pack(">QQQIIIIH", 11, 22, 33, 2, 0, 44, 55, 6881)
    )
    assert len(question) == 98
    udp.receive(reply(question, bytes([1, 2, 3, 4, 0x1A, 0xE1]) + bytes([9, 8, 7, 6, 0, 80])), 1.0)
    assert udp.is_done and udp.deadline == float("inf")
    answer = udp.answer
    assert answer["peers"] == ["1.2.3.4:6881", "9.8.7.6:80"]
    assert (answer["interval"], answer["leechers"], answer["seeds"]) == (1800.0, 7, 8)
    assert udp.connection == (CONNECTION, 0.0)


@pytest.mark.parametrize(("event", "number"), [("", 0), ("completed", 1), ("started", 2), ("stopped", 3)])
def test_events_are_numbered_as_in_bep_15(event: str, number: int) -> None:
    udp = lab.UdpAnnounce({**US, "event": event})
    udp.start(0.0)
    question = connected(udp)
    assert struct.unpack_from(">I", question, 80)[0] == number
    assert struct.unpack_from(">I", question, 92)[0] == (0 if event == "stopped" else 55)


def test_over_ipv6_peers_are_18_bytes() -> None:
    udp, question = asking(v6=True)
    udp.receive(reply(question, bytes.fromhex("26000000000000000000000000000002") + b"\x00\x09" + b"rest"), 1.0)
    assert udp.answer["peers"] == ["[2600::2]:9"]


@pytest.mark.parametrize("interval", [-1, 0, 2**31 - 1, -(2**31)])
def test_intervals_are_brought_into_range(interval: int) -> None:
    udp, question = asking()
    udp.receive(reply(question, interval=interval & 0xFFFFFFFF), 1.0)
    assert LIMITS["least_interval"] <= udp.answer["interval"] <= LIMITS["most_interval"]


# -- URL data (BEP 41) ------------------------------------------------------------------------------------------------


def options(question: bytes) -> bytes:
    data, at = b"", 98
    while question[at] != 0:
        assert question[at] == 2
        length = question[at + 1]
        data += question[at + 2 : at + 2 + length]
        at += 2 + length
    assert at == len(question) - 1
    return data


@pytest.mark.parametrize("size", [1, 254, 255, 256, 510, 511, LIMITS["max_url_data"]])
def test_path_and_query_go_along_in_options(size: int) -> None:
    text = "/" + "a" * (size - 1)
    _, question = asking(url_data=text)
    assert options(question).decode() == text


def test_no_url_data_no_option_and_none_when_it_is_too_long() -> None:
    assert len(asking(url_data="")[1]) == 98
    assert len(asking(url_data="/" * (LIMITS["max_url_data"] + 1))[1]) == 98


# -- time-outs --------------------------------------------------------------------------------------------------------


def test_a_silent_tracker_is_asked_again_after_15_times_2_to_the_n_seconds_and_then_given_up() -> None:
    udp = lab.UdpAnnounce(US)
    udp.start(100.0)
    now, first, sent = 100.0, udp.next_datagram(), 1
    for n in range(LIMITS["max_udp_retries"] + 1):
        assert udp.deadline == now + LIMITS["first_udp_timeout"] * 2**n
        udp.on_deadline(udp.deadline - 0.001)  # too early: nothing
        assert udp.next_datagram() is None
        now = udp.deadline
        udp.on_deadline(now)
        again = udp.next_datagram()
        assert again in (first, None)
        sent += again is not None
    assert sent == LIMITS["max_udp_retries"] + 1 and udp.is_done
    with pytest.raises(Error) as raised:
        _ = udp.answer
    assert raised.value.code == "timeout"


def test_a_connection_id_that_ran_out_is_asked_for_again_and_the_count_goes_on() -> None:
    udp, question = asking()
    now = 0.0
    for n in range(2):
        now = udp.deadline
        udp.on_deadline(now)
        assert udp.next_datagram() == question, n
    now = udp.deadline
    assert now > LIMITS["connection_id_life"]
    udp.on_deadline(now)
    assert udp.deadline == now + 15 * 2**3
    fresh = connected(udp, now)
    assert fresh[16:] == question[16:] and udp.connection == (CONNECTION, now)


@pytest.mark.parametrize(("age", "asks_at_once"), [(59.9, True), (60.0, False)])
def test_a_connection_id_is_used_for_60_seconds(age: float, asks_at_once: bool) -> None:
    udp = lab.UdpAnnounce(US, connection=(5, 100.0))
    udp.start(100.0 + age)
    assert (len(udp.next_datagram()) == 98) is asks_at_once


def test_an_error_for_a_borrowed_connection_id_means_connect_again_once() -> None:
    udp = lab.UdpAnnounce(US, connection=(5, 0.0))
    udp.start(1.0)
    question = udp.next_datagram()
    udp.receive(struct.pack(">II", 3, transaction(question)) + b"bad id", 2.0)
    again = connected(udp, 3.0)
    udp.receive(struct.pack(">II", 3, transaction(again)) + b"bad id", 4.0)
    assert udp.answer["reason"] == "bad id" and udp.connection is None


def test_silence_for_a_borrowed_connection_id_means_connect_again() -> None:
    """Who was restarted may drop what comes with an id that it does not know (BEP 15)."""
    udp = lab.UdpAnnounce(US, connection=(5, 0.0))
    udp.start(1.0)
    question = udp.next_datagram()
    udp.on_deadline(udp.deadline)
    assert udp.connection is None and udp.deadline == 16.0 + 30.0, "the count goes on"
    again = connected(udp, 16.0)
    assert again[16:] == question[16:] and udp.deadline == 31.0
    udp.on_deadline(31.0)
    assert udp.next_datagram() == again, "this id is its own"
    udp.receive(reply(again), 32.0)
    assert udp.answer["interval"] == 1800 and udp.connection == (CONNECTION, 16.0)


# -- packets from strangers -------------------------------------------------------------------------------------------


def test_an_error_is_a_refusal_also_while_connecting() -> None:
    udp = lab.UdpAnnounce(US)
    udp.start(0.0)
    udp.receive(struct.pack(">II", 3, transaction(udp.next_datagram())) + b"not\x00welcome", 1.0)
    assert udp.answer["reason"] == "not welcome"


@pytest.mark.parametrize("size", range(20))
def test_a_short_packet_is_ignored(size: int) -> None:
    udp, question = asking()
    udp.receive(reply(question)[:size], 1.0)
    assert not udp.is_done
    udp.receive(reply(question), 1.0)
    assert udp.is_done


def test_another_transaction_or_action_is_ignored() -> None:
    udp, question = asking()
    for action, offset in ((1, 1), (0, 0), (2, 0), (4, 0), (3, 1)):
        udp.receive(struct.pack(">IIIII", action, (transaction(question) + offset) & 0xFFFFFFFF, 1, 1, 1), 1.0)
        assert not udp.is_done, action


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_no_packet_without_our_transaction_changes_anything(packets: list[bytes]) -> None:
    udp, question = asking()
    before = udp.deadline
    for packet in packets:
        if packet[4:8] != question[12:16]:
            udp.receive(packet, 1.0)
    assert (udp.is_done, udp.deadline, udp.next_datagram()) == (False, before, None)


def test_nothing_is_taken_before_the_start_or_after_the_end() -> None:
    udp = lab.UdpAnnounce(US)
    udp.receive(bytes(16), 0.0)
    assert udp.next_datagram() is None
    udp.start(0.0)
    question = connected(udp)
    udp.receive(reply(question, b"\1" * 6), 1.0)
    udp.receive(reply(question, b"\2" * 6), 1.0)
    assert udp.answer["peers"] == ["1.1.1.1:257"]


def test_transaction_ids_differ_between_questions_and_seeds() -> None:
    seen = set()
    for seed in range(20):
        udp = lab.UdpAnnounce(US, seed=seed)
        udp.start(0.0)
        first = udp.next_datagram()
        seen.add(transaction(first))
        udp.receive(struct.pack(">IIQ", 0, transaction(first), 1), 0.0)
        seen.add(transaction(udp.next_datagram()))
    assert len(seen) == 40


# -- scrape -----------------------------------------------------------------------------------------------------------


def test_a_scrape_asks_for_one_torrent() -> None:
    udp = lab.UdpAnnounce.scrape(HASH, 1)
    udp.start(0.0)
    question = connected(udp)
    assert question == struct.pack(">QII", CONNECTION, 2, transaction(question)) + HASH
    udp.receive(struct.pack(">IIII", 2, transaction(question), 5, 50), 1.0)
    assert not udp.is_done  # one number is missing
    udp.receive(struct.pack(">IIIII", 2, transaction(question), 5, 50, 10), 1.0)
    assert (udp.answer["seeds"], udp.answer["leechers"]) == (5, 10)
