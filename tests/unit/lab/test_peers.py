"""Scripted peers against the engine, in both lanes: time, links, words, every kind of behaviour."""

import os
import subprocess
import sys
from typing import Any

import jstorrent as jst
import pytest
from jstorrent.lab import Behaviour, Engine, Handshake, Lab, LabFailure, Peer, Spec

both_lanes = pytest.mark.lanes("sim", "real")

KINDS: dict[str, dict[str, Any]] = {
    "corrupt": {"times": 2},
    "wrong": {"times": 2},
    "withhold": {"p": 0.2},
    "lie_have": {"pieces": [0, 1, 2]},
    "duplicate": {"count": 3},
    "reorder": {"window": 3},
    "unsolicited": {"count": 5},
    "late": {"seconds": 0.05},
    "trickle": {"rate": 20_000},
    "burst": {"seconds": 0.05},
    "choke_flap": {"period": 0.02},
    "choke_with_outstanding": {"times": 2, "seconds": 0.05},
    "never_unchoke": {},
    "reject": {"times": 3},
    "allowed_fast": {},
    "never_read": {},
    "half_open": {},
    "cut": {"nbytes": 40_000},
    "slow_handshake": {"nbytes": 30, "seconds": 0.02},
    "malformed": {},
    "bencode_bomb": {},
    "metadata": {"size": 1 << 31},
    "pex_flood": {"count": 2000},
    "keepalive_flood": {"rate": 2000},
    "request_flood": {"count": 500},
    "same_peer_id": {},
    "own_peer_id": {},
    "remap": {},
}


def open_link(lab: Lab, peer: Peer, client: Engine, spec: Spec) -> jst.Torrent:
    """The client dials the peer, and both have opened."""
    t = client.add(spec, peers=[peer])
    peer.expect("handshake")
    return t


@both_lanes
def test_an_honest_peer_is_a_seed_like_any_other(lab: Lab) -> None:
    spec = lab.torrent(pieces=16, tail=1000)
    client = lab.engine("client")
    good = lab.seeder("good", spec, kind="mock")
    t = client.add(spec, peers=[good])
    lab.until(lambda: t.state == "seeding", within=60)
    assert client.complete(spec)
    assert good.ledger.violations == []
    assert {m.piece for m in good.ledger.served} == set(range(16))
    assert all(m.ok for m in good.ledger.served)
    assert good.ledger.outstanding == []
    assert sum(m.length or 0 for m in good.ledger.served) == spec.total_size == t.status().counters.payload_received


