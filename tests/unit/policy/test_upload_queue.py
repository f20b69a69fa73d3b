"""What a peer asked for: kept in order, found without a search, and small again when it is not wanted any more."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from jstorrent._core import lab

Block = tuple[int, int, int]
# Few, so that the same come again and again.
BLOCKS = st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 16384, 2**31]), st.sampled_from([1, 16384]))


def drained(queue: Any) -> list[Block]:
    return [queue.pop_front() for _ in range(len(queue))]


class QueueModel(RuleBasedStateMachine):
    """Beside a list."""

    def __init__(self) -> None:
        super().__init__()
        self.queue, self.model = lab.UploadQueue(7), list[Block]()

    @rule(block=BLOCKS)
    def push(self, block: Block) -> None:
        assert self.queue.push(block) == (block not in self.model)
        if block not in self.model:
            self.model.append(block)

    @rule(first=st.integers(0, 9), count=st.integers(1, 200))
    def push_many(self, first: int, count: int) -> None:
        for begin in range(first * 100, first * 100 + count):
            self.push((9, begin, 5))

    @rule(block=BLOCKS)
    def take(self, block: Block) -> None:
        assert self.queue.take(block) == (block in self.model)
        if block in self.model:
            self.model.remove(block)

    @rule(every=st.integers(1, 5))
    def take_many(self, every: int) -> None:
        for block in self.model[::every]:
            assert self.queue.take(block)
        del self.model[::every]

    @precondition(lambda self: self.model)
    @rule(count=st.integers(1, 100))
    def pop(self, count: int) -> None:
        for _ in range(min(count, len(self.model))):
            assert self.queue.pop_front() == self.model.pop(0)

    @rule(blocks=st.lists(BLOCKS, max_size=4, unique=True))
    def put_back(self, blocks: list[Block]) -> None:
        self.queue.put_back(blocks)
        self.model = blocks + [block for block in self.model if block not in blocks]

    @rule()
    def clear(self) -> None:
        self.queue.clear()
        self.model.clear()

    @invariant()
    def same(self) -> None:
        assert len(self.queue) == len(self.model)
        assert all(block in self.queue for block in self.model)
        assert (5, 5, 5) not in self.queue

    def teardown(self) -> None:
        assert drained(self.queue) == self.model


TestQueue = QueueModel.TestCase
TestQueue.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_one_that_is_asked_for_and_cancelled_for_ever_leaves_the_others_as_they_were() -> None:
    queue = lab.UploadQueue(1)
    others = [(1, n, 16384) for n in range(2000)]
    for block in others:
        queue.push(block)
    for n in range(10_000):
        queue.push((0, n % 3, 1))
        assert queue.take((0, n % 3, 1)) and not queue.take((0, n % 3, 1))
    assert drained(queue) == others


def test_what_is_asked_for_again_while_it_was_out_is_there_once() -> None:
    queue = lab.UploadQueue(1)
    for piece in (0, 2):
        queue.push((piece, 0, 1))
    queue.put_back([(1, 0, 1), (0, 0, 1)])
    assert drained(queue) == [(1, 0, 1), (0, 0, 1), (2, 0, 1)]
