"""Rate limits hold over all torrents and for one, none means none, nought means nothing; goals end a seed."""

from typing import Any

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Spec

from tests.scenarios.raw_peer import RawPeer

SPAN = 40.0
RATE = 60_000


def moved(lab: Lab, seed: dict[str, Any], client: dict[str, Any], one: dict[str, Any] | None = None) -> int:
    """Payload that came in SPAN, after the first seconds, under these settings of session and torrent."""
    spec = lab.torrent(pieces=2000)
    giver, taker = lab.engine("giver", **seed), lab.engine("taker", **client)
    giver.add(spec, have="all")
    t = taker.add(spec, peers=[giver])
    if one:
        t.configure(**one)
    lab.run_for(5)
    before = t.status().counters.payload_received
    lab.run_for(SPAN)
    return t.status().counters.payload_received - before


@pytest.mark.parametrize("rate", [RATE, 2 * RATE])
@pytest.mark.parametrize("which", ["download_rate_limit", "upload_rate_limit", "of one torrent"])
def test_a_rate_limit_is_used_and_kept(lab: Lab, which: str, rate: int) -> None:
    limits = {which: rate}
    if which == "of one torrent":
        got = moved(lab, {}, {}, {"download_rate_limit": rate})
    else:
        got = moved(lab, limits if which[0] == "u" else {}, limits if which[0] == "d" else {})
    assert 0.9 * rate * SPAN <= got <= 1.05 * rate * SPAN + 65536


