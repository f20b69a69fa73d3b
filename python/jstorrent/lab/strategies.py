"""Hypothesis strategies over plans, and a state machine over the public face of an engine.

    from hypothesis import given
    from jstorrent.lab import run, strategies

    @given(strategies.plans(kinds=["corrupt", "late"]))
    def test_they_complete(plan):
        assert run(plan).ok

Each plan draws first what is banned in it. Needs the extra `lab`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, MutableSequence, Sequence
from typing import Any, TypeVar

try:
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
except ImportError as error:
    raise ImportError("jstorrent.lab.strategies needs hypothesis: pip install 'jstorrent[lab]'") from error

from jstorrent._torrent import Torrent
from jstorrent.lab import phases
from jstorrent.lab._disk_faults import DiskFault
from jstorrent.lab._engine import Engine
from jstorrent.lab._failure import check_word
from jstorrent.lab._generate import KINDS_DRAWN, behaviour, drawn
from jstorrent.lab._lab import Lab
from jstorrent.lab._peer import Peer
from jstorrent.lab._plan import Plan
from jstorrent.lab._spec import Spec
from mock_peer import Behaviour

_MOST_PEERS = 4
_WITHIN = 3600.0
T = TypeVar("T")


class _Luck(random.Random):
    """What Hypothesis draws, its shares from above: it shrinks towards 0, and what is seldom is drawn below a share.

    So what is shrunk loses the odd things, where it would get them all.
    """

    def __init__(self, drawn: random.Random) -> None:
        super().__init__(0)
        self._drawn = drawn

    def random(self) -> float:
        return min(1.0 - self._drawn.random(), _BELOW_ONE)

    def choice(self, seq: Sequence[T]) -> T:  # type: ignore[override]
        return self._drawn.choice(seq)

    def randrange(self, *bounds: int) -> int:  # type: ignore[override]
        return self._drawn.randrange(*bounds)

    def randint(self, a: int, b: int) -> int:
        return self._drawn.randint(a, b)

    def getrandbits(self, k: int, /) -> int:
        return self._drawn.getrandbits(k)

    def shuffle(self, x: MutableSequence[Any]) -> None:
        self._drawn.shuffle(x)


_BELOW_ONE = math.nextafter(1.0, 0.0)
_LUCK = st.randoms(use_true_random=False).map(_Luck)


def plans(kinds: Iterable[str] | None = None, max_peers: int = 5) -> st.SearchStrategy[Plan]:
    """Plans in two phases: everything breaks, then an honest core is healed and everybody must complete.

    kinds: of behaviour, that may occur (None: all). max_peers: so many liars at most.
    """
    chosen = None if kinds is None else [check_word(kind, KINDS_DRAWN, "kind of behaviour") for kind in kinds]

    def draw(rng: random.Random) -> Plan:
        return drawn(rng, chosen, max_peers)

    return _LUCK.map(draw)


def behaviours(kinds: Iterable[str] | None = None) -> st.SearchStrategy[Behaviour]:
    """Things that a peer does wrong, of these kinds (None: all)."""
    chosen = list(KINDS_DRAWN) if kinds is None else [check_word(kind, KINDS_DRAWN, "kind of behaviour") for kind in kinds]

    def draw(words: tuple[random.Random, str]) -> Behaviour:
        return Behaviour.of(behaviour(*words))

    return st.tuples(_LUCK, st.sampled_from(chosen)).map(draw)


class EngineMachine(RuleBasedStateMachine):
    """An engine that downloads, and everything that may happen to it. When it is over all is healed, and it must complete.

    .lab .spec .client .torrent; override setup_lab() for another beginning, add rules for more. A failure has lab.token.
    """

    lab: Lab
    spec: Spec
    client: Engine

    def __init__(self) -> None:
        super().__init__()
        self.core: list[Peer] = []
        self.faults: list[DiskFault] = []

    def setup_lab(self) -> None:
        """Who is there: a torrent, an honest scripted peer, and the engine that downloads."""
        self.spec = self.lab.torrent(pieces=4, piece_length=32768)
        self.core = [self.lab.peer("good", self.spec)]
        self.client = self.lab.engine("client", request_timeout=2, reconnect_interval=1)
        self.client.add(self.spec, peers=self.core)

    @property
    def torrent(self) -> Torrent | None:
        """The present handle; None while the engine is down or has it not."""
        return self.client.torrent(self.spec)

    @initialize(seed=st.integers(0, 2**32))
    def _begin(self, seed: int) -> None:
        self.lab = Lab(seed=seed)
        self.setup_lab()

    def teardown(self) -> None:
        """All is healed, everybody completes, the oracles look."""
        lab = getattr(self, "lab", None)
        if lab is None:
            return
        try:
            phases.recover(lab, self.core, self.faults)
            phases.finish(lab, _WITHIN)
            lab.__exit__(None)
        finally:
            lab.close()

    # -- time

    @rule(seconds=st.sampled_from([0.01, 0.1, 1.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        """It does."""
        self.lab.run_for(seconds)

    @rule()
    def oracles_look(self) -> None:
        """At any moment."""
        self.lab.check()

    # -- peers and the network

    @precondition(lambda self: len(self.lab._peers) < _MOST_PEERS)
    @rule(behave=st.lists(behaviours(), min_size=1, max_size=2), dials=st.booleans())
    def liar_comes(self, behave: list[Behaviour], dials: bool) -> None:
        """One more who does something wrong."""
        liar = self.lab.peer(f"liar-{len(self.lab._peers)}", self.spec, behave=behave)
        if dials:
            liar.connect(self.client)
        elif self.torrent is not None:
            self.torrent.connect(liar)

    @precondition(lambda self: bool(self.lab._peers))
    @rule(which=st.integers(0, _MOST_PEERS), how=st.sampled_from(["fin", "rst", "blackhole"]))
    def peer_leaves(self, which: int, how: str) -> None:
        """One hangs up."""
        self.lab._peers[which % len(self.lab._peers)].disconnect(how)

    @rule(nbytes=st.integers(0, 60_000), how=st.sampled_from(["fin", "rst", "blackhole"]))
    def line_is_cut(self, nbytes: int, how: str) -> None:
        """After so many bytes of the core."""
        self.lab.net.cut_after(self.core, self.client, nbytes, how)

    @rule(one_way=st.booleans())
    def network_parts(self, one_way: bool) -> None:
        """Nothing gets through."""
        self.lab.net.partition(self.client, self.core, one_way=one_way)

    @rule()
    def network_heals(self) -> None:
        """It gets through again."""
        self.lab.net.heal()

    # -- the engine

    @rule(word=st.sampled_from(["pause", "resume", "stop", "start", "recheck", "announce"]))
    def user_says(self, word: str) -> None:
        """A command to the torrent."""
        if self.torrent is not None:
            getattr(self.torrent, word)()

    @rule(piece=st.integers(0, 1 << 16), priority=st.integers(0, 7))
    def user_prefers(self, piece: int, priority: int) -> None:
        """A priority."""
        if self.torrent is not None and self.torrent.num_pieces:
            self.torrent.set_piece_priority(piece % self.torrent.num_pieces, priority)

    @rule(delete_files=st.booleans())
    def user_removes_it(self, delete_files: bool) -> None:
        """And adds it again."""
        if self.torrent is not None:
            self.torrent.remove(delete_files=delete_files)
            self.client.add(self.spec, peers=self.core)

    @rule(limit=st.sampled_from([None, 0, 20_000]), which=st.sampled_from(["download_rate_limit", "upload_rate_limit"]))
    def user_limits(self, limit: int | None, which: str) -> None:
        """A rate."""
        if self.client.running:
            words: dict[str, Any] = {which: limit}
            self.client.session.configure(**words)

    @rule(word=st.sampled_from(["restart", "crash", "stop", "start"]))
    def process_ends(self, word: str) -> None:
        """Or comes back."""
        getattr(self.client, word)()

    @rule(
        op=st.sampled_from(["open", "read", "write", "sync", "any"]),
        error=st.sampled_from(["EIO", "ENOSPC"]),
        nth=st.integers(1, 5),
    )
    def disk_fails(self, op: str, error: str, nth: int) -> None:
        """Once."""
        self.faults.append(self.client.disk.fail(op, error=error, nth=nth))
