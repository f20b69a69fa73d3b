"""Trackers that mean harm: whatever they answer ends bounded, and the next tier is asked."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable, Iterator

import jstorrent as jst
import pytest
from jstorrent.lab import Lab

from tests.scenarios.raw_tracker import Answer, Asked, RawTracker, reply, response

pytestmark = pytest.mark.lanes("sim")
MAX_BODY = 1 << 20
MAX_REDIRECTS = 5
MOST_PER_HOST = 32


def endless(head: bytes, part: bytes) -> Iterator[bytes]:
    yield head
    while True:
        yield part


def redirect(to: str) -> bytes:
    return response(b"", "302 Found", f"Location: {to}")


BOMB = gzip.compress(bytes(64 << 20), 9, mtime=0)
HEAD = b"HTTP/1.1 200 OK\r\n"
ATTACKS: dict[str, tuple[Callable[[], Answer], str]] = {
    "an endless body": (lambda: endless(HEAD + b"\r\n", bytes(1 << 18)), "larger"),
    "a body that says it is huge": (lambda: HEAD + b"Content-Length: 1099511627776\r\n\r\n", "larger"),
    "an endless head": (lambda: endless(HEAD, b"X: " + b"y" * 4096 + b"\r\n"), "larger"),
    "a gzip bomb": (lambda: response(BOMB, "200 OK", "Content-Encoding: gzip"), "larger"),
    "a body that drips": (lambda: endless(HEAD + b"\r\nd", b"8"), "time-out"),
    "no bencode": (lambda: response(b"<html>welcome</html>"), "not a tracker's answer"),
    "a list": (lambda: response(b"le"), "not a tracker's answer"),
    "deep nesting": (lambda: response(b"d1:a" + b"l" * 100_000), "not a tracker's answer"),
    "peers of a wrong length": (lambda: response(b"d5:peers5:12345e"), "not a tracker's answer"),
    "an empty answer": (lambda: b"", "too early"),
    "a peer's handshake": (lambda: b"\x13BitTorrent protocol" + bytes(48), "too early"),
    "no http": (lambda: b"ICY 200 OK\r\n\r\nd5:peers0:e", "malformed"),
    "a redirect to a file": (lambda: redirect("file:///etc/passwd"), "redirected"),
    "a redirect to a peer": (lambda: redirect("udp://10.0.0.1:6881/"), "redirected"),
    "a redirect to nowhere": (lambda: redirect("http://no.such.name/announce"), "not known"),
}


@pytest.mark.covers("S2-15", "S2-16")
@pytest.mark.parametrize("attack", ATTACKS)
def test_the_next_tier_is_asked_after(lab: Lab, attack: str) -> None:
    make, words = ATTACKS[attack]
    spec = lab.torrent(pieces=8)
    seed, client = lab.seeder("seed", spec), lab.engine("client")
    bad, good = RawTracker(lab, "bad", lambda _: make()), RawTracker(lab, "good", reply([seed.address]))
    failed = client.session.events(jst.AnnounceFailed)
    t = client.session.add(spec.metainfo, client.downloads, trackers=[bad.url, good.url])
    lab.until(lambda: t.state == "seeding", within=50)
    event = failed.get(0)
    assert isinstance(event, jst.AnnounceFailed) and words in event.message
    assert t.trackers()[0].message == event.message
    assert not bad.open and bad.sent <= 4 * MAX_BODY + len(BOMB), "it is hung up on"


def test_a_chain_of_redirects_is_followed_so_far_and_no_further(lab: Lab) -> None:
    for hops, arrives in (MAX_REDIRECTS, True), (MAX_REDIRECTS + 1, False):
        client = lab.engine(f"client{hops}")
        end = RawTracker(lab, f"end{hops}", reply())
        url = end.url
        for i in range(hops):
            url = RawTracker(lab, f"hop{hops}-{i}", redirect(url)).url
        t = client.session.add(lab.torrent(pieces=1).metainfo, client.downloads, trackers=[url])
        lab.until(lambda t=t: t.trackers()[0].state in {"working", "failed"}, within=5)  # type: ignore[misc]
        assert (t.trackers()[0].state == "working", bool(end.asked)) == (arrives, arrives)
    assert t.trackers()[0].message == "redirected too often"


def test_a_redirect_loop_ends(lab: Lab) -> None:
    client = lab.engine("client")
    trk = RawTracker(lab, "trk")
    trk.answer = redirect(trk.url)
    t = client.session.add(lab.torrent(pieces=1).metainfo, client.downloads, trackers=[trk.url])
    lab.run_for(10)
    assert len(trk.asked) == MAX_REDIRECTS + 1 and t.trackers()[0].state == "failed"


@pytest.mark.parametrize(("host", "path", "heard"), [
    ("127.0.0.1", "/announce", True), ("127.0.0.1", "/admin", False), ("127.0.0.1", "/x/announce", False),
    ("10.5.5.5", "/x/announce.php", True), ("10.5.5.5", "/router/reboot", False), ("169.254.169.254", "/latest/meta-data", False),
])  # fmt: skip
def test_a_torrent_can_not_make_us_ask_what_is_near_us(lab: Lab, host: str, path: str, heard: bool) -> None:
    client = lab.engine("client", host=host if host == "127.0.0.1" else None)
    near = RawTracker(lab, "near", reply(), host=host)
    url = near.url.replace("/announce", path)
    t = client.session.add(lab.torrent(pieces=1).metainfo, client.downloads, trackers=[url])
    lab.until(lambda: t.trackers()[0].state in {"working", "failed"}, within=5)
    assert bool(near.asked) == heard
    assert heard or "must not" in t.trackers()[0].message


def test_nobody_out_there_may_redirect_us_to_what_is_near_us(lab: Lab) -> None:
    client = lab.engine("client")
    near = RawTracker(lab, "near", reply())
    far = RawTracker(lab, "far", redirect(near.url), host="9.9.9.9")
    t = client.session.add(lab.torrent(pieces=1).metainfo, client.downloads, trackers=[far.url])
    lab.until(lambda: t.trackers()[0].state == "failed", within=5)
    assert len(far.asked) == 1 and not near.asked


def test_the_address_filter_holds_for_trackers(lab: Lab) -> None:
    client = lab.engine("client", address_filter=("9.9.9.0/24",))
    trk = RawTracker(lab, "trk", reply(), host="9.9.9.9")
    t = client.session.add(lab.torrent(pieces=1).metainfo, client.downloads, trackers=[trk.url])
    lab.until(lambda: t.trackers()[0].state == "failed", within=5)
    assert not trk.asked


@pytest.mark.parametrize("network", ["10.0.0.0/24", "10.0.1.0/24"])
def test_the_address_filter_holds_for_udp_trackers(lab: Lab, network: str) -> None:
    client = lab.engine("client", address_filter=(network,))
    trk = lab.tracker("trk", "udp")
    t = client.add(lab.torrent(pieces=1, trackers=[trk]))
    lab.until(lambda: t.trackers()[0].state in ("failed", "working"), within=5)
    assert bool(trk.requests) == (network == "10.0.1.0/24")


def test_a_name_that_changes_its_mind_is_judged_where_it_leads(lab: Lab) -> None:
    """The rule is asked with the address that is dialled, not with the name in the torrent."""
    client = lab.engine("client")
    router = RawTracker(lab, "router", reply(), host="192.168.0.1")
    url = f"http://router:{router.address[1]}/reboot"
    t = client.session.add(lab.torrent(pieces=1).metainfo, client.downloads, trackers=[url])
    lab.until(lambda: t.trackers()[0].state == "failed", within=5)
    assert not router.asked and "must not" in t.trackers()[0].message


def test_thousands_of_addresses_stay_within_the_limit_of_known_ones(lab: Lab) -> None:
    spec = lab.torrent(pieces=1)
    client = lab.engine("client", max_known_peers=100, max_half_open=2)
    many = [(f"10.99.{i // 250}.{i % 250 + 1}", 6881) for i in range(5000)]
    trk = RawTracker(lab, "trk", reply(many))
    t = client.session.add(spec.metainfo, client.downloads, trackers=[trk.url])
    lab.until(lambda: t.trackers()[0].state == "working", within=5)
    assert t.status().num_known == 100
    assert client.session.status().num_half_open <= 2


def test_a_tracker_can_not_turn_us_on_one_victim(lab: Lab) -> None:
    """Thousands of ports of one host, others each minute; who stands behind them in the answer is found all the same."""
    had, unheard_of = lab.torrent(pieces=1), lab.torrent(pieces=2)
    client, good = lab.engine("client"), lab.engine("good", host="9.4.5.6")
    good.add(had, have="all")
    ended = client.session.events(jst.PeerDisconnected)
    first = itertools.count(1, 1990)

    def answer(_: Asked) -> bytes:
        start = next(first)
        return reply([*(("9.1.2.3", port) for port in range(start, start + 1990)), good.address], interval=60)

    trk = RawTracker(lab, "trk", answer, host="9.9.9.9")
    client.session.add(unheard_of.metainfo, client.downloads, trackers=[trk.url])
    lab.run_for(600)
    dials = sum(event.address[0] == "9.1.2.3" for event in iter(lambda: ended.get(0), None))
    assert len(trk.events) == 10 and 10 < dials <= 10 * 3 * MOST_PER_HOST, "each thrice a minute at most"
    t = client.session.add(had.metainfo, client.downloads, trackers=[trk.url])
    lab.until(lambda: t.state == "seeding", within=60)


def test_a_torrent_can_not_turn_us_on_one_victim_by_naming_it_as_each_of_its_trackers(lab: Lab) -> None:
    client = lab.engine("client")
    victim = RawTracker(lab, "victim", response(b"", "404 Not Found"), host="9.1.2.3")
    urls = [victim.url.replace("/announce", f"/{i}/announce") for i in range(1024)]
    client.session.add(lab.torrent(pieces=1).metainfo, client.downloads, trackers=urls)
    lab.run_for(60)
    assert 32 <= len(victim.asked) <= 32 + 60
