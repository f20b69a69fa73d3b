"""The relays of the real lane: what lab.net breaks there, and their ledgers."""

import socket
from typing import Any

import pytest
from jstorrent.lab import Engine, Lab, LaneLacks, Spec
from jstorrent.lab._relay import WINDOW

pytestmark = pytest.mark.lanes("real")


def _pair(lab: Lab, pieces: int = 16) -> tuple[Spec, Engine, Engine, Any]:
    spec = lab.torrent(pieces=pieces)
    good, client = lab.engine("good"), lab.engine("client", reconnect_interval=0.2)
    seed = good.add(spec, have="all")
    lab.until(lambda: seed.state == "seeding", within=10)  # else it does not know the torrent, and resets who dials
    return spec, good, client, client.add(spec, peers=[])


def _records(lab: Lab) -> list[Any]:
    return list(lab._lane.network.links)


def test_what_goes_through_a_relay_is_told_from_both_nodes_addresses(lab: Lab) -> None:
    spec, good, client, t = _pair(lab, 64)
    lab.net.access(good, up=2_000_000)
    t.connect(good)
    lab.until(lambda: bool(t.peers()), within=10)
    theirs = good.torrent(spec)
    assert theirs is not None
    lab.until(lambda: bool(theirs.peers()), within=10)
    assert t.peers()[0].address == good.address
    assert theirs.peers()[0].address[0] == client.address[0]


def test_the_ledger_counts_each_byte(lab: Lab) -> None:
    _spec, good, client, t = _pair(lab)
    t.connect(good)
    lab.until(lambda: t.state == "seeding", within=10)
    lab.settle()
    (record,) = _records(lab)
    counters = client.session.status().counters
    assert (record.dialler, record.target) == ("client", "good")
    assert (record.up, record.down) == (counters.wire_sent, counters.wire_received)


def test_a_rate_is_kept(lab: Lab) -> None:
    spec, good, client, t = _pair(lab)
    lab.net.link(good, client, rate=1_000_000, latency=0.05)
    began = lab.now
    t.connect(good)
    lab.until(lambda: t.state == "seeding", within=20)
    assert lab.now - began >= spec.total_size / 1_000_000


@pytest.mark.parametrize("how", ["partition", "hold"])
def test_nothing_comes_through_what_is_broken_until_it_is_whole(lab: Lab, how: str) -> None:
    _spec, good, client, t = _pair(lab, 64)
    lab.net.link(good, client, rate=4_000_000)
    t.connect(good)
    lab.until(lambda: t.status().pieces_complete > 4, within=10)
    getattr(lab.net, how)(good, client)
    lab.settle()
    before = _records(lab)[0].down
    lab.run_for(0.3)
    assert _records(lab)[0].down == before
    if how == "hold":
        lab.net.release(good, client)
    else:
        lab.net.heal()
    lab.until(lambda: t.state == "seeding", within=20)


def test_a_dial_into_a_partition_is_silence_and_goes_on_after_it(lab: Lab) -> None:
    _spec, good, client, t = _pair(lab, 4)
    lab.net.partition(good, client)
    t.connect(good)
    lab.run_for(0.3)
    assert good.session.status().num_peers == 0
    lab.net.heal()
    lab.until(lambda: t.state == "seeding", within=10)


@pytest.mark.parametrize("how", ["fin", "rst", "blackhole"])
def test_a_link_is_cut_after_so_many_bytes_exactly(lab: Lab, how: str) -> None:
    _spec, good, client, t = _pair(lab)
    lab._lane.network.cut_after(good._number, client._number, 100_001, how)
    t.connect(good)
    lab.until(lambda: _records(lab) and _records(lab)[0].closed_at is not None, within=10)
    first = _records(lab)[0]
    assert (first.down, first.closed_by, first.how) == (100_001, "network", how)
    if how != "blackhole":
        lab.until(lambda: t.state == "seeding", within=10)


def test_fragments_carry_the_same_bytes(lab: Lab) -> None:
    spec, good, client, t = _pair(lab, 2)
    lab.net.fragment(good, client, [1, 7, 1000])
    t.connect(good)
    lab.until(lambda: t.state == "seeding", within=30)
    assert client.complete(spec)


def test_bytes_change_on_the_way_and_the_engine_notices(lab: Lab) -> None:
    _spec, good, client, t = _pair(lab, 64)
    lab.net.link(good, client, rate=4_000_000)
    t.connect(good)
    lab.until(lambda: t.status().pieces_complete > 2, within=10)
    lab.net.corrupt(good, client, 0.0001)
    lab.until(lambda: t.status().counters.payload_failed > 0 or len(_records(lab)) > 1, within=10)


def test_who_is_down_refuses(lab: Lab) -> None:
    good = lab.engine("good")
    good.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(good.address, timeout=5)
    good.start()
    socket.create_connection(good.address, timeout=5).close()


def test_a_relay_holds_no_more_than_its_window(lab: Lab) -> None:
    good, sender = lab.engine("good"), lab.engine("sender")
    lab.net.hold(sender, good)
    with socket.create_connection(good.address, timeout=5, source_address=(sender.address[0], 0)) as sock:
        sock.setblocking(False)
        lab.until(lambda: bool(lab._lane.network._live), within=5)
        live = lab._lane.network._live[0][2]
        lab.net.release(sender, good)
        lab.until(lambda: live._is_connected, within=5)
        lab.net.hold(sender, good)
        most = lab.watch(lambda: live.up._held)
        assert sum(iter(lambda: _push(lab, sock), 0)) < 64 * WINDOW  # what sockets buffer is bounded too
        assert most.max == WINDOW


def _push(lab: Lab, sock: socket.socket) -> int:
    """Sends what can be sent within a tenth of a second."""
    before = lab.now
    while lab.now < before + 0.1:
        try:
            return sock.send(bytes(1 << 16))
        except BlockingIOError:
            lab.run_for(0.01)
    return 0


@pytest.mark.parametrize("setting", ["loss", "duplicate", "reorder", "window"])
def test_what_a_relay_cannot_do_is_said(lab: Lab, setting: str) -> None:
    a, b = lab.engine("a"), lab.engine("b")
    with pytest.raises(LaneLacks, match=setting):
        lab.net.link(a, b, **{setting: 1})
    with pytest.raises(ValueError, match="tcp, udp"):
        lab.net.partition(a, b, only="pigeons")
