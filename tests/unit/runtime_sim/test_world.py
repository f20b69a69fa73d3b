"""One seed, one course of events; rounds; clocks; luck; the end of nodes; what is idle."""

import hashlib
import os
import subprocess
import sys

import pytest

from tests.unit.runtime_sim.machine import Machine, World
from tests.unit.runtime_sim.people import Talker

DAY = 86400.0
MOST_WAKES = 10_000


def busy_world(seed: int) -> tuple[int, str]:
    """Six talkers, everybody sends to everybody over odd lines; fingerprint and digest of what came when."""
    world = World(seed)
    talkers = [Talker(world, f"n{i}", f"10.0.0.{i + 1}") for i in range(6)]
    addresses = [t.links.listen(1) for t in talkers]
    for t in talkers:
        world.access(t.node, up=200_000 + 10_000 * t.node, jitter=0.01)
        world.fragment(t.node, (t.node + 1) % 6, [100, 1000, 5000])
        for at in addresses:
            if not at.startswith(t.host + ":"):
                t.links.send(t.links.connect(at), bytes([t.node]) * 30_000)
    world.settle(100)
    course = repr([(t.name, t.log, sorted(t.runs.items())) for t in talkers])
    return world.fingerprint, hashlib.sha256(course.encode()).hexdigest()


CHILD = """
from tests.unit.runtime_sim.test_world import busy_world
print(*busy_world(5))
"""


def in_a_process(hash_seed: str) -> str:
    env = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run([sys.executable, "-c", CHILD], env=env, capture_output=True, text=True, check=True).stdout


def test_same_seed_same_course_in_other_processes() -> None:
    here = "{} {}\n".format(*busy_world(5))
    assert in_a_process("1") == in_a_process("2") == here


def test_another_seed_another_course() -> None:
    assert busy_world(5)[0] != busy_world(6)[0]
    assert busy_world(5)[1] != busy_world(6)[1]


def test_a_world_without_a_seed_is_an_error() -> None:
    with pytest.raises(TypeError):
        World()


def test_the_luck_of_one_does_not_depend_on_who_else_is_there() -> None:
    alone = World(9)
    crowded = World(9)
    Talker(crowded, "somebody", "10.0.9.9")
    draws = [_luck(world) for world in (alone, crowded)]
    assert draws[0] == draws[1]
    assert _luck(World(10)) != draws[0]


def _luck(world: object) -> tuple[list[int], bytes]:
    class Named(Machine):
        def boot(self) -> None:
            self.node = self.world.add_node("lucky", "10.0.9.1")
            super().boot()

    m = Named(world=world)
    return list(m.host.luck(7, "purpose", 5)), bytes(m.host.secret(16))


def test_a_reborn_engine_has_other_secrets() -> None:
    m = Machine()
    before = m.host.secret(20)
    m.crash()
    assert m.host.secret(20) != before


# ---- rounds ----


def test_a_round_is_one_or_more_turns_of_one_instant_of_one_node() -> None:
    def sizes(seed: int) -> list[int]:
        m = Machine(seed)
        m.world.set_compute(m.node, 0)
        for _ in range(20):
            m.host.command(lambda: [m.host.hash([bytes([i])], sha1=True) for i in range(30)])
            m.world.settle(m.world.now + 1)
        turns: dict[int, int] = {}
        times: dict[int, set[float]] = {}
        for e in m.collect():
            if e.kind == "hash":
                turns[e.round] = turns.get(e.round, 0) + 1
                times.setdefault(e.round, set()).add(e.now)
        assert all(len(instants) == 1 for instants in times.values())
        return list(turns.values())

    rounds = sizes(1)
    assert sum(rounds) == 600
    assert min(rounds) == 1 and 10 < max(rounds) <= 30
    assert rounds != sizes(2) and rounds == sizes(1)


def test_a_command_is_a_turn_at_the_present_instant_and_ends_a_round() -> None:
    m = Machine()
    m.world.run_until(3)
    m.host.command(lambda: None)
    assert [(e.kind, e.now) for e in m.collect()][-1:] == [("round_end", 3.0)]
    assert m.world.now == 3.0


