"""S4: the listener. Who comes in, what is looked at, who is sent away and when; nobody holds up anybody else."""

import time
from collections.abc import Iterator
from typing import Any

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Spec

from tests.scenarios.callers import HANDSHAKE, Caller, Crowd, an_engine, handshake, still_open

BOTH = pytest.mark.lanes("sim", "real")
PREAMBLE = 48
QUICK = 1.0  # a deadline that the real lane can wait for


def deadline_of(lab: Lab) -> float:
    return 5.0 if lab.lane == "sim" else QUICK  # 5 s is the default


class Scene:
    """An engine with one torrent, and a crowd outside."""

    def __init__(self, lab: Lab, **settings: Any) -> None:
        self.lab = lab
        self.spec: Spec = lab.torrent(pieces=8)
        self.client: Engine = an_engine(lab, **({"handshake_timeout": deadline_of(lab)} | settings))
        self.t = self.client.add(self.spec)
        lab.until(lambda: self.t.state == "stalled", within=5)  # only then it takes peers
        self.crowd = Crowd(lab, self.client)
        self.hello = handshake(self.spec)

    def dial(self, says: bytes = b"") -> Caller:
        return self.crowd.dial(says)

    def honest(self, n: int) -> bytes:
        """A handshake and a word: it has nothing."""
        return handshake(self.spec, b"-CA0001-%012d" % n) + b"\0\0\0\2\5\0"

    def status(self) -> jst.SessionStatus:
        return self.client.session.status()

    def figures(self) -> tuple[int, int, int, int]:
        s = self.status()
        return s.num_peers, s.num_half_open, s.num_pending_incoming, s.sockets

    def is_drained(self) -> bool:
        return self.figures() == (0, 0, 0, 1)  # the listener is left


@pytest.fixture
def scene(lab: Lab) -> Iterator[Scene]:
    made = Scene(lab)
    yield made
    made.crowd.close()


@BOTH
@pytest.mark.covers("S4-1", "S4-2")
def test_accepts_a_valid_handshake(lab: Lab, scene: Scene) -> None:
    caller = scene.dial(scene.hello)
    lab.until(lambda: caller.greeted, within=5)
    assert caller.received[:20] == b"\x13BitTorrent protocol"
    assert caller.received[28:PREAMBLE] == scene.spec.info_hash
    (peer,) = scene.t.peers()
    assert (peer.address[0], peer.direction, peer.source) == (caller.host, "in", "incoming")
    assert scene.figures() == (1, 0, 0, 2)
    caller.close()
    lab.until(scene.is_drained, within=5)


@BOTH
@pytest.mark.covers("S4-2", "S4-6", "S4-W6")
@pytest.mark.parametrize("at", [0, 1, 19])
def test_rejects_another_protocol_at_its_first_wrong_byte(lab: Lab, scene: Scene, at: int) -> None:
    wrong = bytearray(scene.hello[: at + 1])
    wrong[at] ^= 0xFF
    caller, began = scene.dial(bytes(wrong)), lab.now
    lab.until(lambda: caller.closed, within=QUICK / 2)
    assert lab.now - began < deadline_of(lab) / 2 and caller.received == b""
    lab.until(scene.is_drained, within=5)


@BOTH
@pytest.mark.covers("S4-2", "S4-6")
def test_an_encrypted_handshake_is_rejected_at_once(lab: Lab, scene: Scene) -> None:
    caller = scene.dial(bytes(range(96, 192)))  # a public key looks like noise
    lab.until(lambda: caller.closed, within=QUICK / 2)
    assert caller.received == b"" and scene.t.peers(all=True) == []


@BOTH
@pytest.mark.covers("S4-2")
def test_who_says_nothing_is_waited_for_and_then_closed(lab: Lab, scene: Scene) -> None:
    caller, began = scene.dial(), lab.now
    lab.run_for(0.2)
    assert not caller.closed and scene.figures() == (0, 1, 1, 2)
    lab.until(lambda: caller.closed, within=deadline_of(lab) + 1)
    assert deadline_of(lab) - 0.1 <= lab.now - began
    assert caller.received == b""
    lab.until(scene.is_drained, within=5)


@BOTH
@pytest.mark.covers("S4-2")
@pytest.mark.parametrize("size", [1, 19, 47, 48, 67])
def test_a_handshake_that_comes_byte_by_byte_has_one_deadline_and_no_more(lab: Lab, scene: Scene, size: int) -> None:
    """Each byte is in time for a limit on silence; the whole is not."""
    caller, began = scene.dial(scene.hello[:1]), lab.now
    for n in range(1, size):
        lab.at(began + deadline_of(lab) * 0.9 * n / size, caller.send, scene.hello[n : n + 1])
    lab.until(lambda: caller.closed, within=deadline_of(lab) + 1)
    assert deadline_of(lab) - 0.1 <= lab.now - began
    assert not caller.greeted
    lab.until(scene.is_drained, within=5)


