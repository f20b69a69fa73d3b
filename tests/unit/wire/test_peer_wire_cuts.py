"""Any stream, cut anywhere, predicted rightly or wrongly: the same messages, the same blocks, the same bytes."""

from __future__ import annotations

import random
import struct
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jstorrent._core import lab

SCRATCH = lab.ReceiveScratch()
Block = tuple[int, int, int]

u32 = st.integers(0, 2**32 - 1)
block_ids = st.tuples(st.integers(0, 1), st.sampled_from([0, 16384]), st.sampled_from([1, 40, 300, 16384]))
items = st.one_of(
    st.tuples(st.just("block"), block_ids, st.integers(0, 255)),
    st.tuples(st.just("block"), block_ids, st.integers(0, 255)),
    st.sampled_from([("keep_alive",), ("choke",), ("have_all",)]),
    st.tuples(st.just("have"), u32),
    st.tuples(st.just("request"), u32, u32, u32),
    st.tuples(st.just("bitfield"), st.binary(max_size=200)),
    st.tuples(st.just("extended"), st.integers(0, 255), st.binary(max_size=200)),
    st.tuples(st.just("unknown"), st.integers(100, 255), st.sampled_from([0, 1, 50, 3000])),
)
# What may end a stream: nothing, a frame that is refused, or half a frame.
endings = st.sampled_from([
    (b"", None), (b"\xff\xff\xff\xff" + bytes(90), "message_too_large"), (b"\0\0\0\5\7" + bytes(9), "bad_message"),
    (b"\0\0\0\2\0\0\0", "bad_message"), (b"\0\1\0\0\7\0", "message_too_large"), (b"\0\0\0\x09\7\0", None), (b"\0\0", None),
])  # fmt: skip


def payload(block: Block, salt: int) -> bytes:
    return (bytes([salt, block[0], block[1] // 128]) + bytes(range(94))) * 200


def encode(item: tuple[Any, ...]) -> bytes:
    if item[0] != "block":
        return bytes(lab.encode_message(item))
    block, salt = item[1], item[2]
    data = payload(block, salt)[: block[2]]
    assert len(data) == block[2]
    return struct.pack(">IBII", 9 + block[2], 7, block[0], block[1]) + data


def model(stream: list[tuple[Any, ...]], unwanted: set[Block]) -> tuple[list[tuple[Any, ...]], dict[Block, bytes]]:
    """What the owner must end up with, in the plainest words."""
    events: list[tuple[Any, ...]] = []
    slots: dict[Block, bytes] = {}
    for item in stream:
        if item[0] != "block":
            events.append(item)
            continue
        block = item[1]
        events.append(("block", block))
        if block not in unwanted and block not in slots:
            slots[block] = payload(block, item[2])[: block[2]]
    return events, slots


def plain(events: list[Any]) -> list[tuple[Any, ...]]:
    """Without what tells only how the bytes came."""
    return [("block", e[1]) if e[0] == "block_arrived" else e for e in events if e[0] != "block_started"]


def check_protocol(events: list[Any], wanted: set[Block]) -> None:
    """A block that has started arrives next; one that is wanted, for the first time, is never lost."""
    started, seen = None, set()
    for event in events:
        if event[0] == "block_started":
            assert started is None
            started = event[1]
            continue
        assert started is None or event[:2] == ("block_arrived", started)
        started = None
        if event[0] == "block_arrived" and event[1] in wanted and event[1] not in seen:
            assert event[2] != "discarded"
            seen.add(event[1])


def guesses(rng: random.Random, right: list[Block], every: list[Block]) -> list[Block]:
    """Predictions from perfect to absurd, never twice the same block."""
    kind = rng.randrange(5)
    if kind == 0:
        return []
    guess = list(dict.fromkeys(right if kind < 3 else every))
    if kind == 2 and len(guess) > 1:
        del guess[rng.randrange(len(guess))]
    if kind == 4:
        rng.shuffle(guess)
    return guess


@settings(max_examples=300, deadline=None)
@given(
    st.lists(items, max_size=25),
    endings,
    st.sets(block_ids, max_size=3),
    st.sets(block_ids, max_size=2),
    st.integers(0, 2**32),
    st.sampled_from([1, 3, 14, 300, 20_000, 10**6]),
)
def test_no_cut_and_no_prediction_shows(
    stream: list[tuple[Any, ...]],
    ending: tuple[bytes, str | None],
    refused: set[Block],
    abandoned: set[Block],
    seed: int,
    longest: int,
) -> None:
    rng = random.Random(seed)
    raw = b"".join(map(encode, stream)) + ending[0]
    if longest < 14 and len(raw) > 3000:
        longest = 300
    order = [item[1] for item in stream if item[0] == "block"]
    every = [*order, (0, 0, 7), (3, 16384, 16384)]
    unwanted = refused | abandoned
    machine = lab.PeerWire(SCRATCH)
    events: list[Any] = []
    at = 0
    while at < len(raw):
        cut = rng.randint(1, longest)
        done = sum(e[0] == "block_arrived" for e in events)
        expected = [b for b in guesses(rng, order[done:], every) if b not in unwanted]
        events += machine.read(raw[at : at + cut], expected, refused, abandoned)
        at += cut
    want_events, want_slots = model(stream, unwanted)
    assert plain(events) == want_events
    check_protocol(events, set(order) - unwanted)
    assert {b: d for b, d in machine.slots.items() if b not in unwanted} == want_slots
    error = None if ending[1] is None else (ending[1], len(raw) - len(ending[0]))
    assert machine.error == error
    assert error or machine.wire_received == len(raw)
    assert machine.payload_received == sum(block[2] for block in order)
    assert machine.messages_received == sum(item != ("keep_alive",) for item in stream)
    assert not machine.has_sink


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 2**32))
def test_noise_fails_at_the_same_place_however_it_is_cut(noise: bytes, seed: int) -> None:
    # Lengths that are small enough to be believed now and then.
    raw = b"".join(bytes(3) + noise[i : i + 7] for i in range(0, len(noise), 7))
    rng = random.Random(seed)
    expected = [(0, 0, 16), (1, 0, 16)]
    whole, parts, crumbs = (lab.PeerWire(SCRATCH) for _ in range(3))
    one = plain(whole.read(raw, expected))
    three = [e for i in range(len(raw)) for e in plain(crumbs.read(raw[i : i + 1]))]
    two, at = [], 0
    while at < len(raw):
        cut = rng.randint(1, 40)
        two += plain(parts.read(raw[at : at + cut], expected))
        at += cut
    assert one == two == three
    assert whole.error == parts.error == crumbs.error
    assert whole.messages_received == parts.messages_received == crumbs.messages_received
