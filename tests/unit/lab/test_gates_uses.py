"""What gates are for: moments that no timing hits, what is held, what dies with its engine, what outlives it."""

import pytest
from jstorrent.lab import Lab

from tests.unit.lab.gated_swarm import PIECE, Swarm

BOTH = pytest.mark.lanes("sim", "real")


@pytest.fixture
def swarm(lab: Lab) -> Swarm:
    return Swarm(lab)


@BOTH
def test_stop_exactly_while_piece_7_is_being_hashed(swarm: Swarm) -> None:
    with swarm.lab.gate("hash.done", piece=7, node=swarm.client) as g:
        swarm.go()
        swarm.lab.until(lambda: g.hit, within=20)
        assert swarm.t.piece(7).state == "verifying"
        swarm.t.stop()
    swarm.lab.until(lambda: swarm.t.state == "stopped", within=20)
    swarm.t.start()
    swarm.finish()


@BOTH
def test_the_peer_leaves_while_its_piece_is_written(swarm: Swarm) -> None:
    gate = swarm.gate("disk.write", "hold")
    swarm.go()
    swarm.lab.until(lambda: gate.hit, within=20)
    swarm.good.stop()
    swarm.lab.until(lambda: swarm.t.status().num_peers <= 1, within=20)
    assert swarm.t.piece(PIECE).state != "complete"
    gate.release()
    swarm.lab.until(lambda: swarm.t.piece(PIECE).state == "complete", within=20)
    swarm.good.start()
    swarm.finish()


@BOTH
def test_what_is_held_is_not_waited_for_by_settle(swarm: Swarm) -> None:
    with swarm.gate("disk.write", "hold") as gate:
        swarm.go()
        swarm.lab.until(lambda: gate.hit, within=20)
        swarm.lab.until(lambda: swarm.t.status().pieces_complete == 15, within=20)
        swarm.lab.settle(within=60)
        assert swarm.t.status().pieces_complete == 15
    swarm.finish()


def test_what_is_held_is_performed_in_order(lab: Lab) -> None:
    spec = lab.torrent(pieces=16)
    client = lab.engine("client")
    good = lab.seeder("good", spec)
    gate = lab.gate("disk.write", node=client, torrent=spec, path=client.path(spec))
    done = lab.gate("disk.write.done", "observe", node=client, path=client.path(spec))
    t = client.add(spec, peers=[good])
    lab.until(lambda: len(gate.hits) == 16, within=20)
    assert not done.hit
    gate.release()
    lab.until(lambda: t.state == "seeding", within=20)
    assert [hit.piece for hit in done.hits] == [hit.piece for hit in gate.hits]


def test_two_gates_hold_the_same_operation_one_after_the_other(swarm: Swarm) -> None:
    start, done = swarm.gate("disk.write", "hold"), swarm.gate("disk.write.done", "hold")
    swarm.go()
    swarm.lab.until(lambda: start.hit, within=20)
    swarm.lab.settle()
    assert not done.hit
    start.release()
    swarm.lab.until(lambda: done.hit, within=5)
    swarm.lab.settle()
    assert swarm.t.piece(PIECE).state != "complete"
    done.release()
    swarm.finish()


def test_an_open_gate_lets_pass_and_goes_on_recording(swarm: Swarm) -> None:
    gate = swarm.lab.gate("hash.start", node=swarm.client)
    gate.release()
    swarm.go()
    swarm.finish()
    assert {hit.piece for hit in gate.hits} == set(range(16))


def test_nth_and_times_choose(lab: Lab) -> None:
    spec = lab.torrent(pieces=16)
    client = lab.engine("client")
    every = lab.gate("hash.done", "observe", node=client)
    some = lab.gate("hash.done", "observe", node=client, nth=3, times=2)
    client.add(spec, peers=[lab.seeder("good", spec)])
    lab.until(lambda: client.complete(spec), within=20)
    assert [hit.piece for hit in some.hits] == [hit.piece for hit in every.hits][2:4]


