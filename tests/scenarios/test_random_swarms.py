"""Swarms made by luck, of fixed seeds: whatever happened to them, when it is over everybody completes."""

from __future__ import annotations

from typing import Any

import pytest
from jstorrent.lab import Engine, Lab, Spec

_SETTINGS: dict[str, tuple[Any, ...]] = {
    "max_memory": (1 << 20, 2 << 20, 16 << 20),
    "endgame_copies": (1, 2, 3),
    "upload_slots": (1, 2, 4, None),
    "max_active_pieces": (1, 3, 2048),
    "max_requests_per_peer": (1, 5, 2000),
    "max_queued_requests": (1, 4, 2000),
    "piece_order": ("rarest", "sequential"),
    "max_connections_per_torrent": (2, 4, 100),
    "request_timeout": (1.0, 15.0),
}
_DEEDS = (
    "pause", "resume", "stop", "start", "recheck", "restart", "close", "partition", "heal", "cut", "limit", "priority",
    "remove", "save", "disk_fails", "disk_stalls",
)  # fmt: skip


class Swarm:
    """A seed and some clients on lines of their own, and one deed after another."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.luck = lab.rng("swarm")
        self.spec = self._torrent()
        self.seed = lab.engine("seed", **self._settings())
        self.seed.add(self.spec, have="all")
        self.clients = [lab.engine(f"client{i}", **self._settings()) for i in range(self.luck.randint(2, 6))]
        self.nodes = [self.seed, *self.clients]
        self._lines()
        for client in self.clients:
            others = [other for other in self.clients if other is not client and self.luck.random() < 0.5]
            some = [i for i in range(self.spec.num_pieces) if self.luck.random() < 0.5]
            have = some if self.luck.random() < 0.3 else "none"
            client.add(self.spec, have=have, peers=[self.seed, *others])

    def _torrent(self) -> Spec:
        luck = self.luck
        if luck.random() < 0.3:
            sizes = [luck.choice([0, 1, 100, 16384, 16385, 50_000, 200_000]) for _ in range(luck.randint(1, 12))]
            files = [(f"d{i % 3}/f{i}", size) for i, size in enumerate([*sizes, 5])]
            return self.lab.torrent(files=files, piece_length=luck.choice([16384, 32768, 65536]))
        length = luck.choice([16384, 32768, 65536, 262144])
        tail = luck.choice([None, 1, length // 2 + 1, length])
        return self.lab.torrent(pieces=luck.randint(1, 24), piece_length=length, tail=tail)

    def _settings(self) -> dict[str, Any]:
        return {name: self.luck.choice(words) for name, words in _SETTINGS.items() if self.luck.random() < 0.3}

    def _lines(self) -> None:
        luck, net = self.luck, self.lab.net
        for a in self.nodes:
            if luck.random() < 0.4:
                net.access(a, up=luck.choice([20_000, 200_000, 2_000_000]), down=luck.choice([None, 100_000, 5_000_000]))
            for b in self.nodes:
                if a is not b and luck.random() < 0.3:
                    rate = luck.choice([None, 30_000, 1_000_000])
                    net.link(a, b, latency=luck.choice([0, 0.001, 0.05, 0.4]), jitter=luck.choice([0, 0.01]), rate=rate)
                if a is not b and luck.random() < 0.1:
                    net.fragment(a, b, [1, 7, 1000, 16384])

    def act(self) -> None:
        """Something happens to somebody."""
        client, deed = self.luck.choice(self.clients), self.luck.choice(_DEEDS)
        t = client.torrent(self.spec)
        if deed in ("pause", "resume", "stop", "start", "recheck") and t is not None:
            getattr(t, deed)()
        elif deed == "priority" and t is not None:
            t.set_piece_priority(self.luck.randrange(self.spec.num_pieces), self.luck.choice([0, 7, 4]))
        elif deed == "remove" and t is not None:
            t.remove(delete_files=self.luck.random() < 0.5)
            self.lab.run_for(2)
            client.add(self.spec, peers=[self.seed])
        else:
            self._to_engine(client, deed)

    def _to_engine(self, client: Engine, deed: str) -> None:
        luck, net = self.luck, self.lab.net
        if deed == "restart":
            client.restart()
        elif deed == "close":
            client.stop()
            self.lab.run_for(0.5)
            client.start()
        elif deed == "partition":
            net.partition(client, luck.choice(self.nodes), one_way=luck.random() < 0.3)
        elif deed == "heal":
            net.heal()
        elif deed == "cut":
            how = luck.choice(["fin", "rst", "blackhole"])
            net.cut_after(luck.choice(self.nodes), client, luck.choice([0, 1, 68, 5000, 100_000]), how)
        elif deed == "limit":
            limits = luck.choice([None, 0, 50_000]), luck.choice([None, 10_000])
            client.session.configure(download_rate_limit=limits[0], upload_rate_limit=limits[1])
        elif deed == "save":
            client.session.save()
        elif deed == "disk_fails":
            error = luck.choice(["EIO", "ENOSPC", "short"])
            client.disk.fail("write", error=error, nth=luck.randint(1, 5), path=client.downloads)
        elif deed == "disk_stalls":
            fault = client.disk.stall(luck.choice([0.1, 3.0]), luck.choice(["any", "read", "write", "sync"]))
            self.lab.at(self.lab.now + 5, fault.clear)

    def recover(self) -> None:
        """All is well again, and everybody wants everything."""
        self.lab.net.heal()
        self.lab.run_for(20)  # what a disk still owes, and errors that follow
        for client in self.clients:
            client.session.configure(download_rate_limit=None, upload_rate_limit=None)
            t = client.torrent(self.spec) or client.add(self.spec)
            t.start()
            t.connect(self.seed)
            for piece in range(self.spec.num_pieces):
                t.set_piece_priority(piece, 4)

    def is_complete(self) -> bool:
        """Everybody seeds; whom a disk stopped once more goes on."""
        states = []
        for client in self.clients:
            t = client.torrent(self.spec)
            if t is not None and t.state == "error":
                t.start()
            states.append(None if t is None else t.state)
        return set(states) == {"seeding"}


def play(seed: int) -> str | None:
    """One swarm from its beginning to its end; its fingerprint."""
    with Lab(seed=seed) as lab:
        swarm = Swarm(lab)
        for _ in range(swarm.luck.randint(0, 8)):
            lab.run_for(swarm.luck.choice([0.01, 0.1, 1, 5]))
            swarm.act()
        swarm.recover()
        lab.until(swarm.is_complete, within=7200, every=1)
        for client in swarm.clients:
            assert client.complete(swarm.spec), client.differences(swarm.spec)
        lab.settle(within=600)  # who wrote into a black hole learns it by inactivity
        return lab.fingerprint


@pytest.mark.parametrize("seed", range(24))
def test_whatever_happened_to_a_swarm_it_completes_when_it_is_over(seed: int) -> None:
    play(seed)


def test_the_same_seed_is_the_same_swarm() -> None:
    assert play(3) == play(3) != play(4)
