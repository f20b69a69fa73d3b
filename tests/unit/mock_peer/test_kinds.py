"""Each kind of behaviour by a script."""

from typing import Any

import pytest

from mock_peer import KINDS, Behaviour
from mock_peer._bencode import decode, decode_prefix
from mock_peer._wire import extended
from tests.unit.mock_peer.script import BLOCK, SUBJECT, SUBJECT_ID, TRUTH, Scripted, ask, bits, blocks, kinds, served


def test_corrupt_flips_one_bit() -> None:
    peer = served(Behaviour("corrupt", piece=1))
    assert ask(peer, 0, 1) == [(0, 0), (1, 0)]
    good, bad = peer.ledger.served
    assert (good.ok, bad.ok) == (True, False)
    different = [a ^ b for a, b in zip(bad.data or b"", TRUTH.data(1, 0, BLOCK), strict=True) if a != b]
    assert different == [1]


@pytest.mark.parametrize(
    ("words", "answer"),
    [({}, (2, 0, BLOCK)), ({"index": 5}, (5, 0, BLOCK)), ({"begin": 7}, (1, 7, BLOCK)), ({"length": 3}, (1, 0, 3)),
     ({"length": 100_000}, (1, 0, 100_000)), ({"index": 1, "begin": 0}, (1, 0, BLOCK))],
)  # fmt: skip
def test_wrong_says_what_it_is_told(words: dict[str, int], answer: tuple[int, int, int]) -> None:
    peer = served(Behaviour("wrong", **words))
    ask(peer, 1)
    assert peer.ledger.served[0].block == answer
    is_answer = answer == (1, 0, BLOCK)
    assert len(peer.ledger.outstanding) == (0 if is_answer else 1)
    assert peer.ledger.served[0].ok is (is_answer or words == {"length": 3})


def test_withhold_leaves_the_request_outstanding() -> None:
    peer = served(Behaviour("withhold", nth=2, times=1))
    assert ask(peer, 0, 1, 2) == [(0, 0), (2, 0)]
    assert [m.piece for m in peer.ledger.outstanding] == [1]
    peer.behave = ()
    assert peer.answer(peer.ledger.outstanding[0])
    assert blocks(peer.heard()) == [(1, 0)]


def test_lie_have_claims_what_it_lacks_and_never_serves_it() -> None:
    assert Scripted(have=[0], behave=Behaviour("lie_have", pieces=[2])).meet()[0].data == bits(0, 2)
    assert Scripted(have="none", behave="lie_have").meet()[0].kind == "have_all"
    assert Scripted(have="none", behave="lie_have").meet(fast=False)[0].data == b"\xff"
    peer = served("lie_have", have="none")
    assert kinds(peer.say("request", 0, 0, BLOCK)) == ["reject"]
    late = served(Behaviour("lie_have", on="cancel", pieces=[3, 4]), have=[0])
    assert kinds(late.say("cancel", 0, 0, BLOCK)) == ["have", "have"]


def test_duplicate_sends_more_than_once() -> None:
    assert ask(served(Behaviour("duplicate", count=3)), 1) == [(1, 0)] * 3


def test_reorder_mixes_a_window_and_does_not_wait_for_ever() -> None:
    peer = served(Behaviour("reorder", window=4), seed=3)
    assert ask(peer, 0, 1, 2) == []
    mixed = ask(peer, 3)
    assert sorted(mixed) == [(n, 0) for n in range(4)]
    assert mixed != sorted(mixed)
    assert ask(peer, 4) == []
    assert blocks(peer.run(1.0)) == [(4, 0)]


def test_unsolicited_blocks_are_true_or_nothing_at_all() -> None:
    peer = Scripted(behave=Behaviour("unsolicited", count=3))
    peer.meet()
    assert len(blocks(peer.say("interested"))) == 3
    assert all(m.ok for m in peer.ledger.served)
    far = Scripted(behave=Behaviour("unsolicited", piece=99, begin=5))
    far.meet()
    assert blocks(far.say("interested")) == [(99, 5)]
    assert not far.ledger.served[0].ok


def test_late_comes_later_unless_it_is_taken_back() -> None:
    peer = served(Behaviour("late", seconds=3))
    assert ask(peer, 0, 1) == []
    peer.say("cancel", 1, 0, BLOCK)
    assert blocks(peer.run(2.9)) == []
    assert blocks(peer.run(0.2)) == [(0, 0)]


def test_trickle_has_a_rate() -> None:
    peer = served(Behaviour("trickle", rate=1000))
    before = len(peer.script.sent[0])
    peer.say("request", 0, 0, BLOCK)
    peer.run(10.0)
    assert 9_900 <= len(peer.script.sent[0]) - before <= 10_200
    peer.run(10.0)
    assert len(peer.script.sent[0]) - before == BLOCK + 13


