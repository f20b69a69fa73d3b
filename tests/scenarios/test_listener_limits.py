"""S4: the limits of the listener hold at any moment, may be changed while it runs, and count a peer for its whole life."""

import socket
from collections import Counter
from typing import Any

import jstorrent as jst
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jstorrent.lab import Lab

from tests.scenarios.callers import Caller, handshake, still_open
from tests.scenarios.test_listener import Scene
from tests.support.ipv6 import needs_ipv6

BOTH = pytest.mark.lanes("sim", "real")
LIMITS = [
    "max_connections", "max_connections_per_torrent", "max_connections_per_host", "max_half_open", "max_pending_incoming",
    "max_pending_per_host",
]  # fmt: skip
HUGE = 2**64 - 1


# -- what a limit may be


@pytest.mark.covers("S4-7", "S4-W5")
@given(name=st.sampled_from(LIMITS), value=st.sampled_from([-1, 0, 1, HUGE, HUGE + 1, None]) | st.integers(-(2**70), 2**70))
def test_a_limit_is_none_or_at_least_one(name: str, value: int | None) -> None:
    wanted: dict[str, Any] = {name: value}
    if value is None or value == -1:
        assert getattr(jst.Settings(**wanted), name) is None
    elif 1 <= value <= HUGE:
        assert getattr(jst.Settings(**wanted), name) == value
    else:
        with pytest.raises(jst.SettingsError) as caught:
            jst.Settings(**wanted)
        assert caught.value.key == name


@pytest.mark.covers("S4-7", "S4-W5")
@pytest.mark.parametrize("name", LIMITS)
@given(first=st.sampled_from([-1, 1, 7, HUGE]), second=st.sampled_from([-1, 0, 1, 3, HUGE]))
def test_a_running_session_takes_a_limit_or_keeps_what_it_had(name: str, first: int, second: int) -> None:
    with Lab(seed=1) as lab:
        settings: dict[str, Any] = {name: first}
        client = lab.engine("client", **settings)
        before = None if first == -1 else first
        assert getattr(client.session.settings, name) == before
        if second == 0:
            with pytest.raises(jst.SettingsError):
                client.session.configure(**{name: 0})
            assert getattr(client.session.settings, name) == before
        else:
            client.session.configure(**{name: second})
            assert getattr(client.session.settings, name) == (None if second == -1 else second)


@pytest.mark.covers("S4-W5")
@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("value", [-1, HUGE])
def test_no_limit_and_a_huge_one_let_peers_in_and_out(lab: Lab, name: str, value: int) -> None:
    """Neither shuts the door, and neither shuts the way out."""
    scene = Scene(lab, **{name: value})
    inside = [scene.dial(scene.honest(n)) for n in range(3)]
    other = lab.engine("other")
    other.add(scene.spec)
    scene.t.connect(other.address)
    lab.until(lambda: all(c.greeted for c in inside) and scene.status().num_peers == 4, within=5)


# -- who waits


@BOTH
@pytest.mark.covers("S4-7", "S4-W8")
@pytest.mark.parametrize("cap", ["max_pending_incoming", "max_half_open"])
@pytest.mark.parametrize("most", [1, 2, 7])
def test_of_those_who_stall_no_more_than_the_cap_are_live(lab: Lab, cap: str, most: int) -> None:
    scene = Scene(lab, **{cap: most})
    live = lab.watch(lambda: scene.status().num_pending_incoming)
    half_open = lab.watch(lambda: scene.status().num_half_open)
    scene.crowd.several(most + 3)
    lab.run_for(0.5)
    assert live.max == half_open.max == most
    scene.crowd.close()
    lab.until(scene.is_drained, within=3)
    assert live.max == most


@BOTH
@pytest.mark.covers("S4-7", "S4-W3")
@pytest.mark.parametrize("value", [-1, None])
def test_no_limit_admits_five(lab: Lab, value: int | None) -> None:
    scene = Scene(lab, max_pending_incoming=value)
    scene.crowd.several(5)
    lab.until(lambda: scene.status().num_pending_incoming == 5, within=2)
    scene.crowd.close()