@BOTH
@pytest.mark.covers("S4-4")
def test_rejects_an_unknown_info_hash_as_soon_as_it_is_said(lab: Lab, scene: Scene) -> None:
    stranger = scene.dial(handshake(scene.spec, info_hash=bytes(20))[:PREAMBLE])
    friend = scene.dial(scene.hello[:PREAMBLE])
    lab.until(lambda: stranger.closed, within=QUICK / 2)
    assert stranger.received == b"" and not friend.closed


@BOTH
@pytest.mark.covers("S4-4")
@pytest.mark.parametrize("end", ["stop", "remove"])
def test_who_serves_what_is_asked_when_it_is_said(lab: Lab, scene: Scene, end: str) -> None:
    early = scene.dial()
    lab.until(lambda: scene.status().num_pending_incoming == 1, within=2)
    getattr(scene.t, end)()
    early.send(scene.hello)
    lab.until(lambda: early.closed, within=2)
    late = scene.dial(scene.hello)
    lab.until(lambda: late.closed, within=2)
    assert early.received == late.received == b""
    lab.until(scene.is_drained, within=5)
    again = scene.client.add(scene.spec) if end == "remove" else scene.t
    again.start()
    lab.until(lambda: again.state == "stalled", within=5)
    back = scene.dial(scene.hello)
    lab.until(lambda: back.greeted, within=2)


@BOTH
def test_who_is_banned_while_it_waits_at_the_door_is_not_let_in(lab: Lab, scene: Scene) -> None:
    early = scene.crowd.dial(host=7)
    lab.until(lambda: scene.status().num_pending_incoming == 1, within=2)
    scene.client.session.ban(early.host)
    lab.until(lambda: early.closed, within=QUICK / 2)  # long before its deadline
    late = scene.crowd.dial(scene.hello, host=7)
    lab.until(lambda: late.closed, within=2)
    assert early.received == late.received == b""
    lab.until(scene.is_drained, within=5)


@BOTH
@pytest.mark.covers("S4-4")
@pytest.mark.parametrize("said", [PREAMBLE, HANDSHAKE])
def test_a_torrent_removed_in_the_middle_of_a_handshake(lab: Lab, scene: Scene, said: int) -> None:
    caller = scene.dial(scene.hello[:said])
    lab.until(lambda: scene.figures()[3] == 2, within=2)
    lab.run_for(0.1)
    scene.t.remove()
    caller.send(scene.hello[said:])
    lab.until(lambda: caller.closed, within=2)
    lab.until(scene.is_drained, within=5)
    assert scene.client.session.is_healthy()


@BOTH
@pytest.mark.covers("S4-3", "S4-14")
def test_ten_handshakes_at_once_five_of_them_good(lab: Lab, scene: Scene) -> None:
    good = [scene.dial(scene.honest(n)) for n in range(5)]
    bad = [scene.dial(handshake(scene.spec, info_hash=bytes([n]) * 20)) for n in range(5)]
    lab.until(lambda: all(c.greeted for c in good) and all(c.closed for c in bad), within=5)
    assert {p.address[0] for p in scene.t.peers()} == {c.host for c in good}
    assert scene.figures() == (5, 0, 0, 6)


@BOTH
@pytest.mark.covers("S4-3")
def test_a_slow_first_client_does_not_delay_a_fast_second(lab: Lab, scene: Scene) -> None:
    slow = scene.dial(scene.honest(1)[:1])
    lab.until(lambda: scene.status().num_pending_incoming == 1, within=2)
    fast, began = scene.dial(scene.honest(2)), lab.now
    lab.until(lambda: fast.greeted, within=QUICK / 2)
    assert lab.now - began < deadline_of(lab) / 2 and not slow.greeted
    slow.send(scene.honest(1)[1:])
    lab.until(lambda: slow.greeted, within=QUICK / 2)
    assert [p.address[0] for p in scene.t.peers()] == [fast.host, slow.host]


@BOTH
@pytest.mark.covers("S4-5")
@pytest.mark.parametrize("cut", [0, 20, PREAMBLE, 67, HANDSHAKE])
def test_what_identifies_a_peer_is_not_lost_for_the_peer(lab: Lab, scene: Scene, cut: int) -> None:
    """All 68 bytes and what comes with them, whole or in two parts."""
    bitfield = b"\x00\x00\x00\x02\x05\xff"
    said = scene.hello + bitfield
    caller = scene.dial(said[:cut])
    if cut:
        lab.until(lambda: scene.figures()[3] == 2, within=2)
        lab.run_for(0.05)
        caller.send(said[cut:])
    else:
        caller.send(said)
    lab.until(lambda: [p.progress for p in scene.t.peers()] == [1.0], within=2)
    (peer,) = scene.t.peers()
    assert peer.peer_id == scene.hello[PREAMBLE:] and peer.counters.wire_received == len(said)
    assert scene.t.status().counters.wire_received == scene.status().counters.wire_received == len(said)