def test_a_removed_gate_keeps_its_hits_and_gets_no_more(swarm: Swarm) -> None:
    with swarm.lab.gate("hash.done", "observe", node=swarm.client, times=1) as gate:
        swarm.go()
        swarm.lab.until(lambda: gate.hit, within=20)
    swarm.finish()
    assert [hit.node for hit in gate.hits] == ["client"]


@BOTH
def test_a_gate_outlives_a_restart(swarm: Swarm) -> None:
    gate = swarm.gate("hash.done", "crash", times=2)
    swarm.go()
    swarm.lab.until(lambda: not swarm.client.running, within=20)
    swarm.client.restart()
    swarm.lab.at(swarm.lab.now + 0.5, swarm.good.torrent(swarm.spec).connect, swarm.client.address)
    swarm.lab.until(lambda: not swarm.client.running, within=20)
    swarm.client.restart()
    swarm.finish()
    assert len(gate.hits) == 2


def test_what_is_held_dies_with_its_engine(swarm: Swarm) -> None:
    gate = swarm.gate("disk.write", "hold")
    swarm.go()
    swarm.lab.until(lambda: gate.hit, within=20)
    swarm.client.crash()
    gate.release()
    swarm.client.start()
    swarm.finish()


@BOTH
def test_a_close_waits_for_what_is_held_up_to_its_timeout(swarm: Swarm) -> None:
    lab = swarm.lab
    gate = swarm.gate("disk.write.done", "hold")
    swarm.go()
    lab.until(lambda: gate.hit, within=20)
    began = lab.now
    assert not swarm.client.session.close(timeout=0.5)
    assert 0.4 < lab.now - began < 5
    swarm.client.restart()
    gate.release()
    swarm.finish()


def test_a_close_goes_on_when_what_is_held_is_released(swarm: Swarm) -> None:
    gate = swarm.gate("disk.write.done", "hold")
    swarm.go()
    swarm.lab.until(lambda: gate.hit, within=20)
    swarm.lab.at(swarm.lab.now + 1, gate.release)
    assert swarm.client.session.close(timeout=30)


def test_leaving_the_lab_releases_what_a_test_forgot() -> None:
    with Lab(seed=3) as lab:
        swarm = Swarm(lab)
        gate = swarm.gate("hash.start", "hold")
        swarm.go()
        lab.until(lambda: gate.hit, within=20)


def test_listeners_close_while_a_link_is_held_at_the_door(swarm: Swarm) -> None:
    gate = swarm.gate("peer.accept", "hold")
    swarm.go()
    swarm.lab.until(lambda: gate.hit, within=20)
    assert swarm.good.session.close(timeout=10)
    swarm.good.stop()
    gate.release()
    swarm.good.start()
    swarm.finish()


def test_a_crash_after_each_disk_operation_loses_nothing_that_was_saved() -> None:
    def world(lab: Lab, nth: int | None) -> int:
        spec = lab.torrent(pieces=4, piece_length=32768)
        client, good = lab.engine("client", save_interval=1.0, reconnect_interval=0.5), lab.seeder("good", spec)
        if nth is not None:
            lab.gate("disk.done", "crash", nth=nth, node=client)
        before = client.disk.ops
        client.add(spec, peers=[good])
        lab.run_for(10)
        if nth is None:
            return client.disk.ops - before
        assert not client.running
        assert client.disk.ops == before + nth
        client.start()
        lab.run_for(1)
        if client.torrent(spec) is None:
            client.add(spec)
        client.torrent(spec).connect(good.address)
        lab.until(lambda: client.complete(spec) and client.torrent(spec).state == "seeding", within=120)
        return 0

    with Lab(seed=5) as lab:
        most = world(lab, None)
    assert most > 20
    for nth in range(1, most + 1):
        with Lab(seed=5) as lab:
            world(lab, nth)
