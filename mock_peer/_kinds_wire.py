"""Behaviours of the link and its bytes: slow, cut, deaf, malformed, too many."""

from __future__ import annotations

from typing import Any, ClassVar

from mock_peer._behaviour import Arg
from mock_peer._kind import Kind
from mock_peer._link import Link
from mock_peer._transport import WAYS
from mock_peer._wire import BLOCK, Frame, extended

_TICK = 0.1  # seconds: what comes at a rate comes in so small portions


class Unsolicited(Kind):
    """Sends blocks that nobody asked for."""

    on = "interested"
    args: ClassVar[dict[str, Arg]] = {
        "piece": Arg(None, "maybe", "which, by the seed unless told"),
        "begin": Arg(None, "maybe", "from where, by the seed unless told"),
        "count": Arg(1, "integer", "how many"),
    }

    def deed(self, link: Link, request: Any) -> None:
        for _ in range(self.arg("count")):
            self.core.put(link, self._frame(link))

    def _frame(self, link: Link) -> Frame:
        truth, piece, begin = link.truth, self.arg("piece"), self.arg("begin")
        if piece is None:
            piece = self.rng.randrange(truth.num_pieces) if truth is not None else 0
        size = truth.piece_size(piece) if truth is not None and piece < truth.num_pieces else BLOCK
        if begin is None:
            begin = self.rng.randrange(0, size, BLOCK)
        length = max(0, min(BLOCK, size - begin))
        if truth is None or piece >= truth.num_pieces or not length:
            return Frame("piece", piece & 0xFFFFFFFF, begin & 0xFFFFFFFF, BLOCK, self.rng.randbytes(BLOCK))
        return Frame("piece", piece, begin, length, truth.data(piece, begin, length))


class Trickle(Kind):
    """All that it sends goes at that rate from then on."""

    on = "request"
    args: ClassVar[dict[str, Arg]] = {"rate": Arg(1000, "number", "bytes per second")}

    def deed(self, link: Link, request: Any) -> None:
        rate = self.arg("rate")
        chunk = max(1, int(rate * _TICK))
        self.core.slow_down(link, chunk, chunk / rate)


class NeverRead(Kind):
    """Reads nothing any more, so that the subject's sending comes to a stop."""

    on = "handshake"

    def deed(self, link: Link, request: Any) -> None:
        self.core.transport.pause(link.number, True)


class HalfOpen(Kind):
    """Is gone without a word: neither sends nor reads, and the link still stands."""

    on = "connect"

    def deed(self, link: Link, request: Any) -> None:
        self.core.end(link, "blackhole")


class Cut(Kind):
    """Ends the link after so many more bytes, wherever in a message that is."""

    on = "connect"
    args: ClassVar[dict[str, Arg]] = {
        "nbytes": Arg(0, "integer", "bytes that still go"),
        "how": Arg("rst", f"word:{'|'.join(WAYS)}", "fin, rst or blackhole"),
    }

    def deed(self, link: Link, request: Any) -> None:
        self.core.light_fuse(link, self.arg("nbytes"), self.arg("how"))


class Malformed(Kind):
    """Sends these bytes instead of a message."""

    on = "handshake"
    args: ClassVar[dict[str, Arg]] = {
        "bytes": Arg(b"\xff\xff\xff\xff", "bytes", "which, in JSON as hexadecimal digits")
    }

    def deed(self, link: Link, request: Any) -> None:
        def send() -> None:
            self.core.put(link, Frame("raw", raw=self.arg("bytes")))

        if link.theirs is None:
            send()
        else:  # behind its own handshake
            self.core.when_ready(link, send)


class BencodeBomb(Kind):
    """Sends an extended handshake of lists within lists."""

    on = "handshake"
    args: ClassVar[dict[str, Arg]] = {"depth": Arg(10000, "integer", "how deep")}

    def deed(self, link: Link, request: Any) -> None:
        depth = self.arg("depth")
        self.core.when_ready(link, lambda: self.core.put(link, extended(0, b"l" * depth + b"e" * depth)))


class PexFlood(Kind):
    """Names made-up addresses by peer exchange."""

    on = "handshake"
    args: ClassVar[dict[str, Arg]] = {"count": Arg(1000, "integer", "how many")}

    def deed(self, link: Link, request: Any) -> None:
        count = self.arg("count")
        added = self.rng.randbytes(6 * count)
        payload = {"added": added, "added.f": bytes(count), "dropped": b""}

        def flood(at: Link) -> None:
            self.core.put(at, extended(at.extensions.get("ut_pex", 1), payload, "pex"))

        self.core.when_extended(link, flood)


class KeepaliveFlood(Kind):
    """Sends keep-alives without end."""

    on = "handshake"
    args: ClassVar[dict[str, Arg]] = {"rate": Arg(100, "number", "how many per second")}

    def deed(self, link: Link, request: Any) -> None:
        self._flood(link, 0.0)

    def _flood(self, link: Link, owed: float) -> None:
        owed += self.arg("rate") * _TICK
        if link.ready:
            for _ in range(int(owed)):
                self.core.put(link, Frame("keepalive"))
            owed -= int(owed)
        self.later(_TICK, link, lambda: self._flood(link, owed))


class RequestFlood(Kind):
    """Asks for blocks without reading what they hold, choked or not."""

    on = "handshake"
    args: ClassVar[dict[str, Arg]] = {
        "count": Arg(1000, "integer", "how many in all"),
        "rate": Arg(None, "maybe_number", "how many per second, None: all at once"),
    }

    def deed(self, link: Link, request: Any) -> None:
        count = self.arg("count")
        self.core.when_ready(link, lambda: self._flood(link, count, 0.0))

    def _flood(self, link: Link, left: int, owed: float) -> None:
        rate = self.arg("rate")
        owed = float(left) if rate is None else owed + rate * _TICK
        portion = min(left, int(owed))
        for _ in range(portion):
            self.core.put(link, self._frame(link))
        if left > portion:
            self.later(_TICK, link, lambda: self._flood(link, left - portion, owed - portion))

    def _frame(self, link: Link) -> Frame:
        truth = link.truth
        pieces = sorted(link.claimed)
        if truth is None or not truth.num_pieces:
            return Frame("request", self.rng.randrange(1 << 16), 0, BLOCK)
        piece = self.rng.choice(pieces) if pieces else self.rng.randrange(truth.num_pieces)
        size = truth.piece_size(piece)
        begin = self.rng.randrange(0, size, BLOCK)
        return Frame("request", piece, begin, min(BLOCK, size - begin))
