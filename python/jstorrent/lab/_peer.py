"""Scripted peers in a laboratory: mock_peer on simulated links, or on sockets in the real lane."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import mock_peer
from jstorrent.lab._failure import LaneLacks
from jstorrent.lab._node import Have, Node
from jstorrent.lab._spec import Spec, spec_of
from jstorrent.lab._transports import pair_of, transport_of
from mock_peer import BehaviourLike, Handshake, Message
from mock_peer.frames import is_news

if TYPE_CHECKING:
    from jstorrent.lab._lab import Lab


class SpecTruth:
    """A made-up torrent as a mock peer knows it."""

    def __init__(self, spec: Spec) -> None:
        self._spec, self._length = spec, spec.piece_length
        self._last = spec.num_pieces - 1
        self._last_size = spec.metainfo.piece_size(self._last) if spec.num_pieces else 0
        self.info_hash = spec.info_hash
        self.num_pieces = spec.num_pieces
        self.metadata = spec.metainfo.info_bytes

    def piece_size(self, piece: int) -> int:
        """Bytes of that piece."""
        return self._last_size if piece == self._last else self._length

    def data(self, piece: int, begin: int, length: int) -> bytes:
        """So many bytes of a piece from there."""
        return self._spec.data(piece * self._length + begin, length)


class Peer(Node, mock_peer.Peer):
    """A scripted peer with an address of its own; everything it can say and do is in mock_peer."""

    def __init__(
        self,
        lab: Lab,
        name: str,
        spec: Spec | None = None,
        *,
        have: Have = "all",
        behave: BehaviourLike | Iterable[BehaviourLike] = (),
        auto: str | Iterable[str] = "all",
        handshake: Handshake | None = None,
        reqq: int = 250,
        host: Node | str | None = None,
        port: int | None = None,
    ) -> None:
        behaviours = mock_peer.behaviours_of(behave)  # nonsense is refused before there is a node
        truth = None if spec is None else SpecTruth(spec_of(spec))
        mock_peer.pieces_named(have, truth)
        mock_peer.auto_of(auto)
        if handshake is not None and not isinstance(handshake, Handshake):
            raise TypeError(f"handshake is a Handshake(...), not {handshake!r}")
        super().__init__(lab, name, host=host, port=port)
        self._spoke_by_hand = False  # said what it might not say of itself
        self._specs: dict[int, SpecTruth] = {} if spec is None or truth is None else {id(spec): truth}
        inner, self._port = lab._lane.arrive(self._number, self._host, self._port)
        self._transport = transport_of(lab._lane, self._number, inner)
        self._set_up(
            self._transport,
            truth,
            self._stream,
            have=have,
            behave=behaviours,
            auto=auto,
            handshake=handshake,
            reqq=reqq,
        )
        self._transport.tell(self._core)
        self._transport.listen(self._port or 0)
        lab._peers.append(self)

    def _stream(self, purpose: str) -> random.Random:
        return random.Random(f"{self._lab.seed}/peer/{self.name}/{purpose}")

    def connect(
        self,
        client: Node | tuple[str, int] | str,
        *,
        spec: Spec | None = None,
        handshake: bool | Handshake = True,
        source_port: int | None = None,
        retry: float | None = None,
    ) -> None:
        """Dials a node. handshake=False: says nothing by itself. retry: so many seconds after an end, again."""
        self._lab._check_thread()
        if source_port is not None and self._lab.lane == "real":
            raise LaneLacks("a relay dials from a port of its own: source_port needs the sim lane")
        address = client.address if isinstance(client, Node) else client
        if isinstance(address, str):
            address = pair_of(address)
        ipaddress.ip_address(address[0])
        truth = None if spec is None else self._specs.setdefault(id(spec), SpecTruth(spec))
        self.dial(address, truth=truth, handshake=handshake, source_port=source_port, retry=retry)

    def expect(self, kind: str, within: float = 10, **where: Any) -> Message:
        """The next message of the subject like this, behind the last one expected; lets time pass until it comes."""
        self._lab._check_thread()
        found: list[Message] = []

        def came() -> bool:
            message = self.take(kind, **where)
            if message is not None:
                found.append(message)
            return message is not None

        if not came() and not self._lab._wait(came, within):
            like = "".join(f" {name}={value!r}" for name, value in where.items())
            said = [str(message) for message in self.ledger.messages[-5:]]
            last = "\n    ".join(["", *said]) if said else " nothing"
            self._lab._fail("expect", f"no {kind}{like} within {within:g} s; the last that was said:{last}", self)
        return found[0]

    def _say(self, *args: Any, **kw: Any) -> None:
        self._lab._check_thread()
        self._spoke_by_hand = True
        super()._say(*args, **kw)

    def send_raw(self, data: bytes) -> None:
        before = self._spoke_by_hand
        super().send_raw(data)
        self._spoke_by_hand = before or not is_news(data)

    def _drop(self) -> None:
        self._lab._lane.leave(self._number)
        self._transport.end()
