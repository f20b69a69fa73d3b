"""S3-27: few active places, and who has them; what the user chose is there after any end."""

from typing import Any

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab

BOTH = pytest.mark.lanes("sim", "real")
BLOCK = 16384
ACTIVE = ("downloading", "stalled", "seeding")
ENDS = pytest.mark.parametrize("end", ["stop", "crash"])


def active(ts: list[jst.Torrent]) -> list[bool]:
    return [t.state in ACTIVE for t in ts]


def limits_of(client: Engine, t: jst.Torrent) -> dict[str, Any]:
    """What t.configure() set."""
    return dict(client.session._engine.limits(t._key))


def again(client: Engine, end: str) -> None:
    client.stop() if end == "stop" else client.crash()
    client.start()


@BOTH
@pytest.mark.covers("S3-27")
def test_the_next_one_starts_when_a_place_is_free(lab: Lab) -> None:
    specs = [lab.torrent(pieces=8) for _ in range(3)]
    client = lab.engine("client", active_downloads=1)
    ts = [client.add(spec) for spec in specs]
    lab.until(lambda: active(ts) == [True, False, False] and [t.state for t in ts[1:]] == ["queued", "queued"], within=10)
    ts[1].pause()
    lab.run_for(0.5)
    assert [t.state for t in ts[1:]] == ["paused", "queued"], "who is paused waits for no place"
    ts[0].connect(lab.seeder("good", specs[0]))
    lab.until(lambda: ts[0].state == "seeding" and ts[2].state in ACTIVE, within=30)
    assert ts[1].state == "paused"
    ts[1].resume()
    lab.until(lambda: ts[1].state in ACTIVE and ts[2].state == "queued", within=5)  # it stands further up
    ts[1].stop()
    lab.until(lambda: ts[2].state in ACTIVE, within=5)


@BOTH
@pytest.mark.covers("S3-27")
def test_a_place_in_the_queue_decides_who_runs(lab: Lab) -> None:
    client = lab.engine("client", active_downloads=2)
    ts = [client.add(lab.torrent(pieces=4)) for _ in range(4)]
    a, b, c, d = ts

    def order(*expected: jst.Torrent) -> None:
        assert client.session.torrents == list(expected)
        assert [t.queue_position for t in expected] == [0, 1, 2, 3]
        lab.until(lambda: all(t.state in ACTIVE for t in expected[:2]), within=5)
        lab.until(lambda: all(t.state == "queued" for t in expected[2:]), within=5)

    order(a, b, c, d)
    d.set_queue_position("top")
    order(d, a, b, c)
    d.set_queue_position("down")
    order(a, d, b, c)
    c.set_queue_position("up")
    order(a, d, c, b)
    a.set_queue_position("bottom")
    order(d, c, b, a)
    a.set_queue_position(1)
    order(d, a, c, b)
    d.set_queue_position("up")
    b.set_queue_position("down")
    d.set_queue_position(0)
    b.set_queue_position(99)
    order(d, a, c, b)


@BOTH
@pytest.mark.covers("S3-27")
def test_a_torrent_that_does_not_move_holds_no_place(lab: Lab) -> None:
    span = 2.0 if lab.lane == "real" else 60.0
    specs = [lab.torrent(pieces=200, piece_length=4 * BLOCK) for _ in range(3)]
    client = lab.engine("client", active_downloads=1, slow_torrent_time=span)
    good = lab.seeder("good", specs[1])
    dead, busy, last = [client.add(spec) for spec in specs]
    lab.until(lambda: dead.state in ACTIVE, within=5)
    lab.run_for(span * 0.5)
    assert busy.state == "queued"
    lab.until(lambda: busy.state in ACTIVE, within=span)
    client.session.configure(download_rate_limit=20_000)
    busy.connect(good)
    lab.until(lambda: busy.status().counters.payload_received > 0, within=20)
    lab.until(lambda: active([dead, busy, last]) == [True, True, False], within=3 * span + 5)
    lab.run_for(2 * span)
    assert active([dead, busy, last]) == [True, True, False], "who moves holds its place, who does not keeps running"
    client.session.configure(download_rate_limit=None)
    lab.until(lambda: busy.state == "seeding", within=60)
    lab.until(lambda: last.state in ACTIVE, within=5)


@pytest.mark.covers("S3-27")
def test_who_moves_again_takes_its_place_back(lab: Lab) -> None:
    specs = [lab.torrent(pieces=400, piece_length=4 * BLOCK) for _ in range(2)]
    client = lab.engine("client", active_downloads=1)
    first, second = [client.add(spec) for spec in specs]
    lab.run_for(70)
    assert active([first, second]) == [True, True]
    for t in (first, second):
        t.configure(download_rate_limit=20_000)
    second.connect(lab.seeder("one", specs[1]))
    first.connect(lab.seeder("other", specs[0]))
    lab.until(lambda: second.state == "queued", within=130)
    assert first.state == "downloading"
    changes = len(client.history(jst.StateChanged))
    lab.run_for(600)
    assert len(client.history(jst.StateChanged)) == changes, "and nothing flaps"


