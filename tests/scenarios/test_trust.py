"""Who gave something wrong is found, and nobody else pays for it."""

import jstorrent as jst
import pytest
from jstorrent.lab import Behaviour, Handshake, Lab, Peer, Spec

from tests.scenarios.s0 import BLOCK, PLAIN, completes, reasons, rescued, until_events
from tests.unit.engine.torrents import v1

BOTH = pytest.mark.lanes("sim", "real")


@pytest.mark.covers("S1-4", "S1-1")
def test_the_only_holder_of_the_last_piece_always_corrupts_it(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, piece_length=2 * BLOCK)
    most = lab.peer("most", spec, have=range(7))
    liar = lab.peer("liar", spec, have=[7], behave=["corrupt"])
    client = lab.engine("client")
    t = client.add(spec, peers=[most, liar])
    lab.run_for(600)
    assert t.status().pieces_complete == 7
    assert t.status().counters.pieces_failed < 10
    assert len(liar.ledger.connections) < 10
    rescued(lab, client, spec)


@pytest.mark.covers("S1-4", "S1-1")
def test_a_corrupter_that_comes_back_under_another_name_stays_out(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, piece_length=2 * BLOCK)
    client = lab.engine("client")
    client.add(spec)
    liars = [lab.peer(f"liar{i}", spec, behave=["corrupt"], host="10.0.0.66") for i in range(6)]
    for liar in liars:
        liar.connect(client)
        lab.run_for(5)
    assert [ban.host for ban in client.session.bans()] == ["10.0.0.66"]
    failed = client.history(jst.PieceFailed)
    assert len(failed) < 3, "each new name got a new chance"
    rescued(lab, client, spec)


def test_who_lied_and_whom_the_user_bans_go_for_different_reasons(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, piece_length=2 * BLOCK)
    client = lab.engine("client")
    liar, other = lab.peer("liar", spec, behave=["corrupt"]), lab.peer("other", spec, have="none")
    t = client.add(spec, peers=[liar, other])
    lab.until(lambda: client.session.bans() != [], within=20)
    lab.run_for(1)
    assert t.status().num_peers == 1
    client.session.ban(other.address[0])
    lab.run_for(1)
    ended = {event.address: event.reason for event in client.history(jst.PeerDisconnected)}
    assert ended == {liar.address: "bad_data", other.address: "banned"}
    banned = {event.host: event.reason for event in client.history(jst.PeerBanned)}
    assert banned == {liar.address[0]: "bad_data", other.address[0]: "user"}


def test_a_ban_is_told_when_it_begins_and_not_when_it_is_made_longer(lab: Lab) -> None:
    client = lab.engine("client")
    for wait in (0, 5, 3, 20):  # the last one finds the ban over
        lab.run_for(wait)
        client.session.ban("10.1.2.3", seconds=10)
    told = [event.time for event in client.history(jst.PeerBanned)]
    assert told == pytest.approx([0, 28], abs=0.1)
    client.session.unban("10.1.2.3")
    client.session.ban("10.1.2.3", seconds=10)
    assert len(client.history(jst.PeerBanned)) == 3


@BOTH
@pytest.mark.covers("S1-4")
@pytest.mark.parametrize("how", ["reject", "withhold"])
def test_a_full_bitfield_that_gives_nothing(lab: Lab, how: str) -> None:
    spec = lab.torrent(pieces=16, piece_length=2 * BLOCK)
    liar = lab.peer("liar", spec, behave=[how])
    client = lab.engine("client", request_timeout=1.0)
    client.add(spec, peers=[liar])
    lab.run_for(3)
    asked = len(liar.ledger.requests)
    assert asked < 3000, "it is asked again and again"
    rescued(lab, client, spec, within=30)


@BOTH
@pytest.mark.covers("S1-4")
def test_one_corrupt_piece_in_twenty_and_two_honest_peers(lab: Lab) -> None:
    spec = lab.torrent(pieces=40, piece_length=2 * BLOCK)
    liar = lab.peer("liar", spec, behave=[Behaviour("corrupt", piece=7), Behaviour("corrupt", piece=27)])
    honest = [lab.peer(f"honest{i}", spec) for i in range(2)]
    client = lab.engine("client")
    client.add(spec, peers=[liar, *honest])
    completes(lab, client, spec)
    assert not {ban.host for ban in client.session.bans()} & {peer.address[0] for peer in honest}


