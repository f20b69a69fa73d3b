"""Behaviours that lie about what a peer has and is, or that choke."""

from __future__ import annotations

from typing import Any, ClassVar

from mock_peer._behaviour import Arg
from mock_peer._kind import Kind
from mock_peer._link import Link
from mock_peer._wire import HANDSHAKE_SIZE, Frame, bits_of, extended, pieces_of

_CLAIMS = frozenset(("bitfield", "have_all", "have_none"))


def pieces_for(link: Link, pieces: Any) -> list[int]:
    """The pieces that a word of a behaviour names."""
    if pieces == "all":
        return list(range(link.truth.num_pieces)) if link.truth is not None else []
    return list(pieces)


class LieHave(Kind):
    """Claims pieces that it does not have."""

    on = "connect"
    shapes = True
    args: ClassVar[dict[str, Arg]] = {"pieces": Arg("all", "pieces", "what it claims besides what it has")}

    def deed(self, link: Link, request: Any) -> None:
        super().deed(link, request)
        if link.has_claimed:  # too late for a bitfield
            for piece in pieces_for(link, self.arg("pieces")):
                self.core.put(link, Frame("have", piece))

    def may_shape(self, frame: Frame) -> bool:
        return frame.kind in _CLAIMS

    def shaped(self, link: Link, frame: Frame) -> list[Frame]:
        if frame.kind not in _CLAIMS or frame.kind == "have_all" or link.truth is None:
            return [frame]
        count = link.truth.num_pieces
        claimed = pieces_of(frame.data) | set(pieces_for(link, self.arg("pieces")))
        if link.fast and len(claimed) >= count:
            return [Frame("have_all")]
        return [Frame("bitfield", data=bits_of(claimed, count))]


class ChokeFlap(Kind):
    """Chokes and unchokes in turn."""

    on = "interested"
    args: ClassVar[dict[str, Arg]] = {"period": Arg(1.0, "number", "seconds between two turns")}

    def deed(self, link: Link, request: Any) -> None:
        if link.number not in self._armed:
            super().deed(link, request)
            self.later(self.arg("period"), link, lambda: self._turn(link))

    def _turn(self, link: Link) -> None:
        self.core.put(link, Frame("unchoke" if link.choking else "choke"))
        self.later(self.arg("period"), link, lambda: self._turn(link))


class ChokeWithOutstanding(Kind):
    """Chokes as long as the request is not answered, and unchokes a little later."""

    on = "request"
    args: ClassVar[dict[str, Arg]] = {"seconds": Arg(1.0, "number", "how long it chokes")}

    def deed(self, link: Link, request: Any) -> None:
        if not link.choking:
            self.core.put(link, Frame("choke"))
            self.later(self.arg("seconds"), link, lambda: self._relent(link))

    def _relent(self, link: Link) -> None:
        if link.choking and not link.choked_by_hand:
            self.core.put(link, Frame("unchoke"))


class NeverUnchoke(Kind):
    """Never unchokes."""

    on = "connect"
    shapes = True

    def may_shape(self, frame: Frame) -> bool:
        return frame.kind == "unchoke"

    def shaped(self, link: Link, frame: Frame) -> list[Frame]:
        return [] if frame.kind == "unchoke" else [frame]


class AllowedFast(Kind):
    """Allows pieces to be asked for while it chokes, whatever they are and however many."""

    on = "handshake"
    args: ClassVar[dict[str, Arg]] = {"pieces": Arg("all", "pieces", "which, in this order, twice if named twice")}

    def deed(self, link: Link, request: Any) -> None:
        def allow() -> None:
            for piece in pieces_for(link, self.arg("pieces")):
                self.core.put(link, Frame("allowed_fast", piece))

        self.core.when_ready(link, allow)


class SlowHandshake(Kind):
    """Sends its handshake a few bytes at a time."""

    on = "connect"
    args: ClassVar[dict[str, Arg]] = {
        "nbytes": Arg(1, "integer", "bytes at a time"),
        "seconds": Arg(1.0, "number", "seconds in between"),
    }

    def deed(self, link: Link, request: Any) -> None:
        if not link.opened:
            self.core.slow_down(link, max(self.arg("nbytes"), 1), self.arg("seconds"), left=HANDSHAKE_SIZE)


class SamePeerId(Kind):
    """Uses one and the same peer id as every other peer that behaves so."""

    on = "connect"

    def deed(self, link: Link, request: Any) -> None:
        link.peer_id = b"-MK0100-the-same-one"


class OwnPeerId(Kind):
    """Uses the subject's own peer id. Dialling, it learns that on a first link, ends it and dials again."""

    on = "connect"

    def deed(self, link: Link, request: Any) -> None:
        if self.core.subject_id is not None:
            link.peer_id = self.core.subject_id
        else:
            link.learns_id = True


class Remap(Kind):
    """Gives one of its extensions another number in the middle of the conversation."""

    on = "handshake"
    args: ClassVar[dict[str, Arg]] = {
        "name": Arg("ut_metadata", "text", "the extension"),
        "id": Arg(7, "integer", "its new number"),
    }

    def deed(self, link: Link, request: Any) -> None:
        name, number = self.arg("name"), self.arg("id")

        def remap() -> None:
            link.our_extensions[name] = number
            self.core.put(link, extended(0, {"m": {name: number}}, "extended_handshake"))

        self.core.when_ready(link, remap)
