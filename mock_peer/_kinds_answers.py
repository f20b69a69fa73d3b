"""Behaviours that change answers: wrong data, no data, twice, late, out of order."""

from __future__ import annotations

from typing import Any, ClassVar

from mock_peer._behaviour import Arg
from mock_peer._kind import Kind
from mock_peer._link import Link
from mock_peer._wire import Frame


def flipped(data: bytes, at: int) -> bytes:
    """The same bytes but for one bit."""
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


class Corrupt(Kind):
    """Flips one bit of the data."""

    shapes = True

    def shaped(self, link: Link, frame: Frame) -> list[Frame]:
        if frame.kind in ("piece", "bitfield", "extended") and frame.data:
            frame.data = flipped(frame.data, self.rng.randrange(len(frame.data)))
            frame.ok = None
        return [frame]


class Wrong(Kind):
    """Answers with another index, begin or length than was asked for; without any word: with the next index."""

    shapes = True
    args: ClassVar[dict[str, Arg]] = {
        "index": Arg(None, "maybe", "the index that it says"),
        "begin": Arg(None, "maybe", "the begin that it says"),
        "length": Arg(None, "maybe", "bytes that it sends: cut, or filled up with zeros"),
    }

    def shaped(self, link: Link, frame: Frame) -> list[Frame]:
        if frame.kind != "piece":
            return [frame]
        index, begin, length = self.arg("index"), self.arg("begin"), self.arg("length")
        if index is None and begin is None and length is None:
            index = frame.piece + 1
        frame.piece = (frame.piece if index is None else index) & 0xFFFFFFFF
        frame.begin = (frame.begin if begin is None else begin) & 0xFFFFFFFF
        if length is not None:
            frame.data = frame.data[:length].ljust(length, b"\0")
        frame.ok = None
        return [frame]


class Withhold(Kind):
    """Does not answer."""

    shapes = True

    def shaped(self, link: Link, frame: Frame) -> list[Frame]:
        return []


class Duplicate(Kind):
    """Sends the answer more than once."""

    shapes = True
    args: ClassVar[dict[str, Arg]] = {"count": Arg(2, "integer", "how often in all")}

    def shaped(self, link: Link, frame: Frame) -> list[Frame]:
        return [frame.copy() for _ in range(self.arg("count"))]


class Reorder(Kind):
    """Holds answers until a few are there, and sends them in another order; after a second it waits no longer."""

    shapes = True
    args: ClassVar[dict[str, Arg]] = {"window": Arg(4, "integer", "answers that are mixed")}

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._held: dict[int, list[Frame]] = {}

    def shaped(self, link: Link, frame: Frame) -> list[Frame]:
        held = self._held.setdefault(link.number, [])
        held.append(frame)
        if len(held) == 1:
            self.later(1.0, link, lambda: self._release(link))
        if len(held) < self.arg("window"):
            return []
        return self._mixed(link)

    def _mixed(self, link: Link) -> list[Frame]:
        held = self._held.pop(link.number, [])
        self.rng.shuffle(held)
        return held

    def _release(self, link: Link) -> None:
        self.let_go(link, self._mixed(link))


class Late(Kind):
    """Answers so much later."""

    shapes = True
    args: ClassVar[dict[str, Arg]] = {"seconds": Arg(5.0, "number", "how much later")}

    def shaped(self, link: Link, frame: Frame) -> list[Frame]:
        frame.delay += self.arg("seconds")
        return [frame]


class Burst(Kind):
    """Gathers answers and sends them all at once."""

    shapes = True
    args: ClassVar[dict[str, Arg]] = {"seconds": Arg(1.0, "number", "how long it gathers")}

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._held: dict[int, list[Frame]] = {}

    def shaped(self, link: Link, frame: Frame) -> list[Frame]:
        held = self._held.setdefault(link.number, [])
        held.append(frame)
        if len(held) == 1:
            self.later(self.arg("seconds"), link, lambda: self.let_go(link, self._held.pop(link.number, [])))
        return []


class Reject(Kind):
    """Rejects the request, with or without BEP 6."""

    shapes = True

    def shaped(self, link: Link, frame: Frame) -> list[Frame]:
        if frame.kind != "piece":
            return [frame]
        made = Frame("reject", frame.piece, frame.begin, frame.length)
        made.request, made.delay = frame.request, frame.delay
        return [made]


class Metadata(Kind):
    """Lies about the info dictionary: its size in the handshake, or what a request for a piece of it brings."""

    shapes = True
    args: ClassVar[dict[str, Arg]] = {
        "size": Arg(None, "maybe", "the size that the extended handshake names"),
        "data": Arg(None, "word:corrupt|", '"corrupt": one bit of it is flipped'),
        "piece": Arg(None, "maybe", "the piece that the answer says it is"),
        "total_size": Arg(None, "maybe", "the size that the answer names"),
        "reply": Arg(None, "word:reject|silent|", '"reject" or "silent": no data at all'),
    }

    @classmethod
    def trigger(cls, args: dict[str, Any]) -> str:
        """A size alone is about the handshake."""
        alone = args["size"] is not None and all(args[name] is None for name in args if name != "size")
        return "connect" if alone else "metadata_request"

    def wants(self, link: Link, frame: Frame) -> bool:
        if frame.name == "extended_handshake":
            return self.arg("size") is not None
        return frame.name == "metadata" and super().wants(link, frame)

    def shaped(self, link: Link, frame: Frame) -> list[Frame]:
        from mock_peer._bencode import decode, decode_prefix, encode
        from mock_peer._honest import metadata_frame

        if frame.name == "extended_handshake":
            frame.data = encode(decode(frame.data) | {b"metadata_size": self.arg("size")})
            return [frame]
        reply = self.arg("reply")
        if reply == "silent":
            return []
        says, end = decode_prefix(frame.data)
        data = frame.data[end:]
        piece = says[b"piece"] if self.arg("piece") is None else self.arg("piece")
        total = says[b"total_size"] if self.arg("total_size") is None else self.arg("total_size")
        if reply == "reject":
            made = metadata_frame(link, {"msg_type": 2, "piece": piece})
        else:
            if self.arg("data") == "corrupt":
                data = flipped(data, self.rng.randrange(len(data)))
            made = metadata_frame(link, {"msg_type": 1, "piece": piece, "total_size": total}, data)
        made.request, made.delay = frame.request, frame.delay
        return [made]
