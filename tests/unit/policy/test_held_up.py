"""A piece of which nothing comes though it is asked for: when it makes room for others."""

from tests.unit.policy.test_piece_picker import BLOCK, A, B, Swarm


def test_a_piece_of_which_nothing_comes_is_held_up_though_somebody_is_asked_for_it() -> None:
    s = Swarm(3)
    s.join(A, [0, 1])
    for n in range(4):
        assert s.picker.held_up(B, [2], s.ledger, 100.0) is None
        s.pick(A, 99, now=float(n))
        s.ledger.expire(n + 1.0, 1.0)
    s.pick(A, 99, now=10.0)
    assert s.picker.stranded(s.ledger, 100.0) is None, "it is asked for"
    assert s.picker.held_up(B, [2], s.ledger, 59.9) is None
    assert s.picker.held_up(B, [2], s.ledger, 60.0) in (0, 1)
    assert s.picker.held_up(B, [0, 1, 2], s.ledger, 60.0) is None, "who has it may be asked for it"
    s.ledger.on_block(A, (0, 0, BLOCK), False, 50.0)
    assert s.picker.held_up(B, [2], s.ledger, 100.0) == 1, "of the other one came"
    s.ledger.abandon(1)
    s.picker.on_returned(1)
    assert s.picker.held_up(B, [2], s.ledger, 200.0) is None
    s.ledger.expire(200.0, 1.0)
    assert s.picker.held_up(B, [2], s.ledger, 200.0) == 0, "and one of its blocks is late again"
