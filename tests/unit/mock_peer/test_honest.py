"""What a peer does by itself, message by message, and what it writes down."""

import pytest

from mock_peer import AUTO, Handshake
from mock_peer import _honest as honest
from mock_peer._bencode import decode, encode
from mock_peer._wire import Frame, Parsed, extended
from tests.unit.mock_peer.script import BLOCK, SUBJECT, SUBJECT_ID, TRUTH, Scripted, bits, blocks, kinds


def test_it_answers_a_handshake_claims_and_says_what_it_speaks() -> None:
    peer = Scripted()
    peer.accept()
    assert not peer.script.sent
    peer.hello()
    assert peer.opening().info_hash == TRUTH.info_hash
    assert peer.opening().peer_id == peer.peer_id
    claims, spoken = peer.heard()
    assert claims.kind == "have_all"
    says = decode(spoken.data or b"")
    assert says[b"reqq"] == 250
    assert says[b"metadata_size"] == len(TRUTH.metadata)
    assert set(says[b"m"]) == {b"ut_metadata", b"ut_pex"}
    assert peer.connected
    assert peer.core.subject_id == SUBJECT_ID


@pytest.mark.parametrize(
    ("have", "fast", "claims"),
    [("all", True, ("have_all", None)), ("all", False, ("bitfield", b"\xff")), ("none", True, ("have_none", None)),
     ("none", False, ("bitfield", b"\0")), ([0, 2], True, ("bitfield", bits(0, 2)))],
)  # fmt: skip
def test_claims_are_what_it_has(have: str | list[int], fast: bool, claims: tuple[str, bytes | None]) -> None:
    first = Scripted(have=have).meet(fast=fast)[0]
    assert (first.kind, first.data) == claims


def test_what_is_not_agreed_on_is_not_said() -> None:
    assert kinds(Scripted().meet(extended=False)) == ["have_all"]
    assert kinds(Scripted(handshake=Handshake(fast=False, extended=False)).meet()) == ["bitfield"]


def test_dialling_it_opens_first() -> None:
    peer = Scripted()
    peer.dial(SUBJECT, source_port=7)
    assert peer.script.dialled == [(SUBJECT, 7)]
    peer.core.connected(101, ("10.0.0.1", 5))
    assert peer.opening(101).info_hash == TRUTH.info_hash
    assert not peer.connected
    peer.hello(101)
    assert peer.connected
    assert peer.ledger.connections[0].direction == "out"


def test_handshakes_are_as_told() -> None:
    shake = Handshake(delay=2.0, peer_id=b"p" * 20, info_hash=b"h" * 20, reserved=b"\x01" * 8)
    peer = Scripted(handshake=shake)
    peer.meet()
    assert not peer.script.sent
    peer.run(2.0)
    assert peer.opening() == (b"\x01" * 8, b"h" * 20, b"p" * 20)
    silent = Scripted(handshake=Handshake(send=False))
    silent.meet()
    silent.run(1000)
    assert not silent.script.sent


def test_a_dribbled_handshake_comes_a_little_at_a_time_and_the_rest_behind_it() -> None:
    peer = Scripted(handshake=Handshake(dribble=(20, 1.0)))
    peer.meet()
    assert len(peer.script.sent[0]) == 20
    peer.run(2.5)
    assert len(peer.script.sent[0]) == 60
    assert kinds(peer.run(1.0)) == ["have_all", "extended"]
    assert peer.opening().peer_id == peer.peer_id


def test_without_a_torrent_it_takes_the_one_that_is_asked_for() -> None:
    peer = Scripted(truth=None)
    peer.accept()
    peer.hello(info_hash=b"x" * 20)
    assert peer.opening().info_hash == b"x" * 20
    assert kinds(peer.heard()) == ["have_none", "extended"]


def test_it_unchokes_who_is_interested_and_serves_what_is_asked_for() -> None:
    peer = Scripted()
    peer.meet()
    assert kinds(peer.say("interested")) == ["unchoke"]
    assert peer.interested_in
    (block,) = peer.say("request", 3, BLOCK, BLOCK)
    assert (block.piece, block.begin, block.data) == (3, BLOCK, TRUTH.data(3, BLOCK, BLOCK))
    assert peer.ledger.served[0].ok
    assert peer.ledger.outstanding == []
    assert peer.ledger.violations == []


