"""Who announced what: the books of a tracker, in the order of first announces."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from mock_peer._tracker_answer import Address

MOST_PEERS = 4096
"""Peers that are remembered, and torrents; one more is refused."""


@dataclass(frozen=True, slots=True)
class Announce:
    """One announce, as it was said. `node`: the name of who said it, as far as it is known."""

    time: float
    event: str
    info_hash: bytes
    node: str | None
    left: int
    uploaded: int
    downloaded: int
    numwant: int
    peer_id: bytes
    address: Address
    """The host that it came from and the port that it named."""
    key: str = ""
    """As it was said in HTTP; in UDP its digits in hexadecimal."""
    path: str = ""
    """The target of the request; in UDP what BEP 41 says."""
    source: Address | None = None
    """Where it came from."""


@dataclass(slots=True)
class Swarm:
    """Who announced one torrent, and how many of them lack nothing."""

    peers: dict[bytes, tuple[Address, bool]] = field(default_factory=dict)
    seeds: int = 0
    downloaded: int = 0

    @property
    def leechers(self) -> int:
        """Those who lack something."""
        return len(self.peers) - self.seeds

    def put(self, peer_id: bytes, address: Address, is_seed: bool) -> None:
        """Somebody is there; who was there before keeps its place."""
        old = self.peers.get(peer_id)
        self.seeds += is_seed - (old is not None and old[1])
        self.peers[peer_id] = address, is_seed

    def drop(self, peer_id: bytes) -> None:
        """Somebody is gone."""
        old = self.peers.pop(peer_id, None)
        self.seeds -= old is not None and old[1]

    def others(self, peer_id: bytes) -> Iterator[Address]:
        """All but this one: those behind it first, then from the beginning."""
        ids = list(self.peers)
        at = ids.index(peer_id) + 1 if peer_id in self.peers else 0
        for other in itertools.chain(ids[at:], ids[:at]):
            if other != peer_id:
                yield self.peers[other][0]


class Swarms:
    """All torrents."""

    def __init__(self) -> None:
        self._known: dict[bytes, Swarm] = {}
        self._count = 0

    def of(self, info_hash: bytes) -> Swarm:
        """Of that torrent; an empty one if nobody announced it."""
        return self._known.get(info_hash, Swarm())

    def peers(self, info_hash: bytes | None) -> list[Address]:
        """Who is there, of one torrent or of all."""
        swarms = self._known.values() if info_hash is None else [self.of(info_hash)]
        return [address for swarm in swarms for address, _ in swarm.peers.values()]

    def take(self, said: Announce) -> Swarm | None:
        """One announce more. None: there is no room."""
        if said.info_hash not in self._known and len(self._known) >= MOST_PEERS:
            return None
        swarm = self._known.setdefault(said.info_hash, Swarm())
        before = len(swarm.peers)
        is_new = said.peer_id not in swarm.peers
        if said.event == "stopped":
            swarm.drop(said.peer_id)
        elif not is_new or self._count < MOST_PEERS:
            swarm.put(said.peer_id, said.address, said.left == 0)
            swarm.downloaded += said.event == "completed"
        self._count += len(swarm.peers) - before
        if not swarm.peers and not swarm.downloaded:
            del self._known[said.info_hash]
        return swarm if said.event == "stopped" or said.peer_id in swarm.peers else None
