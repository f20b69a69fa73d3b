"""One link of a peer: what both sides said of themselves on it, and the bytes on their way out."""

from __future__ import annotations

from collections import deque
from typing import Any

from mock_peer._handshake import Handshake, Opening
from mock_peer._ledger import Connection, Outstanding, Request
from mock_peer._truth import Truth
from mock_peer._wire import Reader

OUR_EXTENSIONS = {"ut_pex": 1, "ut_metadata": 2}


class Pace:
    """Bytes go out slowly: `chunk` at a time, `gap` seconds apart; for `left` bytes, None: for good."""

    def __init__(self, chunk: int, gap: float, left: int | None = None) -> None:
        self.chunk, self.gap, self.left = chunk, gap, left
        self.ticking = False
        self.held = bytearray()


class Link:
    """The state of one link. It decides nothing."""

    def __init__(
        self, number: int, connection: Connection, index: int, handshake: Handshake, truth: Truth | None
    ) -> None:
        self.number = number
        self.connection = connection
        self.index = index
        self.handshake = handshake
        self.truth = truth
        self.peer_id: bytes | None = None  # not the peer's usual one
        self.learns_id = False  # it is there for the subject's peer id only
        self.redial: Any = None  # how to dial again when it ended
        self.is_open = False
        self.over = False
        # what the subject said
        self.head = b""
        self.reader = Reader()
        self.unreadable = False
        self.theirs: Opening | None = None
        self.fast = False  # both sides speak BEP 6
        self.extended = False  # both sides speak BEP 10
        self.they_choke = True
        self.they_want = False
        self.claimed: set[int] = set()
        self.heard = 0  # messages since the handshake, the extended ones not counted
        self.extensions: dict[str, int] = {}
        self.knows_extensions = False
        # what we said
        self.opened = False
        self.greeted = False
        self.choking = True
        self.has_unchoked = False
        self.told: set[int] = set()  # pieces that we claimed
        self.spoke_raw = False  # so that what we claimed is not known
        self.choked_by_hand = False
        self.interested = False
        self.has_claimed = False
        self.allowed: set[int] = set()
        self.asked: set[tuple[int, int]] = set()  # (piece, begin) of our requests
        self.our_extensions = dict(OUR_EXTENSIONS)
        self.said_at = 0.0
        # the requests of the subject
        self.outstanding = Outstanding()
        self.queue: deque[Request] = deque()
        self.stuck: list[Request] = []  # cannot be served as things are
        # on the way out
        self.waiting: list[Any] = []  # sent by hand before the handshake
        self.after_extended: list[Any] = []  # wants to know the subject's extensions
        self.out = bytearray()
        self.sent = 0
        self.pace: Pace | None = None
        self.fuse: tuple[int, str] | None = None  # ends after so many more bytes, that way

    def agree(self) -> None:
        """What both sides speak, as far as their handshakes are known."""
        ours = self.handshake.flags()
        self.fast = self.theirs is not None and self.theirs.fast and bool(ours[7] & 0x04)
        self.extended = self.theirs is not None and self.theirs.extended and bool(ours[5] & 0x10)

    @property
    def ready(self) -> bool:
        """It is open, and both sides have opened."""
        return self.is_open and not self.over and self.opened and self.theirs is not None
