"""The numbers of S1, each measured, printed and held: what is lost, how late, how much, and how it grows to 100 peers."""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jstorrent.lab import Behaviour, Lab, Spec

from tests.scenarios.asked import asked_at, asked_of
from tests.scenarios.s0 import BLOCK, answer, by_hand, completes
from tests.support.figures import Figure
from tests.support.sanitizers import times_mean_nothing

PEERS = (1, 10, 50, 100)
LINE = 0.20
"""How far from a straight line a point may be."""


# -- what honest peers are asked twice


@pytest.mark.covers("S1-11")
def test_honest_peers_are_seldom_asked_twice(lab: Lab, figure: Figure) -> None:
    """Of one speed and of five, near and far. Nobody lies, chokes or leaves: what is asked again was given up too soon."""
    spec = lab.torrent(pieces=1024, piece_length=16 * BLOCK)
    peers = [lab.peer(f"peer{i}", spec) for i in range(8)]
    for i, peer in enumerate(peers):
        lab.net.access(peer, up=500_000 * (1 + i % 5), latency=0.01 * (1 + i % 7))
    client = lab.engine("client")
    t = client.add(spec, peers=peers)
    lab.until(lambda: t.state == "seeding", within=600, every=0.5)
    found = asked_of(peers)
    figure("asked again of 8 honest scripted peers", str(found))
    assert found.blocks == 16 * 1024
    assert found.early < 0.0001, "spurious time-outs"
    assert found.again / found.blocks < 0.01, "the endgame asks for a small part twice"
    assert not [v for peer in peers for v in peer.ledger.violations]


@pytest.mark.covers("S1-11")
def test_honest_engines_are_seldom_asked_twice(lab: Lab, figure: Figure) -> None:
    spec = lab.torrent(pieces=256, piece_length=16 * BLOCK)
    seeds = [lab.engine(f"seed{i}") for i in range(4)]
    for i, seed in enumerate(seeds):
        seed.add(spec, have="all")
        lab.net.access(seed, up=1_000_000 * (1 + i), latency=0.01 * (1 + i))
    client = lab.engine("client")
    gate = lab.gate("request.sent", "observe", node=client)
    t = client.add(spec, peers=seeds)
    lab.until(lambda: t.state == "seeding", within=600, every=0.5)
    found = asked_at(gate)
    counters = t.status().counters
    wasted = (counters.payload_redundant + counters.payload_discarded) / counters.payload_received
    figure("asked again of 4 engines", f"{found}, {wasted:.4%} of the payload came twice")
    assert found.blocks == 16 * 256
    assert found.before_endgame == 0
    assert wasted < 0.02, "of so small a torrent the endgame is a larger part"


@pytest.mark.covers("S1-11")
def test_what_a_crowd_of_slow_peers_is_asked_twice(lab: Lab, figure: Figure) -> None:
    """Here memory is the limit: pieces that wait for the slowest hold it, and their blocks are asked of others."""
    spec = lab.torrent(pieces=1024, piece_length=16 * BLOCK)
    peers = [lab.peer(f"peer{i}", spec) for i in range(30)]
    for i, peer in enumerate(peers):
        lab.net.access(peer, up=100_000 * (1 + i % 5), latency=0.01 * (1 + i % 7))
    client = lab.engine("client", max_memory=256 << 20)
    t = client.add(spec, peers=peers)
    lab.until(lambda: t.state == "seeding", within=600, every=0.5)
    found = asked_of(peers)
    figure("asked again of 30 slow peers, memory enough", str(found))
    assert found.early < 0.001


# -- how late


def percentile(times: list[float], part: float) -> float:
    """In milliseconds."""
    return 1000 * statistics.quantiles(times, n=1000)[round(part * 1000) - 1]


def lateness(times: list[float]) -> str:
    """For a figure."""
    return f"p50 {percentile(times, 0.5):.1f} ms, p99 {percentile(times, 0.99):.1f} ms of {len(times)}"


