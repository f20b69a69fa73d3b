"""What the status of a torrent, of its peers and files says while things happen: why it is not faster, until when, since when."""

import jstorrent as jst
import pytest
from jstorrent.lab import Lab

RATE = 100_000


def test_alone_it_lacks_peers(lab: Lab) -> None:
    t = lab.engine("client").add(lab.torrent(pieces=4))
    lab.run_for(1)
    assert (t.status().limited_by, t.status().eta) == ("no peers", None)


def test_of_who_has_nothing_for_it_it_lacks_others(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    t = lab.engine("client").add(spec, peers=[lab.peer("peer", spec, have="none")])
    lab.run_for(1)
    assert (t.status().num_peers, t.status().limited_by) == (1, "no peers")


def test_of_who_chokes_it_lacks_the_unchoke(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    t = lab.engine("client").add(spec, peers=[lab.peer("peer", spec, behave=["never_unchoke"])])
    lab.run_for(1)
    assert t.status().limited_by == "choked"


@pytest.mark.parametrize("whose", ["the session's", "its own"])
def test_at_a_limit_of_rate_it_says_so_and_when_it_will_be_there(lab: Lab, whose: str) -> None:
    spec = lab.torrent(pieces=64)
    client = lab.engine("client")
    t = client.add(spec, peers=[lab.seeder("seed", spec)], have=[0])
    limit = client.session.configure if whose == "the session's" else t.configure
    limit(download_rate_limit=RATE)
    lab.run_for(5)
    for _ in range(20):  # not only now and then
        lab.run_for(0.37)
        status = t.status()
        assert (status.state, status.limited_by) == ("downloading", "rate limit")
        assert status.eta == pytest.approx((status.wanted - status.wanted_verified) / RATE, rel=0.2)
    limit(download_rate_limit=0)
    lab.run_for(1)
    assert t.status().limited_by == "rate limit"
    limit(download_rate_limit=None)
    lab.until(lambda: t.state == "seeding", within=60)
    assert (t.status().limited_by, t.status().eta) == ("nothing", None)


def test_on_a_slow_line_it_is_the_peers(lab: Lab) -> None:
    spec = lab.torrent(pieces=64)
    seed, client = lab.seeder("seed", spec), lab.engine("client", download_rate_limit=10 * RATE)
    lab.net.link(seed, client, rate=RATE)
    t = client.add(spec, peers=[seed])
    lab.run_for(5)
    assert t.status().limited_by == "peers"


@pytest.mark.parametrize("what", ["disk", "hashing"])
def test_when_memory_waits_it_says_for_what(lab: Lab, what: str) -> None:
    spec = lab.torrent(pieces=64)
    client = lab.engine("client", max_memory=1 << 20)
    gate = lab.gate("disk.write" if what == "disk" else "hash.done", torrent=spec)
    t = client.add(spec, peers=[lab.seeder("seed", spec)])
    lab.run_for(5)
    assert t.status().limited_by == what
    gate.release()
    lab.until(lambda: t.state == "seeding", within=60)


@pytest.mark.parametrize("command", ["pause", "stop"])
def test_who_does_not_download_has_no_time_of_arrival(lab: Lab, command: str) -> None:
    spec = lab.torrent(pieces=64)
    client = lab.engine("client", download_rate_limit=RATE)
    t = client.add(spec, peers=[lab.seeder("seed", spec)])
    lab.run_for(5)
    assert t.status().eta is not None
    getattr(t, command)()
    assert (t.status().limited_by, t.status().eta) == ("nothing", None)


def test_seeds_are_those_who_have_all_and_since_when_we_know_them_is_told(lab: Lab) -> None:
    spec = lab.torrent(pieces=64)
    client = lab.engine("client", download_rate_limit=RATE)
    t = client.add(spec)
    began = t.status().added_at
    lab.run_for(100)
    whole, part = lab.peer("whole", spec), lab.peer("part", spec, have=range(32))
    for peer in (whole, part):
        t.connect(peer)
    lab.run_for(1)
    status = t.status()
    assert (status.num_peers, status.num_seeds, status.added_at) == (2, 1, began)
    assert sorted(peer.progress for peer in t.peers()) == [0.5, 1.0]
    for known in t.peers():
        assert known.connected_at == pytest.approx(began + 100, abs=0.5)
    assert t.availability() == [2] * 32 + [1] * 32
    whole.disconnect()
    lab.until(lambda: t.status().num_seeds == 0, within=20)  # what it gave before is read first
    assert t.availability() == [1] * 32 + [0] * 32


def test_when_it_was_added_and_when_complete_survives_checks_and_restarts(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    t = client.add(spec)
    added = t.status().added_at
    assert t.status().completed_at is None
    lab.run_for(100)
    t.connect(lab.seeder("seed", spec))
    lab.until(lambda: t.state == "seeding", within=60)
    done = t.status().completed_at
    assert done is not None and done == pytest.approx(added + 100, abs=5)
    lab.run_for(100)
    t.recheck()
    lab.until(lambda: t.state == "seeding", within=60)
    assert (t.status().added_at, t.status().completed_at) == (added, done)
    client.stop()
    lab.run_for(100)
    client.start()
    lab.run_for(1)
    back = client.torrent(spec)
    assert back is not None and back.state == "seeding"
    assert (back.status().added_at, back.status().completed_at) == pytest.approx((added, done))


def test_who_gave_bad_pieces_beside_others_is_on_parole_and_how_often_is_told(lab: Lab) -> None:
    spec = lab.torrent(pieces=2)
    client = lab.engine("client")
    bad = lab.peer("bad", spec, have=[0], behave=[{"kind": "corrupt", "piece": 0, "begin": 0}])
    good = lab.peer("good", spec, have=[0], behave=[{"kind": "withhold", "piece": 0, "begin": 0}])
    t = client.add(spec, peers=[bad, good])
    lab.until(lambda: any(client.history(jst.PieceFailed)), within=60)
    told = {peer.address: (peer.hash_failures, peer.on_parole) for peer in t.peers()}
    assert told[bad.address] == (1, True)
    failed = client.history(jst.PieceFailed)[0]
    assert set(failed.addresses) <= {bad.address, good.address} and bad.address in failed.addresses
