"""Ready-made scenarios for any client over sockets: what a scenario is, the stage that it plays on, and its verdict.

A scenario is a name, a sentence that says what must hold, and a small function that plays it with scripted peers. It
fails by raising Failed with a reason in words. wire_scenarios_download and wire_scenarios_seed hold them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jstorrent.lab._foreign import Foreign
from jstorrent.lab._spec import Spec

if TYPE_CHECKING:
    from jstorrent.lab._lab import Lab
    from jstorrent.lab._peer import Peer

PIECES, PIECE_LENGTH, TAIL = 13, 32768, 20001
"""The torrent of every scenario: few pieces, a bitfield with spare bits, a last block of an odd length."""
WITHIN = 45.0
"""Seconds that a client has for what must come, unless told: it may look at its peers only now and then."""
SOON = 20.0
"""Seconds that it has to end a link that is of no use, once it is there."""
_WELL = "it ended with exit code 0"
_LONGEST_WORDS = 200
_LOOK = 0.05


class Failed(Exception):
    """The client did not do what it must; the text is the reason."""


class Skipped(Exception):
    """This client cannot be asked; the text is the reason."""


class Stopped(Exception):
    """Somebody pressed Ctrl-C."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One of them."""

    name: str
    says: str
    """What must hold."""
    role: str
    """What the client does: download or seed."""
    play: Callable[[Stage], None]


SCENARIOS: dict[str, Scenario] = {}


def scenario(role: str, says: str) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
    """Makes a function one of SCENARIOS, under its own name."""

    def add(play: Callable[[Stage], None]) -> Callable[[Stage], None]:
        name = play.__name__
        assert name not in SCENARIOS
        SCENARIOS[name] = Scenario(name, says, role, play)
        return play

    return add