@pytest.mark.covers("S3-27")
@pytest.mark.parametrize("rate", [1500, 3000])
def test_nothing_flaps_around_the_rate(lab: Lab, rate: int) -> None:
    """Between the rate and twice the rate everybody stays what it was."""
    specs = [lab.torrent(pieces=64, piece_length=4 * BLOCK) for _ in range(2)]
    client = lab.engine("client", active_downloads=1, slow_torrent_rate=2000, snub_timeout=3600.0, request_timeout=3600.0)
    first, second = [client.add(spec) for spec in specs]
    first.configure(download_rate_limit=rate)
    first.connect(lab.seeder("good", specs[0]))
    lab.run_for(300)
    assert second.state == ("queued" if rate > 2000 else "stalled")
    starts = [event for event in client.history(jst.StateChanged) if event.torrent == second and event.new in ACTIVE]
    assert len(starts) == (rate < 2000)
    first.configure(download_rate_limit=3000)
    lab.run_for(300)
    assert second.state == ("queued" if rate > 2000 else "stalled")


@pytest.mark.covers("S3-27")
def test_a_check_gives_no_place_for_anything_else(lab: Lab) -> None:
    client = lab.engine("client", active_downloads=1, active_seeds=1)
    ts = [client.add(lab.torrent(pieces=4), have=have) for have in ("none", "none", "all", "all")]
    lab.run_for(5)
    assert active(ts) == [True, False, True, False]
    was = {event.new for event in client.history(jst.StateChanged) if event.torrent in (ts[1], ts[3])}
    assert was <= {"checking", "queued"}, "not for a moment"


@pytest.mark.covers("S3-27")
def test_idle_seeds_hold_no_place_and_active_torrents_bounds_them_all(lab: Lab) -> None:
    client = lab.engine("client", active_seeds=1, active_torrents=3)
    ts = [client.add(lab.torrent(pieces=4), have="all") for _ in range(5)]
    lab.run_for(50)
    assert sum(active(ts)) == 1
    lab.run_for(300)
    assert active(ts) == [True, True, True, False, False]
    client.session.configure(slow_torrent_rate=0)
    lab.run_for(1)
    assert active(ts) == [True, False, False, False, False]


@BOTH
@ENDS
@pytest.mark.covers("S3-27", "S3-23")
def test_what_was_chosen_for_torrents_is_there_after_any_end(lab: Lab, end: str) -> None:
    specs = [lab.torrent(pieces=4) for _ in range(4)]
    client = lab.engine("client", active_downloads=1)
    ts = [client.add(spec) for spec in specs]
    ts[2].set_queue_position("top")
    ts[0].set_queue_position("down")
    ts[0].set_queue_position("up")
    ts[1].pause()
    ts[0].stop()
    limits: dict[str, Any] = {
        "download_rate_limit": 0, "upload_rate_limit": 12_345, "max_connections": 7, "upload_slots": 3, "seed_ratio_limit": 0.57,
        "seed_time_limit": 99,
    }  # fmt: skip
    ts[3].configure(**limits)
    client.session.save()
    for _ in range(2):
        again(client, end)
        lab.until(lambda: len(client.session.torrents) == 4, within=5)
        ts = [t for t in (client.torrent(spec) for spec in specs) if t is not None]
        assert [t.queue_position for t in ts] == [1, 2, 0, 3]
        lab.until(lambda: ts[2].state in ACTIVE and ts[1].state == "paused", within=5)  # noqa: B023
        lab.until(lambda: [ts[0].state, ts[3].state] == ["stopped", "queued"], within=5)  # noqa: B023
        assert limits_of(client, ts[3]) == limits


@pytest.mark.covers("S3-27")
def test_as_many_as_start_at_once_are_all_asked_what_they_wish(lab: Lab) -> None:
    """More than the queue names one by one: a session that comes again, and one whose limit goes."""
    client = lab.engine("client", active_downloads=None)
    specs = [lab.torrent(pieces=1, piece_length=1024) for _ in range(40)]
    ts = [client.add(spec) for spec in specs]
    lab.until(lambda: all(active(ts)), within=20)
    again(client, "stop")
    lab.until(lambda: len(client.session.torrents) == 40 and all(active(client.session.torrents)), within=20)
    client.session.configure(active_downloads=3)
    lab.until(lambda: active(client.session.torrents) == [n < 3 for n in range(40)], within=20)
    client.session.configure(active_downloads=None)
    lab.until(lambda: all(active(client.session.torrents)), within=20)
