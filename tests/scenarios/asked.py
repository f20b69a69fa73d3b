"""Who was asked for which block, and how often: of scripted peers by their ledgers, of engines by a gate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

Block = tuple[int, int]


class Asked(NamedTuple):
    """Blocks that were asked for, those asked for again, and those of them before every block was asked for once."""

    blocks: int
    again: int
    before_endgame: int

    @property
    def early(self) -> float:
        """The part that was asked for again though it was not the endgame yet."""
        return self.before_endgame / self.blocks

    def __str__(self) -> str:
        late = self.again - self.before_endgame
        return f"{self.before_endgame} of {self.blocks} blocks ({self.early:.4%}; {late} more in the endgame)"


def asked(requests: Iterable[tuple[float, Block]]) -> Asked:
    """Times and blocks of all requests of one client."""
    first: dict[Block, float] = {}
    again = []
    for time, block in sorted(requests):
        if block in first:
            again.append(time)
        else:
            first[block] = time
    last = max(first.values())
    return Asked(len(first), len(again), sum(1 for time in again if time < last))


def asked_of(peers: Iterable[Any]) -> Asked:
    """By the ledgers of scripted peers."""
    return asked((m.time, (m.piece, m.begin)) for peer in peers for m in peer.ledger.requests)


def asked_at(gate: Any) -> Asked:
    """By a gate that observes `request.sent` of one node."""
    return asked((hit.time, (hit.piece, hit.begin)) for hit in gate.hits)
