"""SIGKILL at random moments of a real download on a real file system: `python -m tests.interop.kill9 [KILLS]`.

Each life of the client is killed a random while after it says that it is up; the next one goes on. In the end every byte
must be right, and not much more than the payload may have crossed the wire.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import jstorrent as jst

from tests.support.files import digest, write_file

RATE = 12 << 20
LONGEST_LIFE = 0.6
PATIENCE = 120.0
_CLIENT = """
import sys
import jstorrent as jst
torrent, root, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
settings = jst.Settings(listen=(), dht=False, pex=False, lsd=False, save_interval=0.2)
with jst.Session(settings, state_dir=root + "/state") as session:
    t = session.torrents[0] if session.torrents else session.add(jst.Metainfo.load(torrent), root + "/to")
    t.connect(("127.0.0.1", port))
    print("up", len(session.torrents), flush=True)
    t.wait_complete(120)
    print("complete", flush=True)
"""


@dataclass
class Outcome:
    kills: int
    exact: bool
    ratio: float
    """Payload sent by the seed, over the size."""


def _life(command: list[str], seconds: float | None) -> bool:
    """One life, killed so long after it is up (None: not at all); whether it ended by itself."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        said = child.stdout.readline()
        assert said.startswith("up"), said
        try:
            code = child.wait(PATIENCE if seconds is None else seconds)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            assert seconds is not None, "it does not come to an end"
            return False
    assert code == 0
    return True


def run(kills: int, folder: Path, seed: int = 1) -> Outcome:
    """Kills a client so often, then lets it finish."""
    luck = random.Random(seed)
    # So much that it cannot be over before: what a life gets on average, and what the bucket of the limit holds.
    size = int(RATE * (kills * LONGEST_LIFE * 0.7 + 2))
    source = folder / "from" / "data.bin"
    source.parent.mkdir(parents=True)
    write_file(source, size, seed)
    torrent = folder / "data.torrent"
    metainfo = jst.create_torrent(source, piece_length=1 << 18)
    metainfo.save(torrent)
    settings = jst.Settings(listen=("127.0.0.1",), dht=False, pex=False, lsd=False, upload_rate_limit=RATE)
    done = 0
    with jst.Session(settings) as session:
        session.add(metainfo, source.parent, trusted=True).wait("seeding", 60)
        command = [sys.executable, "-c", _CLIENT, str(torrent), str(folder), str(session.listen_port)]
        while done < kills and not _life(command, luck.uniform(0.0, LONGEST_LIFE)):
            done += 1
        if done == kills:
            _life(command, None)
        sent = session.status().counters.payload_sent
    return Outcome(done, digest(folder / "to" / source.name) == digest(source), sent / size)


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(kills, Path(folder))
    print(json.dumps(asdict(outcome)))
    sys.exit(not (outcome.exact and outcome.ratio < 1.5 and outcome.kills == kills))


if __name__ == "__main__":
    main()