class Stage:
    """One world with one client, one torrent and peers with a script."""

    def __init__(self, lab: Lab, client: Foreign, stop: threading.Event, patience: float = 1.0) -> None:
        self.lab = lab
        self.client = client
        self.spec: Spec = lab.torrent(pieces=PIECES, piece_length=PIECE_LENGTH, tail=TAIL, name="sample")
        self.num_blocks = sum(-(-self.spec.metainfo.piece_size(i) // 16384) for i in range(PIECES))
        self.peers: list[Peer] = []
        self._stop = stop
        self._patience = patience

    # -- who is there

    def peer(self, name: str, **words: Any) -> Peer:
        """A scripted peer of the torrent; honest unless told."""
        made = self.lab.peer(name, self.spec, **words)
        self.peers.append(made)
        return made

    def honest(self, name: str = "honest") -> Peer:
        """A seed that does all right."""
        return self.peer(name)

    def download(self, *peers: Peer, magnet: bool = False) -> None:
        """The client begins, and learns of these peers."""
        self.client.add(self.spec, peers=peers or self.peers, magnet=magnet)

    def seed(self) -> None:
        """The client has everything and serves."""
        self.client.add(self.spec, have="all")

    def leecher(self, name: str = "leecher", **words: Any) -> Peer:
        """A peer without anything that dials the client, and again when the link ends."""
        made = self.peer(name, **{"have": "none", **words})
        made.connect(self.client, retry=1.0)
        return made

    # -- what must come

    def wait(self, condition: Callable[[], object], within: float = WITHIN) -> bool:
        """Whether it comes within so many seconds."""
        limit = self.lab.now + within * self._patience
        while not condition():
            if self._stop.is_set():
                raise Stopped
            if self.lab.now >= limit:
                return False
            self.lab._wait(condition, min(_LOOK, limit - self.lab.now), _LOOK / 5)
        return True

    def until(self, condition: Callable[[], object], why: str | Callable[[], str], within: float = WITHIN) -> None:
        """It must come; why: what is wrong if it does not."""

        def is_over() -> bool:
            return bool(condition()) or not self.client.running

        self.wait(is_over, within)
        if not condition():
            if self._does_not_seed():
                raise Skipped("it ends when it has everything: it does not seed")
            said = why if isinstance(why, str) else why()
            ended = (
                f"; {self._last_words()}" if not self.client.running else f" (waited {within * self._patience:g} s)"
            )
            raise Failed(said + ended)

    def _does_not_seed(self) -> bool:
        job = self.client._job
        return job is not None and job.is_seed and self.client.last_words == _WELL

    def complete(self, within: float = WITHIN) -> None:
        """The files must be there, equal to the truth, byte for byte."""
        ended = [0]

        def is_there() -> bool:
            if not self.client.running:
                ended[0] += 1
            return self.client.complete(self.spec)

        if not self.wait(lambda: is_there() or ended[0] > 1, within) or not self.client.complete(self.spec):
            how = self._last_words() or f"after {within * self._patience:g} s"
            wrong = "; ".join(self.client.differences(self.spec)[:2])
            raise Failed(f"the download is not complete, {how}: {wrong}; {self.seen()}")
        self.alive()

    def alive(self) -> None:
        """It did not crash: it runs, or it ended as one does that is done."""
        if self.client.last_words not in ("", _WELL):
            raise Failed(self._last_words())

    def _last_words(self) -> str:
        """How it ended, and unless that was well the last line of what it said."""
        how, said = self.client.last_words, self.client.output.split("\n")
        lines = [text for line in said if (text := "".join(filter(str.isprintable, line)).strip())]
        return how if how in ("", _WELL) or not lines else f"{how} and said: {lines[-1][:_LONGEST_WORDS]}"

    def closes(self, peer: Peer, why: str, within: float = SOON) -> None:
        """The client must end its link with this peer, once there is one."""
        self.until(lambda: peer.ledger.connections, f"never came to {peer.name}")
        self.until(lambda: any(c.closed_by == "subject" for c in peer.ledger.connections), why, within)
        if peer.ledger.requests:
            raise Failed(f"{why}, and asked for {len(peer.ledger.requests)} blocks on it")

    def serves(self, peer: Peer, within: float = WITHIN) -> None:
        """The client must give this honest leecher every block, right at first."""
        blocks = set(self.blocks())
        asked_on = -1

        def missing() -> set[tuple[int, int, int]]:
            """Asks for it on each link anew, once that is unchoked."""
            nonlocal asked_on
            left = blocks - {message.block for message in peer.ledger.payload if message.ok}
            if peer.unchoked and asked_on != len(peer.ledger.connections):
                asked_on = len(peer.ledger.connections)
                for block in sorted(left):
                    peer.send_request(*block)
            return left

        self.until(
            lambda: peer.unchoked or not missing(), lambda: f"never unchoked {peer.name}; {self.seen(peer)}", within
        )
        self.until(
            lambda: not missing(),
            lambda: f"did not give {len(missing())} of {len(blocks)} blocks; {self.seen(peer)}",
            within,
        )

    def blocks(self) -> list[tuple[int, int, int]]:
        """All blocks of the torrent: piece, begin, length."""
        made = []
        for piece in range(PIECES):
            size = self.spec.metainfo.piece_size(piece)
            made += [(piece, begin, min(16384, size - begin)) for begin in range(0, size, 16384)]
        return made

    # -- words

    def seen(self, *peers: Peer) -> str:
        """What was seen of the client, for reasons."""
        return "; ".join(_seen(peer) for peer in peers or self.peers)


def _seen(peer: Peer) -> str:
    ledger = peer.ledger
    if not ledger.connections:
        return f"{peer.name}: no link"
    handshakes = sum(link.handshake_at is not None for link in ledger.connections)
    last = ledger.connections[-1]
    end = "open" if last.closed_at is None else f"closed by the {last.closed_by} ({last.how})"
    return (
        f"{peer.name}: {len(ledger.connections)} links, {handshakes} handshakes, {len(ledger.requests)} requests,"
        f" {len(ledger.served)} blocks given, the last link {end}"
    )


def chosen(names: Iterable[str] = ()) -> list[Scenario]:
    """Those, or all; ValueError for a name that there is not."""
    from jstorrent.lab import wire_scenarios_download, wire_scenarios_seed  # noqa: F401 - they add themselves

    wanted = list(names)
    for name in wanted:
        if name not in SCENARIOS:
            raise ValueError(f"no such scenario: {name!r} (known: {', '.join(SCENARIOS)})")
    return [SCENARIOS[name] for name in wanted or SCENARIOS]
