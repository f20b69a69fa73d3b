"""Requests, chokes and the end of a download, with peers that play with them."""

import pytest
from jstorrent.lab import Behaviour, Handshake, Lab

from tests.scenarios.raw_peer import CHOKE, REQUEST, UNCHOKE, RawPeer
from tests.scenarios.s0 import BLOCK, PLAIN, answer, asked_for, by_hand, completes, reasons, requests_out, rescued

BOTH = pytest.mark.lanes("sim", "real")


@BOTH
@pytest.mark.covers("S1-3")
def test_a_choke_that_rejects_only_half_of_the_requests(lab: Lab) -> None:
    """With the Fast extension what is not rejected may still be answered."""
    spec = lab.torrent(pieces=4, piece_length=8 * BLOCK)
    half = lab.peer("half", spec, auto={"claims", "extended", "interest", "unchoke"})
    client = lab.engine("client")
    t = client.add(spec, peers=[half], sequential=True)
    lab.until(lambda: len(asked_for(half, 0)) == 8, within=5)
    mine = asked_for(half, 0)
    half.send_choke()
    for request in mine[:4]:
        half.send_reject(request.piece, request.begin, request.length)
    for request in mine[4:]:
        half.send_piece(request.piece, request.begin)
    lab.until(lambda: t.piece(0).blocks_received == 4, within=5)
    assert t.status().counters.payload_discarded == 0
    rescued(lab, client, spec)
    assert t.status().counters.payload_received == spec.total_size


@BOTH
@pytest.mark.covers("S1-3")
def test_the_only_peer_rejects_all_requests_once(lab: Lab) -> None:
    """It is asked again after a pause, although nothing else happens on the link."""
    spec = lab.torrent(pieces=40, piece_length=4 * BLOCK)
    moody = lab.peer("moody", spec, auto={"claims", "extended", "interest", "unchoke"})
    client = lab.engine("client")
    t = client.add(spec, peers=[moody])
    lab.until(lambda: len(moody.ledger.outstanding) == 64, within=5)
    for request in moody.ledger.outstanding:
        moody.send_reject(request.piece, request.begin, request.length)
    lab.until(lambda: requests_out(t) == 0, within=1)
    lab.until(lambda: requests_out(t) > 0, within=3)


@pytest.mark.covers("S1-3")
def test_flapping_every_50_ms_costs_others_nothing(lab: Lab) -> None:
    spec = lab.torrent(pieces=64, piece_length=8 * BLOCK)
    times = []
    for flaps in (False, True):
        with Lab(seed=lab.seed) as own:
            lab_spec = own.torrent(pieces=64, piece_length=8 * BLOCK)
            good = own.seeder("good", lab_spec)
            own.net.access(good, up=500_000)
            client = own.engine("client")
            peers = [good]
            if flaps:
                flapper = own.peer("flapper", lab_spec, behave=[Behaviour("withhold"), Behaviour("choke_flap", period=0.05)])
                peers.append(flapper)
            t = client.add(lab_spec, peers=peers)
            own.until(lambda t=t: t.state == "seeding", within=120)
            times.append(own.now)
            if flaps:
                assert len(flapper.ledger.requests) < 64 * times[-1] / 0.05
    assert times[1] < 1.2 * times[0], f"{spec.total_size} bytes took {times}"


@pytest.mark.covers("S1-1")
@pytest.mark.parametrize("says", ["chokes", "refuses and chokes"])
def test_who_flaps_and_gives_nothing_is_asked_ever_less(lab: Lab, says: str) -> None:
    """It reads what we say: only its chokes end it. Ten bytes of it are not worth a kilobyte of ours for ever."""
    spec = lab.torrent(pieces=64, piece_length=8 * BLOCK)
    behave = [Behaviour("withhold"), Behaviour("choke_flap", period=0.05)]
    if says != "chokes":
        behave = [Behaviour("reject"), Behaviour("choke_flap", period=0.2)]
    client = lab.engine("client")
    flapper = lab.peer("flapper", spec, behave=behave)
    client.add(spec, peers=[flapper])
    lab.run_for(60)
    assert 124 <= len(flapper.ledger.requests) < 250
    rescued(lab, client, spec)


