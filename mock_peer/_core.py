"""The middle of a peer, without input or output: facts come in, bytes and closes go to its transport.

Honest core -> behaviours, in list order -> pace and fuse -> transport. What an honest peer does is in _honest; this holds
the links, the timers and the way out.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable
from typing import Any

from mock_peer._behaviour import Behaviour
from mock_peer._handshake import Handshake, Opening, read_opening
from mock_peer._honest import Honest
from mock_peer._kinds import KINDS, Kind
from mock_peer._ledger import Connection, Message
from mock_peer._link import Link
from mock_peer._transport import Transport
from mock_peer._truth import Truth
from mock_peer._way_out import WayOut, unpace
from mock_peer._wire import HANDSHAKE_SIZE, PROTOCOL, Frame, TooLong

Deed = Callable[[Link], object]


class Core(WayOut):
    """One peer and its links."""

    def __init__(
        self,
        transport: Transport,
        truth: Truth | None,
        rng: Callable[[str], random.Random],
        *,
        handshake: Handshake,
        reqq: int,
    ) -> None:
        super().__init__(transport)
        self.truth = truth
        self.rng = rng
        self.handshake = handshake
        self.reqq = reqq
        self.peer_id = handshake.peer_id or b"-MK0100-" + rng("peer_id").randbytes(12)
        self.subject_id: bytes | None = None  # the last that it told
        self.have: set[int] = set()
        self.auto: frozenset[str] = frozenset()
        self.links: dict[int, Link] = {}
        self.newest: Link | None = None
        self.kinds: list[Kind] = []
        self._hope = 0  # dials that wait for their time belong to one
        self._waiting: list[Deed] = []  # sent by hand while there was no link
        self._timers: dict[int, tuple[Link | None, Callable[[], object]]] = {}
        self._numbers = itertools.count(1)
        self.honest = Honest(self)

    # -- facts

    def accepted(self, number: int, local: tuple[str, int], remote: tuple[str, int]) -> None:
        """The subject dialled."""
        self.now = self.transport.now
        link = self._new(number, Connection("in", remote), self.handshake, self.truth)
        self._begin(link)
        self.flush()

    def connected(self, number: int, local: tuple[str, int]) -> None:
        """A dial went through."""
        self.now = self.transport.now
        link = self.links.get(number)
        if link is not None:
            self._begin(link)
            self.flush()

    def failed(self, number: int, error: str) -> None:
        """A dial went nowhere."""
        refused = error in ("connection_refused", "connection_reset")
        self._gone(number, "subject" if refused else "network", "refused" if refused else error)

    def closed(self, number: int, error: str) -> None:
        """The subject ended the link, or the network did."""
        how = {"end_of_stream": "fin", "connection_reset": "rst"}.get(error)
        link = self._gone(number, "subject" if how else "network", how or error)
        if link is not None and how == "fin":
            self.transport.close(number, "fin")

    def _gone(self, number: int, who: str, how: str) -> Link | None:
        self.now = self.transport.now
        link = self.links.get(number)
        if link is not None:
            self.mark_over(link, who, how)
            self._redial(link)
        self.flush()
        return link

    def drained(self, number: int) -> None:
        """There is room for more on the way out."""
        self.now = self.transport.now
        link = self.links.get(number)
        if link is not None:
            self.honest.serve(link)
            self.flush()

    def timer(self, number: int) -> None:
        """A time has come."""
        self.now = self.transport.now
        link, call = self._timers.pop(number, (None, None))
        if call is not None and (link is None or not link.over):
            call()
            self.flush()

    def received(self, number: int, data: bytes) -> None:
        """Bytes of the subject."""
        link = self.links.get(number)
        if link is None:
            return
        self.now = self.transport.now
        self.ledger.bytes_in += len(data)
        if link.theirs is None and not link.unreadable:
            data = self._read_opening(link, data)
        if data and not link.unreadable and not link.over:
            self._read(link, data)
        self.flush()

    def _read(self, link: Link, data: bytes) -> None:
        try:
            frames = link.reader.feed(data)
        except TooLong as error:
            frames = error.frames
            link.unreadable = True
            self.ledger.blame(Message(self.now, link.index, "in", "unknown"), [f"unreadable from here on: {error}"])
        take = self.honest.take
        for raw in frames:
            take(link, raw)
            if link.over:
                return
        if link.queue:
            self.honest.serve(link)

    def _read_opening(self, link: Link, data: bytes) -> bytes:
        missing = HANDSHAKE_SIZE - len(link.head)
        link.head += data[:missing]
        if not PROTOCOL.startswith(link.head[:20]):
            self._read_no_opening(link)
            return b""
        if len(link.head) < HANDSHAKE_SIZE:
            return b""
        link.theirs = read_opening(link.head)
        assert link.theirs is not None
        link.agree()
        link.connection.handshake_at = self.now
        self.subject_id = link.theirs.peer_id
        self.note(Message(self.now, link.index, "in", "handshake", data=link.theirs.info_hash, raw=link.head))
        if link.learns_id and not self._learn_id(link):
            return b""
        self.event(link, "handshake")
        if link.connection.direction == "in" and not link.opened:
            self._open_soon(link)
        self._both_opened(link)
        return data[missing:]

    def _read_no_opening(self, link: Link) -> None:
        link.unreadable = True
        note = self.note(Message(self.now, link.index, "in", "unknown", data=link.head, raw=link.head))
        if link.connection.direction == "out":
            self.ledger.blame(note, ["not a handshake"])
        else:  # an encrypted one, most likely: refused like this, a client comes back in plain
            self.end(link, "fin")

    def _learn_id(self, link: Link) -> bool:
        link.peer_id = self.subject_id
        if link.connection.direction == "in":
            return True
        shake, address, truth = link.handshake, link.connection.address, link.truth
        self.end(link, "fin")
        self.later(0.0, lambda: self.dial(address, truth, shake, 0, None))
        return False

    # -- links

    def dial(
        self, address: tuple[str, int], truth: Truth | None, handshake: Handshake, source_port: int, retry: float | None
    ) -> Link:
        """A new link to there."""
        self.now = self.transport.now
        number = self.transport.connect(address, source_port)
        link = self._new(number, Connection("out", address), handshake, truth)
        if retry is not None:
            link.redial = (retry, address, truth, handshake, source_port)
        return link

    def _redial(self, link: Link) -> None:
        if link.redial is not None:
            retry, address, truth, handshake, source_port = link.redial
            hope = self._hope

            def again() -> None:
                if hope == self._hope:
                    self.dial(address, truth, handshake, source_port, retry)

            self.later(retry, again)

    def dial_no_more(self) -> None:
        """Gives up on the dials that wait for their time."""
        self._hope += 1

    def _new(self, number: int, connection: Connection, handshake: Handshake, truth: Truth | None) -> Link:
        link = Link(number, connection, 0, handshake, truth)
        link.index = self.ledger.opened(connection, link.outstanding)
        self.ledger.claimed = link.claimed
        self.links[number] = link
        self.newest = link
        return link

    def _begin(self, link: Link) -> None:
        link.is_open = True
        link.connection.opened_at = link.said_at = self.now
        link.waiting, self._waiting = [*self._waiting, *link.waiting], []
        self.event(link, "connect")
        self.event(link, "time")
        if link.connection.direction == "out" and not link.over:
            self._open_soon(link)
        if not link.handshake.send:
            self._run_waiting(link)

    def _open_soon(self, link: Link) -> None:
        shake = link.handshake
        if not shake.send:
            return
        if shake.delay > 0:
            self.later(shake.delay, lambda: self.open(link, shake), link)
        else:
            self.open(link, shake)

    def open(self, link: Link, shake: Handshake) -> None:
        """Sends a handshake."""
        known = link.truth.info_hash if link.truth is not None else None
        heard = link.theirs.info_hash if link.theirs is not None else None
        hashed = shake.info_hash or known or heard or bytes(20)
        own = self.peer_id if shake is link.handshake else shake.peer_id or self.peer_id
        opening = Opening(shake.flags(), hashed, link.peer_id or shake.peer_id or own)
        if shake.dribble is not None:
            self.slow_down(link, *shake.dribble, left=HANDSHAKE_SIZE)
        link.handshake = shake
        link.agree()
        raw = opening.encode()
        self.note(Message(self.now, link.index, "out", "handshake", data=hashed, raw=raw))
        self.put_raw(link, raw)
        link.opened = True
        self._both_opened(link)

    def _both_opened(self, link: Link) -> None:
        if link.ready and not link.greeted:
            link.greeted = True
            self.honest.opened(link)
            self._run_waiting(link)

    def _run_waiting(self, link: Link) -> None:
        waiting, link.waiting = link.waiting, []
        for deed in waiting:
            deed(link)

    def by_hand(self, deed: Deed, *, now: bool = False) -> None:
        """What the owner wants said on the newest link: at once, or behind the handshakes. now: needs none."""
        self.now = self.transport.now
        link = self.newest
        if link is None or link.over:
            self._waiting.append(deed)
        elif link.is_open and (link.ready or not link.handshake.send or now):
            deed(link)
        else:
            link.waiting.append(deed)
        self.flush()

    def when_ready(self, link: Link, call: Callable[[], object]) -> None:
        """Once both sides have opened."""
        if link.greeted:
            call()
        else:
            link.waiting.append(lambda _: call())

    def when_extended(self, link: Link, deed: Deed) -> None:
        """Once it is known which extensions the subject has, and under which numbers."""

        def look() -> None:
            if link.knows_extensions or not link.extended:
                deed(link)
            else:
                link.after_extended.append(deed)

        self.when_ready(link, look)

    def end(self, link: Link, how: str) -> None:
        """This side ends the link."""
        if not link.over:
            self.send_out(link)
            self.mark_over(link, "peer", how)
            self.transport.close(link.number, how)

    def mark_over(self, link: Link, who: str, how: str) -> None:
        """The link is over, by whom and how."""
        link.over = True
        link.is_open = False
        connection = link.connection
        connection.closed_at, connection.closed_by, connection.how = self.now, who, how
        self.ledger.ended(link.outstanding)
        link.queue.clear()
        link.stuck.clear()
        link.out.clear()
        self.links.pop(link.number, None)

    # -- behaviours

    def behave(self, behaviours: Iterable[Behaviour]) -> None:
        """From now on these, in this order; what others had begun on open links ends."""
        self.now = self.transport.now
        for old in self.kinds:
            old.retired = True
        self.kinds = []
        self._by_event = {}
        for place, behaviour in enumerate(behaviours):
            kind = KINDS[behaviour.kind](behaviour, self, self.rng(f"behave/{place}/{behaviour.kind}"))
            self.kinds.append(kind)
            self._by_event.setdefault(behaviour.on, []).append(kind)
        for link in list(self.links.values()):
            unpace(link)
            self._dirty.append(link)
            if link.is_open:
                self.event(link, "time")
        self.flush()

    def event(
        self, link: Link, on: str, piece: int | None = None, begin: int | None = None, request: Any = None
    ) -> None:
        """Something happened that behaviours may wait for."""
        for kind in self._by_event.get(on, ()):
            if kind.matches(link, piece, begin):
                if request is not None and kind.shapes:
                    request.hits.append(kind)
                else:
                    kind.begin_deed(link, request)

    def emit(self, link: Link, frame: Frame) -> None:
        """What the honest core says: through all behaviours."""
        if not self.kinds:
            self.put(link, frame)
            return
        for kind in self._by_event.get("send", ()):
            if not kind.shapes and kind.matches(link, frame.piece, frame.begin):
                kind.begin_deed(link, None)
        self.go_on(link, [frame], 0)

    def go_on(self, link: Link, frames: list[Frame], start: int) -> None:
        """The behaviours from `start` on, then the way out."""
        for kind in self.kinds[start:]:
            if kind.shapes:
                frames = [
                    out
                    for frame in frames
                    for out in (kind.shape(link, frame) if kind.wants(link, frame) else (frame,))
                ]
        for frame in frames:
            self._put_later(link, frame)

    def _put_later(self, link: Link, frame: Frame) -> None:
        def put() -> None:
            if frame.request is None or not frame.request.cancelled:
                self.put(link, frame)

        if frame.delay > 0:
            self.later(frame.delay, put, link)
        else:
            put()

    # -- time

    def later(self, seconds: float, call: Callable[[], object], link: Link | None = None) -> None:
        """Calls it then, unless the link is over by then."""
        number = next(self._numbers)
        self._timers[number] = (link, call)
        self.transport.timer(self.now + seconds, number)
