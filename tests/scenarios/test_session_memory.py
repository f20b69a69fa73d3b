"""What a session remembers beside its torrents: bans, limits that were changed while it ran, and all that ever passed."""

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab

from tests.scenarios.s0 import completes

BOTH = pytest.mark.lanes("sim", "real")
BLOCK = 16384


def again(lab: Lab, client: Engine, end: str = "stop") -> None:
    """It ends, begins again and has read what it knew."""
    client.stop() if end == "stop" else client.crash()
    client.start()
    lab.run_for(0.5)


ENDS = pytest.mark.parametrize("end", ["stop", "crash"])


@BOTH
@ENDS
@pytest.mark.covers("S3-23")
def test_bans_and_limits_survive_any_end(lab: Lab, end: str) -> None:
    client = lab.engine("client", max_connections=50)
    client.session.ban("10.1.2.3", 3600)
    client.session.ban("10.1.2.4")
    client.session.unban("10.1.2.4")
    client.session.configure(
        download_rate_limit=123_456, upload_slots=None, active_downloads=3, seed_ratio_limit=1.25, max_connections=40,
    )  # fmt: skip
    client.session.save()
    for _ in range(2):
        again(lab, client, end)
        assert [ban.host for ban in client.session.bans()] == ["10.1.2.3"]
        settings = client.session.settings
        assert (settings.download_rate_limit, settings.upload_slots, settings.active_downloads) == (123_456, None, 3)
        assert settings.seed_ratio_limit == 1.25
        assert settings.max_connections == 50, "what the session is begun with is obeyed"
    client.session.configure(download_rate_limit=None, upload_slots=4)
    client.session.save()
    again(lab, client)
    settings = client.session.settings
    assert (settings.download_rate_limit, settings.upload_slots, settings.active_downloads) == (None, 4, 3)


@ENDS
def test_a_ban_of_before_still_tells_when_it_began_and_when_it_ends(lab: Lab, end: str) -> None:
    client = lab.engine("client")
    client.session.ban("10.1.2.3", 3600)
    (before,) = client.session.bans()
    lab.run_for(100)
    client.session.save()
    again(lab, client, end)
    (after,) = client.session.bans()
    assert (after.since_at, after.until_at) == pytest.approx((before.since_at, before.until_at), abs=0.01)


@pytest.mark.covers("S3-23")
def test_a_change_is_saved_without_being_asked(lab: Lab) -> None:
    client = lab.engine("client")
    client.session.configure(upload_rate_limit=77_777)
    lab.run_for(1)
    again(lab, client, "crash")
    assert client.session.settings.upload_rate_limit == 77_777


@pytest.mark.covers("S3-23")
def test_what_is_said_before_the_memory_was_read_counts_more(lab: Lab) -> None:
    client = lab.engine("client")
    client.session.configure(download_rate_limit=0, upload_rate_limit=77_777)
    client.session.save()
    client.stop()
    client.start()
    client.session.configure(download_rate_limit=None)  # the default: only the word tells it from silence
    lab.run_for(0.5)
    settings = client.session.settings
    assert (settings.download_rate_limit, settings.upload_rate_limit) == (None, 77_777)
    client.session.save()
    again(lab, client)
    assert client.session.settings.download_rate_limit is None


@BOTH
@ENDS
@pytest.mark.covers("S3-23")
def test_totals_go_on_where_they_were(lab: Lab, end: str) -> None:
    spec = lab.torrent(pieces=16, piece_length=4 * BLOCK)
    seed = lab.engine("seed", save_interval=1.0)
    t = seed.add(spec, have="all")
    first = lab.engine("first", save_interval=1.0)
    first.add(spec, peers=[seed])
    completes(lab, first, spec)
    lab.run_for(3)
    again(lab, seed, end)
    again(lab, first, end)
    for engine, field in ((seed, "payload_sent"), (first, "payload_verified")):
        status = engine.session.status()
        assert getattr(status.counters, field) == 0
        assert getattr(status.totals, field) == spec.total_size
        back = engine.torrent(spec)
        assert back is not None and getattr(back.status().counters, field) == spec.total_size
    back = seed.torrent(spec)
    assert back is not None
    t = back
    second = lab.engine("second")
    second.add(spec, peers=[seed])
    completes(lab, second, spec)
    lab.run_for(1)
    assert seed.session.status().totals.payload_sent == t.status().counters.payload_sent == 2 * spec.total_size
    totals = seed.session.status().totals
    assert totals.wire_sent > totals.payload_sent


