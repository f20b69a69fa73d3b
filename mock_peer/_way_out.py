"""The way out of a peer: messages into the ledger and onto the wire, at a pace, up to the byte where it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mock_peer._ledger import Ledger, Message
from mock_peer._link import Link, Pace
from mock_peer._transport import Transport
from mock_peer._truth import Truth
from mock_peer._wire import Frame

if TYPE_CHECKING:
    from mock_peer._kinds import Kind


class WayOut:
    """What a core is below its behaviours."""

    honest: Any

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.now = transport.now
        self.ledger = Ledger()
        self.heard: Callable[[Message], object] | None = None  # told of each message
        self._by_event: dict[str, list[Kind]] = {}
        self._dirty: list[Link] = []

    def later(self, seconds: float, call: Callable[[], object], link: Link | None = None) -> None:
        """Calls it then, unless the link is over by then."""
        raise NotImplementedError

    def mark_over(self, link: Link, who: str, how: str) -> None:
        """The link is over, by whom and how."""
        raise NotImplementedError

    def note(self, message: Message) -> Message:
        """Into the ledger."""
        message = self.ledger.add(message)
        if self.heard is not None:
            self.heard(message)
        return message

    def put(self, link: Link, frame: Frame) -> None:
        """On the wire, and into the ledger, as it is now."""
        if not link.is_open:
            return
        raw = frame.encode()
        kind = frame.kind
        if kind == "piece":
            self.note(Message(self.now, link.index, "out", kind, frame.piece, frame.begin, len(frame.data), frame.data,
                              self.is_true(link, frame), raw))  # fmt: skip
        else:
            self.note(Message(self.now, link.index, "out", frame.name or kind, *_numbers(frame), raw=raw))
        self.put_raw(link, raw)
        self.honest.said(link, frame)

    def put_raw(self, link: Link, data: bytes) -> None:
        """On the wire, and nowhere else."""
        if link.is_open:
            link.out += data
            link.said_at = self.now
            self._dirty.append(link)

    def is_true(self, link: Link, frame: Frame) -> bool | None:
        """The payload is what it should be."""
        if frame.ok is not None or link.truth is None:
            return frame.ok
        return self.block_is_true(link.truth, frame.piece, frame.begin, frame.data)

    @staticmethod
    def block_is_true(truth: Truth, piece: int, begin: int, data: bytes) -> bool:
        """These bytes are those of the truth there."""
        if piece >= truth.num_pieces or begin + len(data) > truth.piece_size(piece):
            return False
        return truth.data(piece, begin, len(data)) == data

    def flush(self) -> None:
        """What was said goes to the transport."""
        while self._dirty:
            dirty, self._dirty = self._dirty, []
            for link in dirty:
                if link.out:
                    self.send_out(link)

    def send_out(self, link: Link) -> None:
        out, link.out = link.out, bytearray()
        if link.pace is None:
            self.transmit(link, bytes(out))
        else:
            link.pace.held += out
            if not link.pace.ticking:
                self._tick(link)

    def backlog(self, link: Link) -> int:
        """Bytes that were said and are not yet on the wire."""
        held = len(link.pace.held) if link.pace is not None else 0
        return len(link.out) + held + self.transport.unsent(link.number)

    def slow_down(self, link: Link, chunk: int, gap: float, left: int | None = None) -> None:
        """From now on so many bytes at a time, so many seconds apart; for `left` bytes, None: for good."""
        self.send_out(link)
        link.pace = link.pace or Pace(chunk, gap, left)

    def _tick(self, link: Link) -> None:
        pace = link.pace
        if pace is None:
            return
        size = pace.chunk if pace.left is None else min(pace.chunk, pace.left)
        out = bytes(pace.held[:size])
        del pace.held[:size]
        if pace.left is not None:
            pace.left -= len(out)
        if pace.left == 0:
            link.pace = None
            out += pace.held
        self.transmit(link, out)
        pace.ticking = link.pace is not None and bool(out)
        if pace.ticking:
            self.later(pace.gap, lambda: self._tick(link), link)
        if link.queue:
            self.honest.serve(link)

    def transmit(self, link: Link, data: bytes) -> None:
        """To the transport; stops at the byte that a behaviour waits for."""
        while data and not link.over:
            stop, kind = self._stop_of(link, len(data))
            part, data = data[:stop], data[stop:]
            link.sent += len(part)
            self.ledger.bytes_out += len(part)
            self.transport.send(link.number, part)
            if link.fuse is not None:
                link.fuse = (link.fuse[0] - len(part), link.fuse[1])
                self._burn(link)
            if kind is not None and not link.over:
                kind.begin_deed(link, None)
                data, link.out = bytes(link.out) + data, bytearray()

    def _burn(self, link: Link) -> None:
        if link.fuse is not None and link.fuse[0] <= 0 and not link.over:
            how = link.fuse[1]
            self.mark_over(link, "peer", how)
            self.transport.close(link.number, how)

    def light_fuse(self, link: Link, nbytes: int, how: str) -> None:
        """The link ends after so many more bytes."""
        if link.fuse is None or nbytes < link.fuse[0]:
            link.fuse = (nbytes + len(link.out), how)
            if link.fuse[0] == 0:
                self._burn(link)

    def _stop_of(self, link: Link, size: int) -> tuple[int, Kind | None]:
        stop, chosen = size, None
        if link.fuse is not None:
            stop = min(stop, link.fuse[0])
        for kind in self._by_event.get("bytes_out", ()):
            place = kind.behaviour.first - link.sent
            if 0 < place <= stop and kind.may_fire():
                stop, chosen = place, kind
        if chosen is not None:
            chosen.count_deed()
        return stop, chosen


def unpace(link: Link) -> None:
    """Neither slow nor about to end any more; a slow handshake goes on."""
    link.fuse = None
    if link.pace is not None and link.pace.left is None:
        link.out[:0] = link.pace.held
        link.pace = None


def _numbers(frame: Frame) -> tuple[int | None, int | None, int | None, bytes | None]:
    kind = frame.kind
    if kind in ("request", "cancel", "reject"):
        return frame.piece, frame.begin, frame.length, None
    if kind in ("have", "suggest", "allowed_fast"):
        return frame.piece, None, None, None
    if kind in ("bitfield", "extended"):
        return frame.piece if kind == "extended" else None, None, len(frame.data), frame.data
    return None, None, frame.length or None, None
