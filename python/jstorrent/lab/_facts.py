"""What the oracles remember of one engine between two looks: its events so far, added up; nothing is asked per turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jstorrent._events import (
    BlockReceived,
    Event,
    FileCompleted,
    PeerConnected,
    PeerDisconnected,
    PieceCompleted,
    PieceFailed,
    StateChanged,
    TorrentEvent,
)
from jstorrent._torrent import Torrent

if TYPE_CHECKING:
    from jstorrent.lab._engine import Engine
    from jstorrent.lab._lab import Lab

_GOES_ON = ("downloading", "stalled", "paused")
_CHECKS = ("checking", "error", "queued")


@dataclass
class TorrentFacts:
    """One torrent in one life of its engine. Times are the engine's own."""

    changed_at: float = 0.0
    """The last change of state, and of its links."""
    progress_at: float = 0.0
    """The last block that was of use."""
    have: set[int] = field(default_factory=set)
    """Pieces that it has had since the last check of files."""
    told: set[int] = field(default_factory=set)
    """Those of which an event said so: what was seen may have been ahead of its event."""
    twice: set[int] = field(default_factory=set)
    """Pieces that became complete while they were."""
    states: int = 0
    links: int = 0
    failures: Counter[tuple[int, str]] = field(default_factory=Counter)
    """How often a host contributed to a piece that failed."""
    stored: Counter[int] = field(default_factory=Counter)
    """Blocks that were put into a piece that is not complete."""
    completed: dict[int, float] = field(default_factory=dict)
    """When a piece became complete, last."""
    taken: dict[str, Counter[tuple[int, int]]] = field(default_factory=dict)
    """Blocks that were taken, by the host that gave them: piece and begin."""
    blocks: set[tuple[int, int]] = field(default_factory=set)
    """Those of pieces that are not judged yet."""
    again: set[tuple[int, int]] = field(default_factory=set)
    """Those that were taken once more, though nothing was found wrong with their pieces."""
    fetched: set[int] = field(default_factory=set)
    """Pieces of which a block was taken."""
    ended_for_breach: set[str] = field(default_factory=set)
    """Hosts whose links were ended for a breach of the protocol."""
    rounds: Counter[int] = field(default_factory=Counter)
    """How often a piece became complete or failed."""
    whole: dict[int, range] = field(default_factory=dict)
    """Files that were told to be complete, since the last check, and their pieces."""
    early: set[int] = field(default_factory=set)
    """Those of which a piece became complete after that."""

    def take(self, event: Event) -> None:
        """One event more."""
        match event:
            case BlockReceived():
                self.progress_at = event.time
                self.stored[event.piece] += 1
                self._took(event)
            case PieceCompleted():
                self.progress_at = event.time
                if event.piece in self.told:
                    self.twice.add(event.piece)
                else:
                    self.early.update(file for file, pieces in self.whole.items() if event.piece in pieces)
                self.told.add(event.piece)
                self.have.add(event.piece)
                self.stored[event.piece] = 0
                self.completed[event.piece] = event.time
                self.rounds[event.piece] += 1
                self._forget(event.piece)
            case FileCompleted():
                metainfo = event.torrent.metainfo
                if metainfo is not None:
                    self.whole[event.file] = metainfo.files[event.file].pieces
            case PieceFailed():
                self.rounds[event.piece] += 1
                self._forget(event.piece)
                self.failures.update((event.piece, host) for host in {address[0] for address in event.addresses})
            case StateChanged():
                self.changed_at = event.time
                self.states += 1
                if event.new in _CHECKS or event.old in _CHECKS:
                    self.have.clear()
                    self.told.clear()
                    self.stored.clear()
                    self.completed.clear()
                    self.whole.clear()
                if event.new not in _GOES_ON:
                    self.blocks.clear()
            case PeerConnected() | PeerDisconnected():
                self.changed_at = event.time
                self.links += 1
                if isinstance(event, PeerDisconnected) and event.reason == "protocol_error":
                    self.ended_for_breach.add(event.address[0])

    def _took(self, event: BlockReceived) -> None:
        block = (event.piece, event.begin)
        if block in self.blocks:
            self.again.add(block)
        self.blocks.add(block)
        self.fetched.add(event.piece)
        self.taken.setdefault(event.address[0], Counter())[block] += 1

    def _forget(self, piece: int) -> None:
        self.blocks = {block for block in self.blocks if block[0] != piece}


class EngineFacts:
    """All torrents of an engine, and where its books stood at the last look."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seen = 0
        self.life = -1
        self.began_at = 0.0
        self.torrents: dict[int, TorrentFacts] = {}
        self.ledger: dict[str, int] = {}
        self.looked_at = 0.0
        self.dials_seen = 0
        self.early: Counter[tuple[int, str]] = Counter()
        """Dials that came too soon, by torrent and address."""

    def update(self) -> EngineFacts:
        """Takes what happened since."""
        engine = self._engine
        engine._collect()
        starts = engine._starts_at
        while True:
            end = starts[self.life + 1] if self.life + 1 < len(starts) else len(engine._history)
            for event in engine._history[self._seen : end]:
                if isinstance(event, TorrentEvent):
                    self.of(event.torrent).take(event)
            self._seen = max(self._seen, end)
            if self.life + 1 >= len(starts):
                return self
            self._begin_life()

    def _begin_life(self) -> None:
        self.life += 1
        self.torrents.clear()
        self.ledger.clear()
        self.early.clear()
        self.looked_at = 0.0

    def of(self, torrent: Torrent) -> TorrentFacts:
        """Of one torrent, in the present life."""
        known = self.torrents.get(torrent._key)
        if known is None:
            known = self.torrents[torrent._key] = TorrentFacts()
        return known


def running(engines: list[Engine]) -> Iterator[tuple[Engine, EngineFacts]]:
    """Those that are up, with what is known of them."""
    for engine in engines:
        if engine.running:
            yield engine, engine.session._ask("facts", engine._facts.update)


def was_failed(lab: Lab, engine: Engine, point: str = "") -> bool:
    """A gate at such a point made something of the engine fail."""
    gates = [gate for gate in lab._gates or () if gate.action == "fail" and gate.point.startswith(point)]
    return any(hit.node == engine.name for gate in gates for hit in gate.hits)


def is_held(lab: Lab, engine: Engine, point: str) -> bool:
    """A gate at such a point holds something of the engine: it is under way and with nobody."""
    gates = [gate for gate in lab._gates or () if not gate._lets_pass and gate.point.startswith(point)]
    return any(hit.node == engine.name for gate in gates for hit in gate.hits)
