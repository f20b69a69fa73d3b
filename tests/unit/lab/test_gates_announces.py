"""The gate at which an announce is still whole: held, failed, crashed at, looked at, in both lanes."""

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Gate, Lab

BOTH = pytest.mark.lanes("sim", "real")
NOBODY = ("127.0.0.1", 9)


def announcing(lab: Lab, client: Engine) -> jst.Torrent:
    """To a tracker at which nobody listens."""
    host, port = NOBODY
    return client.add(lab.torrent(pieces=2, trackers=[f"http://{host}:{port}/announce"]))


def state(t: jst.Torrent) -> str:
    return t.trackers()[0].state


@BOTH
def test_it_knows_which_torrent_asks_whom(lab: Lab) -> None:
    client = lab.engine("client")
    gate, other = lab.gate("announce.sent", "observe", peer=NOBODY), lab.gate("announce.sent", "observe", peer="127.0.0.2")
    t = announcing(lab, client)
    lab.until(lambda: state(t) == "failed", within=30)
    assert [(hit.node, hit.torrent, hit.peer) for hit in gate.hits] == [("client", t.info_hash, NOBODY)]
    assert not other.hit


@BOTH
def test_what_is_held_waits_for_release(lab: Lab) -> None:
    client = lab.engine("client")
    with lab.gate("announce.sent") as gate:
        t = announcing(lab, client)
        lab.until(lambda: gate.hit, within=10)
        lab.run_for(1)
        assert (state(t), t.state) == ("announcing", "downloading")
    lab.until(lambda: (state(t), t.state) == ("failed", "stalled"), within=30)


@BOTH
def test_what_is_held_too_long_is_given_up_and_its_release_changes_nothing(lab: Lab) -> None:
    client = lab.engine("client", tracker_timeout=0.5)
    gate = lab.gate("announce.sent", times=1)
    t = announcing(lab, client)
    lab.until(lambda: state(t) == "failed", within=30)
    assert "time-out" in t.trackers()[0].message
    gate.release()
    lab.run_for(1)
    assert t.trackers()[0].failures == 1
    assert client.session.close(timeout=5) is True


@BOTH
def test_one_that_is_held_delays_no_close(lab: Lab) -> None:
    client = lab.engine("client")
    gate: Gate = lab.gate("announce.sent")
    announcing(lab, client)
    lab.until(lambda: gate.hit, within=10)
    began = lab.now
    assert client.session.close(timeout=10) is True
    assert lab.now - began < 2


@BOTH
def test_what_fails_is_said(lab: Lab) -> None:
    client = lab.engine("client")
    gate = lab.gate("announce.sent", "fail", times=1)
    t = announcing(lab, client)
    lab.until(lambda: state(t) == "failed", within=30)
    assert gate.hit and t.trackers()[0].message == "the network reported an error"


@BOTH
def test_a_crash_at_an_announce_can_be_survived(lab: Lab) -> None:
    client = lab.engine("client")
    spec = lab.torrent(pieces=2, trackers=["http://127.0.0.1:9/announce"])
    client.add(spec)
    client.session.save()
    gate = lab.gate("announce.sent", "crash", times=1)
    client.torrent(spec).announce()
    lab.until(lambda: not client.running, within=60)
    client.start()
    lab.until(lambda: client.torrent(spec) is not None and state(client.torrent(spec)) == "failed", within=30)
    assert len(gate.hits) == 1
