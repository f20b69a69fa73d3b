"""How to start and end each program that the laboratory knows, and any command line.

A driver is told a Job: the torrent, the folder, where to listen. Peers come from the tracker that the torrent names;
a command may be given them as well, by {host}:{port}.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jstorrent.lab._failure import LaneLacks
from jstorrent.lab._program import Program

PLACEHOLDERS = ("torrent", "magnet", "dir", "host", "port")
_PEER = "{host}:{port}"


@dataclass(frozen=True, slots=True)
class Job:
    """What a client is to do."""

    torrent: Path
    """A .torrent file. It names the tracker of the laboratory."""
    magnet: str
    """The same as a magnet link."""
    dir: Path
    """Where the files go, or are."""
    host: str
    """Where it is to listen and to dial from, if it can be told."""
    port: int
    peers: tuple[tuple[str, int], ...]
    """Whom it finds through the tracker."""
    is_seed: bool
    """The files are there already."""
    from_magnet: bool
    """It is to begin with the magnet link."""
    home: Path
    """A folder for all that it keeps of its own."""
    enter: tuple[str, ...] = ()
    """What stands in front of its command: the way into a network namespace."""

    @property
    def source(self) -> str:
        """The torrent file, or the magnet link if that is wanted."""
        return self.magnet if self.from_magnet else str(self.torrent)


class Driver:
    """Runs somebody's client. Subclasses say start, stop and kill; the rest may be left as it is."""

    refuses_loopback = False
    """It wants peers outside of 127/8: it is put into a network namespace."""
    dials_from_host = False
    """It can be told the address that it dials from, and is."""
    uses_tracker = True
    """It learns its peers from the tracker of the torrent."""
    takes_magnets = False
    """It can begin with a magnet link."""
    running = True
    output = ""

    def start(self, job: Job) -> None:
        """Begins, also again after a stop or a kill."""
        raise NotImplementedError

    def stop(self) -> None:
        """A clean end."""
        raise NotImplementedError

    def kill(self) -> None:
        """The end at once, as by SIGKILL."""
        raise NotImplementedError

    @property
    def ready(self) -> bool:
        """A seed takes calls."""
        return True


class ProgramDriver(Driver):
    """A driver of a command that is known when the job is."""

    program: str | None = None
    """What must be installed."""
    says_ready: str | None = None
    """What a seed has said when it takes calls."""
    environment: Mapping[str, str] = {}
    """What its environment has besides ours."""

    def __init__(self) -> None:
        if self.program is not None and shutil.which(self.program) is None:
            raise LaneLacks(f"{self.program} is not installed")
        self._running: Program | None = None

    def command(self, job: Job) -> list[str]:
        """The words of the command."""
        raise NotImplementedError

    def start(self, job: Job) -> None:
        """Runs the command."""
        words = [*job.enter, *self.command(job)]
        try:
            self._running = Program(words, environment=self.environment)
        except OSError as error:
            raise ValueError(f"cannot run {words[0]!r}: {error.strerror}") from error

    def stop(self) -> None:
        """SIGTERM, and SIGKILL to who does not mind it."""
        if self._running is not None:
            self._running.stop()

    def kill(self) -> None:
        """SIGKILL."""
        if self._running is not None:
            self._running.kill()

    @property
    def running(self) -> bool:  # type: ignore[override]
        """The process is there."""
        return self._running is not None and self._running.running

    @property
    def output(self) -> str:  # type: ignore[override]
        """The end of what it said."""
        return "" if self._running is None else self._running.output

    @property
    def ready(self) -> bool:
        return self.says_ready is None or re.search(self.says_ready, self.output) is not None

    @property
    def last_words(self) -> str:
        """How it ended, in words; empty while it runs."""
        code = None if self._running is None else self._running.exit_code
        if code is None:
            return ""
        if code >= 0:
            return f"it ended with exit code {code}"
        return f"it died of {signal.Signals(-code).name}"


class Command(ProgramDriver):
    """Any command line. {torrent} {magnet} {dir}: what and where to. {host} or {port} alone: where it is to listen.

    {host}:{port} together: a peer to dial; that word, with the option before it, is repeated for each peer.
    """

    def __init__(self, words: Sequence[str]) -> None:
        if isinstance(words, str) or not words:
            raise ValueError("a command is a list of words, and not an empty one")
        self.words = [str(word) for word in words]
        for word in self.words:
            for name in re.findall(r"\{(\w+)\}", word):
                if name not in PLACEHOLDERS:
                    raise ValueError(f"no such placeholder: {{{name}}} (known: {', '.join(PLACEHOLDERS)})")
        self.program = self.words[0] if "{" not in self.words[0] else None
        self.takes_magnets = any("{magnet}" in word for word in self.words)
        self.uses_tracker = not any(_PEER in word for word in self.words)
        super().__init__()

    def command(self, job: Job) -> list[str]:
        values = {"torrent": str(job.torrent), "magnet": job.magnet, "dir": str(job.dir), "host": job.host,
                  "port": str(job.port)}  # fmt: skip
        made: list[str] = []
        for word in self.words:
            if _PEER not in word:
                made.append(_filled(word, values))
                continue
            option = [made.pop()] if made and made[-1].startswith("-") and word.startswith("{") else []
            for host, port in job.peers:
                made += [*option, word.replace(_PEER, f"{host}:{port}")]
        return made