@pytest.mark.parametrize(("peers", "rate"), [(3, 2000), (10, 2000), (40, 20_000)])
def test_a_small_limit_costs_no_links_and_brings_nothing_twice(lab: Lab, peers: int, rate: int) -> None:
    """Of what is asked for beyond it the most would expire and come twice, and who sends it would take us for gone."""
    spec = lab.torrent(pieces=rate * 500 // 65536 + 1)
    seeds = [lab.engine(f"seed{n}") for n in range(peers)]
    for seed in seeds:
        seed.add(spec, have="all")
    client = lab.engine("client", download_rate_limit=rate)
    t = client.add(spec, peers=seeds)
    lab.run_for(400)
    came = t.status().counters
    assert came.payload_verified + came.payload_partial >= 0.8 * 400 * rate
    assert came.payload_redundant <= 0.02 * came.payload_received
    assert [who.history(jst.PeerDisconnected) for who in (client, *seeds)] == [[]] * (1 + peers)


@pytest.mark.parametrize("of_torrent", [False, True])
@pytest.mark.parametrize("peers", [2, 3, 6])
@pytest.mark.parametrize("rate", [50_000, 1_000_000])
def test_all_who_give_share_a_limit(lab: Lab, rate: int, peers: int, of_torrent: bool) -> None:
    """Whoever is read next is the one that has waited for longest, not again the one that finds the limit unused."""
    spec = lab.torrent(pieces=1024, piece_length=16384)
    client = lab.engine("client", download_rate_limit=None if of_torrent else rate)
    t = client.add(spec, paused=True, peers=[lab.peer(f"giver{n}", spec) for n in range(peers)])
    if of_torrent:
        t.configure(download_rate_limit=rate)
    t.resume()
    lab.run_for(8)
    got = [peer.counters.payload_received for peer in t.peers()]
    assert len(got) == peers
    assert 3 * min(got) > max(got) > 0, got


@pytest.mark.parametrize(
    ("rate", "pieces", "length", "peers", "memory"),
    [(100_000, 16, 1 << 18, 16, 1 << 20), (300_000, 48, 1 << 18, 16, 2 << 20), (30_000_000, 128, 1 << 20, 30, 32 << 20)],
)
def test_what_a_limit_leaves_unread_is_not_asked_of_others(
    lab: Lab, rate: int, pieces: int, length: int, peers: int, memory: int
) -> None:
    """Memory is for some of many: those who have nothing to do find nobody fallen silent or late, in the end neither."""
    spec = lab.torrent(pieces=pieces, piece_length=length)
    givers = [lab.peer(f"giver{n}", spec) for n in range(peers)]
    t = lab.engine("client", download_rate_limit=rate, max_memory=memory).add(spec, peers=givers)
    lab.until(lambda: t.state == "seeding", within=600)
    came = t.status().counters
    assert came.payload_redundant == 0
    assert lab.now < 1.1 * came.payload_verified / rate


@pytest.mark.parametrize("rate", [200_000, 1_000_000])
def test_what_comes_under_a_limit_comes_in_order(lab: Lab, rate: int) -> None:
    """Of each of six, in the order of what is asked for: nobody who was asked for a piece is left for later and later."""
    spec = lab.torrent(pieces=rate * 25 // 16384, piece_length=16384)
    seeds = [lab.engine(f"seed{n}") for n in range(6)]
    for seed in seeds:
        seed.add(spec, have="all")
    t = lab.engine("client", download_rate_limit=rate, piece_order="sequential").add(spec, peers=seeds)
    lab.run_for(20)
    states = [t.piece(piece).state for piece in range(spec.num_pieces)]
    complete = states.count("complete")
    in_order = next(piece for piece, state in enumerate(states) if state != "complete")
    assert complete * 16384 > 0.8 * 20 * rate
    assert in_order > complete - 2.5 * rate / 16384


@pytest.mark.parametrize("of_torrent", [False, True])
@pytest.mark.parametrize("gives", ["nothing", "little"])
def test_others_do_not_keep_a_limit_from_being_used(lab: Lab, gives: str, of_torrent: bool) -> None:
    """However many hold requests: who gives is asked at once, from the first second on."""
    rate = 20_000
    spec = lab.torrent(pieces=64)
    others: list[Engine | RawPeer] = []
    for n in range(40):
        if gives == "nothing":
            others.append(RawPeer(lab, f"other{n}", spec, serves=False))
        else:
            slow = lab.engine(f"other{n}", upload_rate_limit=50)
            slow.add(spec, have="all")
            others.append(slow)
    honest = lab.engine("honest")
    honest.add(spec, have="all")
    client = lab.engine("client", **({} if of_torrent else {"download_rate_limit": rate}))
    t = client.add(spec, peers=[honest, *others])
    if of_torrent:
        t.configure(download_rate_limit=rate)
    lab.run_for(SPAN)
    assert t.status().counters.payload_received >= 0.85 * rate * SPAN


def test_who_gives_nothing_is_late_under_a_limit_too(lab: Lab) -> None:
    """While others use it up: only whose bytes wait to be read is not late."""
    spec = lab.torrent(pieces=64)
    honest, silent = lab.engine("honest"), RawPeer(lab, "silent", spec, serves=False)
    honest.add(spec, have="all")
    client = lab.engine("client", download_rate_limit=20_000)
    t = client.add(spec, peers=[honest, silent])

    def owed() -> list[int]:
        return [peer.outstanding for peer in t.peers() if peer.counters.payload_received == 0]

    lab.run_for(10)
    assert len(owed()) == 1 and owed() != [0]
    lab.until(lambda: owed() == [0], within=55)
    assert t.status().counters.payload_redundant == 0


def test_who_keeps_us_reading_something_else_is_late_in_the_end(lab: Lab) -> None:
    """Bytes of it wait to be read for a thousand seconds, but no block is among them."""
    spec = lab.torrent(pieces=64)
    chatter = RawPeer(lab, "chatter", spec, serves=False)
    client = lab.engine("client", download_rate_limit=200)
    t = client.add(spec, peers=[chatter])
    def owes() -> bool:
        return any(peer.outstanding for peer in t.peers())

    lab.until(owes, within=20)
    chatter.push(bytes(4) * 50_000)  # so many keep-alives
    lab.run_for(300)
    assert owes()
    lab.until(lambda: not owes(), within=305)


def test_who_keeps_us_reading_something_else_keeps_nothing_from_others(lab: Lab) -> None:
    """It holds requests for everything, and what it sends instead of blocks uses up half of the limit."""
    spec = lab.torrent(pieces=5)
    chatter = RawPeer(lab, "chatter", spec, serves=False)
    t = lab.engine("client", download_rate_limit=200_000).add(spec, peers=[chatter])
    lab.until(lambda: sum(peer.outstanding for peer in t.peers()) == 20, within=20)
    chatter.push(bytes(4) * 4_000_000)  # so many keep-alives
    lab.run_for(2)
    t.connect(lab.peer("honest", spec))
    lab.until(lambda: t.state == "seeding", within=30)


@pytest.mark.parametrize("which", ["download_rate_limit", "upload_rate_limit"])
def test_a_rate_limit_of_nought_is_nothing_and_none_is_no_limit(lab: Lab, which: str) -> None:
    spec = lab.torrent(pieces=100)
    giver, taker = lab.engine("giver"), lab.engine("taker")
    (giver if which[0] == "u" else taker).session.configure(**{which: 0})
    giver.add(spec, have="all")
    t = taker.add(spec, peers=[giver])
    lab.run_for(60)
    assert (t.status().counters.payload_received, t.status().num_peers) == (0, 1)
    (giver if which[0] == "u" else taker).session.configure(**{which: None})
    lab.until(lambda: t.state == "seeding", within=10)


def test_a_rate_limit_is_shared_by_all_torrents(lab: Lab) -> None:
    giver, taker = lab.engine("giver"), lab.engine("taker", download_rate_limit=RATE)
    ts = []
    for _ in range(3):
        spec = lab.torrent(pieces=400)
        giver.add(spec, have="all")
        ts.append(taker.add(spec, peers=[giver]))
    lab.run_for(SPAN)
    each = [t.status().counters.payload_received for t in ts]
    assert 0.85 * RATE * SPAN <= sum(each) <= 1.05 * RATE * SPAN + 65536
    assert min(each) > 0


def test_at_an_upload_limit_of_nought_links_live_and_our_own_requests_pass(lab: Lab) -> None:
    spec = lab.torrent(pieces=64)
    one, other = lab.engine("one"), lab.engine("other")
    lab.net.link(one, other, rate=50_000)
    t = one.add(spec, have=range(32))
    theirs = other.add(spec, have=range(32, 64), peers=[one])
    lab.run_for(10)  # blocks are on their way in both directions
    one.session.configure(upload_rate_limit=0)
    lab.run_for(2)
    sent = t.status().counters.payload_sent
    lab.until(lambda: t.state == "seeding", within=120)
    lab.run_for(600)
    assert t.status().counters.payload_sent == sent
    assert len(t.peers()) == 1
    one.session.configure(upload_rate_limit=None)
    lab.until(lambda: theirs.state == "seeding", within=120)


def test_a_slow_upload_does_not_hold_up_our_requests(lab: Lab) -> None:
    spec = lab.torrent(pieces=400)
    one, other = lab.engine("one", upload_rate_limit=20_000), lab.engine("other")
    lab.net.link(one, other, rate=1_000_000)
    t = one.add(spec, have=range(200))
    other.add(spec, have=range(200, 400), peers=[one])
    lab.until(lambda: t.state == "seeding", within=40)  # 13 MB


def test_who_takes_little_does_not_use_up_what_others_could_have(lab: Lab) -> None:
    spec = lab.torrent(pieces=2000)
    giver = lab.engine("giver", upload_rate_limit=400_000)
    giver.add(spec, have="all")
    slow, quick = lab.engine("slow"), lab.engine("quick")
    lab.net.link(slow, giver, rate=4_000)
    lab.net.partition(slow, quick)
    slow.add(spec, peers=[giver])
    t = quick.add(spec, peers=[giver])
    lab.run_for(40)
    assert t.status().counters.payload_received >= 0.85 * 396_000 * 40


@pytest.mark.parametrize("limit", [0, 100, None])
def test_a_limit_of_uploads_holds_back_no_requests(lab: Lab, limit: int | None) -> None:
    spec = lab.torrent(pieces=256)
    t = lab.engine("client", upload_rate_limit=limit).add(spec, peers=[lab.seeder("seed", spec)])
    t.wait_complete(4)  # 16 MiB over a line of 10 MB/s


@pytest.mark.parametrize("way", ["download", "upload"])
def test_a_limit_of_one_torrent_holds_in_the_next_session_too(lab: Lab, way: str) -> None:
    spec = lab.torrent(pieces=64)
    seed, client = lab.engine("seed"), lab.engine("client")
    ts = {"upload": seed.add(spec, have="all"), "download": client.add(spec)}
    ts[way].configure(**{f"{way}_rate_limit": 100_000})
    for node in (seed, client):
        node.stop()
        node.start()
    lab.run_for(1)
    back = client.torrent(spec)
    assert back is not None
    back.connect(seed)
    lab.run_for(20)
    assert back.status().counters.payload_received == pytest.approx(20 * 100_000, rel=0.15)


# -- goals


def seeding(lab: Lab, **settings: Any) -> tuple[Engine, jst.Torrent, Spec]:
    spec = lab.torrent(pieces=64)
    seed = lab.engine("seed", **settings)
    return seed, seed.add(spec, have="all"), spec


@pytest.mark.parametrize(("ratio", "own"), [(0.5, None), (1.0, None), (1.5, None), (9.0, 0.5), (0.0, 1.5), (None, 1.0)])
def test_seed_ratio_limit(lab: Lab, ratio: float | None, own: float | None) -> None:
    """Of the session, and of the torrent alone, which overrules it."""
    seed, t, spec = seeding(lab, upload_rate_limit=200_000)
    t.configure(seed_ratio_limit=own)
    seed.session.configure(seed_ratio_limit=ratio)
    goal = ratio if own is None else own
    assert goal is not None
    clients = [lab.engine(f"client{i}") for i in range(2)]
    for client in clients:
        lab.net.partition(client, [other for other in clients if other is not client])
        client.add(spec, peers=[seed])
    lab.until(lambda: t.state == "stopped", within=120)
    sent = t.status().counters.payload_sent
    assert goal * spec.total_size <= sent <= (goal + 0.1) * spec.total_size
    lab.run_for(60)
    assert (t.state, t.status().counters.payload_sent) == ("stopped", sent)


def test_without_a_ratio_a_seed_goes_on(lab: Lab) -> None:
    seed, t, spec = seeding(lab)
    clients = [lab.engine(f"client{i}") for i in range(3)]
    ts = [client.add(spec, peers=[seed]) for client in clients]
    lab.until(lambda: all(other.state == "seeding" for other in ts), within=120)
    lab.run_for(3600)
    assert t.state == "seeding"


@pytest.mark.parametrize("whose", ["session", "torrent"])
def test_seed_time_limit(lab: Lab, whose: str) -> None:
    _, t, _ = seeding(lab, **({"seed_time_limit": 50} if whose == "session" else {}))
    if whose == "torrent":
        t.configure(seed_time_limit=50)
    lab.run_for(49.5)
    assert t.state == "seeding"
    lab.run_for(1.5)
    assert t.state == "stopped"