@BOTH
@pytest.mark.covers("S4-W3")
def test_without_a_cap_on_those_who_wait_the_one_on_half_open_links_holds(lab: Lab) -> None:
    scene = Scene(lab, max_pending_incoming=-1, max_half_open=3)
    live = lab.watch(lambda: scene.status().num_half_open)
    scene.crowd.several(6)
    lab.run_for(0.5)
    assert live.max == 3
    scene.crowd.close()


@BOTH
@pytest.mark.covers("S4-W7")
@pytest.mark.parametrize("most", [1, 4])
def test_one_host_holds_no_more_places_than_its_cap(lab: Lab, most: int) -> None:
    scene = Scene(lab, max_pending_per_host=most)
    crowd = [scene.crowd.dial(host=1) for _ in range(most + 3)]
    lab.until(lambda: still_open(crowd) == most, within=2)
    assert scene.status().num_pending_incoming == most
    other = scene.dial(scene.hello)
    lab.until(lambda: other.greeted, within=2)
    scene.crowd.close()


@BOTH
@pytest.mark.covers("S4-W7")
def test_ten_hosts_with_twenty_links_each_share_the_places(lab: Lab) -> None:
    scene = Scene(lab, max_pending_incoming=20, max_pending_per_host=5, handshake_timeout=60.0)
    crowd = [scene.crowd.dial(host=n % 10) for n in range(200)]
    lab.run_for(2.5)
    held = Counter(c.host for c in crowd if not c.closed)
    assert scene.status().num_pending_incoming == 20
    # Whom the backlog still holds is not closed either, so what counts is who is served: one of each host who now speaks.
    assert len(held) >= 4
    late = [scene.crowd.dial(scene.honest(n), host=n + 50) for n in range(10)]
    lab.until(lambda: all(c.greeted for c in late), within=10)
    assert scene.status().num_peers == 10
    scene.crowd.close()


@BOTH
@pytest.mark.covers("S4-7")
def test_a_cap_that_is_raised_lets_in_who_waits_and_one_that_is_lowered_sends_away(lab: Lab) -> None:
    scene = Scene(lab, max_pending_incoming=1, handshake_timeout=60.0)
    scene.crowd.several(4)
    lab.until(lambda: scene.status().num_pending_incoming == 1, within=2)
    scene.client.session.configure(max_pending_incoming=3)
    lab.until(lambda: scene.status().num_pending_incoming == 3, within=2)
    scene.client.session.configure(max_pending_incoming=2)
    assert scene.status().num_pending_incoming == 2
    scene.client.session.configure(max_half_open=1)
    assert scene.status().num_half_open == 1
    scene.client.session.configure(max_half_open=-1, max_pending_incoming=-1)
    lab.until(lambda: scene.status().num_pending_incoming == still_open(scene.crowd.callers), within=2)
    scene.crowd.close()


# -- who stays


def greeted(callers: list[Caller]) -> int:
    return sum(c.greeted for c in callers)


@BOTH
@pytest.mark.covers("S4-7", "S4-W4")
@pytest.mark.parametrize("cap", ["max_connections", "max_connections_per_torrent"])
def test_a_peer_counts_for_its_whole_life(lab: Lab, cap: str) -> None:
    scene = Scene(lab, **{cap: 2})
    most = lab.watch(lambda: scene.status().num_peers)
    first = [scene.dial(scene.honest(n)) for n in range(2)]
    lab.until(lambda: greeted(first) == 2, within=2)
    third = scene.dial(scene.honest(3))
    lab.until(lambda: third.closed, within=2)
    assert [e.reason for e in scene.client.history(jst.PeerDisconnected)] == ["limit"]
    first[0].close()
    lab.until(lambda: scene.status().num_peers == 1, within=2)
    fourth = scene.dial(scene.honest(4))
    lab.until(lambda: fourth.greeted and scene.status().num_peers == 2, within=2)
    assert most.max <= 2
    scene.crowd.close()
    lab.until(scene.is_drained, within=3)


