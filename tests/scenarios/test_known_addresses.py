"""Whom we know is worth more than whom we are told of: what strangers say takes no good address from us."""

import jstorrent as jst
from jstorrent.lab import Engine, Lab, Spec

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
