"""Whom we know is worth more than whom we are told of: what strangers say takes no good address from us."""

import jstorrent as jst
from jstorrent.lab import Engine, Lab, Spec

from tests.scenarios.raw_tracker import Asked, RawTracker, reply

KNOWN = 60
MOST_PER_HOST = 32


def half_of_a_torrent(lab: Lab, **settings: object) -> tuple[Engine, Engine, Spec, jst.Torrent]:
    """From the only seed there is, which is cut off then."""
    spec = lab.torrent(pieces=60)
    client, seed = lab.engine("client", max_known_peers=KNOWN, **settings), lab.seeder("seed", spec)
    lab.net.access(seed, up=100_000)
    t = client.add(spec, peers=[seed])
    lab.until(lambda: t.progress >= 0.5, within=30)
    lab.net.partition(client, seed)
    return client, seed, spec, t


def test_who_says_another_port_with_each_link_takes_no_other_address_from_us(lab: Lab) -> None:
    client, _, spec, t = half_of_a_torrent(lab)
    lab.until(lambda: t.peers() == [], within=600)
    liar = lab.peer("liar", spec, auto=())
    for port in range(10_000, 10_000 + 2 * KNOWN):
        liar.connect(client)
        lab.run_for(0.05)
        liar.send_extended(0, {"m": {"ut_metadata": 2}, "p": port})
        lab.run_for(0.05)
        liar.disconnect()
        lab.run_for(0.02)
        assert t.status().num_known <= MOST_PER_HOST + 1
    lab.net.heal()
    lab.until(lambda: t.state == "seeding", within=60)


def test_a_tracker_of_made_up_addresses_takes_no_old_friend_from_us(lab: Lab) -> None:
    _, _, _, t = half_of_a_torrent(lab)
    lists = iter(range(1000))

    def made_up(_: Asked) -> bytes:
        n = next(lists)
        return reply([(f"20.{n}.{i // 250}.{i % 250 + 1}", 6881) for i in range(2 * KNOWN)], interval=600)

    tracker = RawTracker(lab, "tracker", made_up)
    t.set_trackers(tracker.url)
    lab.run_for(1800)
    assert len(tracker.asked) >= 3 and t.status().num_known == KNOWN
    lab.net.heal()
    lab.until(lambda: t.state == "seeding", within=60)


def test_of_more_addresses_than_are_saved_the_good_ones_are(lab: Lab) -> None:
    """The tracker's sort before the seed's."""
    spec = lab.torrent(pieces=4000)
    client, seed = lab.engine("client"), lab.seeder("seed", spec)
    lab.net.access(seed, up=20_000)
    tracker = RawTracker(lab, "tracker", reply([(f"9.77.{i // 250}.{i % 250 + 1}", 6881) for i in range(1100)]))
    t = client.session.add(spec.metainfo, client.downloads, trackers=[tracker.url], peers=[seed.address])
    lab.until(lambda: t.status().num_known > 1000 and t.progress > 0, within=30)
    client.session.save()
    peers = client.saved(spec).peers
    assert len(peers) == 1000 and peers[0] == seed.address
    tracker.answer = reply()
    client.stop()
    client.start()
    lab.until(lambda: client.torrent(spec) is not None, within=5)
    (again,) = client.session.torrents
    lab.until(lambda: [p.address for p in again.peers()] == [seed.address], within=60)


def test_whom_the_user_names_is_dialled_where_the_list_is_full(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client, seed = lab.engine("client", max_known_peers=KNOWN), lab.seeder("seed", spec)
    tracker = RawTracker(lab, "tracker", reply([(f"20.0.0.{i + 1}", 6881) for i in range(2 * KNOWN)]))
    t = client.session.add(spec.metainfo, client.downloads, trackers=[tracker.url])
    lab.run_for(3)
    assert t.status().num_known == KNOWN
    t.connect(seed.address)
    lab.until(lambda: t.state == "seeding", within=30)


def test_whom_the_user_names_is_dialled_where_the_list_is_full_of_links(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client, seed = lab.engine("client", max_known_peers=2), lab.seeder("seed", spec)
    t = client.add(spec, peers=[lab.peer("a", spec, have="none"), lab.peer("b", spec, have="none")])
    lab.until(lambda: len(t.peers()) == 2, within=5)
    for _ in range(3):
        t.connect(seed.address)
    lab.until(lambda: t.state == "seeding", within=5)


def test_a_dial_that_we_end_ourselves_is_no_failure_of_the_address(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client, seed = lab.engine("client"), lab.seeder("seed", spec)
    lab.net.access(seed, latency=0.5)
    t = client.add(spec, peers=[seed])
    for _ in range(9):
        lab.until(lambda: [p.state for p in t.peers(all=True)] == ["connecting"], within=15, every=0.02)
        t.stop()
        t.start()


def test_a_lack_of_descriptors_is_not_held_against_addresses(lab: Lab) -> None:
    """Nor does it make us dial all of them every ten seconds."""
    spec = lab.torrent(pieces=4)
    client, seed = lab.engine("client"), lab.seeder("seed", spec)
    lab.run_for(2)
    client.sockets.quota(1)
    t = client.add(spec, peers=[seed, *((f"20.0.0.{i + 1}", 6881) for i in range(100))])
    lab.run_for(3600)
    client.sockets.quota(None)
    lab.until(lambda: t.state == "seeding", within=30)