def test_each_word_of_auto_is_one_thing_less() -> None:
    def heard(without: str) -> list[str]:
        peer = Scripted(auto=AUTO - {without}, have=[0])
        said = peer.meet()
        said += peer.say("have", 5)
        said += peer.say("request", 0, 0, BLOCK)
        said += peer.say("interested")
        said += peer.say("request", 0, 0, BLOCK)
        said += peer.say_raw(extended(2, {"msg_type": 0, "piece": 0}).encode())
        return kinds(said + peer.run(150))

    all_of_it = ["bitfield", "extended", "interested", "reject", "unchoke", "piece", "extended", "keepalive"]
    assert heard("") == all_of_it
    for without, missing in (("claims", 0), ("extended", 1), ("interest", 2), ("keepalive", 7), ("metadata", 6)):
        assert heard(without) == [kind for at, kind in enumerate(all_of_it) if at != missing], without
    assert heard("reject") == [
        "bitfield",
        "extended",
        "interested",
        "unchoke",
        "piece",
        "piece",
        "extended",
        "keepalive",
    ]
    assert heard("serve") == [kind for kind in all_of_it if kind != "piece"]
    assert "unchoke" not in heard("unchoke")
    silent = Scripted(auto=())
    assert silent.meet() == []
    assert silent.opening().info_hash == TRUTH.info_hash


def test_auto_may_be_assigned_and_what_was_missed_is_done() -> None:
    peer = Scripted(auto=())
    peer.meet()
    peer.say("interested")
    peer.auto = "all"
    assert kinds(peer.heard()) == ["have_all", "unchoke"]
    with pytest.raises(ValueError, match="known: all, claims"):
        peer.auto = "everything"


def test_a_choke_rejects_what_it_drops_with_bep_6_and_forgets_it_without() -> None:
    for fast, expected in ((True, ["choke", "reject", "reject"]), (False, ["choke"])):
        peer = Scripted(auto=AUTO - {"serve"})
        peer.meet(fast=fast)
        peer.say("interested")
        peer.say("request", 0, 0, BLOCK)
        peer.say("request", 1, 0, BLOCK)
        assert len(peer.ledger.outstanding) == 2
        peer.send_choke()
        assert kinds(peer.heard()) == expected
        assert peer.ledger.outstanding == []


def test_with_rejects_by_hand_a_choke_leaves_the_rest_outstanding() -> None:
    peer = Scripted(auto=AUTO - {"serve", "reject"})
    peer.meet()
    peer.say("interested")
    peer.say("request", 0, 0, BLOCK)
    peer.say("request", 1, 0, BLOCK)
    peer.send_choke()
    peer.send_reject(0)
    assert [m.piece for m in peer.ledger.outstanding] == [1]
    peer.auto = AUTO
    peer.send_unchoke()
    assert blocks(peer.heard()) == [(1, 0)]


def test_a_choke_by_hand_sticks() -> None:
    peer = Scripted()
    peer.meet()
    peer.say("interested")
    peer.send_choke()
    peer.heard()
    assert peer.say("not_interested") + peer.say("interested") == []
    peer.send_unchoke()
    assert kinds(peer.heard()) == ["unchoke"]
    assert peer.say("interested") == []


def test_a_cancel_in_time_is_honoured() -> None:
    peer = Scripted()
    peer.meet()
    peer.say("interested")
    peer.script.backlog = honest.SEND_AHEAD
    assert peer.say("request", 0, 0, BLOCK) == []
    assert peer.script.low_water == {0: honest.SEND_AHEAD}
    assert kinds(peer.say("cancel", 0, 0, BLOCK)) == ["reject"]
    peer.say("request", 1, 0, BLOCK)
    peer.script.backlog = 0
    peer.core.drained(0)
    assert blocks(peer.heard()) == [(1, 0)]
    assert [m.kind for m in peer.ledger.cancels] == ["cancel"]


