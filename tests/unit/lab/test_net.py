"""The network between nodes keeps what lab.net says."""

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Spec


def pair(lab: Lab, pieces: int = 16) -> tuple[Engine, Engine, Spec]:
    spec = lab.torrent(pieces=pieces)
    good = lab.engine("good")
    good.add(spec, have="all")
    return good, lab.engine("client"), spec


def seconds(lab: Lab, good: Engine, client: Engine, spec: Spec) -> float:
    t = client.add(spec, peers=[good])
    lab.until(lambda: t.status().counters.payload_received > 0, within=60)
    began = lab.now
    lab.until(lambda: t.state == "seeding", within=3600)
    return lab.now - began


def test_a_link_has_its_rate(lab: Lab) -> None:
    good, client, spec = pair(lab)
    lab.net.link(good, client, rate=100_000)
    assert seconds(lab, good, client, spec) == pytest.approx(spec.total_size / 100_000, rel=0.1)


def test_a_line_is_shared_by_all_links_of_its_node(lab: Lab) -> None:
    spec = lab.torrent(pieces=16)
    good = lab.engine("good")
    good.add(spec, have="all")
    lab.net.access(good, up=100_000)
    # Two that cannot reach each other, so that each has to take everything through the one line.
    clients = [lab.engine("a"), lab.engine("b")]
    lab.net.partition(*clients)
    ts = [client.add(spec, peers=[good]) for client in clients]
    lab.until(lambda: all(t.state == "seeding" for t in ts), within=3600)
    assert lab.now == pytest.approx(2 * spec.total_size / 100_000, rel=0.1)


def test_latency_is_what_a_handshake_takes(lab: Lab) -> None:
    good, client, spec = pair(lab)
    lab.net.link(good, client, latency=0.5)
    t = client.add(spec, peers=[good])
    lab.until(lambda: bool(t.peers()), within=10)
    assert lab.now == pytest.approx(2.0, abs=0.01)  # connect and handshake: two round trips


def test_nothing_passes_a_partition_until_it_is_healed(lab: Lab) -> None:
    good, client, spec = pair(lab)
    lab.net.partition([good], [client])
    t = client.add(spec, peers=[good])
    lab.run_for(60)
    assert t.status().counters.wire_received == 0
    lab.net.heal()
    lab.until(lambda: t.state == "seeding", within=120)


def test_what_is_held_comes_when_it_is_released(lab: Lab) -> None:
    good, client, spec = pair(lab)
    t = client.add(spec, peers=[good])
    lab.until(lambda: t.status().counters.payload_received > 0, within=10)
    lab.net.hold(good, client)
    lab.run_for(0.0001)
    before = t.status().counters.payload_received
    lab.run_for(5)
    assert t.status().counters.payload_received == before
    lab.net.release(good, client)
    lab.until(lambda: t.state == "seeding", within=30)
    assert client.complete(spec)


@pytest.mark.parametrize("sizes", [[1], [3, 1000, 16384]])
def test_any_fragmentation_gives_the_same_file(lab: Lab, sizes: list[int]) -> None:
    good, client, spec = pair(lab, pieces=1)
    lab.net.fragment(good, client, sizes)
    lab.net.fragment(client, good, [1])
    lab.net.link(good, client, rate=None)
    seconds(lab, good, client, spec)
    assert client.complete(spec)


def test_words_that_the_network_does_not_know(lab: Lab) -> None:
    good, client, _ = pair(lab, pieces=1)
    with pytest.raises(ValueError, match="known: latency"):
        lab.net.link(good, client, speed=3)
    with pytest.raises(ValueError, match="known: tcp, udp"):
        lab.net.partition(good, client, only="icmp")
    with pytest.raises(ValueError, match="more than 0"):
        lab.net.access(client, up=0)
    with pytest.raises(jst.Error, match="not there yet"):
        lab.net.cut_after(good, client, 100, "rst")


def test_clocks_step_while_the_world_stands_still(lab: Lab) -> None:
    _, client, _ = pair(lab)
    before = client.session.now
    lab.clock.jump_mono(100, client)
    assert (lab.now, client.session.now) == pytest.approx((0, before + 100))
    lab.clock.jump_wall(-50)
    with pytest.raises(ValueError, match="forward"):
        lab.clock.jump_mono(-1)


@pytest.mark.lanes("real")
def test_what_the_real_lane_has_no_network_for_skips(lab: Lab) -> None:
    lab.net.link(lab.engine("a"), lab.engine("b"), loss=0.1)
    raise AssertionError("the line above skips")
