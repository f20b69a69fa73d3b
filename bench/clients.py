"""The programs that are measured: what each can do, how it is started, whether it is here and in which version."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jstorrent as jst

from bench.child import Job

_ROOT = Path(__file__).resolve().parent.parent
_RIVALS = _ROOT / "build" / "rivals" / "bin"
_INSTALL = "make rivals installs it"
ROLES = ("leech", "seed", "recheck", "create", "swarm", "torrents")
Command = Callable[[Job], list[str]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def own_address() -> str | None:
    """Where this machine is reached from outside; nothing is sent to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        host = str(probe.getsockname()[0])
        return None if host.startswith("127.") else host


@dataclass(frozen=True)
class Client:
    """`speaks`: it tells in a line when it is done (bench/child.py); else its end is the end of its work."""

    name: str
    roles: dict[str, Command]
    version: Callable[[], str | None]
    speaks: bool = False
    #: It can be told of peers by a tracker only.
    needs_tracker: bool = False
    #: It takes no peers on loopback: it is told of one at the machine's own address.
    refuses_loopback: bool = False

    def missing(self) -> str | None:
        """Why it cannot be measured here."""
        try:
            if self.refuses_loopback and own_address() is None:
                return "it takes no peers on loopback, and this machine has no other address"
            return None if self.version() else _INSTALL
        except (OSError, subprocess.SubprocessError) as error:
            return f"{error}; {_INSTALL}"


def _speaking(name: str, start: list[str]) -> dict[str, Command]:
    """The roles of a client in Python; `start`: what stands before its interpreter's arguments."""

    def command(role: str) -> Command:
        return lambda job: [*start, "-W", "ignore", "-m", f"bench.engine_{name}", role, json.dumps(dataclasses.asdict(job))]

    return {role: command(role) for role in ROLES}


def _of_tree(name: str, tree: Path) -> Client:
    """jstorrent as another tree has built it, told what to do by this one."""
    interpreter = tree / ".venv" / "bin" / "python"
    start = ["env", f"PYTHONPATH={tree / 'python'}:{_ROOT}", str(interpreter)]

    def version() -> str | None:
        if not interpreter.exists():
            raise FileNotFoundError(f"{interpreter} is not there: make build in that tree")
        return f"{jst.__version__}{_commit(tree)}"

    return Client(name, _speaking("jstorrent", start), version, speaks=True)


def client_named(name: str) -> Client:
    """By its name in CLIENTS; "jstorrent@PATH" is that of another tree; a name may end in "#2" for a run against itself."""
    name = name.split("#")[0]
    own, at, tree = name.partition("@")
    return _of_tree(name, Path(tree).resolve()) if at and own == "jstorrent" else CLIENTS[name]


def _of_python(name: str) -> Client:

    def version() -> str | None:
        if importlib.util.find_spec(name) is None:
            return None
        return f"{jst.__version__}{_commit(_ROOT)}" if name == "jstorrent" else importlib.metadata.version(name)

    return Client(name, _speaking(name, [sys.executable]), version, speaks=True)


def _commit(tree: Path) -> str:
    """Which one a tree stands at, where it is a clone."""
    git = ["git", "-C", str(tree), "describe", "--always", "--dirty"]
    try:
        return f" ({subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()})"
    except (OSError, subprocess.SubprocessError):
        return ""


def _said(program: str | Path, *arguments: str) -> str | None:
    """The version in the first line of what a program says."""
    found = shutil.which(str(program))
    if found is None:
        return None
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False, timeout=20)
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0].split(" (")[0].split()[-1] if lines else "unknown"


def _aria2(*more: str) -> Command:
    def command(job: Job) -> list[str]:
        quiet = ["-q", "--no-conf", "--enable-dht=false", "--bt-enable-lpd=false", "--enable-peer-exchange=false"]
        return [
            "aria2c", *quiet, "--file-allocation=none", "--bt-max-peers=0", f"--listen-port={free_port()}",
            "-d", job.folder, *more, job.torrent,
        ]  # fmt: skip

    return command


def _transmission(job: Job) -> list[str]:
    """It goes on seeding, so its finish script ends it; everything of the file is written by then."""
    home = Path(job.folder) / ".transmission"
    home.mkdir()
    off = ("utp-enabled", "dht-enabled", "pex-enabled", "lpd-enabled", "port-forwarding-enabled")
    (home / "settings.json").write_text(json.dumps(dict.fromkeys(off, False)))
    script = home / "finish"
    script.write_text(f'#!/bin/sh\nkill -KILL "$(cat {home}/pid)"\n')
    script.chmod(0o755)
    options = ["-et", "-M", "-g", str(home), "-p", str(free_port()), "-w", job.folder, "-f", str(script), job.torrent]
    return ["sh", "-c", 'echo $$ >"$1/pid"; shift; exec transmission-cli "$@" >/dev/null', "sh", str(home), *options]


def _transmission_create(job: Job) -> list[str]:
    kib = jst.Metainfo.load(job.torrent).piece_length // 1024
    return ["transmission-create", "-s", str(kib), "-o", f"{job.torrent}.made", job.folder]


def _rqbit(job: Job) -> list[str]:
    peers = ",".join(f"{host}:{port}" for host, port in job.peers)
    alone = ["--disable-dht", "--disable-upnp-port-forward", "--disable-lsd"]
    return [
        str(_RIVALS / "rqbit"), "-v", "error", *alone, "download", "-e", "--disable-http-api", "-o", job.folder,
        "--initial-peers", peers, job.torrent,
    ]  # fmt: skip


def _anacrolix(job: Job) -> list[str]:
    alone = ["--no-dht", "--no-pex", "--no-utp-peers", "--no-port-forward", "--no-progress", "--no-webtorrent"]
    peers = [word for host, port in job.peers for word in ("--test-peer", f"{host}:{port}")]
    return [str(_RIVALS / "torrent"), "download", *alone, *peers, job.torrent]


def _anacrolix_version() -> str | None:
    if not os.access(_RIVALS / "torrent", os.X_OK):
        return None
    go = shutil.which("go")
    if go is None:
        return "unknown"
    told = subprocess.run([go, "version", "-m", _RIVALS / "torrent"], capture_output=True, text=True, check=False)
    module = [line.split() for line in told.stdout.splitlines() if line.split()[:1] == ["mod"]]
    return module[0][2] if module else "unknown"


CLIENTS = {
    client.name: client
    for client in (
        _of_python("libtorrent"),
        _of_python("jstorrent"),
        Client(
            "aria2",
            {"leech": _aria2("--seed-time=0"), "recheck": _aria2("--check-integrity=true", "--hash-check-only=true")},
            lambda: _said("aria2c", "--version"),
            needs_tracker=True,
        ),
        Client(
            "transmission",
            {"leech": _transmission, "create": _transmission_create},
            lambda: _said("transmission-cli", "--version"),
            needs_tracker=True,
            refuses_loopback=True,
        ),
        Client("rqbit", {"leech": _rqbit}, lambda: _said(_RIVALS / "rqbit", "--version")),
        Client("anacrolix", {"leech": _anacrolix}, _anacrolix_version),
    )
}