@both_lanes
def test_a_wait_of_the_session_lets_peers_live(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    t = lab.engine("client").add(spec, peers=[lab.peer("good", spec)])
    t.wait(timeout=30)
    assert t.state == "seeding"


@both_lanes
def test_a_peer_dials_and_asks_and_the_payload_is_compared(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    t = client.add(spec, have="all")
    peer = lab.peer("peer", spec, have="none")
    peer.connect(client)
    peer.expect("have_all")
    lab.until(lambda: peer.unchoked, within=20)
    for begin in range(0, 65536, 16384):
        peer.send_request(2, begin)
    lab.until(lambda: len(peer.ledger.payload) == 4, within=10)
    assert all(m.ok and m.piece == 2 for m in peer.ledger.payload)
    assert b"".join(m.data or b"" for m in peer.ledger.payload) == spec.piece(2)
    assert peer.ledger.claimed == {0, 1, 2, 3}
    assert peer.ledger.violations == []
    assert [c.direction for c in peer.ledger.connections] == ["out"]
    assert t.peers()[0].address[0] == peer.address[0]


@both_lanes
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_behaviour_keeps_the_engine_from_a_good_seed(lab: Lab, kind: str) -> None:
    spec = lab.torrent(pieces=8, piece_length=32768)
    client = lab.engine("client")
    bad = lab.peer("bad", spec, behave=[Behaviour(kind, **KINDS[kind])])
    t = client.add(spec, peers=[bad])
    lab.until(lambda: bool(bad.ledger.connections), within=10)
    t.connect(lab.peer("good", spec).address)
    bad.connect(client)
    lab.until(lambda: t.state == "seeding", within=120)
    assert client.complete(spec)
    assert client.session.is_healthy()


@both_lanes
@pytest.mark.parametrize("how", ["fin", "rst"])
def test_who_ended_a_link_and_how(lab: Lab, how: str) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    peer = lab.peer("peer", spec, auto=())
    t = open_link(lab, peer, client, spec)
    assert peer.connected
    peer.disconnect(how)
    assert not peer.connected
    assert peer.ledger.closed_by == "peer"
    assert peer.ledger.connections[0].how == how
    lab.until(lambda: not t.peers(), within=10)


@both_lanes
def test_the_subject_ends_a_link(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    peer = lab.peer("peer", spec, auto=())
    open_link(lab, peer, client, spec)
    client.stop()
    lab.until(lambda: peer.ledger.closed_by is not None, within=10)
    first = peer.ledger.connections[0]
    assert (first.closed_by, first.direction) == ("subject", "in")
    assert first.how in ("fin", "rst")
    assert first.opened_at is not None
    assert first.handshake_at is not None
    assert first.closed_at is not None
    assert first.opened_at <= first.handshake_at <= first.closed_at


@both_lanes
def test_a_black_hole_is_a_link_that_stands(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    peer = lab.peer("peer", spec, have=[0])
    t = client.add(spec, peers=[peer])
    lab.until(lambda: peer.connected and bool(t.peers()), within=10)
    peer.disconnect("blackhole")
    lab.run_for(0.3)
    assert len(t.peers()) == 1
    assert (peer.ledger.closed_by, peer.ledger.connections[0].how) == ("peer", "blackhole")


@both_lanes
def test_a_dial_that_nobody_takes_is_tried_again(lab: Lab) -> None:
    spec = lab.torrent(pieces=1)
    client = lab.engine("client")
    client.add(spec)
    client.session.save()
    client.stop()
    peer = lab.peer("peer", spec)
    peer.connect(client.address, retry=0.1)
    lab.until(lambda: len(peer.ledger.connections) >= 3, within=10)
    assert {(c.closed_by, c.how) for c in peer.ledger.connections[:2]} == {("subject", "refused")}
    client.start()
    lab.until(lambda: peer.connected, within=10)
    peer.disconnect()
    links = len(peer.ledger.connections)
    lab.run_for(0.5)
    assert len(peer.ledger.connections) == links


def test_the_address_that_it_dials_from_may_be_told(lab: Lab) -> None:
    spec = lab.torrent(pieces=1)
    client = lab.engine("client")
    t = client.add(spec)
    peer = lab.peer("peer", spec, have="none")
    peer.connect(client, source_port=4321)
    lab.until(lambda: bool(t.peers()), within=10)
    assert t.peers()[0].address == (peer.address[0], 4321)


@both_lanes
def test_hand_sends_wait_for_the_handshakes_and_skip_behaviours(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    peer = lab.peer("peer", spec, auto=(), behave=["never_unchoke", "corrupt"])
    peer.send_have_all()
    peer.send_unchoke()
    t = client.add(spec, peers=[peer])
    request = peer.expect("request")
    peer.send_piece(request.piece or 0, request.begin or 0)
    assert peer.ledger.served[0].ok
    again = peer.expect("request")
    assert peer.answer(again)
    assert not peer.ledger.served[1].ok
    assert not peer.answer(again)
    lab.until(lambda: t.status().counters.payload_received == 2 * 16384, within=10)


def test_without_a_handshake_nothing_is_queued(lab: Lab) -> None:
    spec = lab.torrent(pieces=1)
    client = lab.engine("client")
    client.add(spec)
    peer = lab.peer("peer", spec)
    peer.connect(client, handshake=False)
    lab.until(lambda: peer.ledger.connections[0].opened_at is not None, within=10)
    peer.send_raw(b"\x13BitTorrent protoco")
    lab.run_for(1)
    assert [m.kind for m in peer.ledger.messages] == ["raw"]
    assert not peer.connected
    peer.disconnect()
    peer.connect(client, handshake=False)
    lab.until(lambda: peer.ledger.connections[1].opened_at is not None, within=10)
    peer.send_handshake(Handshake(peer_id=b"-XX0000-abcdefghijkl"))
    peer.expect("handshake")
    assert peer.connected


def test_a_choke_by_hand_sticks_and_auto_may_be_assigned(lab: Lab) -> None:
    spec = lab.torrent(pieces=64)
    client = lab.engine("client")
    peer = lab.peer("peer", spec, auto={"claims", "extended"})
    t = client.add(spec, peers=[peer])
    peer.expect("interested")
    lab.run_for(5)
    assert peer.ledger.requests == []
    peer.auto = "all"
    peer.expect("request")
    peer.send_choke()
    served = len(peer.ledger.served)
    lab.run_for(30)
    assert len(peer.ledger.served) == served
    assert peer.ledger.outstanding == []
    peer.send_unchoke()
    lab.until(lambda: t.state == "seeding", within=60)


def test_gained_pieces_are_told_and_served(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    client = lab.engine("client")
    peer = lab.peer("peer", spec, have=[0, 1])
    client.add(spec, peers=[peer])
    lab.until(lambda: len(peer.ledger.haves) == 2, within=20)
    peer.gain([2, 3])
    lab.until(lambda: len(peer.ledger.haves) == 4, within=20)
    assert peer.have == {0, 1, 2, 3}
    assert {m.piece for m in peer.ledger.haves} == {0, 1, 2, 3}


def test_what_does_not_come_fails_and_says_what_came_instead(lab: Lab) -> None:
    spec = lab.torrent(pieces=1)
    peer = lab.peer("peer", spec, auto=())
    lab.engine("client").add(spec, peers=[peer])
    assert peer.expect("have_none").time < 1
    with pytest.raises(LabFailure, match="no unchoke within 3 s") as failed:
        peer.expect("unchoke", within=3)
    assert failed.value.oracle == "expect"
    assert failed.value.node == "peer"
    assert "< handshake" in str(failed.value)


def test_words_that_are_not_known_are_refused_before_there_is_a_node(lab: Lab) -> None:
    spec = lab.torrent(pieces=1)
    for words, known in (
        ({"behave": ["corupt"]}, "corrupt"),
        ({"have": "some"}, "all, none"),
        ({"have": [1]}, "there are 1"),
        ({"auto": ["claim"]}, "claims"),
        ({"behave": [{"kind": "cut", "how": "axe"}]}, "known word"),
    ):
        with pytest.raises(ValueError, match=known):
            lab.peer("peer", spec, **words)
    assert lab.engine("first").address[0] == "10.0.0.1"
    peer = lab.peer("peer", spec)
    with pytest.raises(ValueError, match="known: .*interested"):
        peer.expect("interest")
    with pytest.raises(ValueError, match="known: .*piece"):
        peer.expect("have", index=3)
    with pytest.raises(ValueError, match="blackhole"):
        peer.disconnect("hangup")


def test_one_seed_one_conversation() -> None:
    def fingerprint(seed: int) -> tuple[str | None, list[str]]:
        with Lab(seed=seed) as lab:
            spec = lab.torrent(pieces=8)
            client = lab.engine("client")
            bad = lab.peer(
                "bad", spec, behave=[Behaviour("corrupt", p=0.3), Behaviour("late", p=0.5, seconds=0.2), "reorder"]
            )
            t = client.add(spec, peers=[bad, lab.peer("good", spec)])
            lab.until(lambda: t.state == "seeding", within=120)
            return lab.fingerprint, [str(m) for m in bad.ledger.messages]

    assert fingerprint(5) == fingerprint(5)
    assert fingerprint(5) != fingerprint(6)


CONVERSATION = """
import sys
from jstorrent.lab import Behaviour, Lab
with Lab(seed=int(sys.argv[1])) as lab:
    spec = lab.torrent(pieces=8)
    behave = [Behaviour("corrupt", p=0.3), "reorder", Behaviour("request_flood", count=50), "pex_flood", "unsolicited"]
    peers = [lab.peer("bad", spec, behave=behave, have=[0, 3, 5]), lab.peer("good", spec)]
    t = lab.engine("client").add(spec, peers=peers)
    lab.until(lambda: t.state == "seeding", within=120)
    print(lab.fingerprint, [peer.ledger.bytes_out for peer in peers])
"""


def test_one_seed_one_conversation_in_any_process() -> None:
    def said(hash_seed: str, seed: str) -> str:
        command = [sys.executable, "-c", CONVERSATION, seed]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    assert said("1", "5") == said("77", "5") != said("1", "6")


@both_lanes
def test_a_peer_without_a_torrent_learns_it_when_it_dials(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    t = client.add(spec)
    peer = lab.peer("peer")
    assert peer.have == set()
    peer.connect(client, spec=spec)
    lab.until(lambda: t.state == "seeding", within=30)
    assert peer.have == {0, 1, 2, 3}


def test_a_world_with_peers_is_given_back() -> None:
    import gc
    import weakref

    with Lab(seed=1) as lab:
        peer = lab.peer("peer", lab.torrent(pieces=1))
        world = lab._lane.world  # type: ignore[attr-defined]
        transport = weakref.ref(peer._transport._facts)
        lab.run_for(1)
    del lab, peer
    gc.collect()
    assert transport() is None
    assert world.now == 1


def test_what_a_conversation_costs_is_a_few_calls_for_each_message() -> None:
    calls = 0

    def count(frame: Any, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call" and "mock_peer" in frame.f_code.co_filename

    with Lab(seed=3) as lab:
        spec = lab.torrent(pieces=64)
        client = lab.engine("client")
        peers = [lab.peer(f"peer-{i}", spec) for i in range(3)]
        t = client.add(spec, peers=peers)
        sys.setprofile(count)
        try:
            lab.until(lambda: t.state == "seeding", within=60)
        finally:
            sys.setprofile(None)
        messages = sum(len(peer.ledger.messages) for peer in peers)
    assert messages > 2 * 256
    assert calls / messages < 20, f"{calls} calls for {messages} messages"


@pytest.mark.parametrize("pieces", range(1, 8))
def test_what_went_out_on_an_incoming_link_that_was_closed_is_counted_for_its_torrent(lab: Lab, pieces: int) -> None:
    spec = lab.torrent(pieces=8, piece_length=32768)
    client = lab.engine("client")
    t = client.add(spec)
    peer = lab.peer("peer", spec)
    peer.connect(client)
    lab.until(lambda: t.pieces().count(3) == pieces, within=60)
    t.stop()  # HAVE is on its way
    lab.run_for(1)
    assert t.status().counters.wire_sent == client.session.status().counters.wire_sent == peer.ledger.bytes_in


@pytest.mark.lanes("sim", "real")
def test_what_is_sent_by_hand_before_the_link_is_there_is_not_lost(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    good = lab.engine("good")
    good.add(spec, have="all")
    peer = lab.peer("peer", spec, have="none", auto=("extended",))
    peer.connect(good)
    peer.send_interested()
    lab.until(lambda: peer.unchoked, within=5)
