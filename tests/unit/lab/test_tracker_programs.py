"""Trackers that are programs, and others' clients that find each other through ours and theirs."""

from __future__ import annotations

import os
import shutil
import urllib.request
from pathlib import Path

import pytest
from jstorrent.lab import Lab, LaneLacks
from jstorrent.lab import _tracker_programs as programs

from tests.support.trackers import needs_tracker

pytest.importorskip("libtorrent")
pytestmark = pytest.mark.lanes("real")
PROGRAMS = ["opentracker", "bittorrent-tracker"]


def _downloads(lab: Lab, *urls: object) -> None:
    """A libtorrent gets a torrent from another of which it hears only through these trackers."""
    spec = lab.torrent(pieces=8, piece_length=16384, trackers=[list(urls)])
    seed = lab.seeder("seed", spec, kind="libtorrent")
    client = lab.client("client", "libtorrent")
    client.add(spec)
    lab.until(lambda: client.complete(spec), within=60, every=0.1)
    assert seed.complete(spec)


@pytest.mark.parametrize("kind", ["http", "udp"])
def test_libtorrents_find_each_other_through_ours(lab: Lab, kind: str) -> None:
    trk = lab.tracker("trk", kind=kind)
    _downloads(lab, trk)
    assert {said.node for said in trk.announces if said.event == "started"} == {"seed", "client"}
    assert all(len(said.info_hash) == 20 and said.source is not None for said in trk.announces)


@pytest.mark.parametrize("way", ["http", "udp"])
@pytest.mark.parametrize("kind", PROGRAMS)
def test_libtorrents_find_each_other_through_a_program(lab: Lab, kind: str, way: str) -> None:
    needs_tracker(kind)
    trk = lab.tracker("trk", kind=kind)
    _downloads(lab, trk if way == "http" else trk.udp_url)


def test_opentracker_serves_only_what_names_it(lab: Lab) -> None:
    needs_tracker("opentracker")
    trk = lab.tracker("trk", kind="opentracker")
    named, other = lab.torrent(trackers=[trk]), lab.torrent()
    assert trk._program.serves(named.info_hash) and not trk._program.serves(other.info_hash)
    trk.allow(other)
    assert trk._program.serves(other.info_hash) and trk._program.serves(named.info_hash)


def test_a_program_is_behind_a_relay_and_ends_with_the_laboratory() -> None:
    needs_tracker("opentracker")
    with Lab(lane="real", seed=3) as lab:
        trk = lab.tracker("trk", kind="opentracker")
        spec = lab.torrent(trackers=[trk])
        client = lab.engine("client")
        client.add(spec)
        lab.net.partition(client, trk)
        program = trk._program
        assert trk.address != program._address and program.running
        with pytest.raises(AttributeError):
            _ = trk.announces
    assert not program.running and not program.is_ready


def test_a_program_does_as_it_was_written(lab: Lab) -> None:
    needs_tracker("opentracker")
    with pytest.raises(ValueError, match="behave"):
        lab.tracker("a", kind="opentracker", behave="silent")


def test_a_program_that_ends_at_once_says_what_it_said(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs.Opentracker, "command", lambda *words: ["sh", "-c", "echo no luck; exit 1"])
    needs_tracker("opentracker")
    with pytest.raises(RuntimeError, match="no luck"):
        lab.tracker("a", kind="opentracker")


def test_what_is_not_installed_is_said(lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda *words, **more: None)
    for kind, missing in (("opentracker", "opentracker"), ("bittorrent-tracker", "node")):
        with pytest.raises(LaneLacks, match=f"{missing} is not installed"):
            lab.tracker(kind, kind=kind)
    monkeypatch.setattr(shutil, "which", lambda *words, **more: "/bin/node")
    monkeypatch.setattr(programs, "_TREE", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NODE_PATH", raising=False)
    with pytest.raises(LaneLacks, match="npm package"):
        lab.tracker("b", kind="bittorrent-tracker")
    (tmp_path / "mine" / "bittorrent-tracker").mkdir(parents=True)
    (tmp_path / "mine" / "bittorrent-tracker" / "package.json").touch()
    monkeypatch.setenv("NODE_PATH", os.pathsep.join(["/nowhere", str(tmp_path / "mine")]))
    assert programs.BittorrentTracker()._module == (tmp_path / "mine" / "bittorrent-tracker").resolve()


@pytest.mark.parametrize("kind", PROGRAMS)
def test_a_program_is_asked_as_any_other(lab: Lab, kind: str) -> None:
    needs_tracker(kind)
    trk = lab.tracker("trk", kind=kind, interval=60)
    spec = lab.torrent(trackers=[trk])
    query = f"?info_hash={'%' + spec.info_hash.hex('%')}&peer_id={'p' * 20}&port=1&left=0&compact=1"
    with urllib.request.urlopen(trk.url + query, timeout=10) as answer:
        assert b"8:interval" in answer.read()
