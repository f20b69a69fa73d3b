"""lab.plan: what was done to a world by hand, and that doing it again gives the same fingerprint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jstorrent as jst
import pytest
from jstorrent.lab import Behaviour, Handshake, Lab, LabFailure, LaneLacks, run
from jstorrent.lab import _recorder as recorder

from tests.unit.lab.hostile_world import play
from tests.unit.lab.test_determinism import child

Story = Callable[[Lab], object]


def again(lab: Lab) -> str | None:
    return run(lab.plan).fingerprint


def a_download(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    client = lab.engine("client")
    t = client.add(spec, peers=[lab.seeder("good", spec)])
    lab.until(lambda: t.progress > 0.3, within=60)
    t.pause()
    lab.run_for(1.5)
    t.resume()
    lab.until(lambda: t.state == "seeding", within=60)


def ends_of_engines(lab: Lab) -> None:
    spec = lab.torrent(pieces=16)
    good, client = lab.seeder("good", spec), lab.engine("client", request_timeout=3)
    lab.net.access(client, down=200_000)
    t = client.add(spec, peers=[good])
    lab.run_for(1)
    client.session.save()
    good.crash()
    lab.at(3.0, good.start)
    lab.run_for(1)
    client.restart()
    old = t
    lab.until(lambda: client.session.status().num_peers > 0 or lab.now > 20, within=60)
    client.stop()
    lab.run_for(1)
    client.start()
    lab.run_for(0.1)
    with pytest.raises(jst.Error, match="closed"):
        old.pause()
    present = client.torrent(spec)
    assert present is not None
    present.connect(good)
    lab.until(lambda: client.complete(spec), within=600)


def during_a_close(lab: Lab) -> None:
    """Something happens while a session closes, and while another saves."""
    spec = lab.torrent(pieces=16)
    good, client = lab.seeder("good", spec), lab.engine("client")
    lab.net.access(client, down=200_000)
    t = client.add(spec, peers=[good])
    lab.run_for(1)
    stall = client.disk.stall(2.0, "sync")
    lab.at(lab.now + 0.5, lab.net.partition, good, client)
    client.session.save()
    lab.at(lab.now + 1.5, lab.net.heal)
    lab.at(lab.now + 1.6, stall.clear)
    client.stop()
    client.start()
    lab.run_for(5)
    assert t.state == "removed"


def by_hand(lab: Lab) -> None:
    """A scripted peer's whole vocabulary, gates, disks and clocks."""
    first, spec = lab.torrent(pieces=3), lab.torrent(files=[("a", 140_000), ("b/c", 10)], pieces=None, name="two")
    client = lab.engine("client", peer_id=b"-XX0000-abcdefghijkl")
    peer = lab.peer("hand", spec, auto=(), have=iter([0, 1]), behave=[Behaviour("late", seconds=0.1)], handshake=Handshake(delay=0.1))
    client.add(first, have=[0, 2], stopped=True)
    t = client.add(spec, priorities={0: 7, "*/c": 1})
    peer.connect(client, spec=spec)
    lab.until(lambda: peer.connected, within=10)
    peer.send_bitfield([0])
    peer.send_raw(b"\0\0\0\0")
    peer.auto = "all"
    asked = peer.expect("request")
    peer.answer(asked, b"x" * 16384)
    peer.behave = ["duplicate", Behaviour("withhold", times=1)]
    peer.gain("all")
    held = lab.gate("hash.done", node=client, torrent=spec)
    seen = lab.gate("have.sent", "observe", peer=peer)
    lab.clock.jump_mono(3, client)
    lab.clock.jump_wall(-60)
    with lab.gate("disk.write", nth=2):
        lab.run_for(1)
    held.release()
    client.sockets.quota(2)
    fault = client.disk.fail("write", path=client.downloads, offset=(0, 100))
    client.session.configure(upload_rate_limit=50_000)
    client.session.ban("10.9.9.9", 5)
    lab.run_for(2)
    fault.clear()
    client.sockets.quota(None)
    seen.remove()
    t.set_file_priority("*", 4)
    t.start()
    t.connect(peer.address)
    lab.run_for(5)
    peer.disconnect("rst")
    t.remove(delete_files=True)
    lab.run_for(1)
    with pytest.raises(jst.RemovedError):
        t.set_sequential(True)
    client.disk.write("x", 3, b"abc")
    lab.settle()


STORIES: list[Story] = [a_download, ends_of_engines, during_a_close, by_hand]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_what_was_done_by_hand_is_done_again(lab: Lab, story: Story) -> None:
    story(lab)
    assert again(lab) == lab.fingerprint


def test_a_hostile_world_is_done_again() -> None:
    with Lab(seed=7) as lab:
        play(lab)
        assert again(lab) == lab.fingerprint


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
@pytest.mark.parametrize("turn", [1, 40, 100])
def test_and_at_any_moment_of_it(story: Story, turn: int) -> None:
    """Stopped by a rule at some turn: the plan so far leads to that very turn."""
    with Lab(seed=turn) as lab:
        lab.always(lambda: lab.turn < turn, "so far")
        with pytest.raises(LabFailure, match="so far"):
            story(lab)
        assert lab.turn == turn
        assert again(lab) == lab.fingerprint


