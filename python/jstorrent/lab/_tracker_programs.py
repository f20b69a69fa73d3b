"""Real tracker programs: how each is started, told what to serve, and ended. They listen where they are told, TCP and UDP."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import quote

from jstorrent.lab._failure import LaneLacks
from jstorrent.lab._program import Program

NODE_MODULES = Path(".cache") / "tracker" / "node_modules"
"""Where scripts/setup puts packages of npm, in the source tree."""
_PATIENCE = 5.0
_TREE = Path(__file__).resolve().parents[3]


class TrackerProgram:
    """A tracker that is a process. Subclasses say how it is started."""

    def __init__(self, interval: int = 1800) -> None:
        self.interval = interval
        self._running: Program | None = None
        self._address = ("", 0)

    def start(self, folder: Path, host: str, port: int) -> None:
        """Runs it there, over TCP and UDP; what it keeps goes into the folder."""
        self._address = (host, port)
        self._running = Program(self.command(folder, host, port))

    def command(self, folder: Path, host: str, port: int) -> list[str]:
        """The words of the command."""
        raise NotImplementedError

    def allow(self, hashes: Iterable[bytes]) -> None:
        """It serves these torrents; `serves` says when it knows."""

    @property
    def running(self) -> bool:
        """The process is there."""
        return self._running is not None and self._running.running

    @property
    def output(self) -> str:
        """The end of what it said."""
        return "" if self._running is None else self._running.output

    @property
    def is_ready(self) -> bool:
        """It takes calls. Both its ports are there then."""
        try:
            socket.create_connection(self._address, _PATIENCE).close()
        except OSError:
            return False
        return True

    def serves(self, info_hash: bytes) -> bool:
        """It takes announces of this torrent: asked by somebody who comes and goes at once."""
        return self._takes(info_hash, "started") and self._takes(info_hash, "stopped")

    def _takes(self, info_hash: bytes, event: str) -> bool:
        said = self._asked(f"/announce?info_hash={quote(info_hash)}&peer_id={'-' * 20}&port=1&left=1&event={event}&compact=1")
        return said is not None and b"failure reason" not in said

    def _asked(self, path: str) -> bytes | None:
        """What it answers over HTTP; None if it does not."""
        connection = http.client.HTTPConnection(*self._address, timeout=_PATIENCE)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def kill(self) -> None:
        """Ends it."""
        if self._running is not None:
            self._running.kill()


class Opentracker(TrackerProgram):
    """opentracker as Debian builds it: it serves only what its whitelist file names. Its interval is its own."""

    def __init__(self, interval: int = 1800) -> None:
        super().__init__(interval)
        found = shutil.which("opentracker") or shutil.which("opentracker", path="/usr/sbin:/usr/bin")
        if found is None:
            raise LaneLacks("opentracker is not installed (scripts/setup tests)")
        self._program = found
        self._list = Path()

    def command(self, folder: Path, host: str, port: int) -> list[str]:
        self._list = folder / "whitelist"
        self._write(())
        # Started by root it enters the folder and becomes somebody else, who must be able to read there.
        folder.chmod(0o755)
        return [self._program, "-i", host, "-p", str(port), "-P", str(port), "-d", str(folder), "-u",
                "nobody" if os.geteuid() == 0 else _own_name(), "-w", "whitelist" if os.geteuid() == 0 else str(self._list)]  # fmt: skip

    @property
    def is_ready(self) -> bool:
        # The kernel takes calls for it before it has set up its signals; the one that says "read your list again"
        # would end it.
        return self._asked("/") is not None

    def _write(self, hashes: Iterable[bytes]) -> None:
        made = self._list.with_suffix(".new")
        made.write_text("".join(f"{info_hash.hex()}\n" for info_hash in hashes), encoding="ascii")
        made.chmod(0o644)
        made.replace(self._list)

    def allow(self, hashes: Iterable[bytes]) -> None:
        """Writes the list and has it read again."""
        self._write(hashes)
        if self._running is not None:
            os.kill(self._running.pid, signal.SIGHUP)


class BittorrentTracker(TrackerProgram):
    """bittorrent-tracker of npm, by its module: its command line cannot be told the host of its UDP socket."""

    def __init__(self, interval: int = 1800) -> None:
        super().__init__(interval)
        found = shutil.which("node") or shutil.which("nodejs")
        if found is None:
            raise LaneLacks("node is not installed (scripts/setup tests)")
        self._node = found
        self._module = _npm_module("bittorrent-tracker")

    def command(self, folder: Path, host: str, port: int) -> list[str]:
        # It always makes a second socket, for IPv6; here that is one more of the same place.
        script = (
            f"import Server from 'file://{self._module / 'server.js'}';"
            "const s = new Server({udp: {type: 'udp4'}, http: true, ws: false, stats: false, trustProxy: false,"
            f" interval: {self.interval * 1000}}});"
            "s.on('warning', w => console.log('warning', w.message));"
            "s.on('error', e => { console.log('error', e.message); process.exit(1) });"
            f"s.listen({port}, '{host}', () => console.log('listening'));"
        )
        return [self._node, "--input-type=module", "-e", script]

    @property
    def is_ready(self) -> bool:
        return "listening" in self.output


PROGRAMS: dict[str, Callable[[int], TrackerProgram]] = {
    "opentracker": Opentracker, "bittorrent-tracker": BittorrentTracker,
}  # fmt: skip


def _npm_module(name: str) -> Path:
    told = [Path(place) for place in os.environ.get("NODE_PATH", "").split(os.pathsep) if place]
    for place in (*told, _TREE / NODE_MODULES, Path("node_modules")):
        if (place / name / "package.json").is_file():
            return (place / name).resolve()
    raise LaneLacks(f"the npm package {name} is not installed (scripts/setup tests, or a folder in NODE_PATH)")


def _own_name() -> str:
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name
