"""The network between nodes keeps what lab.net says."""

import itertools

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


def test_hold_is_one_direction_and_heal_does_not_release_it(lab: Lab) -> None:
    good, client, spec = pair(lab, pieces=64)
    t = client.add(spec, peers=[good])
    lab.until(lambda: t.status().counters.payload_received > 0, within=10)
    lab.net.hold(client, good)
    served = good.torrent(spec)
    assert served is not None
    lab.run_for(3)  # what was asked before still comes
    assert t.status().counters.payload_received > 0
    got = served.status().counters.wire_received
    lab.net.heal()
    lab.run_for(3)
    assert served.status().counters.wire_received == got
    lab.net.release(client, good)
    lab.until(lambda: t.state == "seeding", within=60)


@pytest.mark.parametrize(("only", "passes"), [("tcp", False), ("udp", True), (None, False)])
def test_a_partition_may_be_of_one_traffic_only(lab: Lab, only: str | None, passes: bool) -> None:
    good, client, spec = pair(lab, pieces=4)
    lab.net.partition(good, client, only=only)
    t = client.add(spec, peers=[good])
    lab.run_for(30)
    assert (t.state == "seeding") is passes
    lab.net.heal()


def test_a_one_way_partition_stops_what_a_sends_and_nothing_else(lab: Lab) -> None:
    good, client, spec = pair(lab, pieces=256)
    t = client.add(spec, peers=[good])
    lab.until(lambda: t.status().counters.payload_received > 0, within=10)
    served = good.torrent(spec)
    assert served is not None
    lab.net.partition(good, client, one_way=True)
    got, heard = t.status().counters.wire_received, served.status().counters.wire_received
    t.pause()
    t.resume()  # says so on the wire
    lab.run_for(5)
    assert t.status().counters.wire_received == got
    assert served.status().counters.wire_received > heard
    lab.net.heal()
    lab.until(lambda: t.state == "seeding", within=120)


def test_both_ends_may_be_any_iterables_also_ones_that_end_after_one_pass(lab: Lab) -> None:
    spec = lab.torrent(pieces=2)
    seeds = [lab.engine(f"s{i}") for i in range(2)]
    clients = [lab.engine(f"c{i}") for i in range(3)]
    for seed in seeds:
        seed.add(spec, have="all")
    lab.net.partition((s for s in seeds), (c for c in clients))
    ts = [client.add(spec, peers=[seed]) for client, seed in itertools.product(clients, seeds)]
    lab.run_for(30)
    assert all(t.status().counters.wire_received == 0 for t in ts)
    lab.net.heal()
    lab.net.link(iter(seeds), set(clients), latency=1.0)
    began = lab.now
    lab.until(lambda: any(t.peers() for t in ts), within=120)
    assert lab.now - began >= 2.0
    lab.until(lambda: all(t.state == "seeding" for t in ts), within=300)


@pytest.mark.parametrize("how", ["fin", "rst", "blackhole"])
@pytest.mark.parametrize("nbytes", [1, 67, 68, 69, 5000, 100_003])
def test_a_cut_comes_after_exactly_so_many_bytes(lab: Lab, nbytes: int, how: str) -> None:
    good, client, spec = pair(lab, pieces=16)
    lab.net.cut_after(good, client, nbytes, how)
    t = client.add(spec, peers=[good])
    if how == "blackhole":
        lab.run_for(5)
    else:
        lab.until(lambda: bool(client.history(jst.PeerDisconnected)), within=10)
        reason = client.history(jst.PeerDisconnected)[0].reason
        assert reason == {"fin": "closed", "rst": "reset"}[how]
    assert client.session.status().counters.wire_received == nbytes
    lab.until(lambda: t.state == "seeding", within=400)  # once, and new connections live
    assert client.complete(spec)


def test_a_cut_after_nothing_is_now_and_both_sides_hear_of_it(lab: Lab) -> None:
    good, client, spec = pair(lab, pieces=256)
    t = client.add(spec, peers=[good])
    lab.until(lambda: t.status().counters.payload_received > 0, within=10)
    lab.net.cut_after(client, good, 0, "rst")
    lab.run_for(0.05)
    assert [e.reason for e in client.history(jst.PeerDisconnected)] == ["reset"]
    assert [e.reason for e in good.history(jst.PeerDisconnected)] == ["reset"]
    lab.until(lambda: t.state == "seeding", within=400)


def test_healing_takes_back_a_cut_that_waits_and_corruption(lab: Lab) -> None:
    good, client, spec = pair(lab, pieces=16)
    lab.net.cut_after(good, client, 300_000, "rst")
    lab.net.corrupt([good], [client], 1.0)
    lab.net.heal()
    t = client.add(spec, peers=[good])
    lab.until(lambda: t.state == "seeding", within=30)
    assert client.history(jst.PeerDisconnected) == [] or {e.reason for e in client.history(jst.PeerDisconnected)} == {
        "both_seeds"
    }
    assert t.status().counters.payload_failed == 0


def test_corruption_changes_bytes_and_a_piece_of_such_bytes_never_counts(lab: Lab) -> None:
    spec = lab.torrent(pieces=32)
    bad, good, client = (lab.engine(name) for name in ("bad", "good", "client"))
    for node in (bad, good):
        node.add(spec, have="all")
    lab.net.corrupt(bad, client, 1e-5)
    lab.net.access(good, up=50_000)
    t = client.add(spec, peers=[bad, good])
    lab.until(lambda: t.state == "seeding", within=600)
    assert client.history(jst.PieceFailed) or client.history(jst.PeerDisconnected)  # it has shown
    assert client.complete(spec)


def test_corruption_of_every_byte_lets_no_handshake_through(lab: Lab) -> None:
    good, client, spec = pair(lab)
    lab.net.corrupt(good, client, 1)
    t = client.add(spec, peers=[good])
    lab.run_for(5)
    assert t.peers() == [] and client.session.status().counters.payload_received == 0


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
    with pytest.raises(ValueError, match="known: blackhole, fin, rst"):
        lab.net.cut_after(good, client, 100, "axe")
    with pytest.raises(ValueError, match="at least 0"):
        lab.net.cut_after(good, client, -1, "rst")
    for p in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            lab.net.corrupt(good, client, p)


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
