"""What a user changes while a torrent runs takes effect at once: nothing waits for a link to end or for another command."""

from __future__ import annotations

import pytest
from jstorrent.lab import Lab

from tests.scenarios.s0 import reasons


def test_a_torrents_own_limit_of_links_that_is_raised_is_used(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    t = client.add(spec)
    t.configure(max_connections=2)
    peers = [lab.peer(f"peer-{i}", spec, have="none") for i in range(8)]
    for peer in peers[:2]:
        t.connect(peer)
    lab.run_for(5)
    for peer in peers:
        t.connect(peer)
    lab.run_for(30)
    assert len(t.peers()) == 2
    t.configure(max_connections=7)
    lab.run_for(15)
    assert len(t.peers()) == 7


def test_metadata_that_was_too_large_is_asked_for_when_it_is_not_any_more(lab: Lab) -> None:
    names = [("/".join(f"{n:02d}{part}{'x' * 230}" for part in "abcd"), 100) for n in range(40)]
    spec = lab.torrent(files=names, pieces=None, piece_length=16384)
    client = lab.engine("client", max_metadata_size=16384)
    t = client.add(spec, peers=[lab.seeder("seeder", spec)], magnet=True)
    lab.run_for(30)
    assert t.state == "fetching_metadata" and len(t.peers()) == 1
    client.session.configure(max_metadata_size=1 << 20)
    lab.run_for(5)
    assert t.metainfo is not None


@pytest.mark.parametrize("ends", [False, True])
def test_whom_a_user_named_while_he_was_banned_is_dialled_when_he_is_not_any_more(lab: Lab, ends: bool) -> None:
    """A seed dials nobody by itself."""
    spec = lab.torrent(pieces=8)
    client, leech = lab.engine("client"), lab.peer("leech", spec, have="none")
    t = client.add(spec, have="all")
    client.session.ban(leech.address[0], seconds=60)
    t.connect(leech)
    lab.run_for(30)
    assert t.peers() == []
    if ends:
        lab.run_for(30 + 2 * client.session.settings.reconnect_interval)
    else:
        client.session.unban(leech.address[0])
        lab.run_for(1)
    assert len(t.peers()) == 1


@pytest.mark.parametrize("seconds", [8e9, 1e10, float("inf")])
def test_a_ban_for_good_outlives_a_restart(lab: Lab, seconds: float) -> None:
    client = lab.engine("client")
    client.session.ban("9.9.9.9", seconds=seconds)
    for _ in range(2):
        until = client.session.bans()[0].until_at
        assert until is None or (until > 8e9 and seconds < float("inf"))
        lab.run_for(1)
        client.stop()
        client.start()
        lab.run_for(1)


def test_a_clock_that_is_behind_at_the_start_makes_no_ban_longer(lab: Lab) -> None:
    client = lab.engine("client")
    client.session.ban("9.9.9.9", seconds=3600)
    lab.run_for(2)
    client.stop()
    lab.clock.jump_wall(-10 * 365 * 86400)
    client.start()
    lab.run_for(3590)
    assert len(client.session.bans()) == 1
    lab.run_for(20)
    assert client.session.bans() == []


@pytest.mark.parametrize("hosts", [("10.0.9.1", "10.0.9.2", "10.0.9.3"), ("2001:db8:1::1", "2001:db8::1", "2001:db8::2")])
def test_links_to_a_network_that_is_filtered_end(lab: Lab, hosts: tuple[str, ...]) -> None:
    spec = lab.torrent(pieces=40)
    client = lab.engine("client", download_rate_limit=10_000, host=hosts[0])
    seeders = [lab.peer(f"seeder-{i}", spec, have="all", host=hosts[i]) for i in (1, 2)]
    t = client.add(spec, peers=seeders)
    lab.run_for(5)
    assert len(t.peers()) == 2
    client.session.configure(address_filter=[seeders[0].address[0]])
    lab.run_for(1)
    assert [peer.address for peer in t.peers()] == [seeders[1].address]
    assert reasons(client, seeders[0].address) == ["banned"]


@pytest.mark.parametrize("seconds", [9 * 10**9, 10**10, 2**64 - 1])
def test_a_time_to_seed_beyond_all_clocks_is_no_short_one(lab: Lab, seconds: int) -> None:
    spec = lab.torrent(pieces=8)
    client = lab.engine("client")
    t = client.add(spec, have="all")
    t.configure(seed_time_limit=seconds)
    lab.run_for(50)
    assert t.state == "seeding"


def test_the_longest_time_to_seed_is_the_same_after_a_restart(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    client = lab.engine("client")
    client.add(spec, have="all").configure(seed_time_limit=9 * 10**9)
    lab.run_for(50)
    client.stop()
    client.start()
    lab.run_for(50)
    t = client.torrent(spec)
    assert t is not None and t.state == "seeding" and client.session._engine.limits(t._key)["seed_time_limit"] == 9 * 10**9
