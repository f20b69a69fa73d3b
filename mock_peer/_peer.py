"""A peer with words for everything: what `lab.peer` and the command line stand on."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

from mock_peer._behaviour import Behaviour
from mock_peer._core import Core
from mock_peer._handshake import Handshake
from mock_peer._honest import AUTO, metadata_frame
from mock_peer._ledger import KINDS, Ledger, Message
from mock_peer._link import Link
from mock_peer._transport import WAYS, Transport
from mock_peer._truth import Truth
from mock_peer._wire import BLOCK, Frame, bits_of, extended

BehaviourLike = Behaviour | dict[str, Any] | str
_WHERE = tuple(name for name in Message._fields if name not in ("kind", "raw", "time"))


class Peer:
    """A scripted peer of one torrent. It serves what it has, honestly, and misbehaves as `behave` says.

    What is sent by hand goes over the newest link, waits for both handshakes, and skips `behave`.
    """

    _core: Core

    def _set_up(
        self,
        transport: Transport,
        truth: Truth | None,
        rng: Callable[[str], random.Random],
        *,
        have: str | Iterable[int] = "all",
        behave: BehaviourLike | Iterable[BehaviourLike] = (),
        auto: str | Iterable[str] = "all",
        handshake: Handshake | None = None,
        reqq: int = 250,
    ) -> None:
        self._core = Core(transport, truth, rng, handshake=Handshake() if handshake is None else handshake, reqq=reqq)
        self._have_word = have if isinstance(have, str) else None
        self._cursor = 0
        self._core.have = pieces_named(have, truth)
        self._core.auto = auto_of(auto)
        self._behave: tuple[Behaviour, ...] = behaviours_of(behave)
        self._misdeeds = {behaviour.kind for behaviour in self._behave}  # all that it ever was to do
        self._core.behave(self._behave)

    # -- what it is and does

    @property
    def ledger(self) -> Ledger:
        """All that was said."""
        return self._core.ledger

    @property
    def peer_id(self) -> bytes:
        """Its 20 bytes, unless a handshake or a behaviour says otherwise."""
        return self._core.peer_id

    @property
    def have(self) -> set[int]:
        """The pieces that it has; whether it says so is another matter."""
        return set(self._core.have)

    @property
    def behave(self) -> tuple[Behaviour, ...]:
        """What it does wrong; may be assigned at any time."""
        return self._behave

    @behave.setter
    def behave(self, value: BehaviourLike | Iterable[BehaviourLike]) -> None:
        self._behave = behaviours_of(value)
        self._misdeeds |= {behaviour.kind for behaviour in self._behave}
        with self._core.transport.lock:
            self._core.behave(self._behave)

    @property
    def auto(self) -> frozenset[str]:
        """What it does by itself; "all" or some words may be assigned."""
        return self._core.auto

    @auto.setter
    def auto(self, value: str | Iterable[str]) -> None:
        core = self._core
        with core.transport.lock:
            core.auto = auto_of(value)
            core.now = core.transport.now
            for link in list(core.links.values()):
                core.honest.catch_up(link)
            core.flush()

    # -- how it stands with the subject

    def _newest(self) -> Link | None:
        link = self._core.newest
        return None if link is None or link.over else link

    @property
    def connected(self) -> bool:
        """A link is open and the subject's handshake came."""
        return any(link.is_open and link.theirs is not None for link in list(self._core.links.values()))

    @property
    def unchoked(self) -> bool:
        """The subject has unchoked it."""
        link = self._newest()
        return link is not None and not link.they_choke

    @property
    def interested_in(self) -> bool:
        """The subject is interested."""
        link = self._newest()
        return link is not None and link.they_want

    def dial(
        self,
        address: tuple[str, int],
        *,
        truth: Truth | None = None,
        handshake: bool | Handshake = True,
        source_port: int | None = None,
        retry: float | None = None,
    ) -> None:
        """Dials. handshake=False: says nothing by itself. retry: so many seconds after the link ended, again."""
        core = self._core
        with core.transport.lock:
            if core.truth is None and truth is not None:
                core.truth = truth
                if self._have_word is not None:
                    core.have = pieces_named(self._have_word, truth)
            shake = handshake if isinstance(handshake, Handshake) else core.handshake
            if handshake is False:
                shake = Handshake(send=False)
            core.dial(address, truth or core.truth, shake, source_port or 0, retry)

    def disconnect(self, how: str = "fin") -> None:
        """Ends all its links: with a goodbye, a reset, or by silence. It dials no more."""
        if how not in WAYS:
            raise ValueError(f"no such way to end a link: {how!r} (known: {', '.join(WAYS)})")
        core = self._core
        with core.transport.lock:
            core.now = core.transport.now
            core.dial_no_more()
            for link in list(core.links.values()):
                link.redial = None
                core.end(link, how)

    def gain(self, pieces: int | str | Iterable[int]) -> None:
        """It has these too, and says so."""
        core = self._core
        with core.transport.lock:
            core.now = core.transport.now
            core.honest.gain({pieces} if isinstance(pieces, int) else pieces_named(pieces, core.truth))
            core.flush()

    def take(self, kind: str, **where: Any) -> Message | None:
        """The next message of the subject like this that was not taken yet; None: there is none so far."""
        check_where(kind, where)
        messages = self.ledger.messages
        for at in range(self._cursor, len(messages)):
            message = messages[at]
            if (
                message.kind == kind
                and message.direction == where.get("direction", "in")
                and all(getattr(message, name) == value for name, value in where.items())
            ):
                self._cursor = at + 1
                return message
        return None

    def answer(self, request: Message, data: bytes | None = None) -> bool:
        """Answers one outstanding request, through `behave`. data: other than the truth. False: it is not outstanding."""
        core = self._core
        with core.transport.lock:
            core.now = core.transport.now
            for link in list(core.links.values()):
                if link.index == request.connection:
                    found = link.outstanding.oldest(request.piece or 0, request.begin or 0, request.length or 0)
                    if found is not None:
                        core.honest.answer(link, found, data)
                        core.flush()
                        return True
        return False

    # -- by hand

    def _say(self, make: Callable[[Link], Frame], *, now: bool = False, extended: bool = False) -> None:
        core = self._core

        def deed(link: Link) -> None:
            core.put(link, make(link))

        with core.transport.lock:
            core.by_hand((lambda link: core.when_extended(link, deed)) if extended else deed, now=now)

    def _say_frame(self, kind: str, piece: int = 0, begin: int = 0, length: int = 0, data: bytes = b"") -> None:
        frame = Frame(kind, piece, begin, length, data)
        frame.encode()  # nonsense is refused here and not in the middle of a conversation
        self._say(lambda _: frame)

    def send_keepalive(self) -> None:
        """Four zero bytes."""
        self._say_frame("keepalive")

    def send_choke(self) -> None:
        """Chokes; it does not unchoke by itself any more."""

        def choke(link: Link) -> Frame:
            link.choked_by_hand = True
            return Frame("choke")

        self._say(choke)

    def send_unchoke(self) -> None:
        """Unchokes."""

        def unchoke(link: Link) -> Frame:
            link.choked_by_hand = False
            return Frame("unchoke")

        self._say(unchoke)

    def send_interested(self) -> None:
        """Says that it wants something."""
        self._say_frame("interested")

    def send_not_interested(self) -> None:
        """Says that it wants nothing."""
        self._say_frame("not_interested")

    def send_have(self, piece: int) -> None:
        """Claims one piece, whether it has it or not."""
        self._say_frame("have", piece)

    def send_bitfield(self, pieces: bytes | Iterable[int]) -> None:
        """Claims these pieces, or these very bytes."""
        if isinstance(pieces, bytes | bytearray):
            return self._say_frame("bitfield", data=bytes(pieces))
        wanted = set(pieces)

        def bitfield(link: Link) -> Frame:
            count = link.truth.num_pieces if link.truth is not None else max(wanted, default=-1) + 1
            return Frame("bitfield", data=bits_of(wanted, count))

        return self._say(bitfield)

    def send_have_all(self) -> None:
        """BEP 6: it has everything."""
        self._say_frame("have_all")

    def send_have_none(self) -> None:
        """BEP 6: it has nothing."""
        self._say_frame("have_none")

    def send_suggest(self, piece: int) -> None:
        """BEP 6: proposes a piece."""
        self._say_frame("suggest", piece)

    def send_allowed_fast(self, piece: int) -> None:
        """BEP 6: this piece may be asked for while it chokes."""
        self._say_frame("allowed_fast", piece)

    def send_port(self, port: int) -> None:
        """BEP 5: where its DHT node listens."""
        self._say_frame("port", length=port)

    def send_request(self, piece: int, begin: int = 0, length: int = BLOCK) -> None:
        """Asks for a block."""
        self._say_frame("request", piece, begin, length)

    def send_cancel(self, piece: int, begin: int = 0, length: int = BLOCK) -> None:
        """Takes a request back."""
        self._say_frame("cancel", piece, begin, length)

    def send_reject(self, piece: int, begin: int = 0, length: int = BLOCK) -> None:
        """BEP 6: will not answer that request."""
        self._say_frame("reject", piece, begin, length)

    def send_piece(self, piece: int, begin: int = 0, data: bytes | None = None, length: int = BLOCK) -> None:
        """A block; unless told, of the truth, and zeros where there is none."""
        if data is not None:
            return self._say_frame("piece", piece, begin, data=data)
        return self._say(
            lambda link: Frame("piece", piece, begin, length, _true_block(link.truth, piece, begin, length))
        )

    def send_handshake(self, handshake: Handshake | None = None) -> None:
        """A handshake, now, even if it has sent one before."""
        core = self._core
        shake = core.handshake if handshake is None else handshake
        with core.transport.lock:
            core.by_hand(lambda link: core.open(link, shake), now=True)

    def send_extended(self, which: int | str, payload: Any = b"") -> None:
        """BEP 10: to that number, or to the number that the subject gave that name; "handshake" is 0."""
        by_name = isinstance(which, str) and which != "handshake"
        number = which if isinstance(which, int) else 0

        def make(link: Link) -> Frame:
            return extended(link.extensions.get(str(which), 0) if by_name else number, payload)

        self._say(make, extended=by_name)

    def send_metadata(
        self, piece: int, data: bytes | None = None, *, total_size: int | None = None, type: str = "data"
    ) -> None:
        """BEP 9: "data" (unless told, of the truth), "request" or "reject"."""
        kinds = {"request": 0, "data": 1, "reject": 2}
        if type not in kinds:
            raise ValueError(f"no such message of ut_metadata: {type!r} (known: {', '.join(kinds)})")

        def make(link: Link) -> Frame:
            if type != "data":
                return metadata_frame(link, {"msg_type": kinds[type], "piece": piece})
            true = link.truth.metadata if link.truth is not None else b""
            body = true[piece * BLOCK : (piece + 1) * BLOCK] if data is None else data
            says = {"msg_type": 1, "piece": piece, "total_size": len(true) if total_size is None else total_size}
            return metadata_frame(link, says, body)

        self._say(make, extended=True)

    def send_pex(
        self, added: Iterable[tuple[str, int]] | bytes = (), dropped: Iterable[tuple[str, int]] | bytes = ()
    ) -> None:
        """BEP 11: names addresses, or sends these very bytes as such."""
        fresh, gone = _compact(added), _compact(dropped)
        payload = {"added": fresh, "added.f": bytes(len(fresh) // 6), "dropped": gone}
        self._say(lambda link: extended(link.extensions.get("ut_pex", 0), payload, "pex"), extended=True)

    def send_raw(self, data: bytes) -> None:
        """These bytes as they are; behind what it says by itself."""
        self._say(lambda _: Frame("raw", raw=bytes(data)))


def check_where(kind: str, where: dict[str, Any]) -> None:
    """ValueError if there is no such message, or it has no such field."""
    if kind not in KINDS:
        raise ValueError(f"no such message: {kind!r} (known: {', '.join(KINDS)})")
    for name in where:
        if name not in _WHERE:
            raise ValueError(f"a message has no {name!r} (known: {', '.join(_WHERE)})")


def behaviours_of(value: BehaviourLike | Iterable[BehaviourLike]) -> tuple[Behaviour, ...]:
    """Behaviours, from any of their forms."""
    if isinstance(value, Behaviour | dict | str):
        value = [value]
    return tuple(Behaviour.of(each) for each in value)


def pieces_named(have: str | Iterable[int], truth: Truth | None) -> set[int]:
    """The pieces that "all", "none" or some numbers stand for."""
    count = truth.num_pieces if truth is not None else 0
    if isinstance(have, str):
        if have not in ("all", "none"):
            raise ValueError(f"no such have: {have!r} (known: all, none, or some pieces)")
        return set(range(count)) if have == "all" else set()
    pieces = set(have)
    if pieces and (min(pieces) < 0 or (truth is not None and max(pieces) >= count)):
        raise ValueError(f"have names pieces that are not there: there are {count}")
    return pieces


def auto_of(auto: str | Iterable[str]) -> frozenset[str]:
    """The words that "all" or some words stand for."""
    if auto == "all":
        return AUTO
    words = frozenset((auto,) if isinstance(auto, str) else auto)
    for word in sorted(words):
        if word not in AUTO:
            raise ValueError(f"no such auto: {word!r} (known: all, {', '.join(sorted(AUTO))})")
    return words


def _true_block(truth: Truth | None, piece: int, begin: int, length: int) -> bytes:
    if truth is None or piece >= truth.num_pieces:
        return bytes(length)
    there = max(0, min(length, truth.piece_size(piece) - begin))
    return (truth.data(piece, begin, there) if there else b"").ljust(length, b"\0")


def _compact(addresses: Iterable[tuple[str, int]] | bytes) -> bytes:
    if isinstance(addresses, bytes):
        return addresses
    return b"".join(bytes(map(int, host.split("."))) + port.to_bytes(2, "big") for host, port in addresses)
