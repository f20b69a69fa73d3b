"""The seven validation tools, each usable alone: islands, liars, skew, delay, load, consistency, loops.

The first five change a laboratory, of any lane that can; the last two only look, and need no laboratory: at folders that
any client wrote, and at what a scripted peer heard of any client.

>>> from jstorrent.lab import Lab, tools
>>> with Lab(seed=7) as lab:
...     spec = lab.torrent(pieces=8)
...     seed, leechers = tools.load(lab, spec, leechers=3)
...     with tools.islands(lab, [seed, leechers[0]], leechers[1:]):
...         lab.run_for(5)
...     lab.until(lambda: not tools.consistency(spec, *leechers), within=600, every=1)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jstorrent.lab._node import Client, Node
from jstorrent.lab._spec import Spec
from mock_peer import Behaviour, Message

if TYPE_CHECKING:
    from jstorrent.lab._engine import Engine
    from jstorrent.lab._lab import Lab
    from jstorrent.lab._peer import Peer

LIES = ("corrupt", "withhold", "duplicate", "reorder", "unsolicited", "reject", "choke_with_outstanding", "never_unchoke")
"""What byzantine() draws from: kinds that need no word of their own."""
_MOST_IN_A_MINUTE = 30


@contextmanager
def islands(lab: Lab, *groups: Iterable[Node]) -> Iterator[None]:
    """Partition: nothing passes between these groups of nodes until the block is left; then all partitions are healed."""
    parts = [list(group) for group in groups]
    for index, one in enumerate(parts):
        for other in parts[index + 1 :]:
            lab.net.partition(one, other)
    yield
    lab.net.heal()


def byzantine(lab: Lab, spec: Spec, count: int, *, kinds: Sequence[str] = LIES) -> list[Peer]:
    """So many peers that have everything and lie, each in one to three ways that the seed chooses."""
    rng = lab.rng("byzantine")
    chosen = [rng.sample(list(kinds), k=min(len(kinds), rng.randint(1, 3))) for _ in range(count)]
    return [
        lab.peer(f"liar-{number}", spec, behave=[Behaviour(kind) for kind in lies]) for number, lies in enumerate(chosen)
    ]


def skew(lab: Lab, seconds: float, *engines: Engine) -> None:
    """The wall clocks of these engines (none: of all) step by so much, back or forward; the monotonic ones only forward."""
    for engine in engines or lab.engines:
        lab.clock.jump_wall(seconds, engine)
        if seconds > 0:
            lab.clock.jump_mono(seconds, engine)


def delay(lab: Lab, a: Node | Iterable[Node], b: Node | Iterable[Node], seconds: float, *, reorder: float = 0.0) -> None:
    """Every way between a and b takes so long and up to half as much again; datagrams overtake each other with that chance."""
    words: dict[str, Any] = {"reorder": reorder} if reorder else {}
    lab.net.link(a, b, latency=seconds, jitter=seconds / 2, **words)


def load(
    lab: Lab, spec: Spec, *, leechers: int, up: float = 1_000_000, down: float = 4_000_000
) -> tuple[Engine, list[Engine]]:
    """A seed and so many leechers on home lines, all of whom know each other."""
    seed = lab.engine("load-seed")
    seed.add(spec, have="all")
    clients = [lab.engine(f"load-{number}") for number in range(leechers)]
    if lab.lane == "sim":
        lab.net.access([seed, *clients], up=up, down=down)
    for number, client in enumerate(clients):
        client.add(spec, peers=[seed, *clients[:number]])
    return seed, clients


def consistency(spec: Spec, *where: Client | Path | str) -> list[str]:
    """What differs from the truth: a line for each file of each client, or of each folder that any program wrote."""
    found = []
    for place in where:
        if isinstance(place, Client):
            found += [f"{place.name}: {line}" for line in place.differences(spec)]
            continue
        for file in spec.metainfo.files:
            path = Path(place) / file.path
            if not path.is_file():
                found.append(f"{path} is missing")
            elif path.stat().st_size != file.size or _differs(spec, file, path):
                found.append(f"{path} differs")
    return found


def _differs(spec: Spec, file: Any, path: Path) -> bool:
    with open(path, "rb") as content:
        return any(content.read(len(data)) != data for _, data in spec.file_data(file))


def loops(messages: Iterable[Message]) -> list[str]:
    """What goes round in what a scripted peer heard (`peer.ledger.messages`, of any client): the same HAVE twice on one
    link, one block asked for again and again, interest that flaps, links that come and go."""
    haves: Counter[tuple[int, int | None]] = Counter()
    asked: dict[tuple[int | None, int | None], list[float]] = {}
    interest: dict[int, list[float]] = {}
    hellos: list[float] = []
    for m in messages:
        if m.direction != "in":
            continue
        if m.kind == "have":
            haves[m.connection, m.piece] += 1
        elif m.kind == "request":
            asked.setdefault((m.piece, m.begin), []).append(m.time)
        elif m.kind in ("interested", "not_interested"):
            interest.setdefault(m.connection, []).append(m.time)
        elif m.kind == "handshake":
            hellos.append(m.time)
    found = [f"HAVE {piece} came {count} times on link {link}" for (link, piece), count in haves.items() if count > 1]
    found += [f"block {block} was asked for {n} times in a minute" for block, t in asked.items() if (n := _dense(t))]
    found += [f"interest changed {n} times in a minute on link {link}" for link, t in interest.items() if (n := _dense(t))]
    found += [f"{n} links in a minute" for n in [_dense(hellos)] if n]
    return found


def _dense(times: list[float]) -> int:
    """The most that fell into one minute, if that is too many."""
    first = most = 0
    for last, time in enumerate(times):
        while times[first] < time - 60:
            first += 1
        most = max(most, last - first + 1)
    return most if most > _MOST_IN_A_MINUTE else 0
