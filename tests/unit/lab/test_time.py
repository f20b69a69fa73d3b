"""until, run_for, settle, always, watch, at and every: how time moves, and what runs along."""

import threading

import pytest
from jstorrent.lab import Lab, LabFailure


def test_until_asks_at_once_and_moves_no_time_for_what_holds_already(lab: Lab) -> None:
    asked = []
    lab.until(lambda: asked.append(1) or True, within=0)
    assert (len(asked), lab.now) == (1, 0.0)


def test_until_that_comes_true_never_uses_all_its_virtual_time(lab: Lab) -> None:
    with pytest.raises(LabFailure):
        lab.until(lambda: False, within=10)
    assert lab.now == pytest.approx(10)


def test_until_asks_after_every_turn(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    t = lab.engine("client").add(spec, peers=[lab.seeder("good", spec)])
    seen = set()

    def done() -> bool:
        seen.add(t.status().pieces_complete)
        return t.state == "seeding"

    lab.until(done, within=60)
    assert len(seen) > 4  # pieces end one after another, and none of these moments is missed for long


def test_until_may_ask_each_so_many_seconds(lab: Lab) -> None:
    asked: list[float] = []

    def later() -> bool:
        asked.append(lab.now)
        return lab.now >= 3

    lab.until(later, within=60, every=1)
    assert asked == pytest.approx([0, 1, 2, 3])


def test_run_for_ends_exactly_then_whatever_happens(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    lab.engine("client").add(spec, peers=[lab.seeder("good", spec)])
    lab.run_for(0.0503)
    assert lab.now == pytest.approx(0.0503)
    lab.run_for(0)
    assert lab.now == pytest.approx(0.0503)
    for wrong in (-1.0, float("nan")):
        with pytest.raises(ValueError):
            lab.run_for(wrong)


def test_commands_move_no_time(lab: Lab) -> None:
    spec = lab.torrent()
    client = lab.engine("client")
    t = client.add(spec, peers=[lab.seeder("good", spec)])
    t.pause()
    t.resume()
    assert lab.now == 0.0


def test_settle_waits_for_what_is_in_flight_and_not_for_timers(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    client = lab.engine("client")
    t = client.add(spec, peers=[lab.seeder("good", spec)])
    lab.settle()
    assert t.state == "seeding"
    assert lab.now < 5
    before = lab.now
    lab.settle()
    assert lab.now == before


def test_settle_says_when_it_never_comes_to_rest(lab: Lab) -> None:
    spec = lab.torrent(pieces=64)
    good, client = lab.seeder("good", spec), lab.engine("client")
    lab.net.link(good, client, rate=10_000)
    client.add(spec, peers=[good])
    with pytest.raises(LabFailure, match="not settled within 5 s") as caught:
        lab.settle(within=5)
    assert caught.value.oracle == "settle"


def test_always_is_asked_after_every_turn_and_its_first_no_is_a_failure(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    t = lab.engine("client").add(spec, peers=[lab.seeder("good", spec)])
    lab.always(lambda: t.status().pieces_complete < 3, "fewer than three pieces")
    with pytest.raises(LabFailure, match="fewer than three pieces") as caught:
        lab.until(lambda: t.state == "seeding", within=60)
    assert caught.value.oracle == "always"
    assert t.status().pieces_complete < 8


def test_always_holds_within_the_blocking_calls_of_sessions_too(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    client = lab.engine("client")
    t = client.add(spec, peers=[lab.seeder("good", spec)])
    lab.always(lambda: t.status().pieces_complete < 3, "fewer than three pieces")
    with pytest.raises(LabFailure, match="fewer than three"):
        t.wait(timeout=60)


def test_watch_keeps_last_least_and_most(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    t = lab.engine("client").add(spec, peers=[lab.seeder("good", spec)])
    seen = lab.watch(lambda: t.status().active_pieces)
    lab.until(lambda: t.state == "seeding", within=60)
    assert (seen.min, seen.last) == (0, 0)
    assert 1 <= seen.max <= 8


def test_at_and_every_call_at_exactly_their_times(lab: Lab) -> None:
    called: list[tuple[str, float]] = []
    lab.at(2.5, lambda: called.append(("at", lab.now)))
    lab.every(1.0, lambda: called.append(("every", lab.now)))
    lab.run_for(3.25)
    assert [name for name, _ in called] == ["every", "every", "at", "every"]
    assert [time for _, time in called] == pytest.approx([1, 2, 2.5, 3])


def test_at_is_kept_by_the_waits_of_sessions(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    client = lab.engine("client")
    t = client.add(spec)
    lab.at(3.0, t.connect, lab.seeder("good", spec))
    t.wait(timeout=60)
    assert 3.0 < lab.now < 10.0


@pytest.mark.lanes("sim", "real")
def test_at_every_always_and_watch_run_along_in_both_lanes(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client, good = lab.engine("client"), lab.seeder("good", spec, kind="engine")
    t = client.add(spec)
    called: list[float] = []
    lab.every(0.05, lambda: called.append(lab.now))
    lab.at(lab.now + 0.2, t.connect, good)
    asked = []
    lab.always(lambda: asked.append(1) or True, "it is asked")
    seen = lab.watch(lambda: t.progress)
    t.wait(timeout=30)
    lab.run_for(0.3)
    assert len(called) >= 5 and called == sorted(called)
    assert (seen.min, seen.max, seen.last) == (0.0, 1.0, 1.0)
    assert len(asked) >= 5


def test_calls_at_their_times_need_no_look_at_every_turn(lab: Lab) -> None:
    lab.every(1.0, lambda: None)
    assert not lab._along.looks_at_turns
    lab.always(lambda: True, "it is so")
    assert lab._along.looks_at_turns


def test_every_does_not_drift_and_a_call_may_let_time_pass_itself(lab: Lab) -> None:
    times: list[float] = []

    def slow() -> None:
        times.append(lab.now)
        if len(times) == 1:
            lab.run_for(0.7)

    lab.every(0.5, slow)
    lab.run_for(3.0)
    assert times == pytest.approx([0.5, 1.2, 1.5, 2.0, 2.5, 3.0])


def test_what_is_asked_for_in_the_past_is_called_at_once(lab: Lab) -> None:
    lab.run_for(5)
    times: list[float] = []
    lab.at(1.0, lambda: times.append(lab.now))
    lab.run_for(0)
    assert times == [5.0]
    with pytest.raises(ValueError):
        lab.at(float("nan"), lambda: None)
    for wrong in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="more than 0"):
            lab.every(wrong, lambda: None)


def test_a_stream_of_luck_goes_on_where_it_was_and_depends_on_seed_and_name_alone(lab: Lab) -> None:
    with Lab(seed=5) as one, Lab(seed=5) as same, Lab(seed=6) as other:
        one.rng("else").random()
        mine = [one.rng("churn").random() for _ in range(3)]
        assert len(set(mine)) == 3
        assert [same.rng("churn").random() for _ in range(3)] == mine
        assert other.rng("churn").random() != mine[0]
        assert one.rng("peers").random() != mine[0]


def test_clocks_of_one_engine_step_between_two_turns(lab: Lab) -> None:
    a, b = lab.engine("a"), lab.engine("b")
    lab.clock.jump_mono(30, a)
    lab.clock.jump_wall(-7200, a)
    assert (a.session.now, b.session.now, lab.now) == pytest.approx((30, 0, 0))
    spec = lab.torrent(pieces=1)
    stamps = [node.add(spec).status().added_at for node in (a, b)]
    assert stamps[1] - stamps[0] == pytest.approx(7200)
    lab.clock.jump_wall(7200, a)
    lab.run_for(1)
    assert a.session.now == pytest.approx(31)


def test_a_lab_belongs_to_its_thread(lab: Lab) -> None:
    caught: list[BaseException] = []

    def other() -> None:
        try:
            lab.run_for(1)
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert "thread" in str(caught[0])


def test_sessions_of_a_simulated_world_wait_in_virtual_time(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    t = lab.engine("client").add(spec)
    with pytest.raises(TimeoutError):
        t.wait(timeout=3600)
    assert lab.now == pytest.approx(3600)


def test_a_limit_between_two_nanoseconds_is_reached() -> None:
    """30.036 + 923 is 953.0360000000001, and no moment of a world is that late."""
    asked = 0

    def never() -> bool:
        nonlocal asked
        asked += 1
        assert asked < 1000, "it is asked for ever"
        return False

    with Lab(seed=1) as lab:
        lab.engine("client")
        lab.reach(30.036)
        with pytest.raises(LabFailure, match="not within 923 s"):
            lab.until(never, within=923, every=10)
        assert lab.now == 953.036
