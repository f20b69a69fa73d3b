"""Inhabitants for the tests: a Talker notes what happens to its links, a Town is a world with talkers in it."""

from __future__ import annotations

from typing import Any

from jstorrent import _core

World = _core.lab.World
Participant = _core.lab.Participant
MIB = 1 << 20


def pattern(size: int, salt: int = 0) -> bytes:
    """Bytes that are different everywhere."""
    block = bytes((i * 131 + (i >> 8) * 17 + salt) & 0xFF for i in range(65521))
    return (block * (size // len(block) + 1))[:size]


class Talker:
    """Notes events as (time, kind, ...); `runs` of bytes by link, `data` together."""

    def __init__(self, world: Any, name: str, host: str) -> None:
        self.world = world
        self.name = name
        self.host = host
        self.node: int = world.add_node(name, host)
        self.log: list[tuple[Any, ...]] = []
        self.start()

    def start(self) -> None:
        """A new life: links are numbered from 0 again."""
        self.runs: dict[int, list[tuple[float, int]]] = {}
        self.data: dict[int, bytearray] = {}
        self.links = Participant(self.world, self.node, self)

    def accepted(self, link: int, local: str, remote: str) -> None:
        self.log.append((self.world.now, "accepted", link, local, remote))

    def connected(self, link: int, local: str) -> None:
        self.log.append((self.world.now, "connected", link, local))

    def failed(self, link: int, error: str) -> None:
        self.log.append((self.world.now, "failed", link, error))

    def closed(self, link: int, error: str) -> None:
        self.log.append((self.world.now, "closed", link, error))

    def received(self, link: int, data: bytes) -> None:
        self.runs.setdefault(link, []).append((self.world.now, len(data)))
        self.data.setdefault(link, bytearray()).extend(data)

    def timer(self, number: int) -> None:
        self.log.append((self.world.now, "timer", number))

    def said(self, kind: str) -> list[tuple[Any, ...]]:
        return [entry for entry in self.log if entry[1] == kind]

    def one(self, kind: str) -> tuple[Any, ...]:
        entries = self.said(kind)
        assert len(entries) == 1, self.log
        return entries[0]


class Town:
    """Two talkers, a and b; b listens on 6881."""

    def __init__(self, seed: int = 1, **link: Any) -> None:
        self.world = World(seed)
        self.a = Talker(self.world, "a", "10.0.0.1")
        self.b = Talker(self.world, "b", "10.0.0.2")
        if link:
            self.world.link(self.a.node, self.b.node, **link)
        self.at_b = self.b.links.listen(6881)

    def connect(self) -> int:
        """A link from a to b, established on both sides; link 0 of b when it is the first."""
        link = self.a.links.connect(self.at_b)
        assert self.world.settle(self.world.now + 10)
        return int(link)

    def send(self, size: int, salt: int = 0) -> bytes:
        """a sends over a fresh link and closes; the bytes."""
        data = pattern(size, salt)
        link = self.a.links.connect(self.at_b)
        self.a.links.send(link, data)
        self.a.links.close(link)
        return data
