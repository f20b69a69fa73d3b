"""The ledger: rules that a subject broke, payload compared with the truth, what is outstanding, its bounds."""

import pytest

from mock_peer import AUTO
from mock_peer import _honest as honest
from mock_peer import _ledger as ledger_module
from mock_peer._ledger import Ledger, Message
from mock_peer._wire import MAX_FRAME, extended
from mock_peer.torrent import MadeUp
from tests.unit.mock_peer.script import BLOCK, TRUTH, Scripted, bits, number

RULES = [
    (
        "a bitfield that is not the first",
        lambda p: (p.say("interested"), p.say("bitfield", data=bits(0))),
        "not the first",
    ),
    ("a bitfield of another size", lambda p: p.say("bitfield", data=b"\0\0"), "2 bytes for 8 pieces"),
    ("a HAVE beyond the end", lambda p: p.say("have", 8), "HAVE of piece 8 of 8"),
    ("a HAVE again", lambda p: (p.say("have", 1), p.say("have", 1)), "again"),
    ("a request beyond the piece", lambda p: p.say("request", 0, 32768, 1), "not there"),
    ("a request of nothing", lambda p: p.say("request", 0, 0, 0), "not there"),
    ("a long request", lambda p: p.say("request", 0, 0, BLOCK + 1), "16385 bytes"),
    ("a request for what was not claimed", lambda p: p.say("request", 1, 0, BLOCK), "piece 1, which was never claimed"),
    ("a request of who was never unchoked", lambda p: p.say("request", 0, 0, BLOCK), "before any unchoke"),
    ("a block that nobody wants", lambda p: p.say("piece", 0, 0, data=b"abc"), "never asked"),
    ("an unknown message", lambda p: p.say_raw(b"\0\0\0\1\x63"), "number 99"),
    ("a malformed message", lambda p: p.say_raw(b"\0\0\0\2\x04a"), "malformed"),
    ("a malformed extension", lambda p: p.say_raw(extended(0, b"l").encode()), "malformed"),
    ("a frame without end", lambda p: p.say_raw(number(MAX_FRAME + 1)), "unreadable"),
]


@pytest.mark.parametrize(("what", "deed", "why"), RULES, ids=[what for what, _, _ in RULES])
def test_a_broken_rule_is_written_down(what: str, deed: object, why: str) -> None:
    peer = Scripted(have=[0])
    peer.meet()
    deed(peer)  # type: ignore[operator]
    assert any(why in violation.why for violation in peer.ledger.violations), peer.ledger.violations
    assert peer.script.ends == {}


def test_what_was_claimed_and_unchoked_may_be_asked_for() -> None:
    peer = Scripted(have=[0])
    peer.meet()
    peer.say("interested")
    peer.gain([3])
    peer.send_bitfield([5])
    peer.send_choke()
    for piece in (0, 3, 5):
        peer.say("request", piece, 0, BLOCK)
    peer.send_allowed_fast(0)
    assert peer.ledger.violations == []
    odd = Scripted(have=[0])
    odd.meet()
    odd.send_allowed_fast(0)
    odd.say("request", 0, 0, BLOCK)
    odd.send_raw(b"\0\0\0\5\4\0\0\0\1")  # it may have claimed anything
    odd.say("request", 1, 0, BLOCK)
    assert odd.ledger.violations == []


def test_spare_bits_and_bep_6_without_agreement_are_broken_rules() -> None:
    odd = MadeUp(pieces=5, piece_length=16384)
    peer = Scripted(truth=odd)
    peer.meet()
    peer.say("bitfield", data=b"\x04")
    assert "spare bits" in peer.ledger.violations[0].why
    plain = Scripted()
    plain.meet(fast=False)
    plain.say("have_none")
    assert "BEP 6" in plain.ledger.violations[0].why


def test_payload_is_compared_with_the_truth() -> None:
    peer = Scripted(have="none")
    peer.meet()
    peer.send_request(2, 0)
    peer.send_request(2, BLOCK)
    peer.say("piece", 2, 0, data=TRUTH.data(2, 0, BLOCK))
    peer.say("piece", 2, BLOCK, data=bytes(BLOCK))
    assert [m.ok for m in peer.ledger.payload] == [True, False]
    assert [v.why for v in peer.ledger.violations] == ["payload that is not the truth"]


def test_the_ledger_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "MAX_MESSAGES", 3)
    monkeypatch.setattr(ledger_module, "MAX_KEPT", 10)
    monkeypatch.setattr(ledger_module, "MAX_VIOLATIONS", 2)
    ledger = Ledger()
    for _ in range(5):
        message = ledger.add(Message(0.0, 0, "in", "have", 1, data=b"12345"))
        ledger.blame(message, ["no"])
    assert (len(ledger.messages), len(ledger.haves), ledger.dropped) == (3, 3, 2)
    assert [m.data for m in ledger.messages] == [b"12345", b"12345", None]
    assert len(ledger.violations) == 2


def test_requests_beyond_the_limit_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(honest, "MAX_OUTSTANDING", 4)
    peer = Scripted(auto=AUTO - {"serve"})
    peer.meet()
    peer.say("interested")
    for begin in range(6):
        peer.say("request", 0, begin, 1)
    assert len(peer.ledger.requests) == 6
    assert len(peer.ledger.outstanding) == 4


def test_the_same_block_asked_for_twice_is_outstanding_twice() -> None:
    peer = Scripted(auto=AUTO - {"serve"})
    peer.meet()
    peer.say("interested")
    peer.say("request", 0, 0, BLOCK)
    peer.say("request", 0, 0, BLOCK)
    assert len(peer.ledger.outstanding) == 2
    assert peer.answer(peer.ledger.outstanding[0])
    assert len(peer.ledger.outstanding) == 1
    assert peer.answer(peer.ledger.outstanding[0], data=bytes(BLOCK))
    assert [m.ok for m in peer.ledger.served] == [True, False]
    assert not peer.answer(peer.ledger.requests[0])
