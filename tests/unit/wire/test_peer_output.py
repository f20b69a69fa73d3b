"""The sending half: order, memory that stays where it is, and every token back exactly once."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jstorrent._core import lab

Block = tuple[int, int, int]
HAVE = struct.pack(">IBI", 5, 4, 7)


def header(block: Block) -> bytes:
    return struct.pack(">IBII", 9 + block[2], 7, block[0], block[1])


def drain(output: Any, spans: int = 64) -> bytes:
    sent = b""
    while part := output.gather(spans):
        output.consumed(len(part))
        sent += part
    return sent


def test_messages_lie_side_by_side_and_payload_is_referred_to() -> None:
    output = lab.PeerOutput()
    output.push_raw(b"handshake")
    output.push(("have", 7))
    output.push_block(1, 2, b"payload", 99)
    output.push(("choke",))
    assert output.pending_bytes == 9 + 9 + 13 + 7 + 5
    assert (output.pending_payload, output.pending_blocks) == (7, 1)
    assert output.gather() == b"handshake" + HAVE + header((1, 2, 7)) + b"payload" + b"\0\0\0\1\0"
    assert output.span_count == 4
    output.consumed(43)
    assert (output.wire_sent, output.payload_sent, output.pending_bytes) == (43, 7, 0)
    assert (output.pending_payload, output.pending_blocks) == (0, 0)
    assert output.take_released() == [99]
    assert output.take_released() == []
    assert output.gather() == b""
    assert not output.writing


def test_a_write_takes_no_more_spans_than_there_are() -> None:
    output = lab.PeerOutput()
    for i in range(50):
        output.push_block(i, 0, bytes([i]) * 20, i)
    first = output.gather(64)
    assert output.span_count == 64
    assert len(first) == 32 * 33
    output.consumed(len(first))
    assert output.take_released() == list(range(32))
    assert drain(output, 3) == b"".join(header((i, 0, 20)) + bytes([i]) * 20 for i in range(32, 50))


def test_counters_of_a_partial_write_are_exact() -> None:
    output = lab.PeerOutput()
    output.push_block(0, 0, bytes(100), 1)
    for n, payload in [(5, 0), (8, 0), (1, 1), (98, 99), (0, 99), (1, 100)]:
        output.gather()
        output.consumed(n)
        assert output.payload_sent == payload
        assert output.take_released() == ([1] if payload == 100 else [])
    assert output.wire_sent == 113


def test_a_block_that_has_begun_is_not_cancelled() -> None:
    output = lab.PeerOutput()
    for token in range(3):
        output.push_block(token, 0, bytes(10), token)
    output.gather(1)  # the header of the first
    assert output.cancel((0, 0, 10)) is None
    assert output.cancel((1, 0, 10)) == 1
    assert output.cancel((1, 0, 10)) is None
    assert output.cancel((9, 0, 10)) is None
    output.consumed(4)
    assert output.cancel((0, 0, 10)) is None
    assert output.drop_blocks() == [2]
    assert drain(output) == (header((0, 0, 10)) + bytes(10))[4:]
    assert output.take_released() == [0]


def test_what_was_handed_out_but_not_begun_can_be_cancelled_after_the_write() -> None:
    output = lab.PeerOutput()
    output.push_block(0, 0, bytes(10), 0)
    output.push_block(1, 0, bytes(10), 1)
    output.gather()
    assert output.cancel((1, 0, 10)) is None
    output.consumed(23)
    output.push_block(2, 0, bytes(10), 2)
    output.gather()
    output.consumed(0)
    assert output.cancel((1, 0, 10)) == 1
    assert drain(output) == header((2, 0, 10)) + bytes(10)


def test_asking_and_cancelling_for_ever_leaves_nothing_behind() -> None:
    output = lab.PeerOutput()
    output.push_block(0, 0, bytes(10), 0)
    output.gather()
    for token in range(1, 5000):
        output.push_block(1, 0, b"", token)
        assert output.cancel((1, 0, 0)) == token
    assert (output.pending_bytes, output.pending_blocks) == (23, 1)


def test_closing_gives_every_token_back() -> None:
    output = lab.PeerOutput()
    for token in range(3):
        output.push_block(token, 0, bytes(10), token)
    output.gather()
    output.push_block(3, 0, bytes(10), 3)
    output.consumed(30)
    output.cancel((3, 0, 10))
    output.close()
    assert output.take_released() == [0, 1, 2]
    assert (output.pending_bytes, output.pending_blocks, output.pending_payload) == (0, 0, 0)


@pytest.mark.parametrize("misuse", ["gather twice", "consume unasked", "consume too much", "close while writing"])
def test_misuse_by_the_owner_is_a_broken_rule(misuse: str) -> None:
    output = lab.PeerOutput()
    output.push(("have", 7))
    if misuse != "consume unasked":
        output.gather()
    with pytest.raises(RuntimeError):
        if misuse == "gather twice":
            output.gather()
        elif misuse == "close while writing":
            output.close()
        else:
            output.consumed(1 if misuse == "consume unasked" else 10)


# ---- against a slow, obvious model ----


@dataclass
class Entry:
    data: bytes
    block: Block | None = None
    token: int = -1
    sent: int = 0
    handed: bool = False

    @property
    def removable(self) -> bool:
        return self.block is not None and not self.sent and not self.handed


@dataclass
class Model:
    queue: list[Entry] = field(default_factory=list)
    released: list[int] = field(default_factory=list)
    handed: bytes | None = None

    def rest(self) -> bytes:
        return b"".join(e.data[e.sent :] for e in self.queue)

    def hand_out(self, part: bytes) -> None:
        assert self.rest().startswith(part)
        assert bool(part) == bool(self.rest())
        left = len(part)
        for entry in self.queue:
            entry.handed = left > 0
            left -= len(entry.data) - entry.sent
        self.handed = part or None

    def consume(self, n: int) -> None:
        self.handed = None
        for entry in list(self.queue):
            entry.handed = False
            part = min(n, len(entry.data) - entry.sent)
            entry.sent += part
            n -= part
            if entry.sent == len(entry.data):
                self.queue.remove(entry)
                if entry.block is not None:
                    self.released.append(entry.token)

    def remove(self, block: Block | None) -> list[int]:
        gone = [e for e in self.queue if e.removable and block in (None, e.block)][: None if block is None else 1]
        self.queue = [e for e in self.queue if not any(e is g for g in gone)]
        return [e.token for e in gone]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.sampled_from([("have", 7), ("choke",), ("bitfield", b"x" * 700)])),
        st.tuples(st.just("block"), st.integers(0, 4), st.sampled_from([0, 1, 50])),
        st.tuples(st.just("write"), st.sampled_from([1, 2, 3, 5, 64])),
        st.tuples(st.just("written"), st.floats(0, 1)),
        st.tuples(st.just("cancel"), st.integers(0, 4), st.sampled_from([0, 1, 50])),
        st.tuples(st.just("drop")),
    ),
    max_size=60,
)


def step(output: Any, model: Model, action: tuple[Any, ...], token: int) -> None:
    if action[0] == "push":
        output.push(action[1])
        model.queue.append(Entry(bytes(lab.encode_message(action[1]))))
    elif action[0] == "block":
        block = (action[1], 0, action[2])
        data = bytes([token % 251]) * action[2]
        output.push_block(block[0], block[1], data, token)
        model.queue.append(Entry(header(block) + data, block, token))
    elif action[0] == "write" and model.handed is None:
        model.hand_out(output.gather(action[1]))
    elif action[0] == "written" and model.handed is not None:
        n = round(len(model.handed) * action[1])
        output.consumed(n)
        model.consume(n)
    elif action[0] == "cancel":
        token_back = output.cancel((action[1], 0, action[2]))
        assert model.remove((action[1], 0, action[2])) == ([] if token_back is None else [token_back])
    elif action[0] == "drop":
        assert output.drop_blocks() == model.remove(None)


@settings(max_examples=300, deadline=None)
@given(steps)
def test_the_output_behaves_as_the_model(actions: list[tuple[Any, ...]]) -> None:
    output, model, released = lab.PeerOutput(), Model(), []
    for token, action in enumerate([*actions, ("written", 1.0)]):
        step(output, model, action, token)
        if model.handed is not None:
            assert output.gathered() == model.handed  # nothing that was handed out has moved
        assert output.pending_bytes == len(model.rest())
        assert output.pending_blocks == sum(e.block is not None for e in model.queue)
        released += output.take_released()
        assert released == model.released
    rest = model.rest()
    assert drain(output) == rest
    left = [e.token for e in model.queue if e.block is not None]
    assert output.take_released() == left