def _filled(word: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], word)


class Jstorrent(Command):
    """Our own command, as a stranger sees it."""

    says_ready = '"listen_port"'

    def __init__(self) -> None:
        own = [sys.executable, "-m", "jstorrent.cli"]
        super().__init__([*own, "get", "{torrent}", "-o", "{dir}", "--port", "{port}", "--peer", _PEER, "--quiet",
                          "--seed-after"])  # fmt: skip
        self.takes_magnets = True
        self._own = own
        here = str(Path(__file__).parents[2])  # of this very package, installed or not
        self.environment = {"PYTHONPATH": os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))}

    def command(self, job: Job) -> list[str]:
        if job.is_seed:
            return [*self._own, "seed", str(job.torrent), "-d", str(job.dir), "--port", str(job.port), "--json"]
        words = super().command(job)
        return [job.magnet if word == str(job.torrent) and job.from_magnet else word for word in words]


class Aria2(ProgramDriver):
    """aria2c. It never ends by itself."""

    program = "aria2c"
    says_ready = r"[Ll]istening on TCP port"
    dials_from_host = True
    takes_magnets = True

    def command(self, job: Job) -> list[str]:
        return [
            "aria2c", "--no-conf", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false",
            "--enable-peer-exchange=false", "--file-allocation=none", "--summary-interval=0", "--console-log-level=info",
            "--show-console-readout=false", "--seed-ratio=0.0", "--allow-overwrite=true", f"--interface={job.host}",
            f"--listen-port={job.port}", f"--dir={job.dir}", "--bt-tracker-interval=2", "--follow-torrent=mem",
            *(["--check-integrity=true"] if job.is_seed else []), job.source,
        ]  # fmt: skip


class Transmission(ProgramDriver):
    """transmission-daemon."""

    program = "transmission-daemon"
    says_ready = r"(?i)verif.*(?:done|complete)|Torrent.*(?:verified|State changed from .* to .*Complete)"
    refuses_loopback = True

    def command(self, job: Job) -> list[str]:
        if job.from_magnet:
            raise LaneLacks("transmission-daemon is handed torrent files only")
        settings = {
            "download-dir": str(job.dir), "watch-dir-enabled": False, "rpc-enabled": False, "dht-enabled": False,
            "lpd-enabled": False, "pex-enabled": False, "utp-enabled": False, "port-forwarding-enabled": False,
            "encryption": 0, "bind-address-ipv4": job.host, "peer-port": job.port, "ratio-limit-enabled": False,
            "rename-partial-files": False, "preallocation": 0, "cache-size-mb": 0, "queue-stalled-enabled": False,
        }  # fmt: skip
        (job.home / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        own = job.home / "torrents"
        own.mkdir(exist_ok=True)
        shutil.copy(job.torrent, own / "new.torrent")  # under the name that it uses itself, it would not be checked
        return ["transmission-daemon", "-f", "-g", str(job.home), "--log-debug"]


class Libtorrent(ProgramDriver):
    """python-libtorrent in a process of its own."""

    says_ready = r"(?m)^listening"
    dials_from_host = True
    takes_magnets = True
    uses_tracker = False

    def __init__(self) -> None:
        super().__init__()
        try:
            import libtorrent  # noqa: F401
        except ImportError as error:
            raise LaneLacks("python-libtorrent is not installed") from error

    def command(self, job: Job) -> list[str]:
        told = {"source": job.source, "dir": str(job.dir), "host": job.host, "port": job.port, "peers": job.peers,
                "seed": job.is_seed}  # fmt: skip
        program = Path(__file__).with_name("_libtorrent_program.py")
        return [sys.executable, "-W", "ignore", str(program), json.dumps(told)]


DRIVERS: dict[str, type[ProgramDriver]] = {
    "libtorrent": Libtorrent,
    "aria2c": Aria2,
    "transmission": Transmission,
    "jstorrent": Jstorrent,
}


def driver_of(program: str | Iterable[str] | Driver) -> Driver:
    """By its word, from a command, or itself."""
    if isinstance(program, str):
        if program not in DRIVERS:
            raise ValueError(f"no such client: {program!r} (known: {', '.join(sorted(DRIVERS))}, or a command as a list)")
        return DRIVERS[program]()
    if isinstance(program, Iterable):
        return Command(list(program))
    for word in ("start", "stop", "kill"):
        if not callable(getattr(program, word, None)):
            raise ValueError(  # noqa: TRY004
                f"a driver has start(job), stop() and kill(): {program!r} has no {word}"
            )
    return program


_VERSIONS = {"aria2c": ["aria2c", "--version"], "transmission": ["transmission-daemon", "--version"]}


def versions_of(names: Iterable[str]) -> list[str]:
    """What each says of itself, where it is installed."""
    found = []
    for name in names:
        if name == "jstorrent":
            from jstorrent import __version__

            found.append(f"jstorrent {__version__}")
        elif name == "libtorrent":
            found.append(f"libtorrent {importlib.metadata.version(name)}")
        elif shutil.which(_VERSIONS[name][0]):
            done = subprocess.run(_VERSIONS[name], capture_output=True, text=True, check=False)
            found.append((done.stdout + done.stderr).splitlines()[0].split("(")[0].strip())
    return found