@pytest.mark.covers("S1-1")
def test_who_unchokes_and_chokes_in_one_breath_is_asked_for_nothing(lab: Lab) -> None:
    """What to ask for is decided once for all that was read, not once for each of its unchokes."""
    spec = lab.torrent(pieces=64, piece_length=8 * BLOCK)
    fickle = RawPeer(lab, "fickle", spec, unchokes=False, serves=False)
    client = lab.engine("client")
    client.add(spec, peers=[fickle])
    lab.run_for(2)
    fickle.push((bytes([0, 0, 0, 1, UNCHOKE]) + bytes([0, 0, 0, 1, CHOKE])) * 1000)
    lab.run_for(1)
    assert fickle.count(REQUEST) == 0
    fickle.say(UNCHOKE)
    lab.run_for(1)
    assert fickle.count(REQUEST) == 64
    fickle.close()
    rescued(lab, client, spec)


@BOTH
@pytest.mark.covers("S1-3", "S0-1.2")
def test_a_reset_between_the_last_block_and_its_hash(lab: Lab) -> None:
    spec = lab.torrent(pieces=4, piece_length=4 * BLOCK)
    leaver = by_hand(lab, "leaver", spec)
    client = lab.engine("client")
    t = client.add(spec, peers=[leaver], sequential=True)
    with lab.gate("hash.start", piece=0) as gate:
        answer(lab, leaver, 0, 4)
        lab.until(lambda: gate.hit, within=5)
        leaver.disconnect("rst")
        lab.until(lambda: not t.peers(), within=5)
        assert requests_out(t) == 0
        assert t.piece(0).state == "verifying"
    lab.until(lambda: t.piece(0).state == "complete", within=5)
    rescued(lab, client, spec)


@BOTH
@pytest.mark.covers("S1-4", "S0-2.3")
def test_a_peer_that_goes_on_sending_what_nobody_asked_for_is_closed(lab: Lab) -> None:
    spec = lab.torrent(pieces=16, piece_length=4 * BLOCK)
    chatter = by_hand(lab, "chatter", spec, have=[0])
    client = lab.engine("client")
    t = client.add(spec, peers=[chatter])
    lab.until(lambda: len(asked_for(chatter, 0)) == 4, within=5)
    sent = 0
    while chatter.connected and sent < 4000:
        for _ in range(20):
            chatter.send_piece(5, 0, data=bytes(BLOCK))
        sent += 20
        lab.run_for(0.05)
    assert not chatter.connected, "it may go on for ever"
    assert set(reasons(client, chatter.address)) <= {"bad_data", "protocol_error", "useless", "banned"}
    assert t.piece(5).blocks_received == 0
    rescued(lab, client, spec)


@BOTH
@pytest.mark.covers("S1-4", "S0-2.4")
def test_a_peer_that_sends_what_it_gave_for_ever_is_closed(lab: Lab) -> None:
    """Three hundred times, and once more."""
    spec = lab.torrent(pieces=16, piece_length=4 * BLOCK)
    stutterer = by_hand(lab, "stutterer", spec, have=[0])
    client = lab.engine("client")
    t = client.add(spec, peers=[stutterer])
    answer(lab, stutterer, 0, 4)
    for _ in range(300):
        stutterer.send_piece(0, 0)
    lab.until(lambda: t.status().counters.payload_redundant == 300 * BLOCK, within=10)
    lab.run_for(0.1)
    assert stutterer.connected
    stutterer.send_piece(0, 0)
    lab.until(lambda: reasons(client) == ["protocol_error"], within=5)


