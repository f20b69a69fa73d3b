"""What an honest peer does by itself, as far as `auto` lets it, and what it makes of each message of the subject.

Never closes a link and has no wishes: it downloads nothing unless told. (Only who opens with something other than a
handshake is refused, by the core.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mock_peer import _strict
from mock_peer._bencode import Malformed, decode, decode_prefix, encode
from mock_peer._ledger import Message, Request
from mock_peer._link import Link
from mock_peer._wire import BLOCK, Frame, Parsed, bits_of, extended, parse, pieces_of

if TYPE_CHECKING:
    from mock_peer._core import Core

AUTO = frozenset(("claims", "extended", "metadata", "interest", "unchoke", "serve", "reject", "keepalive"))
KEEPALIVE = 100.0
"""Seconds of silence."""
SEND_AHEAD = 128 * 1024
"""Answers wait while so much is on its way out: a CANCEL finds them there."""
MAX_OUTSTANDING = 65536
"""Requests of one link; more are written down and forgotten."""


class Honest:
    """The reactions of a core."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._hear: dict[str, Callable[[Link, Message], object]] = {
            "choke": self._on_choke,
            "unchoke": self._on_unchoke,
            "interested": self._on_interested,
            "not_interested": self._on_not_interested,
            "have": self._on_have,
            "bitfield": self._on_bitfield,
            "have_all": self._on_have_all,
            "request": self._on_request,
            "cancel": self._on_cancel,
            "extended_handshake": self._on_extended_handshake,
            "metadata_request": self._on_metadata_request,
        }
        self._said: dict[str, Callable[[Link, Frame], object]] = {
            "choke": self._said_choke,
            "unchoke": self._said_unchoke,
            "piece": self._said_piece,
            "reject": self._said_reject,
            "interested": lambda link, frame: setattr(link, "interested", True),
            "not_interested": lambda link, frame: setattr(link, "interested", False),
            "allowed_fast": self._said_allowed_fast,
            "request": lambda link, frame: link.asked.add((frame.piece, frame.begin)),
        }

    # -- what came

    def take(self, link: Link, raw: bytes) -> None:
        """One message of the subject."""
        core = self._core
        parsed = parse(raw)
        if parsed.kind == "extended" and parsed.problem is None:
            parsed = self._extension(link, parsed)
        kind = parsed.kind
        ok = None
        if kind == "piece" and parsed.data is not None and link.truth is not None:
            ok = core.block_is_true(link.truth, parsed.piece or 0, parsed.begin or 0, parsed.data)
        message = core.note(
            Message(core.now, link.index, "in", kind, parsed.piece, parsed.begin, parsed.length, parsed.data, ok, raw)
        )
        why = _strict.judge(link, parsed, ok)
        if why:
            core.ledger.blame(message, why)
        if kind not in _EXTENSIONS and kind != "keepalive":
            link.heard += 1
        hear = self._hear.get(kind)
        if hear is not None and parsed.problem is None:
            hear(link, message)

    def _extension(self, link: Link, parsed: Parsed) -> Parsed:
        body = parsed.data or b""
        try:
            if parsed.piece == 0:
                if not isinstance(decode(body), dict):
                    raise Malformed("no dictionary")
                return parsed._replace(kind="extended_handshake", piece=None)
            if parsed.piece == link.our_extensions["ut_metadata"]:
                return _metadata_message(body)
            if parsed.piece == link.our_extensions["ut_pex"]:
                return parsed._replace(kind="pex", piece=None)
        except Malformed as error:
            return parsed._replace(problem=str(error))
        return parsed

    def _on_choke(self, link: Link, _: Message) -> None:
        link.they_choke = True
        self._core.event(link, "choked")

    def _on_unchoke(self, link: Link, _: Message) -> None:
        link.they_choke = False
        self._core.event(link, "unchoked")

    def _on_interested(self, link: Link, _: Message) -> None:
        link.they_want = True
        self._unchoke(link)
        self._core.event(link, "interested")

    def _on_not_interested(self, link: Link, _: Message) -> None:
        link.they_want = False

    def _on_have(self, link: Link, message: Message) -> None:
        piece = message.piece or 0
        if link.truth is None or piece < link.truth.num_pieces:
            link.claimed.add(piece)
            self._interest(link, {piece})
        self._core.event(link, "have", piece)

    def _on_bitfield(self, link: Link, message: Message) -> None:
        pieces = pieces_of(message.data or b"")
        count = len(message.data or b"") * 8 if link.truth is None else link.truth.num_pieces
        link.claimed |= {piece for piece in pieces if piece < count}
        self._interest(link, link.claimed)

    def _on_have_all(self, link: Link, _: Message) -> None:
        if link.truth is not None:
            link.claimed |= set(range(link.truth.num_pieces))
            self._interest(link, link.claimed)

    def _on_request(self, link: Link, message: Message) -> None:
        core = self._core
        if link.choking and not link.fast and message.piece not in link.allowed:
            core.event(link, "request", message.piece, message.begin)
            return  # a choke without BEP 6 drops it
        if link.outstanding.count >= MAX_OUTSTANDING:
            return
        request = Request(message, invalid=_strict.is_beyond(link, message.piece, message.begin, message.length))
        link.outstanding.add(request)
        core.event(link, "request", message.piece, message.begin, request)
        if not link.over and not request.done:
            self._queue(link, request)

    def _queue(self, link: Link, request: Request) -> None:
        message = request.message
        if "reject" in self._core.auto and link.fast and not self._may_ever(link, request):
            frame = Frame("reject", message.piece or 0, message.begin or 0, message.length or 0)
            frame.request = request
            self._core.emit(link, frame)
        else:
            link.queue.append(request)

    def _may_ever(self, link: Link, request: Request) -> bool:
        piece = request.message.piece
        if request.invalid or piece not in self._core.have:
            return not request.invalid and bool(request.hits)  # a behaviour may want to answer it
        return not link.choking or piece in link.allowed

    def _on_cancel(self, link: Link, message: Message) -> None:
        piece, begin, length = message.piece or 0, message.begin or 0, message.length or 0
        request = link.outstanding.take(piece, begin, length)
        if request is not None:
            request.cancelled = True
            if link.fast and "reject" in self._core.auto:
                self._core.emit(link, Frame("reject", piece, begin, length))
        self._core.event(link, "cancel", piece, begin)

    def _on_extended_handshake(self, link: Link, message: Message) -> None:
        value = decode(message.data or b"de")
        self._core.ledger.extended_handshake = value
        names = value.get(b"m")
        for name, number in names.items() if isinstance(names, dict) else ():
            if isinstance(number, int) and 0 <= number <= 255:
                link.extensions[name.decode("utf-8", "replace")] = number
        link.knows_extensions = True
        waiting, link.after_extended = link.after_extended, []
        for deed in waiting:
            deed(link)

    def _on_metadata_request(self, link: Link, message: Message) -> None:
        core = self._core
        request = Request(message, invalid=False)
        core.event(link, "metadata_request", message.piece, None, request)
        if "metadata" in core.auto and not link.over:
            frame = self.metadata_answer(link, message.piece or 0)
            frame.request = request
            core.emit(link, frame)

    def metadata_answer(self, link: Link, piece: int) -> Frame:
        """A piece of the info dictionary, or the refusal where there is none."""
        metadata = link.truth.metadata if link.truth is not None else b""
        data = metadata[piece * BLOCK : (piece + 1) * BLOCK]
        if not data:
            return metadata_frame(link, {"msg_type": 2, "piece": piece})
        return metadata_frame(link, {"msg_type": 1, "piece": piece, "total_size": len(metadata)}, data)

    # -- what this side said, by itself or by hand

    def said(self, link: Link, frame: Frame) -> None:
        """It is on its way: what follows from it."""
        if frame.kind in ("bitfield", "have_all", "have_none", "have"):
            link.has_claimed = True
            link.told |= self._claimed_by(link, frame)
        elif frame.kind == "raw":
            link.spoke_raw = True
        follow = self._said.get(frame.kind)
        if follow is not None:
            follow(link, frame)

    @staticmethod
    def _claimed_by(link: Link, frame: Frame) -> set[int]:
        if frame.kind == "have":
            return {frame.piece}
        if frame.kind == "bitfield":
            return set(pieces_of(frame.data))
        return set(range(link.truth.num_pieces)) if frame.kind == "have_all" and link.truth is not None else set()

    def _said_choke(self, link: Link, _: Frame) -> None:
        core = self._core
        link.choking = True
        if not link.fast:
            link.outstanding.clear()
            link.queue.clear()
            link.stuck.clear()
        elif "reject" in core.auto:
            for request in list(link.outstanding):
                m = request.message
                if m.piece not in link.allowed:
                    request.cancelled = True
                    core.emit(link, Frame("reject", m.piece or 0, m.begin or 0, m.length or 0))

    def _said_unchoke(self, link: Link, _: Frame) -> None:
        link.choking = False
        link.has_unchoked = True
        self.retry(link)

    def _said_piece(self, link: Link, frame: Frame) -> None:
        link.outstanding.take(frame.piece, frame.begin, len(frame.data))

    def _said_reject(self, link: Link, frame: Frame) -> None:
        link.outstanding.take(frame.piece, frame.begin, frame.length)

    def _said_allowed_fast(self, link: Link, frame: Frame) -> None:
        link.allowed.add(frame.piece)
        self.retry(link)

    # -- what it does by itself

    def opened(self, link: Link) -> None:
        """Both handshakes are there."""
        core = self._core
        if "claims" in core.auto:
            self._claim(link)
        if "extended" in core.auto and link.extended:
            core.emit(link, self.extended_handshake(link))
        if "keepalive" in core.auto:
            self._keep_alive(link)

    def extended_handshake(self, link: Link) -> Frame:
        """What this peer says of itself by BEP 10."""
        core = self._core
        says: dict[str, Any] = {"m": link.our_extensions, "reqq": core.reqq, "v": "mock_peer"}
        if link.truth is not None:
            says["metadata_size"] = len(link.truth.metadata)
        return extended(0, encode(says), "extended_handshake")

    def _claim(self, link: Link) -> None:
        core = self._core
        count = link.truth.num_pieces if link.truth is not None else 0
        if link.fast and count and len(core.have) == count:
            frame = Frame("have_all")
        elif not core.have or not count:
            frame = Frame("have_none")
        else:
            bits = bits_of(core.have, count)
            frame = Frame("bitfield", data=bits)
        if frame.kind == "have_none" and not link.fast:
            frame = Frame("bitfield", data=bytes((count + 7) // 8))
            if count == 0:
                return
        core.emit(link, frame)

    def gain(self, pieces: set[int]) -> None:
        """It has these now, and says so on every link."""
        core = self._core
        fresh = pieces - core.have
        core.have |= fresh
        for link in list(core.links.values()):
            if link.ready:
                for piece in sorted(fresh):
                    core.emit(link, Frame("have", piece))
                self._interest(link, link.claimed)
                self.retry(link)

    def catch_up(self, link: Link) -> None:
        """`auto` has changed: does now what it had not done."""
        if not link.ready:
            return
        core = self._core
        if "claims" in core.auto and not link.has_claimed:
            self._claim(link)
        if "unchoke" in core.auto and link.they_want:
            self._unchoke(link)
        self._interest(link, link.claimed)
        self.retry(link)

    def _interest(self, link: Link, pieces: set[int]) -> None:
        core = self._core
        if "interest" not in core.auto or not link.ready:
            return
        if not link.interested:
            if not pieces <= core.have:
                core.emit(link, Frame("interested"))
        elif link.claimed <= core.have:
            core.emit(link, Frame("not_interested"))

    def _unchoke(self, link: Link) -> None:
        if "unchoke" in self._core.auto and link.choking and not link.choked_by_hand and link.ready:
            self._core.emit(link, Frame("unchoke"))

    def _keep_alive(self, link: Link) -> None:
        core = self._core
        if core.now - link.said_at >= KEEPALIVE and "keepalive" in core.auto:
            core.emit(link, Frame("keepalive"))
        core.later(max(link.said_at + KEEPALIVE - core.now, 1.0), lambda: self._keep_alive(link), link)

    # -- serving

    def retry(self, link: Link) -> None:
        """What could not be served may be served now."""
        link.queue.extend(link.stuck)
        link.stuck = []
        self.serve(link)

    def serve(self, link: Link) -> None:
        """Answers requests, oldest first, as long as there is room on the way out."""
        core = self._core
        queue = link.queue
        while queue and not link.over:
            request = queue[0]
            if request.done:
                queue.popleft()
            elif not self._can_serve(link, request):
                link.stuck.append(queue.popleft())
            elif core.backlog(link) >= SEND_AHEAD:
                core.flush()
                if core.backlog(link) >= SEND_AHEAD:
                    core.transport.tell_below(link.number, SEND_AHEAD)
                    return
            else:
                queue.popleft()
                self.answer(link, request)

    def _can_serve(self, link: Link, request: Request) -> bool:
        core = self._core
        piece = request.message.piece
        if "serve" not in core.auto or request.invalid or link.truth is None:
            return False
        if link.choking and piece not in link.allowed:
            return False
        return piece in core.have or bool(request.hits)

    def answer(self, link: Link, request: Request, data: bytes | None = None) -> None:
        """The answer to one request, through the behaviours. data: not the truth."""
        m = request.message
        piece, begin, length = m.piece or 0, m.begin or 0, m.length or 0
        true = data is None
        if data is None:
            data = b"" if link.truth is None else link.truth.data(piece, begin, length)
        frame = Frame("piece", piece, begin, length, data)
        frame.request = request
        if true:
            frame.ok = True
        self._core.emit(link, frame)


_EXTENSIONS = frozenset(("extended", "extended_handshake", "metadata_request", "metadata", "metadata_reject", "pex"))
_METADATA = {0: "metadata_request", 1: "metadata", 2: "metadata_reject"}


def metadata_frame(link: Link, says: dict[str, Any], data: bytes = b"") -> Frame:
    """A message of BEP 9, under the number that the subject gave it."""
    made = extended(link.extensions.get("ut_metadata", 0), encode(says) + data, _METADATA.get(says["msg_type"]))
    made.begin = says["piece"]
    return made


def _metadata_message(body: bytes) -> Parsed:
    says, end = decode_prefix(body)
    kind = piece = None
    if isinstance(says, dict):
        number, piece = says.get(b"msg_type"), says.get(b"piece")
        kind = _METADATA.get(number) if isinstance(number, int) else None
    if kind is None or not isinstance(piece, int) or piece < 0:
        raise Malformed("no message of BEP 9")
    return Parsed(kind, piece, None, len(body) - end, body[end:])