@pytest.mark.lanes("real")
@pytest.mark.covers("S1-11")
def test_a_block_comes_soon_after_its_request(lab: Lab, figure: Figure) -> None:
    spec = lab.torrent(pieces=64, piece_length=4 * BLOCK)
    seed = lab.engine("seed")
    seed.add(spec, have="all")
    asker = lab.peer("asker", spec, have="none", auto={"claims", "extended", "interest", "keepalive"})
    asker.connect(seed)
    asker.send_interested()
    lab.until(lambda: asker.unchoked, within=10)
    for start in range(0, 1024, 8):
        for i in range(start, start + 8):
            asker.send_request(i // 4 % 64, i % 4 * BLOCK, BLOCK)
        lab.until(lambda so_far=start + 8: len(asker.ledger.payload) == so_far, within=10)  # type: ignore[misc]
    requests = [m for m in asker.ledger.messages if m.direction == "out" and m.kind == "request"]
    blocks = asker.ledger.payload
    assert [m.block[:2] for m in requests] == [m.block[:2] for m in blocks]
    times = [came.time - went.time for went, came in zip(requests, blocks, strict=True)]
    figure("REQUEST to PIECE over loopback", lateness(times))
    assert percentile(times, 0.99) < 100


@pytest.mark.lanes("real")
@pytest.mark.covers("S1-11")
def test_haves_are_told_soon_after_the_last_block(lab: Lab, figure: Figure) -> None:
    spec = lab.torrent(pieces=128, piece_length=2 * BLOCK)
    source = by_hand(lab, "source", spec)
    ears = [lab.peer(f"ear{i}", spec, have="none") for i in range(5)]
    client = lab.engine("client", endgame_copies=1)
    t = client.add(spec, peers=ears)
    lab.until(lambda: all(ear.connected for ear in ears), within=10)
    t.connect(source)
    for told in range(1, spec.num_pieces + 1):
        lab.until(lambda: len(source.ledger.outstanding) >= 2, within=10)
        answer(lab, source, source.ledger.outstanding[0].piece, 2)
        lab.until(lambda so_far=told: all(len(ear.ledger.haves) == so_far for ear in ears), within=10)  # type: ignore[misc]
    given = {m.piece: m.time for m in source.ledger.served}  # the last block of each
    times = [m.time - given[m.piece] for ear in ears for m in ear.ledger.haves]
    figure("last block to HAVE over loopback", lateness(times))
    assert percentile(times, 0.99) < 100


@pytest.mark.covers("S1-5")
@pytest.mark.parametrize("seconds", [12, 300, 7200])
def test_a_new_block_comes_soon_after_a_heal(lab: Lab, figure: Figure, seconds: int) -> None:
    spec = lab.torrent(pieces=128, piece_length=4 * BLOCK)
    seeds = [lab.seeder(f"seed{i}", spec) for i in range(3)]
    for seed in seeds:
        lab.net.access(seed, up=200_000)
    client = lab.engine("client")
    t = client.add(spec, peers=seeds)
    lab.run_for(3)
    lab.net.partition(client, seeds)
    lab.run_for(seconds)
    had = t.status().counters.payload_received
    assert had < spec.total_size
    healed = lab.now
    lab.net.heal()
    lab.until(lambda: t.status().counters.payload_received > had, within=30)
    figure(f"first block after a partition of {seconds} s", f"{lab.now - healed:.1f} s")
    completes(lab, client, spec)


# -- how much


@pytest.mark.covers("S1-2")
@pytest.mark.parametrize("n", PEERS)
def test_no_more_haves_than_pieces_times_peers(lab: Lab, figure: Figure, n: int) -> None:
    spec = lab.torrent(pieces=64, piece_length=BLOCK)
    crowd = [lab.peer(f"peer{i}", spec, have="none") for i in range(n)]
    client = lab.engine("client", max_connections_per_torrent=n + 1)
    t = client.add(spec, peers=crowd)
    lab.until(lambda: len(t.peers()) == n, within=30)
    t.connect(lab.peer("source", spec))
    completes(lab, client, spec)
    lab.settle()
    told = sum(len(peer.ledger.haves) for peer in crowd)
    figure(f"HAVEs to {n:3d} peers", f"{told} for {64 * n} pieces x peers")
    assert 0 < told <= 64 * n


@pytest.mark.covers("S1-2")
def test_a_swarm_of_engines_tells_no_more_than_pieces_times_peers(lab: Lab, figure: Figure) -> None:
    spec = lab.torrent(pieces=64, piece_length=BLOCK)
    seed = lab.seeder("seed", spec)
    lab.net.access(seed, up=500_000)
    clients = [lab.engine(f"client{i}") for i in range(10)]
    gate = lab.gate("have.sent", "observe")
    for client in clients:
        client.add(spec, peers=[seed, *(other for other in clients if other is not client)])
    for client in clients:
        completes(lab, client, spec)
    most = 64 * 10 * 10  # each piece of each client to each other node
    figure("HAVEs among 10 engines and a seed", f"{len(gate.hits)} for {most} pieces x peers of each")
    assert 0 < len(gate.hits) <= most


@pytest.mark.covers("S1-4", "S1-11")
def test_bytes_received_beside_payload(lab: Lab, figure: Figure) -> None:
    """With two that corrupt, one that says everything twice, one that is late, and an endgame."""
    spec = lab.torrent(pieces=256, piece_length=8 * BLOCK)
    kinds = ["corrupt", "corrupt", Behaviour("duplicate", count=2), Behaviour("late", seconds=5.0, p=0.1)]
    hostile = [lab.peer(f"hostile{i}", spec, behave=[kind]) for i, kind in enumerate(kinds)]
    honest = [lab.peer(f"honest{i}", spec) for i in range(4)]
    client = lab.engine("client")
    client.add(spec, peers=[*hostile, *honest])
    t = completes(lab, client, spec, within=120)
    counters = t.status().counters
    ratio = counters.wire_received / spec.total_size
    figure("received beside payload, 4 of 8 peers hostile", f"{ratio:.3f}")
    assert counters.pieces_failed > 0 and counters.payload_redundant + counters.payload_discarded > 0
    assert ratio < 1.5


# -- how it grows


def off_the_line(points: dict[int, float]) -> float:
    """How far, relatively, the worst point is from the straight line through all."""
    slope, start = statistics.linear_regression(list(points), list(points.values()))
    return max(abs(value / (start + slope * n) - 1) for n, value in points.items())


def knee(points: dict[int, float]) -> str:
    """The number of peers from which on one more costs over a fifth more than one more did before."""
    marks = sorted(points)
    slopes = [(points[b] - points[a]) / (b - a) for a, b in itertools.pairwise(marks)]
    for at, (before, after) in zip(marks[1:-1], itertools.pairwise(slopes), strict=True):
        if after > before * (1 + LINE):
            return f"knee at {at}"
    return f"no knee to {marks[-1]}"


def listed(points: dict[int, float]) -> str:
    """For a figure."""
    return ", ".join(f"{n}: {value:,.0f}" for n, value in points.items())


def crowd(lab: Lab, n: int, pieces: int, up: int = 0) -> tuple[Spec, Any, Any]:
    """A client, and so many peers that have everything."""
    spec = lab.torrent(pieces=pieces, piece_length=2 * BLOCK)
    peers = [lab.peer(f"peer{i}", spec) for i in range(n)]
    for peer in peers:
        lab.net.access(peer, up=up or None)
    client = lab.engine("client", max_connections_per_torrent=n)
    return spec, client, client.add(spec, peers=peers)


@pytest.mark.covers("S1-8")
def test_work_grows_with_the_peers_and_no_faster(lab_seed: int, figure: Figure) -> None:
    """One torrent from 1 to 100 peers: turns of the client and bytes it says. Turns are what costs, and repeat exactly."""
    turns: dict[int, float] = {}
    said: dict[int, float] = {}
    for n in PEERS:
        with Lab(seed=lab_seed) as lab:
            spec, client, _ = crowd(lab, n, pieces=256)
            completes(lab, client, spec)
            lab.settle()
            book = lab._lane.network.ledger(client._number)
            turns[n], said[n] = book["turns"], book["sent"]
    figure("turns by peers", f"{listed(turns)}; {off_the_line(turns):.1%} off a line, {knee(turns)}")
    figure("bytes said by peers", f"{listed(said)}; {off_the_line(said):.1%} off a line, {knee(said)}")
    assert off_the_line(turns) <= LINE
    assert off_the_line(said) <= LINE


@pytest.mark.covers("S1-8")
def test_memory_grows_with_the_peers_until_its_limit(lab_seed: int, figure: Figure) -> None:
    """Each peer has six blocks of its own to give: 98,304 bytes. With more each, the knee is where max_memory holds."""

    def highest(n: int, pieces_each: int) -> int:
        with Lab(seed=lab_seed) as lab:
            spec = lab.torrent(pieces=pieces_each * n, piece_length=2 * BLOCK)
            shares = [range(i * pieces_each, (i + 1) * pieces_each) for i in range(n)]
            peers = [lab.peer(f"peer{i}", spec, have=share) for i, share in enumerate(shares)]
            for peer in peers:
                lab.net.access(peer, up=200_000)
            client = lab.engine("client", max_connections_per_torrent=n, max_memory=16 << 20)
            client.add(spec, peers=peers)
            completes(lab, client, spec)
            return client.session.status().memory_peak

    few = {n: float(highest(n, 3)) for n in PEERS}
    figure("memory by peers", f"{listed(few)}; {off_the_line(few):.1%} off a line, {knee(few)}")
    assert off_the_line(few) <= LINE
    one, many = highest(1, 8), [highest(n, 8) for n in (60, 100)]
    assert many[0] == many[1] <= 16 << 20
    figure("memory with 256 KiB asked of each", f"knee at {many[0] / one:.0f} peers, where max_memory holds it at {many[0]:,}")


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="the kernel keeps no books of threads here")
@pytest.mark.lanes("real")
@pytest.mark.covers("S1-8")
def test_measured_cpu_by_peers(lab: Lab, figure: Figure) -> None:
    """CPU of the engine's own thread over sockets, by the kernel's books. What else runs here disturbs it: turns are the gate."""
    spent: dict[int, float] = {}
    for n in PEERS:
        with Lab(lab.lane, seed=lab.seed) as own:
            before = set(engine_threads())
            spec, client, _ = crowd(own, n, pieces=256)
            completes(own, client, spec)
            spent[n] = max(cpu_of(task) for task in engine_threads() if task not in before)
    figure("CPU of the engine's thread by peers, ms", listed(spent))
    assert spent[100] < 100 * spent[1]


