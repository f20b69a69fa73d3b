"""Trackers as our engine asks them: when, what it says, whom it takes from them, and what it never does."""

from __future__ import annotations

import itertools

import jstorrent as jst
import pytest
from jstorrent.lab import Lab

from tests.scenarios.raw_tracker import Asked, RawTracker, reply, response

pytestmark = pytest.mark.lanes("sim")
TIMEOUT = 30.0  # tracker_timeout
PER_TRACKER = 8
AT_ONCE = 64


def states(t: jst.Torrent) -> list[str]:
    return [tracker.state for tracker in t.trackers()]


def test_who_does_not_listen_says_port_1(lab: Lab) -> None:
    """Many refuse an announce of port 0, and the peers in the answer with it."""
    spec = lab.torrent(pieces=8)
    seed, client = lab.seeder("seed", spec), lab.engine("client", listen=())
    trk = RawTracker(lab, "trk", reply([seed.address]))
    t = client.session.add(spec.metainfo, client.downloads, trackers=[trk.url])
    lab.until(lambda: t.state == "seeding", within=20)
    assert {asked.words["port"] for asked in trk.asked if "event" in asked.words} == {"1"}


@pytest.mark.covers("S2-14", "S3-7")
def test_a_download_found_through_a_tracker_says_each_event_once(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    seed, client = lab.seeder("seed", spec), lab.engine("client")
    trk = RawTracker(lab, "trk", reply([seed.address], interval=300, more=b"10:incompletei3e8:completei2e"))
    heard = client.session.events(jst.PeersDiscovered, jst.AnnounceCompleted)
    t = client.session.add(spec.metainfo, client.downloads, trackers=[trk.url])
    lab.until(lambda: t.state == "seeding", within=20)
    lab.run_for(1000)
    assert trk.events == ["started", "completed", "", "", ""]
    first, done = trk.asked[:2]
    assert first.info_hash == spec.info_hash and int(first.words["port"]) == client.address[1]
    assert (int(first.words["left"]), int(done.words["left"])) == (spec.total_size, 0)
    assert (int(first.words["downloaded"]), int(done.words["downloaded"])) == (0, spec.total_size)
    assert (first.words["compact"], first.words["numwant"], done.words["numwant"]) == ("1", "80", "0")
    assert len({asked.words["key"] for asked in trk.asked}) == 1
    assert {peer.source for peer in t.peers()} <= {"tracker"}
    status = t.trackers()[0]
    assert (status.state, status.failures, status.seeds, status.leechers) == ("working", 0, 2, 3)
    assert status.next_announce is not None and 0 < status.next_announce <= 300
    client.session.close()
    lab.run_for(1)
    assert trk.events[5:] == ["stopped"]
    said = list(heard)
    assert said[0] == jst.PeersDiscovered(said[0].time, t, "tracker", 1)
    assert [type(event) for event in said].count(jst.AnnounceCompleted) == 5
    assert said[1] == jst.AnnounceCompleted(said[1].time, t, trk.url, 2, 3, 300.0)


@pytest.mark.covers("S3-26")
def test_the_next_tier_is_asked_when_a_tracker_is_silent_and_comes_back_to_it_later(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    seed, client = lab.seeder("seed", spec), lab.engine("client", tracker_timeout=TIMEOUT)
    silent, good = RawTracker(lab, "silent"), RawTracker(lab, "good", reply([seed.address]))
    failed = client.session.events(jst.AnnounceFailed)
    t = client.session.add(spec.metainfo, client.downloads, trackers=[silent.url, good.url])
    lab.until(lambda: t.state == "seeding", within=TIMEOUT + 20)
    assert TIMEOUT <= good.asked[0].time < TIMEOUT + 2
    assert states(t)[0] == "failed" and t.trackers()[0].failures == 1
    event = failed.get(0)
    assert isinstance(event, jst.AnnounceFailed)
    assert event.url == silent.url and "time-out" in event.message and event.retry_in is not None
    assert 15 <= event.retry_in < 20
    assert not silent.open, "nobody waits for it any more"
    silent.answer = reply()
    lab.run_for(1900)
    assert silent.events[-1] == "started" and states(t)[0] == "working"


@pytest.mark.covers("S2-14")
def test_who_fails_is_asked_less_and_less(lab: Lab) -> None:
    spec = lab.torrent(pieces=2)
    client = lab.engine("client")
    trk = RawTracker(lab, "trk", response(b"", "500 Oops"))
    t = client.session.add(spec.metainfo, client.downloads, trackers=[trk.url])
    lab.run_for(20_000)
    times = [asked.time for asked in trk.asked]
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert all(15 * 2**i <= gap < 15 * 2**i * 1.26 for i, gap in enumerate(gaps[:8]))
    assert all(3600 <= gap < 4501 for gap in gaps[8:])
    assert set(trk.events) == {"started"} and t.trackers()[0].message == "HTTP status 500"


def test_it_is_stalled_as_soon_as_nobody_is_asked_any_more(lab: Lab) -> None:
    spec = lab.torrent(pieces=2)
    client = lab.engine("client", tracker_timeout=5.0)
    trk = RawTracker(lab, "trk")
    t = client.session.add(spec.metainfo, client.downloads, trackers=[trk.url])
    lab.until(lambda: t.state == "downloading", within=1)
    assert states(t) == ["announcing"]
    lab.run_for(4)
    assert t.state == "downloading"
    lab.until(lambda: t.state == "stalled", within=2)
    assert lab.now < 6


def test_the_user_may_ask_again_but_not_sooner_than_the_tracker_allows(lab: Lab) -> None:
    spec = lab.torrent(pieces=2)
    client = lab.engine("client")
    trk = RawTracker(lab, "trk", reply(more=b"12:min intervali120e"))
    t = client.session.add(spec.metainfo, client.downloads, trackers=[trk.url])
    lab.until(lambda: states(t) == ["working"], within=5)
    t.announce()
    lab.run_for(100)
    assert trk.events == ["started"]
    lab.run_for(30)
    assert trk.events == ["started", ""]
    lab.run_for(300)
    t.announce()
    lab.run_for(1)
    assert trk.events == ["started", "", ""]


def test_other_trackers_are_asked_at_once_and_those_that_went_hear_goodbye(lab: Lab) -> None:
    spec = lab.torrent(pieces=2)
    client = lab.engine("client")
    old, new = RawTracker(lab, "old", reply()), RawTracker(lab, "new", reply())
    t = client.session.add(spec.metainfo, client.downloads, trackers=[old.url])
    lab.until(lambda: states(t) == ["working"], within=5)
    t.set_trackers([new.url])
    assert [tracker.url for tracker in t.trackers()] == [new.url]
    lab.run_for(1)
    assert (old.events, new.events) == (["started", "stopped"], ["started"])


def test_trackers_survive_a_restart_and_hear_that_we_are_back(lab: Lab) -> None:
    spec = lab.torrent(pieces=2)
    client = lab.engine("client")
    trk = RawTracker(lab, "trk", reply())
    client.session.add(spec.metainfo, client.downloads, trackers=[trk.url])
    lab.until(lambda: trk.events == ["started"], within=5)
    client.stop()
    client.start()
    lab.until(lambda: trk.events == ["started", "stopped", "started"], within=5)
    assert trk.asked[0].words["key"] != trk.asked[2].words["key"]


def test_files_that_move_or_are_checked_are_not_told_to_trackers(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    client = lab.engine("client")
    trk = RawTracker(lab, "trk", reply())
    t = client.add(spec, have="all", trackers=[trk.url])
    lab.until(lambda: trk.events == ["started"] and t.state == "seeding", within=5)
    t.recheck()
    lab.until(lambda: t.state == "checking", within=5)
    lab.until(lambda: t.state == "seeding", within=20)
    t.move(client.disk.full("elsewhere"))
    lab.run_for(20)
    assert t.state == "seeding" and trk.events == ["started"]
    t.stop()
    lab.run_for(1)
    assert trk.events == ["started", "stopped"]


def test_a_start_right_after_a_stop_is_heard_after_it(lab: Lab) -> None:
    spec = lab.torrent(pieces=2)
    client = lab.engine("client")
    trk = RawTracker(lab, "trk", lambda asked: None if asked.event == "stopped" else reply())
    t = client.session.add(spec.metainfo, client.downloads, trackers=[trk.url])
    lab.until(lambda: trk.events == ["started"], within=5)
    t.stop()
    t.start()
    lab.run_for(4)
    assert trk.events == ["started", "stopped"], "the goodbye has no answer yet"
    lab.run_for(3)
    assert trk.events == ["started", "stopped", "started"]


def test_what_was_never_said_is_not_taken_back(lab: Lab) -> None:
    """A tracker that can not be reached, or that nobody has come to yet, hears no `stopped`."""
    spec = lab.torrent(pieces=2)
    client = lab.engine("client")
    trk = RawTracker(lab, "trk", reply())
    lab.net.partition(client, trk)
    t = client.session.add(spec.metainfo, client.downloads, trackers=[trk.url])
    lab.run_for(1)
    t.stop()
    lab.net.heal()
    lab.run_for(60)
    assert trk.asked == []


@pytest.mark.parametrize("way", ["stop", "remove", "close"])
def test_a_black_hole_delays_no_end_beyond_its_limit(lab: Lab, way: str) -> None:
    spec = lab.torrent(pieces=2)
    client = lab.engine("client", stopped_announce_timeout=2.0)
    trk = RawTracker(lab, "trk", reply())
    t = client.session.add(spec.metainfo, client.downloads, trackers=[trk.url])
    lab.until(lambda: states(t) == ["working"], within=5)
    lab.net.partition(client, trk)
    began = lab.now
    if way == "close":
        assert client.session.close(timeout=10) is True
        assert 1.99 < lab.now - began < 2.5
    else:
        getattr(t, way)()
        t.wait("stopped" if way == "stop" else "removed", timeout=1)
        assert lab.now - began < 0.5
        lab.run_for(2.5)
        assert client.session.status().sockets <= 2, "only listeners are left"


def test_a_goodbye_takes_half_of_the_time_for_a_close_at_most(lab: Lab) -> None:
    spec = lab.torrent(pieces=2)
    client = lab.engine("client")
    trk = RawTracker(lab, "trk", lambda asked: None if asked.event == "stopped" else reply())
    t = client.session.add(spec.metainfo, client.downloads, trackers=[trk.url])
    lab.until(lambda: states(t) == ["working"], within=5)
    began = lab.now
    assert client.session.close(timeout=2) is True
    assert 0.99 < lab.now - began < 1.5


@pytest.mark.parametrize("kind", ["http", "udp"])
def test_a_goodbye_that_is_under_way_already_takes_no_more(lab: Lab, kind: str) -> None:
    client, trk = lab.engine("client"), lab.tracker("trk", kind=kind)
    all_of_it = [client.add(lab.torrent(pieces=1, name=f"n{i}", trackers=[trk])) for i in range(2 * PER_TRACKER)]
    lab.until(lambda: all(states(t) == ["working"] for t in all_of_it), within=5)
    lab.net.partition(client, trk)
    for t in all_of_it:
        t.stop()  # half of the goodbyes are out, half wait for their turn
    lab.run_for(0.1)
    began = lab.now
    assert client.session.close(timeout=4) is True
    assert 1.99 < lab.now - began < 2.5


def test_a_close_without_time_says_nothing(lab: Lab) -> None:
    spec = lab.torrent(pieces=2)
    client = lab.engine("client")
    trk, slow = RawTracker(lab, "trk", reply()), RawTracker(lab, "slow")
    t = client.session.add(spec.metainfo, client.downloads, trackers=[trk.url])
    client.session.add(lab.torrent(pieces=3).metainfo, client.downloads, trackers=[slow.url])
    lab.until(lambda: states(t) == ["working"] and len(slow.asked) == 1, within=5)
    began = lab.now
    client.session.close(timeout=0)
    assert lab.now == began and client.session.status().sockets == 0
    lab.run_for(30)
    assert (trk.events, slow.events) == (["started"], ["started"])


def test_a_silent_tracker_takes_no_more_than_its_share(lab: Lab) -> None:
    client = lab.engine("client")
    silent, good = RawTracker(lab, "silent"), RawTracker(lab, "good", reply())
    specs = [lab.torrent(pieces=1, name=f"n{i}") for i in range(2 * PER_TRACKER + 1)]
    for spec in specs:
        client.session.add(spec.metainfo, client.downloads, trackers=[silent.url])
    t = client.session.add(lab.torrent(pieces=2).metainfo, client.downloads, trackers=[good.url])
    lab.until(lambda: states(t) == ["working"], within=2)
    assert (len(silent.open), silent.most_open) == (PER_TRACKER, PER_TRACKER)
    lab.run_for(2 * TIMEOUT + 5)
    assert silent.most_open == PER_TRACKER
    assert {asked.info_hash for asked in silent.asked} == {spec.info_hash for spec in specs}, "all had their turn"


def test_so_many_trackers_are_asked_at_once_and_no_more(lab: Lab) -> None:
    client = lab.engine("client")
    silent = [RawTracker(lab, f"silent{i}") for i in range(AT_ONCE // PER_TRACKER + 1)]
    for i in range(AT_ONCE + PER_TRACKER):
        client.session.add(lab.torrent(pieces=1, name=f"n{i}").metainfo, client.downloads,
                           trackers=[silent[i // PER_TRACKER].url])  # fmt: skip
    lab.run_for(5)
    assert sum(len(trk.open) for trk in silent) == AT_ONCE
    lab.run_for(TIMEOUT)
    assert all(len(trk.asked) >= PER_TRACKER for trk in silent), "all had their turn"
    assert all(trk.most_open <= PER_TRACKER for trk in silent)


def test_peers_near_us_are_taken_only_from_trackers_near_us(lab: Lab) -> None:
    client = lab.engine("client")
    named = [("10.9.9.9", 1), ("127.0.0.1", 2), ("192.168.1.1", 3), ("8.8.4.4", 4)]
    for host, taken in ("9.9.9.9", 1), ("10.77.0.1", 4):
        trk = RawTracker(lab, f"at-{host}", reply(named), host=host)
        t = client.session.add(lab.torrent(pieces=2, name=host).metainfo, client.downloads, trackers=[trk.url])
        lab.until(lambda t=t: states(t) == ["working"], within=5)  # type: ignore[misc]
        assert t.status().num_known == taken


def test_scrape_tells_what_an_answer_lacks(lab: Lab) -> None:
    spec = lab.torrent(pieces=2)
    client = lab.engine("client")
    counts = b"d5:filesd20:" + spec.info_hash + b"d8:completei4e10:downloadedi9e10:incompletei6eeee"

    def answer(asked: Asked) -> bytes:
        return response(counts) if asked.path == "/scrape" else reply()

    trk = RawTracker(lab, "trk", answer)
    t = client.session.add(spec.metainfo, client.downloads, trackers=[trk.url])
    lab.until(lambda: t.trackers()[0].seeds is not None, within=5)
    assert (t.trackers()[0].seeds, t.trackers()[0].leechers) == (4, 6)
    assert [asked.path for asked in trk.asked] == ["/announce", "/scrape"]


def test_what_a_tracker_says_of_us_and_warns_of_is_shown(lab: Lab) -> None:
    spec = lab.torrent(pieces=2)
    client = lab.engine("client")
    trk = RawTracker(lab, "trk", reply(more=b"11:external ip4:\x08\x08\x04\x04").replace(b"5:peers", b"15:warning message4:slow5:peers")
                     .replace(b"Content-Length", b"X"))  # fmt: skip
    t = client.session.add(spec.metainfo, client.downloads, trackers=[trk.url])
    lab.until(lambda: states(t) == ["working"], within=5)
    assert (t.trackers()[0].external_ip, t.trackers()[0].message) == ("8.8.4.4", "slow")


def test_a_refusal_and_its_never_are_honoured_until_the_user_asks(lab: Lab) -> None:
    spec = lab.torrent(pieces=2)
    client = lab.engine("client")
    trk = RawTracker(lab, "trk", response(b"d14:failure reason9:not yours8:retry in5:nevere", "403 Forbidden"))
    failed = client.session.events(jst.AnnounceFailed)
    t = client.session.add(spec.metainfo, client.downloads, trackers=[trk.url])
    lab.run_for(10_000)
    assert trk.events == ["started"]
    event = failed.get(0)
    assert event == jst.AnnounceFailed(event.time if event else 0, t, trk.url, "not yours", None)
    t.announce()
    lab.run_for(1)
    assert trk.events == ["started", "started"]