@BOTH
@pytest.mark.covers("S4-7", "S4-W4")
@pytest.mark.parametrize("cap", ["max_connections", "max_connections_per_torrent"])
def test_a_lowered_cap_on_peers_sheds_the_newest_of_those_who_give_nothing(lab: Lab, cap: str) -> None:
    scene = Scene(lab)
    callers = []
    for n in range(5):
        callers.append(scene.dial(scene.honest(n)))
        lab.until(lambda: greeted(callers) == len(callers), within=2)
    scene.client.session.configure(**{cap: 2})
    assert scene.status().num_peers == 2
    lab.until(lambda: still_open(callers) == 2, within=2)
    assert [c.closed for c in callers] == [False, False, True, True, True]
    assert [e.reason for e in scene.client.history(jst.PeerDisconnected)] == ["limit"] * 3
    scene.crowd.close()


@BOTH
@pytest.mark.covers("S4-W4")
def test_a_lowered_cap_of_one_torrent_or_one_host_sheds_there(lab: Lab) -> None:
    scene = Scene(lab)
    crowd = [scene.crowd.dial(scene.honest(n), host=n // 3) for n in range(6)]
    lab.until(lambda: scene.status().num_peers == 6, within=5)
    scene.client.session.configure(max_connections_per_host=2)
    lab.until(lambda: Counter(c.host for c in crowd if not c.closed) == {crowd[0].host: 2, crowd[5].host: 2}, within=2)
    scene.t.configure(max_connections=1)
    assert scene.status().num_peers == 1
    scene.crowd.close()


# -- both ways out of half-open


@pytest.mark.covers("S4-7")
def test_a_crowd_at_the_door_does_not_stop_our_own_dials(lab: Lab) -> None:
    scene = Scene(lab, handshake_timeout=60.0)
    scene.crowd.several(150)
    lab.until(lambda: scene.status().num_pending_incoming > 90, within=2)
    seed = lab.seeder("seed", scene.spec)
    scene.t.connect(seed.address)
    lab.until(lambda: scene.t.state == "seeding", within=5)
    assert scene.status().num_half_open <= 100


@pytest.mark.covers("S4-7")
def test_dead_addresses_do_not_keep_out_who_dials_us(lab: Lab) -> None:
    scene = Scene(lab)
    for n in range(300):
        scene.t.connect((f"10.99.{n // 200}.{n % 200 + 1}", 6881))
    half_open = lab.watch(lambda: scene.status().num_half_open)
    lab.run_for(1)
    assert half_open.max > 90
    caller = scene.dial(scene.hello)
    lab.until(lambda: caller.greeted, within=2)
    assert half_open.max <= 100


@pytest.mark.covers("S4-7")
def test_a_torrent_that_found_no_place_dials_when_another_one_gives_its_places_back(lab: Lab) -> None:
    client = lab.engine("client", max_half_open=2)
    hungry, other = lab.torrent(pieces=4), lab.torrent(pieces=4)
    client.add(hungry, peers=[("10.99.0.1", 6881), ("10.99.0.2", 6881)])
    lab.run_for(1)
    assert client.session.status().num_half_open == 2
    seed = lab.seeder("seed", other)
    t = client.add(other, peers=[seed])
    lab.until(lambda: t.state == "seeding", within=60)


# -- IPv6


@pytest.mark.lanes("real")
@pytest.mark.covers("S4-1", "S4-W8")
@needs_ipv6
def test_two_addresses_share_the_places(lab: Lab) -> None:
    """Each has an accept of its own under way, and together they stay within the cap."""
    spec = lab.torrent(pieces=2)
    client = lab.engine("client", host="127.77.0.1", listen=("127.77.0.1", "::1"), max_pending_incoming=2)
    t = client.add(spec)
    live = lab.watch(lambda: client.session.status().num_pending_incoming)
    port = client.session.listen_port
    crowd = [socket.create_connection((host, port)) for host in ("127.77.0.1", "::1", "::1", "127.77.0.1", "::1")]
    lab.run_for(0.5)
    assert live.max == 2
    for one in crowd:
        one.close()
    lab.until(lambda: client.session.status().num_pending_incoming == 0, within=5)
    with socket.create_connection(("::1", port)) as honest:
        honest.sendall(handshake(spec))
        lab.until(lambda: [p.address[0] for p in t.peers()] == ["::1"], within=2)
    lab.until(lambda: client.session.status().sockets == 2, within=5)
    assert live.max == 2