def test_a_token_says_the_same_in_another_process(lab: Lab) -> None:
    by_hand(lab)
    assert lab.token is not None
    told = "import sys; from jstorrent.lab import run; print(run(sys.argv[1]).fingerprint)"
    assert child(3, "-c", told, lab.token) == lab.fingerprint


def test_as_a_program_it_is_the_same_too(lab: Lab) -> None:
    ends_of_engines(lab)
    space: dict[str, Any] = {}
    exec(compile(lab.plan.to_python() + "    told = lab.fingerprint\n", "plan.py", "exec"), space)  # noqa: S102
    assert space["told"] == lab.fingerprint


def test_what_a_plan_tells(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    good, client = lab.seeder("good", spec), lab.engine("client", upload_slots=2)
    client.add(spec, peers=[good])
    lab.run_for(0.05)
    lab.net.partition([client], good, one_way=True)
    plan = lab.plan
    assert plan.torrent == {"pieces": 4}
    assert plan.engines == [{"name": "good"}, {"name": "client", "upload_slots": 2}]
    said = [{key: op[key] for key in op if key not in ("turn", "early")} for op in plan.ops]
    assert said == [
        {"at": 0, "op": "engine", "name": "good"},
        {"at": 0, "op": "add", "node": "good", "have": "all"},
        {"at": 0, "op": "engine", "name": "client"},
        {"at": 0, "op": "add", "node": "client", "peers": ["good"]},
        {"at": 0.05, "op": "net.partition", "a": ["client"], "b": "good", "one_way": True},
        {"at": 0.05, "op": "end"},
    ]
    assert all(isinstance(op["turn"], int) for op in plan.ops) and plan.ops[-1]["turn"] == lab.turn > 0


def test_a_failure_has_the_token_that_leads_to_it(lab: Lab) -> None:
    spec = lab.torrent(pieces=1)
    client = lab.engine("client")
    client.add(spec, have="all")
    lab.run_for(1)
    client.disk._write(client.path(spec, 0), 0, b"wrong")  # past the laboratory: no plan knows of it
    with pytest.raises(LabFailure) as caught:
        lab.check()
    report = caught.value.report
    assert caught.value.token == lab.token == report.token
    assert report.plan == lab.plan and report.plan.ops[-2]["op"] == "check"
    assert run(report.token).fingerprint == report.fingerprint
    lab._without.add("integrity")


def test_damage_past_the_laboratory_is_no_part_of_a_plan(lab: Lab) -> None:
    spec = lab.torrent(pieces=1)
    client = lab.engine("client")
    client.add(spec, peers=[lab.peer("twice", spec)])
    lab.run_for(2)
    world = lab._lane.world  # type: ignore[attr-defined]
    world.disk_write(client._number, "/downloads/torrent-1", 0, b"x")
    with pytest.raises(LabFailure, match="integrity") as caught:
        lab.check()
    plan = lab.plan
    assert caught.value.report.plan == plan
    assert run(plan).ok
    lab._without.add("integrity")


def test_nonsense_that_was_refused_is_no_part_of_a_plan(lab: Lab) -> None:
    with pytest.raises(ValueError, match="no such setting|upload_slot"):
        lab.engine("a", upload_slot=1)
    with pytest.raises(TypeError):
        lab.net.partition(1, 2, 3, 4, 5, 6)  # type: ignore[call-arg, arg-type]
    assert [op["op"] for op in lab.plan.ops] == ["end"] and lab.plan.engines == []


def test_what_cannot_be_told_says_so(lab: Lab) -> None:
    assert lab.token is not None
    client = lab.engine("client")
    with pytest.raises(TypeError, match="source"):
        client.session.add(object(), "x")  # type: ignore[arg-type]
    assert lab.token is None
    with pytest.raises(jst.Error, match="cannot be told as a plan: a plan cannot tell <object"):
        lab.plan  # noqa: B018


def test_a_world_with_too_many_operations_cannot_be_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    client = lab.engine("client")
    monkeypatch.setattr(recorder, "MOST_RECORDED", 3)
    for _ in range(2):
        client.session.unban("10.9.9.9")
    assert len(lab.plan.ops) == 4
    client.session.unban("10.9.9.9")
    with pytest.raises(jst.Error, match="more than 3 operations"):
        lab.plan  # noqa: B018


def test_the_real_lane_has_no_plans() -> None:
    with Lab("real", seed=1) as lab:
        lab.engine("client")
        assert lab.token is None
        for what in ("plan", "turn"):
            with pytest.raises(LaneLacks, match="needs the sim lane"):
                getattr(lab, what)
        with pytest.raises(LaneLacks):
            lab.reach(1)


def test_reaching_a_moment(lab: Lab) -> None:
    a_download(lab)
    now = lab.now
    lab.reach(now - 1)
    assert lab.now == now
    lab.reach(now + 1)
    assert lab.now == pytest.approx(now + 1)
