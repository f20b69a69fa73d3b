"""The receiving half: limits, malformed frames, what prediction saves, what arriving in crumbs costs."""

from __future__ import annotations

import statistics
import struct
import time
from typing import Any

import pytest
from jstorrent._core import lab
from jstorrent._errors import ParseError

BLOCK = 16384
KEEP_ALIVE = bytes(4)
HAVE = struct.pack(">IBI", 5, 4, 7)


def frame(number: int, body: bytes = b"") -> bytes:
    return struct.pack(">IB", 1 + len(body), number) + body


def payload(block: tuple[int, int, int]) -> bytes:
    return bytes((block[0] * 7 + block[1] // BLOCK * 13 + i) % 251 for i in range(256)) * (block[2] // 256 + 1)


def piece(block: tuple[int, int, int]) -> bytes:
    return frame(7, struct.pack(">II", block[0], block[1]) + payload(block)[: block[2]])


def wire(**options: Any) -> Any:
    return lab.PeerWire(lab.ReceiveScratch(), **options)


def blocks(count: int, length: int = BLOCK) -> list[tuple[int, int, int]]:
    return [(i // 16, i % 16 * BLOCK, length) for i in range(count)]


def arrived(events: list[Any]) -> list[tuple[Any, str]]:
    return [(e[1], e[2]) for e in events if e[0] == "block_arrived"]


# ---- frames that may not be ----


@pytest.mark.parametrize(
    ("prefix", "code"),
    [
        (b"\xff\xff\xff\xff", "message_too_large"),
        (b"\x80\0\0\0", "message_too_large"),
        (struct.pack(">I", lab.max_message_size + 1), "message_too_large"),
        (struct.pack(">IB", 5, 7), "bad_message"),
        (struct.pack(">IB", 8, 7), "bad_message"),
        (struct.pack(">IB", 9 + BLOCK + 1, 7), "message_too_large"),
        (struct.pack(">IB", 9 + (1 << 17), 7), "message_too_large"),
        (struct.pack(">IB", 2, 0), "bad_message"),
        (struct.pack(">IB", 4, 4), "bad_message"),
        (struct.pack(">IB", 14, 6), "bad_message"),
        (struct.pack(">IB", 1, 20), "bad_message"),
        (struct.pack(">IB", 50, 22), "bad_message"),
    ],
)
@pytest.mark.parametrize("before", [b"", HAVE + KEEP_ALIVE + frame(0x99)])
@pytest.mark.parametrize("crumbs", [False, True])
def test_a_malformed_frame_fails_at_its_header_and_for_good(
    prefix: bytes, code: str, before: bytes, crumbs: bool
) -> None:
    machine = wire()
    stream = before + prefix
    events: list[Any] = []
    for part in [stream[i : i + 1] for i in range(len(stream))] if crumbs else [stream + bytes(1000)]:
        assert machine.error is None
        events += machine.read(part)
    assert machine.error == (code, len(before))
    assert machine.held_memory == 0
    if before:
        assert events == [("have", 7), ("keep_alive",), ("unknown", 0x99, 0)]
    assert machine.read(HAVE) == []
    with pytest.raises(ParseError) as caught:
        machine.commit_again()
    assert (caught.value.code, caught.value.offset) == (code, len(before))


@pytest.mark.parametrize(("number", "fixed"), [(5, 0), (20, 0), (22, 48), (0x99, 0)])
def test_what_varies_is_bounded_by_the_setting(number: int, fixed: int) -> None:
    limit = 49 + 32 * 600
    body = bytes(limit - 1)
    machine = wire(max_message_size=limit)
    assert len(machine.read(frame(number, body))) == 1
    assert machine.error is None
    machine.read(struct.pack(">I", limit + 1))
    assert machine.error == ("message_too_large", 4 + limit)
    assert fixed <= limit


def test_a_small_setting_still_lets_blocks_through() -> None:
    machine = wire(max_message_size=64)
    assert arrived(machine.read(piece((0, 0, BLOCK)))) == [((0, 0, BLOCK), "in_scratch")]
    machine.read(struct.pack(">IB", 65, 5))
    assert machine.error == ("message_too_large", 13 + BLOCK)


def test_a_keep_alive_alone_is_told_at_once() -> None:
    machine = wire()
    assert machine.read(KEEP_ALIVE) == [("keep_alive",)]
    assert [machine.read(b"\0") for _ in range(4)] == [[], [], [], [("keep_alive",)]]
    assert machine.messages_received == 0
    assert machine.error is None


def test_an_unknown_message_is_skipped_without_being_kept() -> None:
    machine = wire()
    size = lab.max_message_size - 1
    assert machine.read(struct.pack(">IB", 1 + size, 0x99)) == [("unknown", 0x99, size)]
    for _ in range(size // 4096):
        assert machine.read(bytes(4096)) == []
        assert machine.held_memory == 0
    assert machine.read(bytes(size % 4096) + HAVE) == [("have", 7)]
    assert machine.bytes_copied < 16


def test_messages_are_counted_so_that_the_owner_knows_the_first() -> None:
    machine = wire()
    machine.read(KEEP_ALIVE)
    machine.read(frame(5, b"\x80"))
    assert machine.messages_received == 1
    machine.read(piece((0, 0, 100))[:50])
    assert machine.messages_received == 2
    machine.read(piece((0, 0, 100))[50:] + frame(0x99))
    assert machine.messages_received == 3


def test_a_block_of_nothing_is_whole_at_once() -> None:
    assert wire().read(piece((3, 4, 0))) == [("block_arrived", (3, 4, 0), "in_scratch", b"")]


# ---- the handshake ----


@pytest.mark.parametrize("cut", [1, 20, 47, 48, 49, 67, 68, 500])
def test_the_handshake_is_told_in_two_steps_at_any_cut(cut: int) -> None:
    stream = b"\x13BitTorrent protocol" + bytes(8) + b"h" * 20 + b"p" * 20 + HAVE
    machine = wire(handshake=True)
    events: list[Any] = []
    for at in range(0, len(stream), cut):
        events += machine.read(stream[at : at + cut])
        assert any(e[0] == "preamble" for e in events) == (min(at + cut, len(stream)) >= 48)
    assert events == [
        ("preamble", bytes(8), b"h" * 20),
        ("handshake", bytes(8), b"h" * 20, b"p" * 20),
        ("have", 7),
    ]


def test_a_wrong_handshake_fails_at_its_byte() -> None:
    machine = wire(handshake=True)
    assert machine.read(b"\x13BitTorrent Protocol" + bytes(48)) == []
    assert machine.error == ("bad_handshake", 12)


# ---- prediction ----


def test_blocks_that_come_as_predicted_are_not_copied() -> None:
    wanted = blocks(100)
    machine = wire()
    events = machine.read(b"".join(map(piece, wanted)), wanted)
    assert arrived(events) == [(b, "in_slot") for b in wanted]
    assert machine.slots == {b: payload(b)[: b[2]] for b in wanted}
    assert machine.bytes_copied == 0


def test_thirty_one_blocks_in_one_read_cost_nothing() -> None:
    wanted = blocks(lab.max_predicted)
    machine = wire()
    events = machine.read(b"".join(map(piece, wanted)), wanted)
    assert events == [("block_arrived", b, "in_slot", payload(b)[: b[2]]) for b in wanted]
    assert machine.spans == 2 * lab.max_predicted + 1
    assert machine.bytes_copied == 0


def test_a_block_cut_anywhere_is_not_copied_either() -> None:
    wanted = blocks(20)
    stream = b"".join(map(piece, wanted))
    machine = wire()
    events: list[Any] = []
    for at in range(0, len(stream), 100_000):
        events += machine.read(stream[at : at + 100_000], wanted)
    assert arrived(events) == [(b, "in_slot") for b in wanted]
    assert [e[2] for e in events if e[0] == "block_started"] == [True] * 3
    assert machine.bytes_copied == 0
    assert machine.payload_received == 20 * BLOCK
    assert (machine.messages_received, machine.has_sink, machine.arriving) == (20, False, None)


def test_more_spans_than_a_read_takes_are_never_handed_out() -> None:
    wanted = blocks(40)
    machine = wire()
    machine.read(piece(wanted[0])[:100], wanted)
    machine.read(piece(wanted[0])[100:200], wanted[1:])
    assert machine.spans == 63  # the rest of the block, the pairs, and no overflow while more is expected
    machine.read(piece(wanted[0])[200:300], wanted[1:32])
    assert machine.spans == 64
    assert machine.arriving == wanted[0]


def test_an_idle_peer_has_one_span_and_holds_nothing() -> None:
    machine = wire()
    machine.read(HAVE)
    assert (machine.spans, machine.held_memory) == (1, 0)


def test_everything_mispredicted_at_once_is_still_understood() -> None:
    # The largest read there is, in the worst order.
    wanted = blocks(lab.max_predicted)
    surplus = lab.scratch_overflow // (13 + BLOCK)
    others = [(9, b[1], b[2]) for b in blocks(surplus)]
    stream = HAVE + b"".join(map(piece, wanted[::-1])) + b"".join(map(piece, others))
    machine = wire()
    events = machine.read(stream, wanted)
    assert events[0] == ("have", 7)
    assert arrived(events) == [(b, "in_scratch") for b in wanted[::-1] + others]
    assert machine.slots == {b: payload(b)[: b[2]] for b in wanted + others}
    assert machine.bytes_copied <= machine.wire_received


def test_a_have_between_blocks_costs_two_copies_at_most() -> None:
    wanted = blocks(30)
    machine = wire()
    events = machine.read(b"".join(HAVE + piece(b) for b in wanted), wanted)
    assert [e[1] for e in events if e[0] == "block_arrived"] == wanted
    assert machine.slots == {b: payload(b)[: b[2]] for b in wanted}
    assert machine.bytes_copied <= 2 * machine.wire_received


def test_a_last_short_block_is_predicted_like_any_other() -> None:
    wanted = [(0, 0, BLOCK), (0, BLOCK, 1), (1, 0, 777)]
    machine = wire()
    assert arrived(machine.read(b"".join(map(piece, wanted)), wanted)) == [(b, "in_slot") for b in wanted]
    assert machine.bytes_copied == 0


@pytest.mark.parametrize("sent", [(0, 0, 100), (1, 0, 200), (0, BLOCK, 200), (0, 0, 201)])
def test_another_block_than_predicted_is_not_taken_for_it(sent: tuple[int, int, int]) -> None:
    machine = wire()
    events = machine.read(piece(sent), [(0, 0, 200)])
    assert events == [("block_arrived", sent, "in_scratch", payload(sent)[: sent[2]])]


@pytest.mark.parametrize("cut", [0, 1, 3, 4, 5, 6, 12, 13, 14, 25])
@pytest.mark.parametrize("outer", ["extended", "bitfield", "unknown", "discarded block", "block"])
def test_a_block_inside_another_message_is_not_taken_for_one(outer: str, cut: int) -> None:
    block, around = (0, 0, 200), (5, 0, 213 + cut)
    inner = bytes(cut) + piece(block)
    if "block" in outer:
        stream, at = frame(7, struct.pack(">II", 5, 0) + inner), 13 + cut
    else:
        number = {"extended": 20, "bitfield": 5, "unknown": 0x99}[outer]
        stream, at = frame(number, inner), 5 + cut
    machine = wire()
    refuse = {around} if outer == "discarded block" else set()
    events = machine.read(stream[:at], [block], refuse) + machine.read(stream[at:] + HAVE, [block], refuse)
    assert [e for e in events if e[0] == "block_arrived" and e[1] == block] == []
    assert events[-1] == ("have", 7)
    assert len(events) == (3 if "block" in outer else 2)
    assert machine.slots == ({around: inner} if outer == "block" else {})


# ---- sinks ----


def test_a_block_nobody_wants_is_discarded_as_it_streams() -> None:
    block = (5, 0, BLOCK)
    machine = wire()
    raw = piece(block)
    assert machine.read(raw[:1000], refuse={block}) == [("block_started", block, False)]
    assert machine.read(raw[1000:] + HAVE) == [("block_arrived", block, "discarded", b""), ("have", 7)]
    assert machine.payload_received == BLOCK
    assert machine.bytes_copied == 0


@pytest.mark.parametrize("predicted", [False, True])
def test_a_slot_that_is_taken_back_is_not_written_any_more(predicted: bool) -> None:
    block, other = (0, 0, BLOCK), (0, BLOCK, BLOCK)
    expected = [block, other] if predicted else []
    machine = wire()
    raw = piece(block)
    assert machine.read(raw[:5000], expected) == [("block_started", block, predicted)]
    machine.abandon_sink()
    assert machine.arriving == block
    events = machine.read(raw[5000:] + piece(other), [other])
    assert events[0] == ("block_arrived", block, "discarded", b"")
    assert events[1][:2] == ("block_arrived", other)
    assert machine.slots == {other: payload(other)[:BLOCK]}
    # Asked for and sent once more, it is taken.
    machine.read(raw, [block])
    assert machine.slots[block] == payload(block)[:BLOCK]


def test_a_second_copy_never_touches_the_first() -> None:
    block = (0, 0, 1000)
    machine = wire()
    machine.read(piece(block), [block])
    forged = frame(7, struct.pack(">II", 0, 0) + b"\xee" * 1000)
    machine.read(forged[:500])
    machine.read(forged[500:])
    machine.read(forged)
    assert machine.slots == {block: payload(block)[:1000]}


def test_peers_share_one_scratch_without_meeting_in_it() -> None:
    scratch = lab.ReceiveScratch()
    machines = [lab.PeerWire(scratch) for _ in range(3)]
    streams = [frame(20, bytes([i]) * 5000) + piece((i, 0, 9000)) for i in range(3)]
    events: list[list[Any]] = [[], [], []]
    for at in range(0, len(streams[0]), 700):
        for i, machine in enumerate(machines):
            events[i] += machine.read(streams[i][at : at + 700])
    for i, machine in enumerate(machines):
        assert events[i][0] == ("extended", i, bytes([i]) * 4999)
        assert machine.slots == {(i, 0, 9000): payload((i, 0, 9000))[:9000]}


# ---- what it costs ----


@pytest.mark.parametrize("size", [1, 12, 58, 59, 60, 255, 1000, 16385, 65536, 200_000])
def test_a_message_in_crumbs_moves_each_byte_at_most_twice(size: int) -> None:
    stream = frame(20, b"\1" + bytes(size))
    whole, crumbs = wire(), wire()
    assert whole.read(stream) == [("extended", 1, bytes(size))]
    assert whole.bytes_copied == 0
    for i in range(len(stream) - 1):
        assert not crumbs.read(stream[i : i + 1])
    assert crumbs.read(stream[-1:]) == [("extended", 1, bytes(size))]
    assert crumbs.bytes_copied <= 2 * len(stream)


@pytest.mark.parametrize("crumb", [1, 2, 7, 1000])
@pytest.mark.parametrize("number", [20, 5, 0x99])
def test_nor_more_for_the_longest_message_there_is(number: int, crumb: int) -> None:
    stream = frame(number, b"\1" + bytes(lab.max_message_size - 2))
    machine = wire()
    assert len(machine.read_crumbs(stream + HAVE, crumb)) == 2
    assert machine.error is None
    assert machine.bytes_copied <= 2 * len(stream)


def test_a_byte_costs_at_most_twice_as_much_in_a_longer_message() -> None:
    # The same number of bytes in each measurement, by turns in one process, so that a busy machine slows all alike.
    total = 1 << 18
    streams = {size: frame(20, b"\1" + bytes(size - 6)) * (total // size) for size in (1 << 10, 1 << 14, 1 << 18)}
    costs: dict[int, list[int]] = {size: [] for size in streams}
    for _ in range(7):
        for size, stream in streams.items():
            machine = wire()
            began = time.process_time_ns()
            machine.read_crumbs(stream, 1)
            costs[size].append(time.process_time_ns() - began)
    short, *longer = (statistics.median(each) for each in costs.values())
    assert max(longer) <= 2 * short, costs


@pytest.mark.parametrize("predict", [False, True])
@pytest.mark.parametrize("length", [1, 100, BLOCK])
def test_a_block_in_crumbs_moves_each_byte_at_most_twice(length: int, predict: bool) -> None:
    block = (2, 0, length)
    stream = piece(block)
    machine = wire()
    for i in range(len(stream)):
        machine.read(stream[i : i + 1], [block] if predict else [])
    assert machine.slots == {block: payload(block)[:length]}
    assert machine.bytes_copied <= 2 * 13 + (length == 1)


def test_memory_follows_what_came_not_what_was_announced() -> None:
    machine = wire()
    machine.read(struct.pack(">IB", lab.max_message_size, 5))
    assert machine.held_memory == 0
    for _ in range(10):
        machine.read(bytes(100))
    assert 1000 <= machine.held_memory <= 4096
    machine.read(bytes(lab.max_message_size - 1 - 1000))
    machine.read(HAVE)
    assert machine.held_memory == 0


def test_counters_are_exact() -> None:
    machine = wire()
    stream = piece((0, 0, 500)) + HAVE + piece((1, 0, 700))[:100]
    machine.read(stream[:3])
    machine.read(stream[3:], [(0, 0, 500)])
    assert machine.wire_received == len(stream)
    assert machine.payload_received == 500 + 87
    assert machine.last_received == 2
