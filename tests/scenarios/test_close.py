"""The end of a session: cut off in one round when there is no time, orderly when there is, and what comes back."""

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Spec

from tests.scenarios.raw_peer import INTERESTED, UNCHOKE, RawPeer


def busy(lab: Lab, client: Engine, spec: Spec) -> tuple[jst.Torrent, RawPeer, RawPeer]:
    """It downloads from one, serves another, and dials somebody who does not answer."""
    giver, taker, silent = RawPeer(lab, "giver", spec), RawPeer(lab, "taker", spec, have="none"), RawPeer(lab, "silent", spec)
    lab.net.link(giver, client, rate=100_000)
    lab.net.link(taker, client, rate=50_000)
    lab.net.partition(client, silent)
    t = client.add(spec, have=range(200), peers=[giver, silent])
    lab.run_for(1)
    taker.connect(client)
    lab.until(lambda: bool(taker.greeted), within=5)
    taker.say(INTERESTED)
    lab.until(lambda: taker.count(UNCHOKE) == 1, within=15)
    for piece in range(40):
        taker.request(piece)
    lab.run_for(2)
    assert t.status().download_rate > 0 and t.status().upload_rate > 0
    return t, giver, taker


def test_close_without_time_ends_all_traffic_in_one_round(lab: Lab) -> None:
    spec = lab.torrent(pieces=400)
    client = lab.engine("client")
    _, giver, taker = busy(lab, client, spec)
    began, sent = lab.now, client.session.status().counters.wire_sent
    client.session.close(timeout=0)
    assert lab.now == began
    status = client.session.status()
    assert (status.num_peers, status.num_half_open, status.sockets, status.send_buffered) == (0, 0, 0, 0)
    assert (status.disk_operations, status.hash_jobs, status.timers) == (0, 0, 0)
    assert status.counters.wire_sent == sent
    lab.run_for(1)
    assert (giver.open_links, taker.open_links) == ([], [])
    heard = len(giver.messages) + len(taker.messages)
    lab.run_for(300)
    assert len(giver.messages) + len(taker.messages) == heard
    assert len(giver.links) == len(taker.links) == 1


def test_close_with_time_saves_what_came(lab: Lab) -> None:
    spec = lab.torrent(pieces=400)
    client = lab.engine("client", save_interval=3600.0)
    t, _, _ = busy(lab, client, spec)
    complete = t.status().pieces_complete
    assert complete > 200
    client.stop()
    client.start()
    lab.run_for(0.5)
    again = client.torrent(spec)
    assert again is not None
    assert again.status().pieces_complete >= complete


@pytest.mark.parametrize("how", ["stop", "crash"])
def test_queue_order_comes_back(lab: Lab, how: str) -> None:
    client = lab.engine("client", active_downloads=1)
    specs = [lab.torrent(pieces=4) for _ in range(4)]
    ts = [client.add(spec) for spec in specs]
    ts[3].set_queue_position("top")
    ts[0].set_queue_position("bottom")
    order = [3, 1, 2, 0]
    assert [ts[n].queue_position for n in order] == [0, 1, 2, 3]
    client.session.save()
    client.stop() if how == "stop" else client.crash()
    client.start()
    lab.run_for(2)
    back = [client.torrent(specs[n]) for n in order]
    assert [t and t.queue_position for t in back] == [0, 1, 2, 3]
    assert [t and t.state == "queued" for t in back] == [False, True, True, True]