@pytest.mark.covers("S1-4")
def test_one_poisoner_in_each_piece_of_many_is_found(lab: Lab) -> None:
    """It gives one wrong block to each piece that it takes part in."""
    spec = lab.torrent(pieces=32, piece_length=8 * BLOCK)
    poisoner = lab.peer("poisoner", spec, behave=[Behaviour("corrupt", begin=3 * BLOCK)])
    honest = [lab.peer(f"honest{i}", spec) for i in range(3)]
    for node in (poisoner, *honest):
        lab.net.access(node, up=400_000)
    client = lab.engine("client")
    t = client.add(spec, peers=[poisoner, *honest])
    completes(lab, client, spec, within=300)
    banned = {ban.host for ban in client.session.bans()}
    assert banned <= {poisoner.address[0]}
    assert t.status().counters.payload_failed < 0.5 * spec.total_size


@BOTH
@pytest.mark.covers("S1-4", "S1-7")
def test_eclipse_all_known_peers_are_hostile_but_one(lab: Lab) -> None:
    spec = lab.torrent(pieces=12, piece_length=2 * BLOCK)
    hostile = [
        lab.peer("corrupt", spec, behave=["corrupt"]),
        lab.peer("mute", spec, behave=["withhold"], handshake=PLAIN),
        lab.peer("rejecter", spec, behave=["reject"]),
        lab.peer("miser", spec, behave=["never_unchoke"]),
        lab.peer("flapper", spec, behave=[Behaviour("choke_flap", period=0.05)]),
        lab.peer("silent", spec, auto=()),
        lab.peer("cutter", spec, behave=[Behaviour("cut", nbytes=3000, how="rst")]),
    ]
    client = lab.engine("client", request_timeout=2.0)
    client.add(spec, peers=[*hostile, lab.seeder("good", spec)])
    completes(lab, client, spec, within=60)


@BOTH
@pytest.mark.covers("S1-4", "S1-7")
def test_many_names_behind_one_address_are_one_host(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, piece_length=2 * BLOCK)
    client = lab.engine("client", max_connections_per_host=3)
    t = client.add(spec)
    first = lab.peer("sybil0", spec, behave=["withhold"])
    sybils = [first, *(lab.peer(f"sybil{i}", spec, behave=["withhold"], host=first) for i in range(1, 12))]
    for peer in sybils:
        peer.connect(client)
    most = lab.watch(lambda: len(t.peers()))
    lab.run_for(2)
    assert most.max <= 3
    assert set(reasons(client)) <= {"limit", "duplicate", "closed", "connect_failed"}
    rescued(lab, client, spec)


@pytest.mark.covers("S1-4")
def test_a_peer_that_answers_nobody_the_same_is_caught_by_the_hash(lab: Lab) -> None:
    """Other data to each: every client bans it by its own evidence, and all finish."""
    spec = lab.torrent(pieces=16, piece_length=2 * BLOCK)
    liar = lab.peer("liar", spec, behave=[Behaviour("corrupt", p=0.3)])
    clients = [lab.engine(f"client{i}") for i in range(4)]
    good = lab.seeder("good", spec)
    for client in clients:
        client.add(spec, peers=[liar, good, *(other for other in clients if other is not client)])
    for client in clients:
        completes(lab, client, spec, within=120)
        assert {ban.host for ban in client.session.bans()} <= {liar.address[0]}


@BOTH
@pytest.mark.covers("S0-2.1")
def test_a_failed_piece_says_who_took_part(lab: Lab) -> None:
    spec = lab.torrent(pieces=2, piece_length=2 * BLOCK)
    liar = lab.peer("liar", spec, behave=[Behaviour("corrupt", times=1)])
    client = lab.engine("client")
    client.add(spec, peers=[liar])
    (failed, *_) = until_events(lab, client, jst.PieceFailed)
    assert [host for host, _ in failed.addresses] == [liar.address[0]]
    rescued(lab, client, spec)


@BOTH
@pytest.mark.covers("S0-2.1", "S1-4")
def test_what_a_suspect_left_half_done_another_suspect_takes_up(lab: Lab) -> None:
    """Both gave to a piece that failed; alone, the liar gives half of it and is silent. The honest one must get its turn."""
    spec = lab.torrent(pieces=16, piece_length=4 * BLOCK)
    withheld = [Behaviour("withhold", piece=3, begin=begin) for begin in (2 * BLOCK, 3 * BLOCK)]
    liar = lab.peer("liar", spec, have=[3], behave=[Behaviour("corrupt", piece=3, begin=0), *withheld])
    good = lab.peer("good", spec)
    lab.net.link(good, client := lab.engine("client"), rate=200_000)
    client.add(spec, peers=[liar, good])
    completes(lab, client, spec, within=120)


