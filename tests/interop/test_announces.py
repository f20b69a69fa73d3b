"""Our engine and trackers over real sockets: HTTP, HTTPS and UDP, and the command line."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import jstorrent as jst
import pytest
from jstorrent.lab import Lab

from tests.support.tls import AUTHORITY, TlsServer, answer_http
from tests.support.trackers import needs_tracker

real = pytest.mark.lanes("real")


@real
@pytest.mark.parametrize("way", ["http", "udp"])
@pytest.mark.parametrize("kind", ["opentracker", "bittorrent-tracker"])
@pytest.mark.covers("S3-18", "S3-30")
def test_engines_find_each_other_through_a_program(lab: Lab, kind: str, way: str) -> None:
    needs_tracker(kind)
    trk = lab.tracker("trk", kind=kind)
    spec = lab.torrent(pieces=16, trackers=[trk if way == "http" else trk.udp_url])
    seed, client = lab.engine("seed"), lab.engine("client")
    s = seed.add(spec, have="all")
    lab.until(lambda: s.trackers()[0].state == "working", within=20)
    t = client.add(spec, magnet=True)
    lab.until(lambda: t.state == "seeding", within=60)
    assert client.complete(spec)
    assert {peer.source for peer in t.peers()} <= {"tracker"}


@real
@pytest.mark.parametrize("way", ["http", "udp"])
def test_a_magnet_link_resolves_from_libtorrent_found_through_opentracker(lab: Lab, way: str) -> None:
    needs_tracker("opentracker")
    pytest.importorskip("libtorrent")
    trk = lab.tracker("trk", kind="opentracker")
    spec = lab.torrent(pieces=16, trackers=[trk if way == "http" else trk.udp_url])
    seed, client = lab.seeder("seed", spec, kind="libtorrent"), lab.engine("client")
    t = client.add(spec, magnet=True)
    lab.until(lambda: t.announce() or t.state == "seeding", within=90, every=1)
    assert client.complete(spec) and seed.complete(spec)


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))


def announced(url: str, folder: Path) -> jst.TrackerStatus:
    """What came of one announce to there."""
    with jst.Session(jst.Settings(listen=("127.0.0.1",), tracker_timeout=10)) as session:
        t = session.add("ab" * 20, folder, trackers=[url])
        t.wait(lambda _: t.trackers()[0].state in {"working", "failed"}, timeout=20)
        return t.trackers()[0]


@pytest.mark.usefixtures("trusting")
def test_an_https_tracker_answers(tmp_path: Path) -> None:
    body = b"d8:completei7e8:intervali1800e5:peers0:e"
    with TlsServer("good", answer_http(body)) as server:
        status = announced(f"https://localhost:{server.port}/announce", tmp_path)
    assert (status.state, status.seeds, status.message) == ("working", 7, "")


@pytest.mark.usefixtures("trusting")
@pytest.mark.parametrize(("certificate", "words"), [
    ("wrong_host", "mismatch"), ("expired", "expired"), ("unknown", "issuer"),
])  # fmt: skip
def test_an_https_tracker_that_can_not_prove_who_it_is_hears_nothing(tmp_path: Path, certificate: str, words: str) -> None:
    heard: list[bytes] = []
    with TlsServer(certificate, lambda sock: heard.append(sock.recv(100))) as server:
        status = announced(f"https://localhost:{server.port}/announce", tmp_path)
    assert status.state == "failed" and words in status.message
    assert not any(heard)


def test_a_tracker_that_hangs_in_the_handshake_costs_its_time_and_no_more(tmp_path: Path) -> None:
    with TlsServer("good", None) as server, jst.Session(jst.Settings(listen=(), tracker_timeout=1)) as session:
        t = session.add("ab" * 20, tmp_path, trackers=[f"https://localhost:{server.port}/announce"])
        t.wait(lambda _: t.trackers()[0].state == "failed", timeout=20)
        assert "time-out" in t.trackers()[0].message


@pytest.mark.parametrize("silent", [True, False])
def test_a_close_waits_for_no_tracker_that_was_never_reached(tmp_path: Path, silent: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hole:
        port = hole.getsockname()[1]
        if not silent:
            hole.close()
        session = jst.Session(jst.Settings(listen=()))
        session.add("ab" * 20, tmp_path, trackers=[f"http://127.0.0.1:{port}/announce", "http://tracker.invalid/announce"])
        assert session.close(timeout=30) is True
        assert json.dumps(session.status().to_dict())
