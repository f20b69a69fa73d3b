"""A seed, a client that is about to download from it, and a third: what the tests of gates stop at every turn."""

from jstorrent.lab import Engine, Gate, Lab, Spec
from jstorrent.lab._gates import POINTS

PIECE = 7
OPERATIONS = [point for point in POINTS.values() if not point.in_turn and point.name != "announce.sent"]  # that is test_gates_announces
IN_TURN = [point for point in POINTS.values() if point.in_turn]
ON_THE_SEED = ("disk.read", "disk.read.done", "peer.accept")
SAVING = ("disk.sync", "disk.sync.done", "resume.save")


class Swarm:
    """A seed, a client that has saved and knows nobody yet, and a third that will ask the client."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.spec: Spec = lab.torrent(pieces=16)
        self.good, self.client, self.third = (
            lab.engine(name, save_interval=1.0, reconnect_interval=0.5) for name in ("good", "client", "third")
        )
        self.good.add(self.spec, have="all")
        self.t = self.client.add(self.spec)
        self.third.add(self.spec, peers=[self.client])
        lab.until(lambda: self.t.state == "stalled", within=10)
        lab.until(lambda: self.client.torrent(self.spec) and self.good.torrent(self.spec).state == "seeding", within=10)
        self.client.session.save()
        self.good.session.save()
        lab.settle()

    def subject(self, point: str) -> Engine:
        return self.good if point in ON_THE_SEED else self.client

    def gate(self, point: str, action: str, **words: object) -> Gate:
        """A gate that one thing of this swarm passes, and that the client's download must pass."""
        where: dict[str, object] = {"node": self.subject(point), "torrent": self.spec}
        keys = POINTS[point].keys
        if "piece" in keys and not point.startswith("disk.sync"):
            where["piece"] = PIECE
        if point == "disk.done":
            where = {"node": self.client, "op": "write", "path": self.client.path(self.spec)}
        if point == "peer.accept":
            where = {"node": self.good, "peer": self.client}
        return self.lab.gate(point, action, **where, **words)

    def record(self) -> bytes:
        """What the client's state_dir says of the torrent."""
        return self.client.disk.read(f"state/torrents/{self.spec.info_hash.hex()}.jst")

    def go(self) -> None:
        self.t.connect(self.good.address)

    def finish(self) -> None:
        """Whatever happened: in the end the client has it all."""
        for engine in (self.good, self.client):
            self.lab.until(lambda e=engine: e.torrent(self.spec) is not None, within=10)
            torrent = engine.torrent(self.spec)
            if torrent.state == "error":
                torrent.start()
        self.client.torrent(self.spec).connect(self.good.address)
        self.lab.until(lambda: self.client.torrent(self.spec).state == "seeding", within=60)
        assert self.client.complete(self.spec)