LONG = 1 << 20
"""Of max_memory: pieces over an eighth of it are written before they are hashed."""


@BOTH
@pytest.mark.covers("S1-4", "S1-1")
@pytest.mark.parametrize("size", [1, 32], ids=["in-memory", "read-back"])
def test_four_liars_that_each_give_a_whole_piece_are_four_bans(lab: Lab, size: int) -> None:
    spec = lab.torrent(pieces=1, piece_length=size * BLOCK)
    liars = [lab.peer(f"liar{i}", spec, behave=["corrupt"]) for i in range(4)]
    client = lab.engine("client", max_memory=LONG)
    t = client.add(spec)
    for number, liar in enumerate(liars):
        t.connect(liar)
        lab.until(lambda n=number: len(client.session.bans()) > n, within=20)
    lab.run_for(5)
    assert {ban.host for ban in client.session.bans()} == {liar.address[0] for liar in liars}
    assert t.status().counters.pieces_failed == 4
    rescued(lab, client, spec)


@BOTH
@pytest.mark.covers("S1-4")
def test_a_disk_that_gives_back_other_bytes_is_an_error_and_nobody_is_banned(lab: Lab) -> None:
    spec = lab.torrent(pieces=1, piece_length=32 * BLOCK)
    client = lab.engine("client", max_memory=LONG)
    with lab.gate("disk.read", "hold", node=client, piece=0, times=1) as gate:
        t = client.add(spec, peers=[lab.seeder("giver", spec)])
        lab.until(lambda: gate.hit, within=20)
        client.disk.corrupt(client.path(spec), 3 * BLOCK, bytes(b ^ 0xFF for b in spec.data(3 * BLOCK, 100)))
    (failed,) = until_events(lab, client, jst.TorrentFailed)
    assert (failed.error.code, failed.error.filename) == ("disk_io", str(client.path(spec)))
    assert client.session.bans() == [] and client.history(jst.PieceFailed) == []
    lab.until(lambda: t.state != "error", within=20)
    completes(lab, client, spec)


@pytest.mark.covers("S1-4")
def test_a_liar_about_padding_is_no_error_of_the_disk(lab: Lab) -> None:
    """Padding reads as zeros whatever was written: the block that holds it tells nothing of the disk."""
    sample = v1([("a", 30 * BLOCK + 1000), ("pad:.pad/1", 2 * BLOCK - 1000), ("b", 32 * BLOCK)], 32 * BLOCK)
    spec = Spec(0, jst.Metainfo.parse(sample.torrent), b"".join(sample.pieces))
    liar = lab.peer("liar", spec, have=[0], behave=["corrupt"])
    client = lab.engine("client", max_memory=LONG)
    client.add(spec, peers=[liar])
    until_events(lab, client, jst.PieceFailed)
    lab.run_for(1)
    assert [ban.host for ban in client.session.bans()] == [liar.address[0]]
    assert client.history(jst.TorrentFailed) == []


@pytest.mark.covers("S1-4", "S1-7")
@pytest.mark.parametrize("dials", [True, False], ids=["dials-us", "is-dialled"])
@pytest.mark.parametrize("first", ["honest", "impostor"])
@pytest.mark.parametrize("peer_id", [b"\xff" * 20, b"\0" * 20], ids=["larger", "smaller"])
def test_who_uses_the_id_of_a_seed_does_not_take_its_place(lab: Lab, peer_id: bytes, first: str, dials: bool) -> None:
    spec = lab.torrent(pieces=64, piece_length=65536)
    name = Handshake(peer_id=peer_id)
    honest = lab.peer("honest", spec, handshake=name)
    impostor = lab.peer("impostor", spec, have="none", auto={"claims", "keepalive"}, handshake=name)
    client = lab.engine("client")
    lab.net.link(honest, client, rate=1_000_000)
    t = client.add(spec)

    def comes(who: Peer) -> None:
        if who is impostor and dials:
            who.connect(client)
        else:
            t.connect(who)
        lab.run_for(1)

    for who in (honest, impostor) if first == "honest" else (impostor, honest):
        comes(who)
    completes(lab, client, spec)
    assert "duplicate" not in [event.reason for event in client.history(jst.PeerDisconnected)]