def test_an_exception_of_a_participant_comes_out_of_the_world_and_leaves_it_usable() -> None:
    class Angry(Talker):
        def timer(self, number: int) -> None:
            raise KeyError(number)

    world = World(1)
    angry = Angry(world, "angry", "10.0.0.1")
    angry.links.timer(1.0, 42)
    with pytest.raises(KeyError, match="42"):
        world.run_until(2)
    angry.links.timer(5.0, 43)
    with pytest.raises(KeyError, match="43"):
        world.run_until(6)


def test_step_runs_one_round_and_run_until_goes_all_the_way() -> None:
    world = World(1)
    t = Talker(world, "t", "10.0.0.1")
    for i in (3, 1, 2):
        t.links.timer(float(i), i)
    assert world.next_event_time == 1.0
    assert world.step() and (world.now, [e[2] for e in t.log]) == (1.0, [1])
    assert not world.step(1.5) and world.now == 1.5
    assert world.run_until(10) == 2 and world.now == 10.0
    assert world.next_event_time is None and not world.step() and world.now == 10.0


# ---- clocks ----


def test_a_monotonic_jump_makes_a_wake_up_due() -> None:
    m = Machine()
    m.host.wake_after(100)
    m.world.jump_mono(m.node, 60)
    m.world.run_until(39.9)
    assert [e for e in m.collect() if e.kind == "wake"] == []
    m.world.run_until(40.1)
    assert [e.now for e in m.collect() if e.kind == "wake"] == [100.0]


def test_a_jump_beyond_the_wake_up_wakes_at_once() -> None:
    m = Machine()
    m.host.wake_after(100)
    m.world.jump_mono(m.node, 1000)
    m.world.step()
    assert [e.now for e in m.collect() if e.kind == "wake"] == [1000.0] and m.world.now == 0


def test_the_wall_clock_jumps_both_ways_and_wakes_nobody() -> None:
    m = Machine()
    start = m.host.wall
    m.world.run_until(5)
    assert m.host.wall == pytest.approx(start + 5)
    m.world.jump_wall(m.node, -DAY)
    assert m.host.wall == pytest.approx(start + 5 - DAY)
    m.world.jump_wall(m.node, 2 * DAY)
    assert m.host.wall == pytest.approx(start + 5 + DAY)
    assert m.host.now == 5.0 and m.world.idle


def test_the_monotonic_clock_never_goes_back() -> None:
    m = Machine()
    with pytest.raises(ValueError):
        m.world.jump_mono(m.node, -1)


def test_a_later_wake_up_replaces_the_earlier_one() -> None:
    m = Machine()
    m.host.wake_after(1)
    m.host.wake_after(10)
    m.world.run_until(5)
    assert [e for e in m.collect() if e.kind == "wake"] == []
    m.host.wake_after(-1)
    m.world.run_until(20)
    assert [e for e in m.collect() if e.kind == "wake"] == []
    m.host.wake_after(1)
    m.world.run_until(30)
    assert [e.now for e in m.collect() if e.kind == "wake"] == [21.0]


def test_a_host_that_is_woken_over_and_over_in_one_instant_lets_no_time_pass() -> None:
    m = Machine()
    m.host.wake_over_and_over(MOST_WAKES)
    m.world.run_until(1)
    assert [e.now for e in m.collect() if e.kind == "wake"] == [0.0] * MOST_WAKES
    m.host.wake_over_and_over(MOST_WAKES)  # another instant, another count
    m.world.run_until(2)
    m.host.wake_over_and_over(MOST_WAKES + 1)
    with pytest.raises(RuntimeError, match="a host lets time pass"):
        m.world.run_until(3)


# ---- idle ----


def test_waiting_reads_accepts_and_timers_are_idle_and_operations_are_not() -> None:
    m = Machine()
    listener = m.host.listen("0.0.0.0:1")
    m.host.accept(listener)
    m.host.wake_after(1000)
    assert m.world.settle(1) and m.world.idle
    m.host.hash([b"x"], sha1=True)
    assert not m.world.idle
    assert m.world.settle(1) and m.world.now < 1