@pytest.mark.covers("S3-23")
def test_totals_add_up_when_blocks_wait_for_their_piece(lab: Lab) -> None:
    spec = lab.torrent(pieces=4, piece_length=64 * BLOCK)
    client = lab.engine("client", download_rate_limit=200_000)
    client.add(spec, peers=[lab.seeder("good", spec)])
    lab.run_for(3)
    assert client.session.status().counters.payload_partial > 0
    again(lab, client)
    totals, counters = client.session.status().totals, client.session.status().counters
    judged = totals.payload_verified + totals.payload_failed + totals.payload_redundant + totals.payload_discarded
    assert totals.payload_received == judged + totals.payload_partial
    assert totals.payload_partial == counters.payload_partial, "of what waits for its piece only this session's"
    assert totals.wire_received > 500_000
    client.session.configure(download_rate_limit=None)
    completes(lab, client, spec)


@pytest.mark.covers("S3-24")
def test_a_broken_session_file_costs_itself_and_never_what_was_kept_aside(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    client.add(spec, have="all")
    lab.run_for(1)
    path = client.disk.root / "state/session.jst"
    for n in range(3):
        client.session.ban(f"10.1.2.{n}")
        client.session.save()
        client.stop()
        client.disk.corrupt(path, 20 + n, b"\xff")
        client.start()
        lab.run_for(0.5)
        kept = path.with_name("session.jst.bad" + ("" if n == 0 else str(n + 1)))
        assert [str(problem.path) for problem in client.history(jst.RecordRejected)][-1] == str(kept)
        assert client.session.bans() == []
        completes(lab, client, spec)
    assert all(client.disk.exists(path.with_name("session.jst.bad" + n)) for n in ("", "2", "3"))


@pytest.mark.covers("S3-23")
def test_a_record_that_the_disk_gave_half_of_is_read_again(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    client.add(spec, have="all")
    lab.run_for(1)
    client.stop()
    short = client.disk.fail("read", error="short", path=f"state/torrents/{spec.info_hash.hex()}.jst")
    client.start()
    lab.run_for(0.5)
    completes(lab, client, spec)
    assert short.hits == 1 and client.session.rejected_records() == []


@BOTH
@ENDS
def test_how_long_a_torrent_ran_survives_any_end(lab: Lab, end: str) -> None:
    spec, other = lab.torrent(pieces=4), lab.torrent(pieces=4)
    client = lab.engine("client")
    client.add(spec, have="all")
    client.add(other)  # it has nobody, and is stalled
    lab.run_for(2)
    client.session.save()
    for sessions in (2, 3):  # nothing else changes any more
        lab.run_for(2)
        client.session.save()
        again(lab, client, end)
        seed, leech = client.torrent(spec), client.torrent(other)
        assert seed is not None and leech is not None
        for status, seeding in ((seed.status(), True), (leech.status(), False)):
            assert 2 * sessions - 1 < status.active_time < 30
            assert status.seeding_time == (status.active_time if seeding else 0)


def test_a_goal_of_time_counts_what_passed_in_earlier_sessions(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client", seed_time_limit=100)
    client.add(spec, have="all")
    for _ in range(4):
        lab.run_for(20)
        again(lab, client)
    t = client.torrent(spec)
    assert t is not None and t.state == "seeding"
    lab.run_for(30)
    assert t.state == "stopped"


def test_what_is_removed_before_its_record_was_read_is_gone_for_good(lab: Lab) -> None:
    spec, other = lab.torrent(pieces=4), lab.torrent(pieces=4)
    client = lab.engine("client")
    for each in (spec, other):
        client.add(each, have="all")
    lab.run_for(1)
    client.session.save()
    client.stop()
    client.start()
    assert client.torrent(spec) is None, "nothing was read yet"
    client.session.add(spec.metainfo, client.downloads).remove()
    lab.run_for(1)
    for _ in range(2):
        assert (client.torrent(spec) is None, client.torrent(other) is None) == (True, False)
        again(lab, client)


def test_what_was_sent_is_known_after_a_crash_though_nothing_else_changed(lab: Lab) -> None:
    spec = lab.torrent(pieces=16)
    seed = lab.engine("seed", save_interval=20.0)
    seed.add(spec, have="all")
    lab.run_for(60)
    lab.engine("client").add(spec, peers=[seed]).wait_complete(10)
    lab.run_for(25)
    again(lab, seed, "crash")
    t = seed.torrent(spec)
    assert t is not None
    assert t.status().counters.payload_sent == seed.session.status().totals.payload_sent == spec.total_size
