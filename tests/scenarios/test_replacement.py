"""Slow peers make room when others wait to be tried, and only then."""

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Spec


def seeds(lab: Lab, spec: Spec, rates: list[int], to: Engine) -> list[Engine]:
    made = []
    for i, rate in enumerate(rates):
        node = lab.engine(f"seed{i}")
        node.add(spec, have="all")
        lab.net.link(node, to, rate=rate)
        made.append(node)
    return made


def endings(client: Engine) -> dict[str, list[tuple[float, str]]]:
    found: dict[str, list[tuple[float, str]]] = {}
    for event in client.history(jst.PeerDisconnected):
        found.setdefault(event.address[0], []).append((event.time, event.reason))
    return found


def test_one_slow_peer_of_four_is_replaced_within_30_s_when_candidates_wait(lab: Lab) -> None:
    spec = lab.torrent(pieces=600)
    client = lab.engine("client", max_connections_per_torrent=4)
    nodes = seeds(lab, spec, [300_000, 300_000, 300_000, 3_000], client)
    t = client.add(spec, peers=nodes)
    lab.until(lambda: t.status().num_peers == 4, within=5)
    waiting = seeds_named(lab, spec, client, 2)
    for node in waiting:
        t.connect(node)
    lab.run_for(30)
    slow = nodes[3].address[0]
    assert [(host, reason) for host, ends in endings(client).items() for _, reason in ends] == [(slow, "replaced")]
    assert {peer.address[0] for peer in t.peers()} & {node.address[0] for node in waiting}


def seeds_named(lab: Lab, spec: Spec, client: Engine, count: int) -> list[Engine]:
    made = []
    for i in range(count):
        node = lab.engine(f"waiting{i}")
        node.add(spec, have="all")
        lab.net.link(node, client, rate=300_000)
        made.append(node)
    return made


def test_nobody_is_replaced_when_nobody_waits(lab: Lab) -> None:
    spec = lab.torrent(pieces=600)
    client = lab.engine("client", max_connections_per_torrent=4)
    t = client.add(spec, peers=seeds(lab, spec, [200_000, 200_000, 200_000, 3_000], client))
    lab.run_for(40)
    assert t.status().num_peers == 4
    assert endings(client) == {}


@pytest.mark.parametrize("with_candidates", [False, True])
def test_a_sole_slow_seed_is_never_closed_in_an_hour(lab: Lab, with_candidates: bool) -> None:
    spec = lab.torrent(pieces=200)
    client = lab.engine("client", max_connections_per_torrent=1)
    (slow,) = seeds(lab, spec, [2_000], client)
    t = client.add(spec, peers=[slow])
    lab.until(lambda: t.status().num_peers == 1, within=5)
    if with_candidates:
        for node in seeds_named(lab, spec, client, 2):
            t.connect(node)
    lab.run_for(3600)
    assert endings(client).get(slow.address[0]) is None
    assert t.status().counters.payload_received == pytest.approx(2_000 * 3600, rel=0.1)


def test_bytes_and_unchoked_rate_of_an_address_outlive_the_link(lab: Lab) -> None:
    spec = lab.torrent(pieces=64)
    client = lab.engine("client")
    (node,) = seeds(lab, spec, [50_000], client)
    t = client.add(spec, peers=[node])
    lab.run_for(10)
    before = t.peers()[0]
    assert before.unchoked_rate is not None and before.unchoked_rate == pytest.approx(50_000, rel=0.2)
    node.stop()
    lab.until(lambda: t.peers() == [], within=30)
    node.start()
    lab.until(lambda: bool(t.peers()), within=120)
    after = t.peers()[0]
    assert after.address == before.address
    assert after.counters.payload_received >= before.counters.payload_received
    assert after.unchoked_rate == pytest.approx(before.unchoked_rate, rel=0.2)


@pytest.mark.parametrize("why", ["banned", "filtered", "of a host with as many links as it may have"])
def test_nobody_is_replaced_for_an_address_that_may_not_be_dialled(lab: Lab, why: str) -> None:
    spec = lab.torrent(pieces=600)
    settings: dict[str, object] = {"address_filter": ["10.77.0.0/16"]} if why == "filtered" else {}
    client = lab.engine("client", max_connections_per_host=1, **settings)
    nodes = seeds(lab, spec, [100_000, 100_000, 100_000, 3_000], client)
    t = client.add(spec, peers=nodes)
    lab.until(lambda: t.status().num_peers == 4, within=5)
    if why == "banned":
        client.session.ban("10.77.0.1")
    t.connect(("10.77.0.1", 6881) if why in ("banned", "filtered") else (nodes[0].address[0], 7000))
    lab.run_for(60)
    assert t.status().num_peers == 4
    assert endings(client) == {}
