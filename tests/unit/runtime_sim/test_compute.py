"""The simulated hasher: real digests, virtual time, and the rule that buffers stay as they were given."""

import hashlib

import pytest

from tests.unit.runtime_sim.machine import Machine, World
from tests.unit.runtime_sim.people import pattern


def test_digests_are_those_of_the_bytes_however_they_are_cut() -> None:
    m = Machine()
    data = pattern(100_000)
    whole = m.completion(m.host.hash([data], sha1=True, sha256=True)).data
    cut = m.completion(m.host.hash([data[:1], data[1:70_000], b"", data[70_000:]], sha1=True, leaves=True)).data
    assert whole["sha1"] == cut["sha1"] == hashlib.sha1(data).digest()
    assert whole["sha256"] == hashlib.sha256(data).digest()
    assert cut["leaves"][1] == hashlib.sha256(data[1:70_000]).digest()


def test_equal_pieces_of_many_nodes_give_equal_digests_and_different_ones_do_not() -> None:
    world = World(1)
    nodes = [Machine(world=world) for _ in range(4)]
    same, other = pattern(16_384), pattern(16_384)[:-1] + b"?"
    answers = [m.completion(m.host.hash([d], sha1=True)).data["sha1"] for m in nodes for d in (same, other, same)]
    expected = [hashlib.sha1(d).digest() for d in (same, other, same)]
    assert answers == expected * 4


def test_short_messages_of_zeros_are_told_apart() -> None:
    m = Machine()
    for size in (0, 1, 31, 32, 33, 63, 64, 65):
        data = bytes(size)
        assert m.completion(m.host.hash([data], sha1=True)).data["sha1"] == hashlib.sha1(data).digest(), size


def test_a_long_piece_is_hashed_in_runs() -> None:
    m = Machine()
    state = m.host.new_state()
    data = pattern(50_000)
    m.completion(m.host.hash_more(state, [data[:20_000]]))
    last = m.completion(m.host.hash_more(state, [data[20_000:]], last=True))
    assert last.data == hashlib.sha1(data).digest()


def test_jobs_take_their_time_one_after_another() -> None:
    m = Machine()
    m.world.set_compute(m.node, 1_000_000, 0.001)
    start = m.world.now
    jobs = [m.host.hash([bytes(n)], sha1=True) for n in (100_000, 200_000)]
    ends = [m.completion(job).now - start for job in jobs]
    assert ends == pytest.approx([0.101, 0.301])


def test_a_buffer_changed_while_it_is_hashed_is_a_broken_rule() -> None:
    m = Machine()
    honest = m.host.hash([b"left alone"], sha1=True)
    op = m.host.hash([b"changed", b"later"], sha1=True)
    m.host.spoil(op)
    assert m.completion(op).error == "internal" and m.completion(honest).error == "ok"
    broken = [e for e in m.collect() if e.kind == "broken"]
    assert [str(e.data) for e in broken] == ["a buffer changed while it was being hashed"]
    assert m.world.broken_rules == 1


def test_a_crash_drops_jobs() -> None:
    m = Machine()
    m.host.hash([bytes(1000)], sha1=True)
    m.crash()
    m.world.run_for(10)
    assert [e for e in m.collect() if e.kind == "hash"] == [] and m.world.idle
