"""More cases: what the user said, and what others are told of it."""

from __future__ import annotations

import jstorrent as jst
from jstorrent.lab import Handshake, Lab

from tests.plants.cases import SILENT, found_by, swarm

BEGUN = 0.2
"""Seconds in which a few of the 16 pieces of swarm() have come."""


def download(lab: Lab) -> jst.Torrent:
    """The one of swarm()."""
    _, client, spec = swarm(lab)
    torrent = client.torrent(spec)
    assert torrent is not None
    return torrent


@found_by("bounds")
def slots_missing(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    seed = lab.engine("seed", upload_slots=1, optimistic_slots=1, seed_choker="tit-for-tat")
    seed.add(spec, have="all")
    for n in range(4):
        lab.peer(f"p{n}", spec, have="none").connect(seed)
    lab.run_for(20)
    lab.check()


@found_by("bounds")
def rate_too_high(lab: Lab) -> None:
    swarm(lab, download_rate_limit=100_000)
    lab.run_for(5)
    lab.check()


@found_by("accounting")
def skipped_is_fetched(lab: Lab) -> None:
    torrent = download(lab)
    for piece in range(16):
        torrent.set_piece_priority(piece, 0)
    lab.run_for(BEGUN)
    lab.check()


@found_by("accounting")
def claims_not_asked_about(lab: Lab) -> None:
    spec = lab.torrent(pieces=16)
    lab.engine("client").add(spec, peers=[lab.peer("half", spec, have=range(8), auto=SILENT)])
    lab.run_for(2)
    lab.check()


@found_by("bounds")
def banned_may_come(lab: Lab) -> None:
    spec = lab.torrent()
    seed, peer = lab.engine("seed"), lab.peer("peer", spec, have="none")
    seed.add(spec, have="all")
    seed.session.ban(peer.address[0], 600)
    peer.connect(seed)
    lab.run_for(2)
    lab.check()


@found_by("monotone")
def removal_takes_files(lab: Lab) -> None:
    torrent = download(lab)
    lab.until(lambda: torrent.state == "seeding", within=30)
    torrent.remove()
    lab.run_for(2)
    lab.check()


@found_by("convergence")
def removal_leaves_files(lab: Lab) -> None:
    torrent = download(lab)
    lab.run_for(BEGUN)
    torrent.remove(delete_files=True)
    lab.run_for(2)
    lab.check()


@found_by("accounting")
def left_is_all(lab: Lab) -> None:
    spec = lab.torrent(pieces=4, trackers=[lab.tracker("trk")])
    client = lab.engine("client")
    client.add(spec, peers=[lab.peer("good", spec)])
    lab.until(lambda: client.complete(spec), within=30)
    lab.run_for(2)
    lab.check()


@found_by("monotone")
def sent_is_forgotten(lab: Lab) -> None:
    good, client, spec = swarm(lab)
    lab.until(lambda: client.complete(spec), within=30)
    good.stop()
    good.start()
    lab.run_for(2)
    lab.check()


@found_by("accounting")
def pause_goes_on(lab: Lab) -> None:
    torrent = download(lab)
    lab.run_for(BEGUN)
    torrent.pause()
    lab.run_for(0.1)
    lab.check()


@found_by("accounting")
def file_told_too_soon(lab: Lab) -> None:
    _, client, spec = swarm(lab)
    lab.until(lambda: client.complete(spec), within=30)
    lab.check()


@found_by("accounting")
def piece_not_told(lab: Lab) -> None:
    _, client, spec = swarm(lab)
    lab.until(lambda: client.complete(spec), within=30)
    lab.check()


@found_by("bounds")
def door_is_open(lab: Lab) -> None:
    spec = lab.torrent()
    seed = lab.engine("seed", handshake_timeout=3.0)
    seed.add(spec, have="all")
    lab.peer("mute", spec, handshake=Handshake(send=False)).connect(seed)
    lab.run_for(30)
    lab.check()
