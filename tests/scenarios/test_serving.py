"""What a seed makes of requests, in whatever order they come."""

import random

import pytest
from jstorrent.lab import Lab

from tests.scenarios.s0 import BLOCK


@pytest.mark.covers("S1-3")
@pytest.mark.parametrize("order", ["ascending", "descending", "by piece", "any"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_block_is_sent_once_however_often_and_in_whatever_order_it_is_asked_for(
    lab: Lab, order: str, times: int
) -> None:
    """While it waits."""
    luck = random.Random(lab.seed)
    spec = lab.torrent(pieces=12, piece_length=8 * BLOCK)
    seed = lab.engine("seed", upload_rate_limit=0)
    seed.add(spec, have="all")
    asker = lab.peer("asker", spec, have="none", auto={"claims", "extended", "keepalive"})
    asker.connect(seed)
    asker.send_interested()
    lab.until(lambda: asker.unchoked, within=15)
    # Half of a block is another block than the whole.
    whole = [(piece, begin * BLOCK, BLOCK) for piece in range(12) for begin in range(8)]
    wanted = [*whole, *((piece, 3 * BLOCK, BLOCK // 2) for piece in range(12))]
    if order == "descending":
        wanted.reverse()
    elif order == "by piece":
        pieces = luck.sample(range(12), 12)
        wanted.sort(key=lambda block: (pieces[block[0]], block[1:]))
    elif order == "any":
        luck.shuffle(wanted)
    asked = [block for block in wanted for _ in range(times)] if order == "by piece" else wanted * times
    for block in asked:
        asker.send_request(*block)
    lab.run_for(5)
    seed.session.configure(upload_rate_limit=None)
    lab.until(lambda: len(asker.ledger.payload) >= len(wanted), within=10)
    lab.run_for(5)
    assert sorted(message.block for message in asker.ledger.payload) == sorted(wanted)
    assert [message.block for message in asker.ledger.payload] == wanted, "each in its turn"
    assert asker.ledger.violations == []
