"""How long a session takes to come up with many torrents, and what they take in memory: `python -m bench.state`."""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from jstorrent import _core, bencode

_PIECE = 1 << 18
_PIECES = 64
_OPEN = """
import json, resource, sys, time
import jstorrent as jst

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

settings = jst.Settings(listen=(), dht=False, pex=False, lsd=False)
before, began, cpu = resident(), time.perf_counter(), time.process_time()
with jst.Session(settings, state_dir=sys.argv[1]) as session:
    count = int(sys.argv[2])
    while len(session.torrents) < count:
        session.status()
    up, used = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"torrents": count, "seconds": round(up, 3), "cpu_seconds": round(used, 3),
                      "bytes_each": (resident() - before) // count}))
    closing = time.perf_counter()
print(json.dumps({"close_seconds": round(time.perf_counter() - closing, 3)}))
"""


def fill(folder: Path, count: int) -> None:
    """A state_dir with so many stopped torrents of 64 pieces, none of them begun."""
    storage = _core.lab.storage
    (folder / "torrents").mkdir(parents=True)
    for n in range(count):
        info = {
            b"length": _PIECE * _PIECES,
            b"name": b"torrent %d" % n,
            b"piece length": _PIECE,
            b"pieces": n.to_bytes(20, "big") * _PIECES,
        }
        torrent = bencode({b"announce": b"http://tracker.example/announce", b"info": info})
        info_hash = hashlib.sha1(bencode(info)).digest()
        record = {
            "info_hash": info_hash,
            "metainfo": torrent,
            "save_path": f"/nowhere/{n}",
            "wanted": 2,
            "queue_position": n,
            "have": [False] * _PIECES,
            "files": [(False, 0, 0)],
            "trackers": [["http://tracker.example/announce"]],
            "peers": [f"10.0.{n >> 8 & 255}.{n & 255}:6881"],
        }
        (folder / "torrents" / f"{info_hash.hex()}.jst").write_bytes(storage.encode_torrent_record(record))


def measure(count: int) -> dict[str, float]:
    """One start of a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), count)
        done = subprocess.run(
            [sys.executable, "-c", _OPEN, folder, str(count)], capture_output=True, text=True, check=True
        )
    figures: dict[str, float] = {}
    for line in done.stdout.splitlines():
        figures |= json.loads(line)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.state", description=__doc__)
    parser.add_argument("counts", nargs="*", type=int, default=[1000, 2500, 5000, 10_000])
    rows = [measure(count) for count in parser.parse_args().counts]
    for row in rows:
        print(json.dumps(row | {"microseconds_each": round(row["seconds"] / row["torrents"] * 1e6)}), flush=True)


if __name__ == "__main__":
    main()
