"""A crash after every disk operation of a download, in each mode: nothing wrong is claimed, and only what was lost comes again."""

from __future__ import annotations

import hashlib

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Node, Spec

BLOCK = 16384
PIECES = 24
MODES = ("drop-all", "keep-prefix", "torn-512", "metadata-first", "random")
FILES = [("a", 5 * 2 * BLOCK + 1000), ("d/b", 15 * 2 * BLOCK - 5000), ("c", 4 * 2 * BLOCK + 4000)]


def begin(seed: int) -> tuple[Lab, Spec, Engine, Node]:
    """A download of 24 pieces over three files that takes about five seconds and is saved every second."""
    lab = Lab("sim", seed=seed)
    spec = lab.torrent(pieces=None, piece_length=2 * BLOCK, files=FILES)
    assert spec.num_pieces == PIECES
    client = lab.engine("client", save_interval=1.0)
    lab.net.access(client, down=160_000)
    good = lab.seeder("good", spec)
    client.add(spec, peers=[good])
    return lab, spec, client, good


def operations(seed: int) -> int:
    """How many disk operations such a download makes until it is saved whole."""
    lab, spec, client, _ = begin(seed)
    with lab:
        t = client.torrent(spec)
        assert t is not None
        lab.until(lambda: t.state == "seeding", within=60)
        lab.settle()
        return client.disk.ops


def survivors(spec: Spec, client: Engine) -> set[int]:
    """The pieces whose bytes are on the disk of the client, which is down."""
    content = b""
    for file in spec.metainfo.files:
        path = client.path(spec, str(file.path))
        data = client.disk.read(path) if client.disk.exists(path) else b""
        content += data[: file.size].ljust(file.size, b"\1")
    pieces = range(spec.num_pieces)
    length = spec.piece_length
    return {i for i in pieces if content[i * length : (i + 1) * length] == spec.piece(i)}


def crash_and_return(seed: int, k: int, mode: str) -> None:
    """The client crashes after its k-th disk operation and comes back."""
    lab, spec, client, good = begin(seed)
    with lab:
        gate = lab.gate("disk.done", "crash", nth=k, mode=mode, node=client)
        lab.until(lambda: not client.running, within=60)
        assert gate.hit
        left = survivors(spec, client)
        lab.net.partition(client, good)
        client.start()
        lab.run_for(0.5)
        t = client.torrent(spec)
        if t is None:
            assert client.saved(spec) is None, "what is durable is loaded"
            t = client.add(spec)
        assert client.history(jst.RecordRejected) == []
        lab.until(lambda: t.state not in ("queued", "checking"), within=30)
        have = {i for i, state in enumerate(t.pieces()) if state == 3}
        assert have == left, f"claims {sorted(have - left)} that are not there, fetches {sorted(left - have)} that are"
        lab.net.heal()
        t.connect(good)
        lab.until(lambda: t.state == "seeding", within=60)
        assert client.complete(spec)
        lost = sum(len(spec.piece(i)) for i in range(PIECES) if i not in left)
        assert client.session.status().counters.payload_received == lost
        assert client.session.is_healthy()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.covers("S3-23")
def test_a_crash_after_each_disk_operation_costs_only_what_was_lost(mode: str) -> None:
    seed = int.from_bytes(hashlib.sha256(mode.encode()).digest()[:4], "big")
    last = operations(seed)
    assert last > 60
    for k in range(1, last + 1):
        try:
            crash_and_return(seed, k, mode)
        except BaseException as error:
            error.add_note(f"crash after operation {k} of {last}, mode {mode}, seed {seed}")
            raise