def test_what_trickles_can_be_taken_back() -> None:
    peer = served(Behaviour("trickle", rate=16_000))
    for piece in range(8):
        peer.say("request", piece, 0, BLOCK)
        peer.say("request", piece, BLOCK, BLOCK)
    first = len(peer.ledger.served)
    assert 8 <= first < 12
    peer.say("cancel", 7, BLOCK, BLOCK)
    peer.run(20.0)
    assert len(peer.ledger.served) == 15


def test_burst_gathers() -> None:
    peer = served(Behaviour("burst", seconds=2))
    assert ask(peer, 0, 1, 2) == []
    assert blocks(peer.run(2.0)) == [(0, 0), (1, 0), (2, 0)]


def test_choke_flap_turns_for_ever() -> None:
    peer = Scripted(behave=Behaviour("choke_flap", period=0.5))
    peer.meet()
    peer.say("interested")
    assert kinds(peer.run(2.1)) == ["choke", "unchoke", "choke", "unchoke"]


def test_choke_with_outstanding() -> None:
    peer = served(Behaviour("choke_with_outstanding", seconds=2, times=1))
    assert kinds(peer.say("request", 0, 0, BLOCK)) == ["choke", "reject"]
    assert kinds(peer.run(2.0)) == ["unchoke"]
    plain = served(Behaviour("choke_with_outstanding"), fast=False)
    assert kinds(plain.say("request", 0, 0, BLOCK)) == ["choke"]
    assert plain.ledger.outstanding == []


def test_never_unchoke() -> None:
    peer = Scripted(behave="never_unchoke")
    peer.meet()
    assert peer.say("interested") == []
    assert kinds(peer.say("request", 0, 0, BLOCK)) == ["reject"]


@pytest.mark.parametrize("fast", [True, False])
def test_reject_needs_no_agreement(fast: bool) -> None:
    peer = served("reject", fast=fast)
    (answer,) = peer.say("request", 2, 0, BLOCK)
    assert (answer.kind, answer.piece, answer.begin, answer.length) == ("reject", 2, 0, BLOCK)
    assert peer.ledger.outstanding == []


def test_allowed_fast_is_served_while_it_chokes() -> None:
    peer = Scripted(behave=Behaviour("allowed_fast", pieces=[3, 3, 99]))
    said = peer.meet()
    assert [m.piece for m in said if m.kind == "allowed_fast"] == [3, 3, 99]
    assert kinds(peer.say("request", 3, 0, BLOCK)) == ["piece"]
    assert kinds(peer.say("request", 2, 0, BLOCK)) == ["reject"]


def test_never_read_and_half_open() -> None:
    peer = Scripted(behave="never_read")
    peer.accept()
    assert peer.script.paused == set()
    peer.hello()
    assert peer.script.paused == {0}
    gone = Scripted(behave="half_open")
    gone.accept()
    assert gone.script.ends == {0: "blackhole"}
    assert not gone.script.sent


@pytest.mark.parametrize("how", ["fin", "rst", "blackhole"])
def test_cut_ends_at_that_very_byte(how: str) -> None:
    for nbytes in (0, 1, 67, 68, 100):
        peer = Scripted(behave=Behaviour("cut", nbytes=nbytes, how=how))
        peer.meet()
        peer.say("interested")
        assert len(peer.script.sent.get(0, b"")) == peer.ledger.bytes_out == nbytes
        assert peer.script.ends == {0: how}
        assert peer.ledger.closed_by == "peer"


def test_cut_counts_from_its_trigger() -> None:
    peer = served(Behaviour("cut", on="request", nth=2, nbytes=20))
    before = len(peer.script.sent[0])
    ask(peer, 0)
    assert peer.script.ends == {}
    ask(peer, 1)
    assert len(peer.script.sent[0]) - before == 13 + BLOCK + 20
    byte = Scripted(behave=Behaviour("cut", on="bytes_out", nth=70))
    byte.meet()
    assert len(byte.script.sent[0]) == 70


def test_slow_handshake() -> None:
    peer = Scripted(behave=Behaviour("slow_handshake", nbytes=10, seconds=2))
    peer.meet()
    for count in (10, 20, 30, 40, 50, 60):
        assert len(peer.script.sent[0]) == count
        peer.run(2.0)
    assert len(peer.script.sent[0]) > 68
    assert peer.opening().peer_id == peer.peer_id


def test_malformed_comes_behind_the_handshake_or_at_that_byte() -> None:
    peer = Scripted(behave=Behaviour("malformed", bytes=b"\0\0\0\1\x63"))
    assert "unknown" in kinds(peer.meet())
    early = Scripted(behave=Behaviour("malformed", on="connect", bytes=b"abc"))
    early.accept()
    assert early.script.sent[0] == b"abc"
    inside = Scripted(behave=Behaviour("malformed", on="bytes_out", nth=3, bytes=b"XXXX"))
    inside.accept()
    inside.hello()
    assert inside.script.sent[0].startswith(b"\x13BiXXXXtTorrent")


