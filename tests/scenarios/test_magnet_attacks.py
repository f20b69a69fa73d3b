"""Peers that lie about metadata, flood with it, or say things too early: bounded, told apart, and outvoted by one honest seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jstorrent as jst
import pytest
from jstorrent.lab import Behaviour, Engine, Lab, Spec

from tests.scenarios.s0 import completes, reasons, until_events
from tests.scenarios.test_s0_9_metadata import BOTH, named

PIECE = 16384
SILENT = {"claims", "extended", "keepalive"}
"""A peer that says what it has, and that it has metadata, and answers nothing."""


def resolves(lab: Lab, client: Engine, spec: Spec, within: float = 60) -> jst.Torrent:
    t = client.torrent(spec)
    assert t is not None
    lab.until(lambda: t.metainfo is not None, within=within)
    return completes(lab, client, spec)


def seed_is_up(seed: Engine, spec: Spec) -> Callable[[], bool]:
    t = seed.add(spec, have="all")
    return lambda: t.state == "seeding"


def held(lab: Lab, client: Engine) -> None:
    """The payload pool stays untouched while there are no pieces."""
    assert client.session.status().memory == 0 or client.session.torrents[0].metainfo is not None


LIES: list[dict[str, Any]] = [
    *({"size": size} for size in (0, 1, PIECE, 31 << 20, 32 << 20, 2**31, 2**31 - 1, 2**63)),
    {"data": "corrupt"},
    {"piece": 2},
    {"piece": 2**31},
    {"total_size": 10**9},
    {"total_size": 1},
    {"reply": "reject"},
    {"reply": "silent"},
]


@BOTH
@pytest.mark.covers("S1-4")
@pytest.mark.parametrize("lie", LIES, ids=lambda lie: "-".join(f"{k}={v}" for k, v in lie.items()))
def test_one_liar_beside_an_honest_seed(lab: Lab, lie: dict[str, Any]) -> None:
    spec = named(lab)
    liar = lab.peer("liar", spec, behave=[Behaviour("metadata", **lie)])
    client = lab.engine("client", metadata_request_timeout=2)
    t = client.add(spec, magnet=True, peers=[liar])
    lab.run_for(0.5)
    held(lab, client)
    t.connect(lab.seeder("good", spec))
    resolves(lab, client, spec)
    assert len(client.history(jst.MetadataReceived)) == 1
    assert len(liar.ledger.metadata_requests) < 100


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: "-".join(f"{k}={v}" for k, v in lie.items()))
def test_nine_liars_and_one_honest_seed(lab: Lab, lie: dict[str, Any]) -> None:
    spec = named(lab)
    liars = [lab.peer(f"liar{i}", spec, behave=[Behaviour("metadata", **lie)]) for i in range(9)]
    client = lab.engine("client", metadata_request_timeout=2)
    client.add(spec, magnet=True, peers=[*liars, lab.seeder("good", spec)])
    resolves(lab, client, spec)
    asked = sum(len(liar.ledger.metadata_requests) for liar in liars)
    assert asked <= 9 * 60
    assert not any(ban.host == lab.engines[-1].address[0] for ban in client.session.bans())


def test_nine_different_liars_and_one_honest_seed(lab: Lab) -> None:
    spec = named(lab)
    liars = [lab.peer(f"liar{i}", spec, behave=[Behaviour("metadata", **lie)]) for i, lie in enumerate(LIES)]
    client = lab.engine("client", metadata_request_timeout=2)
    client.add(spec, magnet=True, peers=[*liars, lab.seeder("good", spec)])
    resolves(lab, client, spec)


@BOTH
def test_a_sole_liar_is_banned_for_it(lab: Lab) -> None:
    spec = named(lab)
    liar = lab.peer("liar", spec, behave=[Behaviour("metadata", data="corrupt")])
    client = lab.engine("client")
    t = client.add(spec, magnet=True, peers=[liar])
    banned = until_events(lab, client, jst.PeerBanned)
    assert [(event.host, event.reason) for event in banned] == [(liar.address[0], "bad_data")]
    assert t.state == "fetching_metadata" and t.metainfo is None
    assert client.session.status().counters.payload_received == 0


def test_metadata_that_never_comes_right_costs_little(lab: Lab) -> None:
    spec = named(lab)
    liars = [lab.peer(f"liar{i}", spec, behave=[Behaviour("metadata", data="corrupt")]) for i in range(6)]
    client = lab.engine("client")
    t = client.add(spec, magnet=True, peers=liars)
    lab.run_for(300)
    assert t.metainfo is None and len(client.history(jst.PeerBanned)) == 6
    assert t.status().counters.wire_received < 6 * 3 * len(spec.metainfo.info_bytes)


@BOTH
def test_who_rejects_for_ever_is_asked_ever_more_rarely(lab: Lab) -> None:
    spec = named(lab)
    liar = lab.peer("liar", spec, behave=[Behaviour("metadata", reply="reject")])
    client = lab.engine("client", metadata_request_timeout=0.2 if lab.lane == "real" else 10)
    client.add(spec, magnet=True, peers=[liar])
    lab.run_for(4 if lab.lane == "real" else 1800)
    assert 4 <= len(liar.ledger.metadata_requests) <= 60 and liar.connected


@BOTH
def test_each_request_has_its_own_time_out_and_goes_to_another(lab: Lab) -> None:
    spec = named(lab)
    silent = lab.peer("silent", spec, auto=SILENT)
    client = lab.engine("client", metadata_request_timeout=2)
    t = client.add(spec, magnet=True, peers=[silent])
    lab.until(lambda: bool(silent.ledger.metadata_requests), within=5)
    asked_at = silent.ledger.metadata_requests[0].time
    other = lab.peer("other", spec)
    lab.run_for(2.5)
    t.connect(other)
    lab.until(lambda: t.metainfo is not None, within=10)
    again = [request.time for request in silent.ledger.metadata_requests if request.time > asked_at + 0.1]
    assert not again or min(again) >= asked_at + 1.9


@BOTH
def test_a_time_out_of_data_is_none_of_metadata(lab: Lab) -> None:
    spec = named(lab)
    silent = lab.peer("silent", spec, auto=SILENT)
    client = lab.engine("client", metadata_request_timeout=1, request_timeout=500, snub_timeout=500)
    client.add(spec, magnet=True, peers=[silent])
    lab.until(lambda: bool(silent.ledger.metadata_requests), within=5)
    first = len(silent.ledger.metadata_requests)
    lab.until(lambda: len(silent.ledger.metadata_requests) > first, within=6)


def test_a_limit_of_the_settings_holds_one_byte_beyond_it(lab: Lab) -> None:
    spec = named(lab)
    size = len(spec.metainfo.info_bytes)
    good = lab.peer("good", spec)
    client = lab.engine("client", max_metadata_size=size - 1)
    t = client.add(spec, magnet=True, peers=[good])
    lab.run_for(60)
    assert t.metainfo is None and not good.ledger.metadata_requests and good.connected
    other = lab.engine("other", max_metadata_size=size)
    other.add(spec, magnet=True, peers=[good])
    resolves(lab, other, spec)


# -- what comes unasked


@BOTH
def test_data_that_nobody_asked_for_closes_its_sender_in_the_end(lab: Lab) -> None:
    spec = named(lab)
    pushy = lab.peer("pushy", spec, auto=SILENT)
    client = lab.engine("client")
    t = client.add(spec, magnet=True, peers=[pushy])
    lab.until(lambda: bool(pushy.ledger.metadata_requests), within=5)
    asked = {request.piece for request in pushy.ledger.metadata_requests}
    for piece in asked:
        pushy.send_metadata(piece, data=bytes(PIECE), total_size=len(spec.metainfo.info_bytes)) if piece < 2 else None
    for _ in range(40):
        pushy.send_metadata(0)
    ended = until_events(lab, client, jst.PeerDisconnected)
    assert ended[0].reason == "protocol_error" and t.metainfo is None


@BOTH
@pytest.mark.parametrize(
    "payload",
    [b"", b"garbage", b"d8:msg_typei1ee", b"d8:msg_typei1e5:piecei0ee", b"d8:msg_typei1e5:piecei-1e10:total_sizei9ee123456789",
     b"d8:msg_typei1e5:piecei0e10:total_sizei9ee1234", b"d8:msg_typei0e5:piecei2147483648ee", b"l" * 1000],
    ids=range(8),
)  # fmt: skip
def test_malformed_messages_close_their_sender_only(lab: Lab, payload: bytes) -> None:
    spec = named(lab)
    rude = lab.peer("rude", spec, auto=SILENT)
    client = lab.engine("client")
    t = client.add(spec, magnet=True, peers=[rude])
    lab.until(lambda: rude.connected and bool(rude.ledger.metadata_requests), within=5)
    rude.send_extended("ut_metadata", payload)
    assert [event.reason for event in until_events(lab, client, jst.PeerDisconnected)] == ["protocol_error"]
    t.connect(lab.seeder("good", spec))
    resolves(lab, client, spec)


@BOTH
@pytest.mark.parametrize("kind", [3, 255, -1, 10**15])
def test_a_message_type_from_the_future_is_ignored(lab: Lab, kind: int) -> None:
    spec = named(lab)
    peer = lab.peer("peer", spec)
    client = lab.engine("client")
    t = client.add(spec, magnet=True, peers=[peer], paused=True)
    lab.until(lambda: peer.connected, within=5)
    peer.send_extended("ut_metadata", b"d8:msg_typei%dee" % kind)
    lab.until(lambda: t.metainfo is not None, within=10)
    assert peer.connected and reasons(client) == []


# -- the extended handshake


@BOTH
def test_a_thousand_extended_handshakes_change_nothing(lab: Lab) -> None:
    spec = named(lab)
    chatty = lab.peer("chatty", spec)
    client = lab.engine("client")
    client.add(spec, magnet=True, peers=[chatty], paused=True)
    lab.until(lambda: chatty.connected, within=5)
    said = {
        "m": {"ut_metadata": 2},
        "metadata_size": len(spec.metainfo.info_bytes),
        "v": "x" * 5000,
        "reqq": -1,
        "p": 70000,
    }
    for _ in range(1000):
        chatty.send_extended("handshake", said)
    t = client.torrent(spec)
    assert t is not None
    lab.until(lambda: t.metainfo is not None, within=10)
    lab.settle()
    assert chatty.connected and len(t.peers()[0].client or "") <= 64
    assert len(chatty.ledger.metadata_requests) <= 10


@BOTH
@pytest.mark.parametrize("size", [-1, -(2**63), 0, 2**63 - 1, b"one", [1], {"a": 1}])
def test_a_size_that_is_none_is_not_believed(lab: Lab, size: Any) -> None:
    spec = named(lab)
    liar = lab.peer("liar", spec, auto={"claims", "keepalive"})
    client = lab.engine("client")
    t = client.add(spec, magnet=True, peers=[liar])
    lab.until(lambda: liar.connected, within=5)
    liar.send_extended("handshake", {"m": {"ut_metadata": 2}, "metadata_size": size})
    lab.run_for(0.5)
    assert liar.connected and not liar.ledger.metadata_requests and t.state == "fetching_metadata"


@BOTH
def test_a_size_that_changes_is_a_lie(lab: Lab) -> None:
    spec = named(lab)
    liar = lab.peer("liar", spec, auto=SILENT)
    client = lab.engine("client")
    client.add(spec, magnet=True, peers=[liar])
    lab.until(lambda: bool(liar.ledger.metadata_requests), within=5)
    liar.send_extended("handshake", {"metadata_size": len(spec.metainfo.info_bytes) + 1})
    assert [event.reason for event in until_events(lab, client, jst.PeerDisconnected)] == ["protocol_error"]


@BOTH
def test_an_extension_that_gets_another_number_is_spoken_to_by_that(lab: Lab) -> None:
    spec = named(lab)
    peer = lab.peer("peer", spec, auto=SILENT, behave=[Behaviour("remap", name="ut_metadata", id=77)])
    client = lab.engine("client", metadata_request_timeout=1)
    client.add(spec, magnet=True, peers=[peer])
    lab.until(lambda: bool(peer.ledger.metadata_requests), within=10)  # understood: it came under the new number
    peer.auto = "all"
    resolves(lab, client, spec)


@BOTH
def test_who_switches_it_off_is_not_asked_any_more(lab: Lab) -> None:
    spec = named(lab)
    peer = lab.peer("peer", spec, auto=SILENT)
    client = lab.engine("client", metadata_request_timeout=1)
    client.add(spec, magnet=True, peers=[peer])
    lab.until(lambda: bool(peer.ledger.metadata_requests), within=5)
    peer.send_extended("handshake", {"m": {"ut_metadata": 0}})
    lab.run_for(0.5)
    asked = len(peer.ledger.metadata_requests)
    lab.run_for(4)
    assert len(peer.ledger.metadata_requests) == asked and peer.connected


@pytest.mark.covers("S1-4")
@pytest.mark.parametrize("times", [32, 33])
def test_who_offers_it_and_takes_it_back_again_and_again_is_closed(lab: Lab, times: int) -> None:
    """To say so once more means nothing."""
    spec = named(lab)
    peer = lab.peer("peer", spec, auto=SILENT)
    client = lab.engine("client")
    client.add(spec, magnet=True, peers=[peer])
    lab.until(lambda: bool(peer.ledger.metadata_requests), within=5)
    for n in range(times):
        if n > 0:
            peer.send_extended("handshake", {"m": {"ut_metadata": 2}, "metadata_size": len(spec.metainfo.info_bytes)})
        for _ in range(3):
            peer.send_extended("handshake", {"m": {"ut_metadata": 0}})
    lab.run_for(1)
    assert reasons(client) == (["protocol_error"] if times > 32 else [])


def test_a_hash_that_cannot_be_made_is_nobodys_lie(lab: Lab) -> None:
    spec = named(lab)
    good, client = lab.peer("good", spec), lab.engine("client")
    failing = lab.gate("hash.start", "fail", node=client, times=1)
    t = client.add(spec, magnet=True, peers=[good])
    lab.until(lambda: t.state == "error", within=10)
    assert failing.hit and client.session.bans() == []
    t.start()
    t.connect(good)
    lab.until(lambda: t.state == "seeding", within=60)


@BOTH
@pytest.mark.covers("S1-4")
def test_a_link_whose_two_hashes_disagree_is_held_against_nobody(lab: Lab) -> None:
    spec = named(lab)
    good = lab.seeder("good", spec)
    client = lab.engine("client")
    t = client.session.add(f"{spec.magnet}&xt=urn:btmh:1220{'ab' * 32}", client.downloads, peers=[good.address])
    lab.until(lambda: t.state == "error", within=30)
    assert t.error is not None and t.error.code == "hybrid_mismatch"
    assert client.session.bans() == []


@pytest.mark.covers("S1-4")
@pytest.mark.parametrize("reply", ["silent", "reject"])
@pytest.mark.parametrize("way", ["dialled", "comes"])
def test_who_offers_metadata_and_never_gives_it_holds_no_link_for_ever(lab: Lab, reply: str, way: str) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client", max_connections_per_torrent=4)
    liars = [lab.peer(f"liar{n}", spec, behave=[Behaviour("metadata", reply=reply)]) for n in range(4)]
    t = client.add(spec, peers=liars, magnet=True)
    lab.until(lambda: len(t.peers()) == 4, within=5)
    lab.run_for(30)
    honest = lab.seeder("honest", spec)
    if way == "dialled":
        t.connect(honest)
    else:
        honest.session.torrents[0].connect(client.address)
    resolves(lab, client, spec)