@BOTH
@pytest.mark.covers("S4-11", "S4-W2")
def test_of_two_at_once_and_one_place_none_is_lost(lab: Lab) -> None:
    scene = Scene(lab, max_pending_incoming=1)
    both = [scene.dial(scene.honest(n)) for n in range(2)]
    lab.until(lambda: all(c.greeted for c in both), within=2)
    assert {p.address[0] for p in scene.t.peers()} == {c.host for c in both}
    scene.crowd.close()


@BOTH
@pytest.mark.covers("S4-11", "S4-W2")
def test_while_all_places_are_taken_time_goes_on(lab: Lab) -> None:
    """One who waits outside costs those inside nothing: their handshakes end, or their time does."""
    scene = Scene(lab, max_pending_incoming=2)
    silent, honest = scene.dial(), scene.dial(scene.honest(1)[:PREAMBLE])
    lab.until(lambda: scene.status().num_pending_incoming == 2, within=2)
    outside = scene.dial(scene.honest(2))
    lab.run_for(0.2)
    assert not outside.greeted and scene.status().num_pending_incoming == 2
    honest.send(scene.honest(1)[PREAMBLE:])
    lab.until(lambda: honest.greeted and outside.greeted, within=QUICK / 2)
    lab.until(lambda: silent.closed, within=deadline_of(lab) + 1)
    scene.crowd.close()


def end_within(lab: Lab, scene: Scene, seconds: float) -> None:
    """A clean end, and nothing left."""
    began, wall = lab.now, time.monotonic()
    assert scene.client.session.close() is True
    took = lab.now - began if lab.lane == "sim" else time.monotonic() - wall
    assert took <= seconds, f"{took:.3f} s"
    s = scene.status()
    assert (s.num_peers, s.num_half_open, s.num_pending_incoming, s.sockets, s.timers) == (0, 0, 0, 0, 0)


STATES = ["idle", "stalled", "full", "no descriptors", "connected", "dialling"]


@BOTH
@pytest.mark.covers("S4-12", "S4-13", "S4-W1")
@pytest.mark.parametrize("state", STATES)
def test_an_end_within_half_a_second_in_every_state(lab: Lab, state: str) -> None:
    scene = Scene(lab, handshake_timeout=60.0, max_pending_incoming=4)
    if state in ("stalled", "full"):
        scene.crowd.several(3 if state == "stalled" else 20)
        lab.until(lambda: scene.status().num_pending_incoming == (3 if state == "stalled" else 4), within=2)
    elif state == "no descriptors":
        scene.client.sockets.quota(1)
        scene.crowd.several(3)
        lab.until(lambda: bool(scene.client.history(jst.AcceptFailed)), within=5)
    elif state == "connected":
        callers = [scene.dial(scene.honest(n)) for n in range(3)]
        lab.until(lambda: all(c.greeted for c in callers), within=5)
    elif state == "dialling":
        scene.t.connect(("10.255.0.1", 9) if lab.lane == "sim" else ("192.0.2.1", 9))
    end_within(lab, scene, 0.5)
    lab.until(lambda: still_open(scene.crowd.callers) == 0 or state == "no descriptors", within=5)
    scene.crowd.close()


@BOTH
@pytest.mark.covers("S4-12", "S4-13")
def test_a_cut_is_clean_and_leaves_the_port_free(lab: Lab) -> None:
    scene = Scene(lab, max_pending_incoming=4)
    scene.crowd.several(8)
    lab.until(lambda: scene.status().num_pending_incoming == 4, within=2)
    port = scene.client.address[1]
    scene.client.session.close(timeout=0)
    s = scene.status()
    assert (s.num_half_open, s.num_pending_incoming, s.sockets) == (0, 0, 0)
    scene.crowd.close()
    lab.run_for(0.1)
    scene.client.stop()
    scene.client.start()
    lab.until(lambda: scene.client.session.listen_port is not None, within=1)
    if lab.lane == "sim":
        assert scene.client.session.listen_port == port
    back = scene.client.add(scene.spec)  # a cut saves nothing
    lab.until(lambda: back.state == "stalled", within=10)
    caller = scene.dial(scene.hello)
    lab.until(lambda: caller.greeted, within=5)
    scene.crowd.close()


@BOTH
@pytest.mark.covers("S4-8", "S4-14", "S4-W9")
@pytest.mark.parametrize("mute", [50, 100])
def test_dropped_hogs_drain_to_zero(lab: Lab, mute: int) -> None:
    scene = Scene(lab)
    hogs = scene.crowd.several(mute)
    lab.until(lambda: scene.status().num_pending_incoming >= mute // 2, within=5)
    for hog in hogs:
        hog.close()
    lab.until(scene.is_drained, within=3)
    caller = scene.dial(scene.hello)
    lab.until(lambda: caller.greeted, within=2)
    caller.close()
    lab.until(scene.is_drained, within=3)