def test_as_long_as_the_way_out_is_free_all_requests_of_one_run_are_answered() -> None:
    peer = Scripted()
    peer.meet()
    peer.say("interested")
    run = b"".join(Frame("request", piece, begin, BLOCK).encode() for piece in range(8) for begin in (0, BLOCK))
    assert 16 * BLOCK > honest.SEND_AHEAD
    assert len(blocks(peer.say_raw(run))) == 16
    assert peer.script.low_water == {}


def test_what_it_lacks_is_rejected_or_waits_until_it_is_gained() -> None:
    peer = Scripted(have=[0])
    peer.meet()
    peer.say("interested")
    assert kinds(peer.say("request", 1, 0, BLOCK)) == ["reject"]
    plain = Scripted(have=[0])
    plain.meet(fast=False)
    plain.say("interested")
    assert plain.say("request", 1, 0, BLOCK) == []
    assert len(plain.ledger.outstanding) == 1
    plain.gain(1)
    assert kinds(plain.heard()) == ["have", "piece"]
    assert plain.have == {0, 1}


def test_metadata_is_served_and_its_end_is_a_rejection() -> None:
    peer = Scripted()
    peer.meet()
    peer.say_raw(extended(0, {"m": {"ut_metadata": 9}}).encode())
    (data,) = peer.say_raw(extended(2, {"msg_type": 0, "piece": 0}).encode())
    assert data.piece == 9
    head = encode({"msg_type": 1, "piece": 0, "total_size": len(TRUTH.metadata)})
    assert data.data == head + TRUTH.metadata
    (refusal,) = peer.say_raw(extended(2, {"msg_type": 0, "piece": 5}).encode())
    assert refusal.data == encode({"msg_type": 2, "piece": 5})
    assert [m.piece for m in peer.ledger.metadata_requests] == [0, 5]
    assert peer.ledger.extended_handshake == {b"m": {b"ut_metadata": 9}}


def test_it_says_whether_the_subject_has_what_it_lacks() -> None:
    peer = Scripted(have=[0])
    peer.meet()
    assert peer.say("bitfield", data=bits(0)) == []
    assert kinds(peer.say("have", 3)) == ["interested"]
    peer.gain([3])
    assert kinds(peer.heard()) == ["have", "not_interested"]
    assert peer.ledger.claimed == {0, 3}


def test_a_quiet_link_is_kept_alive_and_a_busy_one_needs_nothing() -> None:
    peer = Scripted()
    peer.meet()
    assert kinds(peer.run(honest.KEEPALIVE + 1)) == ["keepalive"]
    peer.send_have(1)
    assert kinds(peer.run(honest.KEEPALIVE - 2)) == ["have"]


def test_who_ended_a_link() -> None:
    for error, who, how in (("end_of_stream", "subject", "fin"), ("connection_reset", "subject", "rst"),
                            ("timeout", "network", "timeout")):  # fmt: skip
        peer = Scripted()
        peer.meet()
        peer.core.closed(0, error)
        assert (peer.ledger.closed_by, peer.ledger.connections[0].how) == (who, how)
        assert not peer.connected
        assert peer.script.ends == ({0: "fin"} if how == "fin" else {})
    for how in ("fin", "rst", "blackhole"):
        peer = Scripted()
        peer.meet()
        peer.disconnect(how)
        assert peer.script.ends == {0: how}
        assert peer.ledger.closed_by == "peer"
        peer.say("interested")
        assert kinds(peer.heard()) == []
    refused = Scripted()
    refused.dial(SUBJECT)
    refused.core.failed(101, "connection_refused")
    assert (refused.ledger.closed_by, refused.ledger.connections[0].opened_at) == ("subject", None)


def test_hand_sends_before_any_link_come_behind_the_handshake() -> None:
    peer = Scripted(auto=())
    peer.send_have(3)
    peer.send_raw(b"\0\0\0\1\x63")
    peer.accept()
    assert not peer.script.sent
    peer.hello()
    assert kinds(peer.heard()) == ["have", "unknown"]