def test_bencode_bomb() -> None:
    said = Scripted(behave=Behaviour("bencode_bomb", depth=500)).meet()
    assert said[-1].data == b"l" * 500 + b"e" * 500


def metadata_answer(**words: Any) -> list[tuple[dict[bytes, int], bytes]]:
    peer = Scripted(behave=Behaviour("metadata", **words))
    peer.meet()
    peer.say_raw(extended(0, {"m": {"ut_metadata": 3}}).encode())
    answers = []
    for message in peer.say_raw(extended(2, {"msg_type": 0, "piece": 0}).encode()):
        assert message.piece == 3
        says, end = decode_prefix(message.data or b"")
        answers.append((says, (message.data or b"")[end:]))
    return answers


def test_metadata_lies() -> None:
    size = len(TRUTH.metadata)
    ((says, data),) = metadata_answer(data="corrupt")
    assert says == {b"msg_type": 1, b"piece": 0, b"total_size": size}
    assert data != TRUTH.metadata
    assert len(data) == size
    assert metadata_answer(piece=7)[0][0][b"piece"] == 7
    assert metadata_answer(total_size=9)[0][0][b"total_size"] == 9
    assert metadata_answer(reply="reject") == [({b"msg_type": 2, b"piece": 0}, b"")]
    assert metadata_answer(reply="silent") == []
    assert metadata_answer(size=5)[0][1] == TRUTH.metadata
    shake = Scripted(behave=Behaviour("metadata", size=1 << 31)).meet()[1]
    assert decode(shake.data or b"")[b"metadata_size"] == 1 << 31


def test_pex_flood_waits_for_the_number() -> None:
    peer = Scripted(behave=Behaviour("pex_flood", count=300))
    assert "pex" not in kinds(peer.meet())
    (flood,) = peer.say_raw(extended(0, {"m": {"ut_pex": 6}}).encode())
    assert flood.piece == 6
    assert len(decode(flood.data or b"")[b"added"]) == 1800


def test_keepalive_flood_has_a_rate() -> None:
    peer = Scripted(behave=Behaviour("keepalive_flood", rate=50))
    peer.meet()
    peer.run(10.0)
    assert 490 <= len(peer.said("keepalive")) <= 510


def test_request_flood_at_once_or_at_a_rate() -> None:
    peer = Scripted(behave=Behaviour("request_flood", count=500), have="none")
    said = peer.meet()
    assert kinds(said).count("request") == 500
    assert all((m.piece or 0) < 8 and (m.begin or 0) in (0, BLOCK) for m in said if m.kind == "request")
    slow = Scripted(behave=Behaviour("request_flood", count=20, rate=10), have="none")
    slow.meet()
    slow.run(1.0)
    assert 9 <= len(slow.said("request")) <= 12
    slow.run(5.0)
    assert len(slow.said("request")) == 20


def test_peer_ids() -> None:
    one, other = (Scripted(behave="same_peer_id", seed=seed) for seed in (1, 2))
    one.meet()
    other.meet()
    assert one.opening().peer_id == other.opening().peer_id != Scripted(seed=1).peer_id != Scripted(seed=2).peer_id
    own = Scripted(behave="own_peer_id")
    own.meet()
    assert own.opening().peer_id == SUBJECT_ID


def test_own_peer_id_when_dialling_takes_a_second_link() -> None:
    peer = Scripted(behave="own_peer_id")
    peer.dial(SUBJECT)
    peer.core.connected(101, ("10.0.0.1", 5))
    assert peer.opening(101).peer_id == peer.peer_id
    peer.hello(101)
    assert peer.script.ends == {101: "fin"}
    peer.run(0.1)
    peer.core.connected(102, ("10.0.0.1", 6))
    assert peer.opening(102).peer_id == SUBJECT_ID


def test_remap_changes_the_number_and_listens_to_it() -> None:
    peer = Scripted(behave=Behaviour("remap", name="ut_metadata", id=9))
    assert decode(peer.meet()[-1].data or b"") == {b"m": {b"ut_metadata": 9}}
    assert peer.say_raw(extended(2, {"msg_type": 0, "piece": 0}).encode()) == []
    assert len(peer.say_raw(extended(9, {"msg_type": 0, "piece": 0}).encode())) == 1


def test_each_kind_has_a_test_here() -> None:
    with open(__file__, encoding="utf-8") as file:
        text = file.read()
    assert [kind for kind in KINDS if f'"{kind}"' not in text] == []
