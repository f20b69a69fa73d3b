"""Snapshots: frozen values that say how a session, a torrent, a piece, a file or a peer stood at one moment.

They compare, hash, pickle and have `to_dict()`. Unknown is None, never 0 or -1. Rates are bytes per second, sizes bytes,
progress 0.0..1.0, moments named `*_at` Unix seconds, `time` the seconds of `session.now`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from jstorrent._errors import Error
from jstorrent._values import Address, Value, dataclass

State = Literal[
    "queued", "checking", "fetching_metadata", "downloading", "stalled", "seeding", "paused", "stopped", "error", "removed"
]  # fmt: skip
"""What a torrent does. stalled: pieces are wanted, and nobody is there or gives any."""

LimitedBy = Literal["nothing", "no peers", "choked", "rate limit", "disk", "hashing", "peers"]
PieceState = Literal["missing", "incomplete", "verifying", "complete"]
PeerState = Literal["connecting", "handshake", "connected"]
Direction = Literal["in", "out"]
TrackerState = Literal["idle", "announcing", "working", "failed"]


@dataclass(frozen=True, slots=True)
class Counters(Value):
    """Bytes so far. They add up: received == verified + failed + redundant + discarded + partial (all payload)."""

    payload_received: int = 0
    payload_verified: int = 0
    """In pieces that passed their hash."""
    payload_failed: int = 0
    """In pieces that did not."""
    payload_redundant: int = 0
    """Blocks that we had when they came: duplicates, losers of the endgame."""
    payload_discarded: int = 0
    """Never asked for, unwanted, or of a wrong length or offset."""
    payload_partial: int = 0
    """In pieces that are not complete yet."""
    payload_sent: int = 0
    wire_received: int = 0
    wire_sent: int = 0
    pieces_failed: int = 0
    """Pieces (not bytes) that failed their hash."""


@dataclass(frozen=True, slots=True)
class TorrentStatus(Value):
    """How a torrent stands."""

    time: float
    state: State
    error: Error | None
    progress: float
    """Of what is wanted."""
    wanted: int
    """Bytes of pieces that are wanted."""
    wanted_verified: int
    total_size: int | None
    num_pieces: int | None
    pieces_complete: int
    active_pieces: int
    """Begun and not finished."""
    in_endgame: bool
    download_rate: int
    upload_rate: int
    eta: float | None
    """Seconds until complete, at the present rate."""
    ratio: float | None
    num_peers: int
    num_seeds: int
    num_known: int
    queue_position: int
    save_path: Path
    added_at: float
    completed_at: float | None
    active_time: float
    seeding_time: float
    limited_by: LimitedBy
    """Why it is not faster."""
    counters: Counters
    is_complete: bool
    """Every wanted piece verified and on disk."""
    is_sequential: bool
    error_message: str
    """What went wrong, for people; empty when nothing did."""
    metadata_progress: float
    """Of the metadata of a magnet link, 0.0 to 1.0; 1.0 once it is there."""

    @classmethod
    def _of(cls, facts: tuple[Any, ...]) -> TorrentStatus:
        values = list(facts)
        values[19] = Path(facts[19])
        values[25] = Counters(*facts[25])
        return cls(*values)


@dataclass(frozen=True, slots=True)
class SessionStatus(Value):
    """How a session stands: exact between two turns; after close() all but counters and memory is 0."""

    time: float
    download_rate: int
    upload_rate: int
    num_torrents: int
    num_peers: int
    num_half_open: int
    num_pending_incoming: int
    sockets: int
    memory: int
    memory_peak: int
    send_buffered: int
    disk_operations: int
    hash_jobs: int
    timers: int
    max_expiries: int
    """Most timers fired in one turn."""
    draining: int
    """Removed torrents with operations still out."""
    dht_nodes: int
    bytes_copied: int
    """Of what came from the peers that are linked: read elsewhere first, and moved to its place."""
    counters: Counters
    """Of this session."""
    totals: Counters
    """Of all sessions of this state_dir; of an earlier one what was judged when it ended."""

    @classmethod
    def _of(cls, facts: tuple[Any, ...]) -> SessionStatus:
        values = (*facts[:-2], Counters(*facts[-2]), Counters(*facts[-1]))
        return cls(*values)


@dataclass(frozen=True, slots=True)
class PieceStatus(Value):
    """How one piece stands. `complete` means verified and written."""

    index: int
    size: int
    state: PieceState
    blocks_total: int
    blocks_received: int
    pending_requests: int
    requested_from: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class FileStatus(Value):
    """How one file stands. Priority 0 means that it is not wanted."""

    index: int
    path: Path
    size: int
    priority: int
    verified: int
    progress: float

    @classmethod
    def _of(cls, facts: tuple[Any, ...]) -> FileStatus:
        index, path, *rest = facts
        return cls(index, Path(path), *rest)


@dataclass(frozen=True, slots=True)
class PeerStatus(Value):
    """How one peer stands."""

    address: Address
    peer_id: bytes | None
    client: str | None
    source: str
    """How we learned of it."""
    direction: Direction
    progress: float
    download_rate: int
    upload_rate: int
    unchoked_rate: int | None
    """Average while it unchoked us."""
    am_choking: bool
    am_interested: bool
    peer_choking: bool
    peer_interested: bool
    outstanding: int
    """Blocks asked and not come."""
    upload_queued: int
    send_buffered: int
    snubbed: bool
    on_parole: bool
    hash_failures: int
    state: PeerState
    connected_at: float | None
    counters: Counters

    @classmethod
    def _of(cls, facts: tuple[Any, ...]) -> PeerStatus:
        values = (*facts[:-1], Counters(*facts[-1]))
        return cls(*values)


@dataclass(frozen=True, slots=True)
class TrackerStatus(Value):
    """How one tracker of a torrent stands."""

    url: str
    tier: int
    state: TrackerState
    message: str
    """What it warned of, why it refused, or what went wrong."""
    failures: int
    """In a row."""
    next_announce: float | None
    """Seconds from now."""
    seeds: int | None
    leechers: int | None
    external_ip: str | None
    """The address under which it sees us, if it says so."""


@dataclass(frozen=True, slots=True)
class Ban(Value):
    """A host that is neither dialled nor accepted. `until_at` None: for good."""

    host: str
    reason: str
    since_at: float
    until_at: float | None