@pytest.mark.covers("S1-4")
@pytest.mark.parametrize("rubbish", [(0, 0), (5, 0)], ids=["what we have", "what nobody asked for"])
def test_what_nobody_asked_for_does_not_hide_that_nothing_comes(lab: Lab, rubbish: tuple[int, int]) -> None:
    spec = lab.torrent(pieces=16, piece_length=4 * BLOCK)
    talker = by_hand(lab, "talker", spec, have=[0, 1])
    client = lab.engine("client", snub_timeout=20.0)
    t = client.add(spec, peers=[talker], sequential=True)
    answer(lab, talker, 0, 4)
    lab.until(lambda: t.piece(0).state == "complete", within=5)
    lab.every(1, lambda: talker.send_piece(*rubbish))
    lab.run_for(25)
    assert t.state == "stalled" and t.peers()[0].snubbed


@BOTH
@pytest.mark.covers("S1-3")
@pytest.mark.parametrize("length", [0, 1, BLOCK - 1])
def test_an_answer_of_a_wrong_length_is_not_stored(lab: Lab, length: int) -> None:
    spec = lab.torrent(pieces=4, piece_length=4 * BLOCK)
    short = by_hand(lab, "short", spec)
    client = lab.engine("client", request_timeout=3.0)
    t = client.add(spec, peers=[short], sequential=True)
    lab.until(lambda: len(asked_for(short, 0)) == 4, within=5)
    short.send_piece(0, 0, data=spec.data(0, length))
    lab.until(lambda: t.status().counters.payload_discarded == length or not short.connected, within=5)
    lab.run_for(0.1)
    assert t.piece(0).blocks_received == 0
    rescued(lab, client, spec)


@pytest.mark.covers("S1-4", "S0-4.1")
def test_a_byte_each_ten_seconds_inside_a_block(lab: Lab) -> None:
    spec = lab.torrent(pieces=2, piece_length=2 * BLOCK)
    drip = lab.peer("drip", spec, behave=[Behaviour("trickle", rate=0.1)])
    client = lab.engine("client", request_timeout=5.0)
    t = client.add(spec, peers=[drip])
    lab.run_for(60)
    rescued(lab, client, spec)
    lab.run_for(600)
    assert t.status().counters.payload_verified == spec.total_size


@BOTH
@pytest.mark.covers("S1-4")
def test_a_million_allowed_fast_are_a_bounded_set(lab: Lab) -> None:
    spec = lab.torrent(pieces=16, piece_length=BLOCK)
    generous = lab.peer("generous", spec, auto={"claims", "extended"})
    client = lab.engine("client")
    client.add(spec, peers=[generous])
    lab.until(lambda: generous.connected, within=5)
    memory = client.session.status().memory
    for _ in range(100):
        generous.send_raw(b"".join(b"\x00\x00\x00\x05\x11" + i.to_bytes(4, "big") for i in range(16)) * 100)
        lab.run_for(0.01)
    assert client.session.status().memory <= memory + spec.total_size  # places for what may be asked for
    generous.send_allowed_fast(16)  # out of range
    lab.run_for(0.2)
    rescued(lab, client, spec)


@pytest.mark.covers("S2-8")
@pytest.mark.parametrize("reqq", [1, 0, 2**31])
def test_the_other_sides_reqq_is_kept_and_nonsense_is_not(lab: Lab, reqq: int) -> None:
    spec = lab.torrent(pieces=16, piece_length=4 * BLOCK)
    peer = lab.peer("peer", spec, reqq=reqq, behave=[Behaviour("late", seconds=0.01)])
    client = lab.engine("client")
    client.add(spec, peers=[peer])
    most = lab.watch(lambda: len(peer.ledger.outstanding))
    completes(lab, client, spec)
    assert most.max >= 1
    if reqq == 1:
        assert most.max == 1


@BOTH
@pytest.mark.covers("S1-3")
def test_messages_in_any_order(lab: Lab) -> None:
    """UNCHOKE before INTERESTED, the extended handshake late and twice, CANCEL and REJECT of what never was."""
    spec = lab.torrent(pieces=8, piece_length=2 * BLOCK)
    odd = lab.peer("odd", spec, auto={"claims", "serve"})
    client = lab.engine("client")
    client.add(spec, peers=[odd])
    lab.until(lambda: odd.connected, within=5)
    odd.send_unchoke()
    odd.send_cancel(3, 0, BLOCK)
    odd.send_not_interested()
    odd.send_interested()
    odd.send_interested()
    odd.send_extended(0, b"d1:md11:ut_metadatai3eee")
    odd.send_extended(0, b"d1:md11:ut_metadatai0eee")
    odd.send_suggest(2)
    odd.send_port(6881)
    completes(lab, client, spec)


