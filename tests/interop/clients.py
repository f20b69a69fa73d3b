"""The other clients as this suite starts them, each as a seed and as a leecher, and our own side of a run."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jstorrent as jst
import pytest

from tests.support.namespace import Namespace
from tests.support.processes import Talker

HERE = Path(__file__).resolve().parent
START = 30.0  # seconds that a client may take to start
WHOLE = 120.0  # and to move the sample


def needs(program: str) -> None:
    """Without root a missing client skips; with root it could have been installed, so it fails."""
    if shutil.which(program) is None:
        if os.geteuid() == 0:
            pytest.fail(f"{program} is not installed: run scripts/setup tests")
        pytest.skip(f"{program} is not installed, and installing it needs root")


def needs_root(why: str) -> None:
    if os.geteuid() != 0:
        pytest.skip(f"needs root: {why}")


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def download(metainfo: jst.Metainfo, to: Path, seed: tuple[str, int], within: float = WHOLE) -> jst.TorrentStatus:
    """Our side as the leecher. A seed that is not ready yet is dialled again when it has hung up."""
    with jst.Session(jst.Settings(reconnect_interval=1.0)) as session:
        torrent = session.add(metainfo, to, peers=[seed])
        return torrent.wait_complete(within)


@contextmanager
def our_seed(metainfo: jst.Metainfo, data: Path, hosts: tuple[str, ...] = ("127.0.0.1",)) -> Iterator[jst.Session]:
    """Our side as the seed, checked and listening."""
    with jst.Session(jst.Settings(listen=hosts)) as session:
        session.add(metainfo, data).wait("seeding", WHOLE)
        yield session


@contextmanager
def libtorrent_seed(torrent: Path, data: Path) -> Iterator[tuple[str, int]]:
    with Talker([sys.executable, "-W", "ignore", HERE / "libtorrent_client.py", "seed", torrent, data]) as child:
        yield "127.0.0.1", int(child.line_with(r"^listening (\d+)", START)[1])


def libtorrent_leech(torrent: Path, to: Path, seed: tuple[str, int], within: float = WHOLE) -> None:
    command = [
        sys.executable,
        "-W",
        "ignore",
        HERE / "libtorrent_client.py",
        "leech",
        torrent,
        to,
        seed[0],
        str(seed[1]),
    ]
    with Talker(command) as child:
        child.line_with("^finished", within)


def _aria2(torrent: Path, folder: Path, port: int, *more: str) -> list[str | Path]:
    return [
        "aria2c", "--no-conf", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false",
        "--enable-peer-exchange=false", "--file-allocation=none", "--summary-interval=0", "--console-log-level=info",
        "--show-console-readout=false", f"--listen-port={port}", "-d", folder, *more, torrent,
    ]  # fmt: skip


@contextmanager
def aria2_seed(torrent: Path, data: Path) -> Iterator[tuple[str, int]]:
    needs("aria2c")
    port = free_port()
    with Talker(_aria2(torrent, data, port, "--check-integrity=true", "--seed-ratio=0.0")) as child:
        child.line_with(r"[Ll]istening on TCP port", START)
        yield "127.0.0.1", port


def aria2_leech(torrent: Path, to: Path) -> None:
    """It has no way to be told a peer: the torrent's tracker names us."""
    needs("aria2c")
    with Talker(_aria2(torrent, to, free_port(), "--seed-time=0")) as child:
        assert child.end(WHOLE) == 0, child.story


def _transmission(home: Path, folder: Path, where: Namespace) -> list[str | Path]:
    home.mkdir(parents=True, exist_ok=True)
    done = home / "done.sh"
    done.write_text(f'#!/bin/sh\necho "done $TR_TORRENT_NAME" > {home}/news\n', encoding="utf-8")
    done.chmod(0o755)
    settings = {
        "download-dir": str(folder),
        "script-torrent-done-enabled": True,
        "script-torrent-done-filename": str(done),
        "watch-dir-enabled": False,
        "rpc-enabled": False,
        "dht-enabled": False,
        "lpd-enabled": False,
        "pex-enabled": False,
        "utp-enabled": False,
        "port-forwarding-enabled": False,
        "encryption": 0,
        "bind-address-ipv4": where.inside,
        "peer-port": 51413,
        "ratio-limit-enabled": False,
    }
    (home / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    return [*where.enter, "transmission-daemon", "-f", "-g", home, "--log-debug"]


def _watched(home: Path, torrent: Path) -> None:
    """Hands a torrent over before the start: transmission reads its own folder of torrents."""
    (home / "torrents").mkdir(parents=True, exist_ok=True)
    shutil.copy(torrent, home / "torrents" / torrent.name)


@contextmanager
def transmission_seed(torrent: Path, data: Path, home: Path, where: Namespace) -> Iterator[tuple[str, int]]:
    needs("transmission-daemon")
    command = _transmission(home, data, where)
    _watched(home, torrent)
    with Talker(command) as child:
        child.line_with(
            r"(?i)verif.*(?:done|complete)|Torrent.*(?:verified|State changed from .* to .*Complete)", START
        )
        yield where.inside, 51413


def transmission_leech(torrent: Path, to: Path, home: Path, where: Namespace) -> None:
    """It finds us through the torrent's tracker; a script of its own tells a pipe when it is done."""
    needs("transmission-daemon")
    command = _transmission(home, to, where)
    _watched(home, torrent)
    os.mkfifo(home / "news")
    with Talker(["cat", home / "news"]) as news, Talker(command):
        news.line_with("^done", WHOLE)
