"""A world with a little of everything that could upset its order: what one seed says of it must never change.

`python -m tests.unit.lab.hostile_world SEED...` prints what each came to. As tests (tests/unit/lab/test_determinism.py runs
them so), each writes it into a file of its own below $TELLTALES.
"""

import hashlib
import os
import re
import sys
from pathlib import Path

import jstorrent as jst
import pytest
from jstorrent.lab import Behaviour, Engine, Lab, Spec

HOSTILE = {
    "liar": [Behaviour("corrupt", p=0.1), Behaviour("late", seconds=0.4, p=0.3)],
    "fickle": [Behaviour("choke_flap", period=0.7), Behaviour("reorder", window=5), Behaviour("withhold", p=0.1)],
    "flooder": [
        Behaviour("request_flood", rate=50, count=300),
        Behaviour("unsolicited", count=3),
        Behaviour("reject", p=0.2),
    ],
    "leaver": [Behaviour("cut", on="request", nth=9, nbytes=7000, how="rst", p=0.7)],
}


def play(lab: Lab) -> str:
    """Lets it happen; a digest of all that anybody could tell of it."""
    luck = lab.rng("script")
    spec = lab.torrent(pieces=24, piece_length=32768, tail=12345)
    peers = [lab.peer(name, spec, behave=behave) for name, behave in HOSTILE.items()]
    good = lab.seeder("good", spec)
    clients = [lab.engine(f"client{i}", request_timeout=2, save_interval=1, reconnect_interval=1) for i in range(3)]
    for client in clients:
        client.add(spec, peers=[*peers, good, *(other for other in clients if other is not client)])
        lab.net.access(client, up=luck.choice([60_000, 200_000]), down=luck.choice([200_000, 400_000]), jitter=0.005)
    lab.net.fragment(good, clients[0], [1, 100, 1460])
    lab.net.corrupt(peers[1], clients[1], 1e-6)
    lab.net.cut_after(good, clients[2], 150_000, "blackhole")
    clients[0].disk.stall(0.2, "write")
    failing = clients[1].disk.fail("write", nth=5, error="EIO")
    seen = lab.gate("block.received", "observe", node=clients[0])
    held = lab.gate("hash.done", node=clients[2], nth=4, times=1)
    crash = lab.gate("have.sent", "crash", node=clients[2], nth=8)
    lab.at(luck.uniform(0.5, 1.5), lab.net.partition, good, clients[0])
    lab.at(3.0, lab.net.heal)
    lab.at(4.0, held.release)
    lab.every(1.0, mend, clients, spec)
    record = lab.record(every=0.5)
    lab.until(lambda: lab.now > 20 and all(client.complete(spec) for client in clients), within=600, every=1.0)
    told = [lab.fingerprint, lab.now, seen.hits, record.torrents]
    told += [[str(message) for message in peer.ledger.messages] for peer in peers]
    told += [[event.to_dict() for event in client.history()] for client in clients]
    assert seen.hit and held.hit and crash.hit and failing.hits, "all of it happened"
    assert any(client.history(jst.PieceFailed) for client in clients)
    assert not re.search(r"at 0x[0-9a-f]", repr(told)), "an address of this process"
    return f"{lab.fingerprint} {hashlib.sha256(repr(told).encode()).hexdigest()[:16]} {lab.now:g}"


def mend(clients: list[Engine], spec: Spec) -> None:
    """Crashed clients come back, failed torrents go on."""
    for client in clients:
        if not client.running:
            client.start()
        torrent = client.torrent(spec)
        if torrent is not None and torrent.state == "error":
            torrent.start()


@pytest.mark.parametrize("which", range(3))
def test_a_hostile_world(lab: Lab, request: pytest.FixtureRequest, which: int) -> None:
    told = play(lab)
    (Path(os.environ["TELLTALES"]) / request.node.name).write_text(told)


if __name__ == "__main__":
    for seed in sys.argv[1:]:
        with Lab(seed=int(seed)) as lab:
            print(play(lab))
