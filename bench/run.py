"""Interleaved rounds in shuffled order, the first one thrown away, and the table of medians."""

import argparse
import dataclasses
import importlib.util
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import jstorrent as jst

from bench import measure
from bench.clients import NAMES
from bench.measure import Result, Workload

ROOT = Path(__file__).resolve().parent.parent
_MIB = 1 << 20
_ROLES = {"leech": measure.leech, "seed": measure.seed}


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--roles", nargs="+", choices=tuple(_ROLES), default=list(_ROLES))
    parser.add_argument("--clients", nargs="+", choices=NAMES, default=["libtorrent", "jstorrent"])
    parser.add_argument("--size", type=int, default=1024, metavar="MIB")
    parser.add_argument("--piece", type=int, default=1024, metavar="KIB")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=4, help="of the sink that a seed serves")
    parser.add_argument(
        "--aa", action="store_true", help="the last client against itself: is the machine quiet enough?"
    )
    parser.add_argument("--json", action="store_true", help="lines of JSON only")
    options = parser.parse_args(argv)
    if options.aa:
        options.clients = [options.clients[-1], options.clients[-1] + "#2"]
    elif "libtorrent" in options.clients and importlib.util.find_spec("libtorrent") is None:
        print("bench: libtorrent is not installed, so there is nothing beside us", file=sys.stderr)
        options.clients.remove("libtorrent")
    return options


def _traffic() -> Path:
    """Builds the other end where that is not done."""
    build = ROOT / "build" / "release"
    done = subprocess.run(
        ["cmake", "--build", build, "--target", "bench_traffic"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"bench: cannot build bench_traffic (make build first):\n{done.stdout[-2000:]}")
    return build / "bench_traffic"


def _workload(folder: Path, options: argparse.Namespace) -> Workload:
    source = folder / "source" / f"data{options.size}"
    source.parent.mkdir()
    luck = random.Random(1)
    with open(source, "wb") as file:
        file.writelines(luck.randbytes(_MIB) for _ in range(options.size))
    piece_length = options.piece * 1024
    metainfo = jst.create_torrent(source, piece_length=piece_length)
    torrent = folder / "data.torrent"
    metainfo.save(torrent)
    assert metainfo.info_hash is not None
    return Workload(
        source, torrent, metainfo.info_hash.hex(), piece_length, metainfo.total_size, measure.sha256(source), _traffic(),
        options.connections,
    )  # fmt: skip


def _rounds(role: str, options: argparse.Namespace, load: Workload, folder: Path) -> list[list[Result]]:
    """One list for each round but the first."""
    kept = []
    for number in range(options.rounds + 1):
        results = []
        for client in random.sample(options.clients, len(options.clients)):
            measure.warm(min(load.size * 3 // 2, 2 << 30))
            result = _ROLES[role](client, load, folder)
            results.append(result)
            print(json.dumps({"round": number, "size": load.size, **dataclasses.asdict(result)}), flush=True)
            os.sync()
        if number:
            kept.append(results)
    return kept


def _table(role: str, clients: list[str], rounds: list[list[Result]], size: int) -> None:
    gib = size / 2**30
    base = clients[0]
    print(
        f"\n{role:14} {'CPU s/GiB':>10} {'min':>7} {'wall s':>8} {'anon MiB':>9} {'reads/GiB':>10} {'CPU ratio':>10}  ok"
    )
    for client in clients:
        own = [r for results in rounds for r in results if r.client == client]
        ratios = [
            next(r.cpu for r in results if r.client == client)
            / max(1e-9, next(r.cpu for r in results if r.client == base))
            for results in rounds
        ]
        cpu = [r.cpu / gib for r in own]
        print(
            f"{client:14} {statistics.median(cpu):10.3f} {min(cpu):7.3f} {statistics.median(r.wall for r in own):8.2f} "
            f"{statistics.median(r.anonymous for r in own) / _MIB:9.1f} {statistics.median(r.reads for r in own) / gib:10.0f} "
            f"{statistics.median(ratios):10.3f}  {sum(r.ok for r in own)}/{len(own)}  "
            f"(ratio {min(ratios):.2f}..{max(ratios):.2f})"
        )
        told = [r.engine for r in own if r.engine.get("hash_calls")]
        if told:
            lanes = statistics.median(t["hashed_messages"] / t["hash_calls"] for t in told)
            calls = statistics.median(t["hash_calls"] for t in told) / gib
            print(f"{'':14} {lanes:.1f} lanes filled in a hash call, {calls:.0f} calls/GiB")


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def main(argv: list[str]) -> int:
    """Runs what the command line asks for; 1 when a file came out wrong."""
    options = _arguments(argv)
    good = True
    with tempfile.TemporaryDirectory(prefix="jstorrent-bench-") as name:
        load = _workload(Path(name), options)
        tables = {role: _rounds(role, options, load, Path(name)) for role in options.roles}
        for role, rounds in tables.items():
            good = good and all(r.ok for results in rounds for r in results)
            if not options.json:
                _table(role, options.clients, rounds, load.size)
    if not options.json:
        print(
            f"\n{os.cpu_count()} CPUs, {_cpu_model()}, Linux {platform.release()}, Python {platform.python_version()}"
        )
        print("CPU ratio: median over rounds of a client's CPU by the first one's. Only ratios of one run count.")
    return 0 if good else 1
