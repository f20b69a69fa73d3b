"""Ledger, picker and endgame against the slow model: any order of facts, the same block state."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from jstorrent._core import lab

from tests.unit.policy.slow_model import BLOCK, NEVER, Block, Model, Peer

TIMEOUT = 30.0
slots = st.integers(0, 2)


class Machine(RuleBasedStateMachine):
    @initialize(
        pieces=st.integers(1, 7),
        length=st.sampled_from([BLOCK, 2 * BLOCK, 3 * BLOCK, 2 * BLOCK + 100]),
        tail=st.integers(0, BLOCK - 1),
        sequential=st.booleans(),
    )
    def build(self, pieces: int, length: int, tail: int, sequential: bool) -> None:
        total = pieces * length - tail
        self.model = Model(pieces, length, total)
        self.leases: set[Any] = set()  # granted at some time and not given back by hand
        geometry = lab.Geometry(pieces, length, total)
        self.ledger = lab.RequestLedger(geometry)
        self.picker = lab.PiecePicker(geometry, sequential)
        self.endgame = lab.Endgame(prefer_proven=False)
        self.sequential = sequential
        self.keys: dict[int, int] = {}
        self.generation = 0
        self.now = 0.0
        self.counters = dict.fromkeys(("partial", "redundant", "discarded", "verified", "failed"), 0)
        self.received = 0
        for slot in range(3):
            self.join(slot, slot == 1, set(range(slot % 2, pieces)))

    def join(self, slot: int, fast: bool, has: set[int]) -> None:
        self.generation += 1
        key = self.generation << 32 | slot
        self.keys[slot] = key
        self.model.peers[key] = Peer(has, fast, self.picker.on_join(sorted(has)))
        self.ledger.on_join(key, f"10.0.0.{slot}", fast)

    def peer(self, slot: int) -> tuple[int, Peer] | None:
        key = self.keys.get(slot)
        return (key, self.model.peers[key]) if key else None

    # ---- peers

    @rule(slot=slots, fast=st.booleans(), data=st.data(), stays=st.booleans())
    def join_or_leave(self, slot: int, fast: bool, data: Any, stays: bool) -> None:
        if known := self.peer(slot):
            if stays:
                return
            key, peer = known
            self.picker.on_leave(sorted(peer.has), peer.as_seed)
            self.ledger.on_disconnect(key)
            self.model.leave(key)
            del self.keys[slot]
        else:
            self.join(slot, fast, data.draw(st.sets(st.integers(0, self.model.num_pieces - 1))))

    @rule(slot=slots, data=st.data())
    def have(self, slot: int, data: Any) -> None:
        if known := self.peer(slot):
            lacking = sorted(set(range(self.model.num_pieces)) - known[1].has)
            if lacking:
                piece = data.draw(st.sampled_from(lacking))
                known[1].has.add(piece)
                self.picker.on_have(piece)

    @rule(slot=slots)
    def choke(self, slot: int) -> None:
        if known := self.peer(slot):
            self.ledger.on_choke(known[0])
            if not known[1].fast:
                for request in reversed(list(known[1].queue)):
                    known[1].withdraw(request)

    @rule(piece=st.integers(0, 6), priority=st.sampled_from([0, 1, 4, 4, 7]))
    def prioritise(self, piece: int, priority: int) -> None:
        self.picker.set_priority(piece, priority)
        if piece < self.model.num_pieces:
            self.model.priority[piece] = priority

    # ---- asking

    @rule(
        slot=slots,
        n=st.integers(1, 9),
        cap=st.sampled_from([1, 2, 3, 99]),
        seed=st.integers(0, 9),
        parole=st.booleans(),
    )
    def pick(self, slot: int, n: int, cap: int, seed: int, parole: bool) -> None:
        if known := self.peer(slot):
            key, peer = known
            before = len(self.model.active)
            picked, capped = self.picker.pick(key, sorted(peer.has), n, cap, self.ledger, seed, self.now, parole)
            self.model.follow_pick(key, picked, capped, n, cap, self.now, parole=parole, sequential=self.sequential)
            assert len(self.model.active) <= max(cap, before)

    @rule(slot=slots, n=st.integers(1, 9))
    def duplicates(self, slot: int, n: int) -> None:
        if not (known := self.peer(slot)):
            return
        key, peer = known
        copies = self.endgame.pick_duplicates(key, sorted(peer.has), n, self.picker, self.ledger, self.now)
        unasked = [b for i in self.model.active if i in self.model.wanted() for b in self.model.missing(i)]
        reachable = [i for i in self.model.candidates() if self.model.availability(i)]
        if any(self.model.availability(b[0]) for b in unasked) or reachable:
            assert copies == []
        expected = []
        for piece, active in self.model.active.items():
            for block in self.model.blocks(piece) if piece in self.model.wanted() & peer.has else []:
                who, until = active.avoided.get(block, (0, 0.0))
                asked = self.model.asked(block)
                if len(asked) == 1 and asked != [key] and not (who == key and self.now < until):
                    expected.append(block)
        assert copies in ([], expected[:n])
        for block in copies:
            peer.ask(block, self.now)
            if self.model.active[block[0]].exclusive != key:
                self.model.active[block[0]].exclusive = 0

    # ---- answers

    def any_block(self, data: Any, peer: Peer) -> Block:
        outstanding = [r.block for r in peer.queue]
        all_blocks = [b for i in range(self.model.num_pieces) for b in self.model.blocks(i)]
        strange: list[Block] = [(99, 0, BLOCK), (0, 1, BLOCK), (0, 0, 1 << 17)]
        pools = [p for p in (outstanding[:1], outstanding, peer.withdrawn, all_blocks, strange) if p]
        block: Block = data.draw(st.sampled_from(data.draw(st.sampled_from(pools))))
        return block

    @rule(slot=slots, waits=st.lists(st.sampled_from([0.0, 1.0, 8.0]), min_size=1, max_size=4), data=st.data())
    def block(self, slot: int, waits: list[float], data: Any) -> None:
        if not (known := self.peer(slot)):
            return
        key, peer = known
        for wait in waits:
            self.now += wait
            block = self.any_block(data, peer)
            got = self.ledger.on_block(key, block, block[0] in self.model.have, self.now)
            verdict, losers = self.model.on_block(key, block, self.now)
            assert (got["verdict"], sorted(got["cancels"])) == (verdict, sorted(losers))
            assert got["complete"] == (verdict in ("accepted", "late") and block[0] in self.model.verifying())
            self.counters[got["bucket"]] += block[2]
            self.received += block[2]

    @rule(slot=slots, data=st.data())
    def reject(self, slot: int, data: Any) -> None:
        if not (known := self.peer(slot)):
            return
        key, peer = known
        block = self.any_block(data, peer)
        first = block in peer.withdrawn  # of two questions the older is answered
        request = None if first else peer.find(block)
        assert self.ledger.on_reject(key, block, self.now) == (request is not None)
        if request:
            peer.answer(request, self.now)
            self.model.avoid(key, block, self.now + 10.0)
        elif first:
            peer.withdrawn.remove(block)

    @rule(slot=slots, data=st.data())
    def cancel(self, slot: int, data: Any) -> None:
        if known := self.peer(slot):
            block = self.any_block(data, known[1])
            request = known[1].find(block)
            assert self.ledger.cancel(known[0], block) == (request is not None)
            if request:
                known[1].withdraw(request)

    @rule(wait=st.sampled_from([0.1, 1.0, 9.0, 31.0]))
    def time_passes(self, wait: float) -> None:
        self.now += wait
        assert sorted(self.ledger.expire(self.now, TIMEOUT)) == sorted(self.model.expire(self.now, TIMEOUT))

    # ---- pieces

    @precondition(lambda self: self.model.verifying())
    @rule(good=st.booleans())
    def hash_result(self, good: bool) -> None:
        piece = self.model.verifying()[0]
        gave = self.ledger.contributions(piece)
        assert {b: k for b, k, _ in gave} == self.model.active[piece].received
        size = self.ledger.on_verified(piece) if good else self.ledger.on_hash_failed(piece)
        assert size == self.model.size(piece)
        self.counters["partial"] -= size
        self.counters["verified" if good else "failed"] += size
        del self.model.active[piece]
        if good:
            self.model.have.add(piece)
            self.picker.on_verified(piece)
        else:
            self.picker.on_returned(piece)

    @rule()
    def abandon_the_stranded(self) -> None:
        piece = self.picker.stranded(self.ledger, self.now)
        idle = [i for i in self.model.active if not any(self.model.asked(b) for b in self.model.blocks(i))]
        idle = [i for i in idle if i not in self.model.verifying()]
        dead = [i for i in idle if i not in self.model.wanted() or not self.model.availability(i)]
        assert (piece in idle) if piece is not None else not dead
        if piece is None:
            return
        lost, cancels, _ = self.ledger.abandon(piece)
        assert cancels == [] and lost == sum(b[2] for b in self.model.active[piece].received)
        self.counters["partial"] -= lost
        self.counters["discarded"] += lost
        del self.model.active[piece]
        self.picker.on_returned(piece)

    @rule(piece=st.integers(0, 6))
    def lose(self, piece: int) -> None:
        if piece in self.model.have:
            self.model.have.discard(piece)
            self.picker.on_lost(piece)

    @rule(slot=slots, data=st.data())
    def lease(self, slot: int, data: Any) -> None:
        if known := self.peer(slot):
            block = self.any_block(data, known[1])
            granted = self.ledger.lease(known[0], block)
            was_held = (known[0], block) in self.leases
            assert not granted or known[1].find(block) or block in known[1].withdrawn or was_held
            if granted:
                self.leases.add((known[0], block))
            if granted and data.draw(st.booleans()):
                self.ledger.release_lease(known[0], block)
                self.leases.discard((known[0], block))

    # ---- what must always hold

    @invariant()
    def same_state(self) -> None:
        self.ledger.check()
        model = self.model
        for key, peer in model.peers.items():
            assert self.ledger.outstanding(key) == [r.block for r in peer.queue]
            due = peer.queue[0].due if peer.queue else NEVER
            assert abs(self.ledger.deadline(key, TIMEOUT) - (due + TIMEOUT)) < 1e-6 or not peer.queue
            assert self.picker.count_wanted(sorted(peer.has)) == len(peer.has & model.wanted())
            sole = any(model.availability(i) == 1 for i in peer.has & model.wanted())
            assert self.picker.is_sole_source(sorted(peer.has), self.ledger) == sole
        assert self.ledger.active == list(model.active)
        assert self.ledger.open == [i for i in model.active if model.missing(i)]
        for piece, active in model.active.items():
            status = self.ledger.status(piece)
            assert status["received"] == len(active.received)
            assert status["missing"] == len(model.missing(piece))
            assert status["pending"] == sum(len(model.asked(b)) for b in model.blocks(piece))
            assert status["exclusive"] == active.exclusive
            asked = {k for b in model.blocks(piece) for k in model.asked(b)}
            assert self.ledger.requested_from(piece) == sorted(asked, key=lambda k: (k & 0xFFFFFFFF, k >> 32))
        assert self.picker.availability() == [model.availability(i) for i in range(model.num_pieces)]
        assert self.picker.wanted_left == sum(model.size(i) for i in model.wanted())

    @invariant()
    def counters_add_up(self) -> None:
        assert self.received == sum(self.counters.values())
        assert self.counters["partial"] == self.ledger.partial_bytes


TestLedgerAndPicker = Machine.TestCase
TestLedgerAndPicker.settings = settings(
    max_examples=150, stateful_step_count=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
