"""`jstorrent demo`: one download from a real libtorrent and from our own engine at once, with a report."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

import jstorrent as jst
from jstorrent.cli.display import Display
from jstorrent.cli.exits import Exit
from jstorrent.cli.units import rate_text, size_text

_TICK = 0.1
_MIB = 1 << 20
_SEED_RATE = 24 * _MIB  # each: slow enough that both take part
_GIVE_UP = 120.0


def demo(
    size: Annotated[int, typer.Option("--size", metavar="MIB", help="How large the sample is.", min=8)] = 192,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the report.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The report as one line of JSON.")] = False,
) -> int:
    """Make a sample, seed it from libtorrent and from our own engine, download it from both, compare SHA-256."""
    with tempfile.TemporaryDirectory(prefix="jstorrent-demo-") as folder, ExitStack() as children:
        work = Path(folder)
        source = _sample(work / "source", size)
        torrent = work / "sample.torrent"
        metainfo = jst.create_torrent(source, piece_length=_MIB // 2)
        metainfo.save(torrent)
        seeds = _seeds(torrent, source.parent, children)
        report = _download(metainfo, seeds, work / "out", quiet or as_json)
        expected, found = _sha256(source), _sha256(work / "out" / metainfo.name)
    report |= {"sha256": found, "sha256_of_source": expected, "equal": found == expected}
    print(json.dumps(report)) if as_json else _say(report)
    return Exit.DONE if report["equal"] else Exit.BAD_DATA


def _sample(folder: Path, mib: int) -> Path:
    folder.mkdir(parents=True)
    luck = random.Random(1)
    with open(folder / "sample.bin", "wb") as file:
        file.writelines(luck.randbytes(_MIB) for _ in range(mib))
    return folder / "sample.bin"


def _seeds(torrent: Path, folder: Path, children: ExitStack) -> dict[int, str]:
    """Starts the seeds; listening port -> who it is."""
    ours = [
        "jstorrent.cli",
        "seed",
        str(torrent),
        "--data",
        str(folder),
        "--json",
        "--quiet",
        "--limit",
        str(_SEED_RATE),
    ]
    started = {"our own engine": _start(ours, children)}
    if importlib.util.find_spec("libtorrent"):
        theirs = ["jstorrent.cli._libtorrent_seed", str(torrent), str(folder), str(_SEED_RATE)]
        started["libtorrent"] = _start(theirs, children)
    else:
        print("jstorrent: libtorrent is not installed (pip install libtorrent): our own seed is alone", file=sys.stderr)
    ports = {}
    for name, process in started.items():
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise jst.Error(f"the seed of {name} did not start")
        ready = json.loads(line)
        ports[int(ready["listen_port"])] = name
    return ports


def _start(module: list[str], children: ExitStack) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore", "-m", *module]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def end() -> None:
        process.terminate()
        process.communicate()

    children.callback(end)
    return process


def _download(metainfo: jst.Metainfo, seeds: dict[int, str], output: Path, quiet: bool) -> dict[str, Any]:
    received: Counter[str] = Counter()
    started = time.monotonic()
    with Display(quiet=quiet) as display, jst.Session(jst.Settings(listen=())) as session:
        blocks = session.events(jst.BlockReceived)
        torrent = session.add(metainfo, output, peers=[("127.0.0.1", port) for port in seeds])
        for status in torrent.watch(interval=_TICK):
            display.show(torrent, status)
            _count(blocks, seeds, received)
            if time.monotonic() - started > _GIVE_UP:
                raise jst.TimeoutError("the demonstration took too long", code="timeout")
        seconds = time.monotonic() - started
        _count(blocks, seeds, received)
        display.show(torrent, torrent.status())
        total = torrent.status().counters.payload_received
    return {"size": metainfo.total_size, "seconds": round(seconds, 2), "received": total, "from": dict(received)}


def _count(blocks: jst.EventStream, seeds: dict[int, str], received: Counter[str]) -> None:
    while (event := blocks.get(0)) is not None:
        if isinstance(event, jst.BlockReceived):
            received[seeds.get(event.address[1], "?")] += event.length


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _say(report: dict[str, Any]) -> None:
    print(
        f"\n{size_text(report['size'])} in {report['seconds']:.1f} s, {rate_text(report['size'] / max(report['seconds'], 0.01))}"
    )
    for name, size in sorted(report["from"].items()):
        print(f"  from {name + ':':16} {size_text(size):>10}  ({size / max(report['received'], 1):.0%})")
    print(f"  SHA-256 of the source   {report['sha256_of_source']}")
    print(f"  SHA-256 of the download {report['sha256']}")
    print("  equal" if report["equal"] else "  NOT EQUAL")