@BOTH
@pytest.mark.covers("S1-3")
@pytest.mark.parametrize("late", ["bitfield", "have_all", "have_none"])
def test_claims_that_come_a_second_time_close_the_peer(lab: Lab, late: str) -> None:
    spec = lab.torrent(pieces=8, piece_length=2 * BLOCK)
    odd = by_hand(lab, "odd", spec)
    client = lab.engine("client")
    t = client.add(spec, peers=[odd])
    lab.until(lambda: bool(t.peers()) and odd.connected, within=5)
    if late == "bitfield":
        odd.send_bitfield(range(8))
    else:
        getattr(odd, f"send_{late}")()
    lab.until(lambda: not odd.connected, within=5)
    assert reasons(client, odd.address) == ["protocol_error"]
    assert t.availability() in ([], [0] * 8)
    rescued(lab, client, spec)


@BOTH
@pytest.mark.covers("S1-3")
def test_a_piece_after_a_choke_without_fast_counts_as_late_and_not_twice(lab: Lab) -> None:
    spec = lab.torrent(pieces=2, piece_length=4 * BLOCK)
    rude = lab.peer("rude", spec, auto={"claims", "extended", "interest", "unchoke"}, handshake=PLAIN)
    client = lab.engine("client")
    t = client.add(spec, peers=[rude], sequential=True)
    lab.until(lambda: len(asked_for(rude, 0)) == 4, within=5)
    rude.send_choke()
    lab.until(lambda: requests_out(t) == 0, within=5)
    rude.send_piece(0, 0)
    lab.until(lambda: t.status().counters.payload_received == BLOCK, within=5)
    rescued(lab, client, spec)
    assert client.session.is_healthy()


def test_handshakes_without_fast_and_without_extensions_work(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, piece_length=2 * BLOCK)
    old = lab.peer("old", spec, handshake=Handshake(fast=False, extended=False))
    client = lab.engine("client")
    client.add(spec, peers=[old])
    completes(lab, client, spec)


@pytest.mark.covers("S1-3")
def test_requests_on_their_way_when_we_choke_are_no_breach(lab: Lab) -> None:
    """However many chokes a link lives through. Who asks on and on is closed all the same."""
    spec = lab.torrent(pieces=16, piece_length=8 * BLOCK)
    seed = lab.engine("seed")
    t = seed.add(spec, have="all")
    asker = lab.peer("asker", spec, have="none", auto={"claims", "extended", "keepalive"})
    asker.connect(seed)
    asker.send_interested()

    def asks(times: int) -> None:
        for i in range(times):
            asker.send_request(i % 16)

    for _ in range(5):
        lab.until(lambda: asker.unchoked, within=30)
        t.pause()
        asks(100)
        lab.run_for(5)
        t.resume()
    assert asker.connected and reasons(seed) == []
    t.pause()
    lab.run_for(15)
    asks(301)
    lab.run_for(1)
    assert reasons(seed) == ["protocol_error"]


@BOTH
@pytest.mark.covers("S1-1")
def test_what_is_allowed_and_then_refused_is_not_asked_for_again(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, piece_length=2 * BLOCK)
    tease = lab.peer("tease", spec, behave=["never_unchoke", "allowed_fast", "reject"])
    client = lab.engine("client")
    client.add(spec, peers=[tease])
    for _ in range(3):
        lab.run_for(1)
        for piece in range(8):
            tease.send_allowed_fast(piece)
    lab.run_for(1)
    assert 8 <= len(tease.ledger.requests) <= 16
    rescued(lab, client, spec)
