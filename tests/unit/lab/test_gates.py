"""Gates at each point with each of its actions, in both lanes."""

import jstorrent
import pytest
from jstorrent.lab import Gate, Lab
from jstorrent.lab._gates import Point

from tests.unit.lab.gated_swarm import IN_TURN, OPERATIONS, PIECE, SAVING, Swarm

BOTH = pytest.mark.lanes("sim", "real")


@pytest.fixture
def swarm(lab: Lab) -> Swarm:
    return Swarm(lab)


# ---- operations


@BOTH
@pytest.mark.parametrize("point", OPERATIONS, ids=lambda p: p.name)
def test_what_is_held_waits_for_release(swarm: Swarm, point: Point) -> None:
    name = point.name
    gate, before = swarm.gate(name, "hold"), swarm.record()
    swarm.go()
    swarm.lab.until(lambda: gate.hit, within=20)
    swarm.lab.run_for(1.5 if name in SAVING else 0.5)
    if name in SAVING:
        assert swarm.t.state == "seeding"
        assert swarm.record() == before
    else:
        assert swarm.t.piece(PIECE).state != "complete"
    gate.release()
    swarm.finish()
    swarm.client.session.save()
    assert swarm.record() != before


@BOTH
@pytest.mark.parametrize("point", OPERATIONS, ids=lambda p: p.name)
def test_what_fails_is_said_and_can_be_tried_again(swarm: Swarm, point: Point) -> None:
    name = point.name
    gate = swarm.gate(name, "fail", times=1, error="ECONNABORTED" if name == "peer.accept" else "ENOSPC")
    swarm.go()
    swarm.lab.until(lambda: gate.hit, within=20)
    if name == "resume.save":
        assert swarm.client.session.is_healthy()
        gate.remove()
        again = swarm.gate(name, "fail", times=100, error="ENOSPC")  # the end of the download is saved as well
        swarm.lab.until(lambda: swarm.t.state == "seeding", within=20)
        swarm.t.pause()
        with pytest.raises(jstorrent.DiskError) as caught:
            swarm.client.session.save()
        assert caught.value.code == "disk_full"
        assert again.hit
        again.remove()
        swarm.t.resume()
    elif name.startswith("disk.read"):  # of the seed: that request is refused, and it goes on
        assert "error" not in [event.new for event in swarm.good.history(jstorrent.StateChanged)]
    elif name != "peer.accept":
        torrent = swarm.subject(name).torrent(swarm.spec)
        swarm.lab.until(lambda: torrent.state == "error", within=10)
        assert "full" in torrent.status().error_message
        assert not swarm.client.session.bans()
    swarm.finish()


@BOTH
@pytest.mark.parametrize("point", OPERATIONS, ids=lambda p: p.name)
def test_a_crash_at_an_operation_can_be_survived(swarm: Swarm, point: Point) -> None:
    crash_and_finish(swarm, point.name)


@pytest.mark.lanes("sim")
@pytest.mark.parametrize("point", OPERATIONS, ids=lambda p: p.name)
def test_looking_changes_nothing(swarm: Swarm, point: Point) -> None:
    assert look(swarm, swarm.gate(point.name, "observe")) == look_without(swarm.lab.seed)


def crash_and_finish(swarm: Swarm, name: str) -> None:
    gate = swarm.gate(name, "crash")
    subject = swarm.subject(name)
    old = subject.torrent(swarm.spec)
    swarm.go()
    swarm.lab.until(lambda: not subject.running, within=20)
    assert len(gate.hits) == 1
    assert old.state == "removed"
    assert subject.torrent(swarm.spec) is None
    subject.restart()
    swarm.finish()
    assert len(gate.hits) == 1


def look(swarm: Swarm, gate: Gate) -> str | None:
    swarm.go()
    swarm.lab.run_for(20)
    assert gate.hit
    assert swarm.client.complete(swarm.spec)
    return swarm.lab.fingerprint


def look_without(seed: int) -> str | None:
    with Lab(seed=seed) as lab:
        swarm = Swarm(lab)
        swarm.go()
        lab.run_for(20)
        return lab.fingerprint


# ---- within turns


@BOTH
@pytest.mark.parametrize("point", IN_TURN, ids=lambda p: p.name)
def test_a_crash_within_a_turn_can_be_survived(swarm: Swarm, point: Point) -> None:
    crash_and_finish(swarm, point.name)


@pytest.mark.lanes("sim")
@pytest.mark.parametrize("point", IN_TURN, ids=lambda p: p.name)
def test_looking_within_a_turn_changes_nothing(swarm: Swarm, point: Point) -> None:
    assert look(swarm, swarm.gate(point.name, "observe")) == look_without(swarm.lab.seed)


@pytest.mark.parametrize("point", IN_TURN, ids=lambda p: p.name)
@pytest.mark.parametrize("action", ["hold", "fail"])
def test_within_a_turn_nothing_is_held_or_fails(lab: Lab, point: Point, action: str) -> None:
    with pytest.raises(ValueError, match=r"within a turn.*\(known: observe, crash\)"):
        lab.gate(point.name, action)


def test_a_have_that_crashed_its_sender_never_left(swarm: Swarm) -> None:
    lab, spec = swarm.lab, swarm.spec
    lab.gate("have.sent", "crash", piece=PIECE, node=swarm.client, peer=swarm.third)
    heard = lab.gate("request.sent", "observe", piece=PIECE, node=swarm.third)
    swarm.go()
    lab.until(lambda: not swarm.client.running, within=20)
    lab.run_for(30)
    assert not heard.hit
    assert swarm.third.torrent(spec).piece(PIECE).state != "complete"