def test_hand_sends_of_every_kind() -> None:
    peer = Scripted(auto=())
    peer.meet()
    peer.say_raw(extended(0, {"m": {"ut_metadata": 9, "ut_pex": 4, "lt_x": 5}}).encode())
    sends = [
        (peer.send_keepalive, (), "keepalive"), (peer.send_choke, (), "choke"), (peer.send_unchoke, (), "unchoke"),
        (peer.send_interested, (), "interested"), (peer.send_not_interested, (), "not_interested"),
        (peer.send_have, (1,), "have"), (peer.send_bitfield, ([0, 7],), "bitfield"), (peer.send_bitfield, (b"ab",), "bitfield"),
        (peer.send_have_all, (), "have_all"), (peer.send_have_none, (), "have_none"), (peer.send_suggest, (1,), "suggest"),
        (peer.send_allowed_fast, (1,), "allowed_fast"), (peer.send_port, (6881,), "port"),
        (peer.send_request, (1, 0, 3), "request"), (peer.send_cancel, (1, 0, 3), "cancel"),
        (peer.send_reject, (1, 0, 3), "reject"), (peer.send_piece, (1, 0), "piece"),
        (peer.send_piece, (99, 0, b"abc"), "piece"), (peer.send_extended, (7, b"x"), "extended"),
        (peer.send_extended, ("lt_x", {"a": 1}), "extended"), (peer.send_extended, ("handshake", {}), "extended"),
        (peer.send_metadata, (0,), "extended"), (peer.send_pex, ([("10.0.0.1", 80)],), "extended"),
    ]  # fmt: skip
    heard: list[Parsed] = []
    for send, words, kind in sends:
        send(*words)  # type: ignore[operator]
        (message,) = peer.heard()
        assert message.kind == kind
        heard.append(message)
    assert [m.data for m in heard if m.kind == "bitfield"] == [b"\x81", b"ab"]
    assert [m.piece for m in heard if m.kind == "extended"] == [7, 5, 0, 9, 4]
    true, false = peer.ledger.served
    assert (true.ok, false.ok) == (True, False)
    with pytest.raises(ValueError, match="known: request, data, reject"):
        peer.send_metadata(0, type="nothing")


def test_by_name_nothing_is_said_before_the_subject_told_its_numbers() -> None:
    peer = Scripted(auto=())
    peer.meet()
    peer.send_pex([("10.0.0.1", 80)])
    assert peer.heard() == []
    (pex,) = peer.say_raw(extended(0, {"m": {"ut_pex": 4}}).encode())
    assert pex.piece == 4


def test_messages_are_taken_in_order_and_once() -> None:
    peer = Scripted()
    peer.meet()
    peer.say("have", 1)
    peer.say("have", 2)
    peer.say("interested")
    assert peer.take("have", piece=2) is not None
    assert peer.take("have") is None
    assert peer.take("interested") is not None


def test_who_opens_with_something_else_is_refused_so_that_it_comes_back_in_plain() -> None:
    peer = Scripted()
    peer.accept()
    peer.core.received(0, bytes(range(96)))
    assert peer.script.ends == {0: "fin"}
    assert [m.kind for m in peer.ledger.messages] == ["unknown"]
    assert peer.ledger.violations == []
    assert not peer.script.sent


def test_an_answer_that_is_no_handshake_is_a_broken_rule_and_ends_nothing() -> None:
    peer = Scripted()
    peer.dial(SUBJECT)
    peer.core.connected(101, ("10.0.0.1", 5))
    peer.core.received(101, b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)
    assert [v.why for v in peer.ledger.violations] == ["not a handshake"]
    assert peer.script.ends == {}
    assert not peer.connected


def test_bytes_may_come_in_any_pieces() -> None:
    whole = Scripted()
    whole.meet()
    stream = Frame("interested").encode() + Frame("request", 1, 0, BLOCK).encode() + Frame("have", 3).encode()
    whole.say_raw(stream)
    bytewise = Scripted()
    bytewise.meet()
    for at in range(len(stream)):
        bytewise.say_raw(stream[at : at + 1])
    for way in ("in", "out"):
        one, other = ([m[2:] for m in p.ledger.messages if m.direction == way] for p in (whole, bytewise))
        assert one == other
