"""S4: running out of descriptors, and moving to another port."""

import contextlib
import socket
import subprocess
import sys

import jstorrent as jst
import pytest
from jstorrent.lab import Lab

from tests.scenarios.callers import Caller, Crowd, still_open
from tests.scenarios.test_listener import Scene
from tests.support.sanitizers import needs_descriptors

BOTH = pytest.mark.lanes("sim", "real")
PAUSE = 1.0  # between two tries to accept


# -- no descriptors


@BOTH
@pytest.mark.covers("S4-10", "S4-W1")
def test_without_descriptors_accepting_pauses_and_nothing_else_does(lab: Lab) -> None:
    scene = Scene(lab)
    peer, silent = scene.dial(scene.honest(1)), scene.dial()
    lab.until(lambda: peer.greeted and scene.status().num_pending_incoming == 1, within=2)
    scene.client.sockets.quota(scene.client.sockets.open)
    outside = scene.dial(scene.honest(2))
    lab.until(lambda: bool(scene.client.history(jst.AcceptFailed)), within=2)
    lab.until(lambda: silent.closed, within=6)  # its time was over, back-off or not
    lab.run_for(0.3 if lab.lane == "real" else 0.001)
    # Its descriptor is free: the next try finds it.
    lab.until(lambda: outside.greeted, within=2 * PAUSE)
    assert not peer.closed and scene.status().num_peers == 2
    scene.crowd.close()
    lab.until(scene.is_drained, within=3)


@BOTH
@pytest.mark.covers("S4-10", "S4-W1")
def test_a_failed_accept_is_tried_again_and_does_not_spin(lab: Lab) -> None:
    scene = Scene(lab)
    scene.client.sockets.quota(1)
    outside = scene.dial(scene.hello)
    lab.until(lambda: bool(scene.client.history(jst.AcceptFailed)), within=2)
    began, before = lab.now, scene.status()
    lab.run_for(3)
    assert not outside.greeted and scene.status().num_pending_incoming == 0
    (told,) = scene.client.history(jst.AcceptFailed)  # once, however often it was tried
    assert (told.address, told.retry_in, told.torrent) == (scene.client.address, PAUSE, None)
    assert "socket" in told.message
    assert scene.status().max_expiries <= before.max_expiries + 2
    scene.client.sockets.quota(None)
    lab.until(lambda: outside.greeted, within=2 * PAUSE)
    assert lab.now - began < 3 + 2 * PAUSE
    scene.client.sockets.quota(scene.client.sockets.open)
    scene.dial(scene.honest(5))
    lab.until(lambda: len(scene.client.history(jst.AcceptFailed)) == 2, within=2)  # a new time is told again
    scene.crowd.close()


@pytest.mark.covers("S4-10")
def test_turns_while_backing_off_are_few(lab: Lab) -> None:
    """A spin would be a round for each instant; here it is one for each try."""
    scene = Scene(lab)
    scene.client.sockets.quota(1)
    scene.crowd.several(50)
    lab.run_for(2)
    turns: list[float] = []
    lab.watch(lambda: turns.append(lab.now) or 0)  # type: ignore[func-returns-value]
    lab.run_for(30)
    assert len(turns) < 150


