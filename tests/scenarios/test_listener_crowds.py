"""S4: a crowd that only holds places cannot keep an honest seed out, and leaves nothing behind."""

import jstorrent as jst
import pytest
from jstorrent.lab import Behaviour, Handshake, Lab

from tests.scenarios.callers import Crowd, an_engine, handshake, still_open
from tests.scenarios.test_listener import Scene

BOTH = pytest.mark.lanes("sim", "real")
HOGS, SILENT, WITHIN = 1000, 200, 30.0
ALL = "S4-14", "S4-W3", "S4-W7", "S4-W9"


def watched(lab: Lab, client: jst.Session) -> None:
    """No limit is exceeded at any time, and no figure is below zero or beyond what it is made of."""
    s = client.settings

    def holds() -> bool:
        now = client.status()
        return (
            now.num_pending_incoming <= min(s.max_pending_incoming or HOGS, now.num_half_open)
            and now.num_half_open <= (s.max_half_open or HOGS)
            and now.num_peers <= (s.max_connections or HOGS)
            and now.num_peers + now.num_half_open <= now.sockets <= now.num_peers + now.num_half_open + 2
        )

    lab.always(holds, "the limits of the listener")


@BOTH
@pytest.mark.covers(*ALL)
@pytest.mark.parametrize("when", ["before", "behind"])
def test_a_thousand_hogs_and_two_hundred_silent_peers_keep_no_honest_one_out(lab: Lab, when: str) -> None:
    """It comes first of those who wait for a place, or as the very last."""
    spec = lab.torrent(pieces=8)
    client = an_engine(lab)
    t = client.add(spec)
    lab.until(lambda: t.state == "stalled", within=5)
    watched(lab, client.session)
    crowd = Crowd(lab, client)
    crowd.several(HOGS // 2)
    honest = handshake(spec, b"-HO0001-honest-peer.")
    seed = crowd.dial(honest) if when == "before" else None
    crowd.several(HOGS // 2)
    for n in range(SILENT):
        crowd.dial(handshake(spec, b"-CA0001-%012d" % n))
    seed = seed or crowd.dial(honest)
    began = lab.now
    # A peer that is told that there is no room comes again, as every client does.
    def is_in() -> bool:
        nonlocal seed
        assert seed is not None
        if seed.closed:
            seed = crowd.dial(honest)
        return seed.greeted and any(p.peer_id == honest[48:] for p in t.peers())

    lab.until(is_in, within=WITHIN, every=0.5)
    assert lab.now - began < WITHIN
    crowd.close()
    lab.until(lambda: client.session.status().sockets == 1, within=15)
    s = client.session.status()
    assert (s.num_peers, s.num_half_open, s.num_pending_incoming) == (0, 0, 0)
    assert client.session.is_healthy()


@pytest.mark.covers(*ALL)
@pytest.mark.parametrize("kind", ["half_open", "mute"])
def test_a_seed_behind_hogs_that_come_again_and_again_gives_all_it_has(lab: Lab, kind: str) -> None:
    """Scripted hogs, in a pool that never ends: a link that was closed is dialled again after a second."""
    spec = lab.torrent(pieces=8)
    client = lab.engine("client")
    t = client.add(spec)
    watched(lab, client.session)
    how = {"behave": [Behaviour("half_open")]} if kind == "half_open" else {"handshake": Handshake(send=False)}
    hogs = [lab.peer(f"hog{n}", spec, **how) for n in range(300)]
    for hog in hogs:
        hog.connect(client, retry=1.0)
    lab.run_for(20)
    seed = lab.engine("seed")
    seed.add(spec, have="all").connect(client.address)
    began = lab.now
    lab.until(lambda: t.state == "seeding", within=WITHIN)
    assert lab.now - began < WITHIN
    for hog in hogs:
        hog.disconnect()
    seed.stop()
    lab.until(lambda: client.session.status().num_half_open == 0, within=10)
    assert client.session.status().sockets == 1


@BOTH
@pytest.mark.covers("S4-W7")
def test_three_hosts_that_fill_every_place_lose_them_to_the_first_who_comes(lab: Lab) -> None:
    scene = Scene(lab, max_pending_incoming=30, max_pending_per_host=10, handshake_timeout=60.0)
    hogs = [scene.crowd.dial(host=n % 3) for n in range(60)]
    lab.until(lambda: scene.status().num_pending_incoming == 30, within=2)
    lab.run_for(1.1)
    began = lab.now
    honest = [scene.dial(scene.honest(n)) for n in range(5)]
    lab.until(lambda: all(c.greeted for c in honest), within=5)
    assert lab.now - began < 1
    assert still_open(hogs) < 30
    scene.crowd.close()
    lab.until(scene.is_drained, within=5)


@BOTH
@pytest.mark.covers("S4-W4")
@pytest.mark.parametrize(("word", "grace"), [(b"", 1.0), (b"\0\0\0\2\5\0", 10.0)], ids=["mute", "idle"])
def test_silent_peers_that_hold_every_link_make_room(lab: Lab, word: bytes, grace: float) -> None:
    """Who said nothing since its handshake soon, who said that it has nothing after ten seconds."""
    scene = Scene(lab, max_connections=5)
    silent = [scene.dial(handshake(scene.spec, b"-CA0001-%012d" % n) + word) for n in range(5)]
    began = lab.now
    lab.until(lambda: scene.status().num_peers == 5, within=5)
    if lab.now - began < 0.5:
        too_early = scene.dial(scene.honest(10))
        lab.until(lambda: too_early.closed, within=2)
    lab.run_for(grace + 0.1)
    late = scene.dial(scene.honest(11))
    lab.until(lambda: late.greeted, within=2)
    assert scene.status().num_peers == 5
    lab.until(lambda: still_open(silent) == 4, within=2)
    assert [e.reason for e in scene.client.history(jst.PeerDisconnected)][-1] == "useless"
    scene.crowd.close()


@BOTH
@pytest.mark.covers(*ALL)
def test_an_engine_that_dials_into_such_a_crowd_gives_all_it_has(lab: Lab) -> None:
    """It gives up after 5 s, comes again after 10 s, and is sent away where there is no link left."""
    spec = lab.torrent(pieces=8)
    client = an_engine(lab)
    t = client.add(spec)
    lab.until(lambda: t.state == "stalled", within=5)
    seed = lab.engine("seed")
    giving = seed.add(spec, have="all")
    watched(lab, client.session)
    crowd = Crowd(lab, client)
    for n in range(SILENT):
        crowd.dial(handshake(spec, b"-CA0001-%012d" % n))
    crowd.several(HOGS)
    giving.connect(client.address)
    began = lab.now
    lab.until(lambda: t.state == "seeding", within=WITHIN)
    assert lab.now - began < WITHIN
    crowd.close()
    seed.stop()
    lab.until(lambda: client.session.status().sockets == 1, within=15)


@pytest.mark.covers("S4-W4")
def test_who_waits_for_our_upload_keeps_its_link(lab: Lab) -> None:
    """A seed with as many leeches as it may have sends the next one away."""
    spec = lab.torrent(pieces=8)
    client = an_engine(lab, max_connections=2, upload_slots=0, optimistic_slots=0)
    client.add(spec, have="all")
    leeches = [lab.peer(f"leech{n}", spec, have="none") for n in range(3)]
    for leech in leeches[:2]:
        leech.connect(client)
    lab.until(lambda: client.session.status().num_peers == 2, within=5)
    lab.run_for(60)
    leeches[2].connect(client)
    lab.run_for(5)
    assert [leech.connected for leech in leeches] == [True, True, False]


@pytest.mark.covers("S4-W4")
@pytest.mark.parametrize("limit", [4, 12])
def test_who_says_that_it_is_interested_and_never_asks_holds_no_link(lab: Lab, limit: int) -> None:
    """Of those whom a seed chokes nobody knows; those that it does not choke had their time to ask."""
    spec = lab.torrent(pieces=8)
    client = lab.engine("client", max_connections_per_torrent=limit)
    client.add(spec, have="all")
    hogs = [lab.peer(f"hog{n}", spec, have="none", auto={"claims", "keepalive"}) for n in range(limit)]
    for hog in hogs:
        hog.connect(client)
    lab.run_for(2)
    for hog in hogs:
        hog.send_interested()
    leech = lab.engine("leech")
    t = leech.add(spec)
    lab.run_for(9)
    t.connect(client.address)
    lab.run_for(0.5)
    assert t.peers() == [], "they have ten seconds"
    lab.until(lambda: t.state == "seeding", within=60)