def engine_threads() -> list[Path]:
    """Those of this process."""
    tasks = Path("/proc/self/task").iterdir()
    return [task for task in tasks if (task / "comm").read_text(encoding="ascii").strip() == "jst-engine"]


def cpu_of(task: Path) -> float:
    """Milliseconds."""
    return int((task / "schedstat").read_text(encoding="ascii").split()[0]) / 1e6


# -- idle

IDLE_CHILD = """
import json, resource, sys
from jstorrent.lab import Lab

def spent():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

with Lab(sys.argv[1], seed=int(sys.argv[2])) as lab:
    seed, other = lab.engine("seed"), lab.engine("other")
    for i in range(20):
        spec = lab.torrent(pieces=16, name=f"torrent{i}")  # the laboratory keeps their contents
        seed.add(spec, have="all")
        t = other.add(spec, peers=[seed])
        lab.until(lambda: t.state == "seeding", within=60)
    lab.settle()
    before, began = spent(), lab.now
    lab.run_for(3)
    cpu = (spent() - before) / (lab.now - began)
    print(json.dumps({"cpu": cpu, "rss": int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()}))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the kernel does not tell what is resident here")
@times_mean_nothing
@pytest.mark.lanes("real")
@pytest.mark.covers("S1-8")
def test_an_idle_process_is_idle(lab: Lab, figure: Figure) -> None:
    """Two engines that seed 20 torrents to nobody, Python and laboratory included, in a process of their own."""
    command = [sys.executable, "-c", IDLE_CHILD, lab.lane, str(lab.seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    figure("idle, 2 engines with 20 torrents", f"{found['cpu']:.2%} CPU, {found['rss'] / 1e6:.0f} MB resident")
    assert found["cpu"] < 0.10
    assert found["rss"] < 100e6