@BOTH
@pytest.mark.covers("S4-10")
def test_without_descriptors_a_dial_fails_and_is_tried_later(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client", reconnect_interval=0.5)
    seed = lab.seeder("seed", spec)
    client.sockets.quota(1)
    t = client.add(spec, peers=[seed])
    lab.until(lambda: bool(client.history(jst.PeerDisconnected)), within=5)
    assert client.history(jst.PeerDisconnected)[0].reason == "connect_failed"
    lab.run_for(1)
    assert t.state in ("downloading", "stalled") and client.sockets.open == 1
    client.sockets.quota(None)
    lab.until(lambda: t.state == "seeding", within=30)


_OUT_OF_DESCRIPTORS = """
import logging, os, resource, socket, time
import jstorrent as jst

logging.basicConfig(level=logging.WARNING)  # another thread's words: into another stream
session = jst.Session(jst.Settings(listen=["127.0.0.1"], handshake_timeout=1.5))
log = session.events(jst.AcceptFailed)
first = socket.create_connection(("127.0.0.1", session.listen_port))
while session.status().num_pending_incoming == 0: log.get(timeout=0.01)
late = socket.socket()
free = os.dup(0); os.close(free)
hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard[1]))
late.connect(("127.0.0.1", session.listen_port))
event = log.get(timeout=5)
print("event", event.message)
first.settimeout(5)
try:
    print("first", first.recv(1))
except ConnectionResetError:
    print("first", b"")
cpu = time.process_time(); wall = time.monotonic()
while session.status().num_pending_incoming == 0 and time.monotonic() - wall < 5: log.get(timeout=0.01)
print("late", session.status().num_pending_incoming)
began = time.monotonic()
print("closed", session.close(), time.monotonic() - began < 0.5)
print("spin", time.process_time() - cpu > 1.0)
"""


@needs_descriptors
@pytest.mark.covers("S4-10", "S4-W1")
def test_a_process_that_really_has_no_descriptors_left() -> None:
    """The kernel says EMFILE: it is told, those inside keep their deadline, what that frees is used, and it ends at once."""
    done = subprocess.run([sys.executable, "-c", _OUT_OF_DESCRIPTORS], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "event no more sockets can be opened" in lines
    told = [line for line in done.stderr.splitlines() if line.startswith("WARNING:jstorrent")]
    assert any("no peer can be accepted at 127.0.0.1" in line for line in told)
    assert [line for line in lines if line.split()[0] in ("first", "late", "closed", "spin")] == [
        "first b''", "late 1", "closed True True", "spin False",
    ]  # fmt: skip


# -- another port


def reaches(lab: Lab, scene: Scene, port: int, n: int) -> Caller:
    caller = scene.crowd.dial(scene.honest(n), port=port)
    lab.until(lambda: caller.greeted or caller.closed, within=3)
    return caller


def another_port(lab: Lab, scene: Scene) -> int:
    """One that is free, near the old one."""
    return scene.client.address[1] + 7 if lab.lane == "sim" else _free_port(scene.client.address[0])


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def undialled_port() -> int:
    """Free at all addresses, and below those that the kernel gives to whoever dials or asks for any."""
    for port in range(23_000, 24_000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("0.0.0.0", port))
            return port
    pytest.fail("no port is free from 23000 to 23999")


@BOTH
@pytest.mark.covers("S4-15")
def test_a_new_port_answers_the_old_one_does_not_and_links_live(lab: Lab) -> None:
    scene = Scene(lab)
    old = scene.client.address[1]
    friend, waiting = scene.dial(scene.honest(1)), scene.dial(scene.honest(2)[:30])
    lab.until(lambda: friend.greeted and scene.status().num_pending_incoming == 1, within=2)
    new = another_port(lab, scene)
    assert scene.client.session.configure(listen_port=new).listen_port == new
    assert scene.client.session.listen_port == new
    assert reaches(lab, scene, new, 3).greeted
    assert not reaches(lab, scene, old, 4).greeted
    waiting.send(scene.honest(2)[30:])  # who had come in stays in
    lab.until(lambda: waiting.greeted, within=2)
    assert not friend.closed and scene.status().num_peers == 3
    scene.crowd.close()
    lab.until(scene.is_drained, within=3)


@BOTH
@pytest.mark.covers("S4-15")
def test_a_port_that_cannot_be_had_leaves_all_as_it_was(lab: Lab) -> None:
    scene = Scene(lab)
    old = scene.client.address[1]
    friend = scene.dial(scene.honest(1))
    lab.until(lambda: friend.greeted, within=2)
    host = scene.client.address[0]
    taken = _Taken(lab, host)
    before = scene.client.session.settings
    with pytest.raises(jst.NetworkError) as caught:
        scene.client.session.configure(listen_port=taken.port, max_connections=77)
    assert (caught.value.code, caught.value.address) == ("address_in_use", (host, taken.port))
    assert scene.client.session.settings == before and scene.client.session.listen_port == old
    assert reaches(lab, scene, old, 2).greeted and not friend.closed
    assert scene.status().sockets == 3
    taken.close()
    scene.client.session.configure(listen_port=taken.port, max_connections=77)
    assert scene.client.session.settings.max_connections == 77
    assert reaches(lab, scene, taken.port, 3).greeted
    scene.crowd.close()


class _Taken:
    """A port of the engine's host that somebody else has."""

    def __init__(self, lab: Lab, host: str) -> None:
        self.socket: socket.socket | None = None
        if lab.lane == "sim":
            self._other = lab.engine("other", host=host, port=7007)
            self.port = 7007
            return
        self.socket = socket.socket()
        self.socket.bind((host, 0))
        self.socket.listen()
        self.port = int(self.socket.getsockname()[1])

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
        else:
            self._other.stop()


@BOTH
@pytest.mark.covers("S4-15")
def test_a_hundred_moves_leave_one_listener(lab: Lab) -> None:
    scene = Scene(lab)
    friend = scene.dial(scene.hello)
    lab.until(lambda: friend.greeted, within=2)
    first, second = scene.client.address[1], another_port(lab, scene)
    for n in range(100):
        scene.client.session.configure(listen_port=second if n % 2 == 0 else first)
    assert scene.client.session.listen_port == first
    lab.until(lambda: scene.status().sockets == 2, within=2)
    assert reaches(lab, scene, first, 9).greeted and not friend.closed
    scene.crowd.close()


@BOTH
@pytest.mark.covers("S4-12", "S4-15")
def test_a_move_while_all_is_full_and_no_descriptor_is_left(lab: Lab) -> None:
    """The new listener needs a descriptor before the old one gives its own back: without, nothing changes."""
    scene = Scene(lab, max_pending_incoming=2, handshake_timeout=60.0)
    scene.crowd.several(6)
    lab.until(lambda: scene.status().num_pending_incoming == 2, within=2)
    old, new = scene.client.address[1], another_port(lab, scene)
    scene.client.sockets.quota(scene.client.sockets.open)
    with pytest.raises(jst.NetworkError) as caught:
        scene.client.session.configure(listen_port=new)
    assert caught.value.code == "too_many_sockets" and scene.client.session.listen_port == old
    scene.client.sockets.quota(None)
    scene.client.session.configure(listen_port=new)
    lab.run_for(1.1)
    assert scene.client.session.listen_port == new and scene.status().num_pending_incoming == 2
    assert reaches(lab, scene, new, 1).greeted
    scene.crowd.close()
    lab.until(scene.is_drained, within=5)


@pytest.mark.lanes("real")
@pytest.mark.covers("S4-15")
def test_from_one_address_to_all_and_back_on_one_port(lab: Lab) -> None:
    """The two exclude each other, so the old one ends first. The port is free at every address, and no dial takes it."""
    scene = Scene(lab)
    port, crowd = undialled_port(), Crowd(lab, scene.client)
    scene.client.session.configure(listen_port=port)
    scene.client.session.configure(listen_port=None)  # any: the one it has is kept where it can be
    for hosts in (("0.0.0.0",), ("127.77.0.1",)):
        scene.client.session.configure(listen=hosts)
        assert scene.client.session.listen_port == port
        caller = crowd.dial(scene.honest(len(crowd.callers)), port=port)
        lab.until(lambda c=caller: c.greeted, within=2)  # type: ignore[misc]
    scene.client.session.configure(listen=())
    assert scene.client.session.listen_port is None
    assert still_open(crowd.callers) == 2  # links stay
    crowd.close()
