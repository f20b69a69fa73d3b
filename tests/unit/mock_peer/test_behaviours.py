"""What triggers behaviours, in which order they apply, and behaviours as data."""

import json
import pickle
from typing import Any

import pytest

from mock_peer import EVENTS, KINDS, Behaviour, Handshake
from mock_peer._wire import Frame, extended
from tests.unit.mock_peer.script import BLOCK, Scripted, ask, blocks, kinds, served

# -- triggers


def withheld(**words: Any) -> list[int | None]:
    peer = served(Behaviour("withhold", **words))
    ask(peer, *range(8))
    return [m.piece for m in peer.ledger.outstanding]


def test_nth_times_and_narrowing() -> None:
    assert withheld() == list(range(8))
    assert withheld(nth=3) == [2, 3, 4, 5, 6, 7]
    assert withheld(nth=(3, 4)) == [2, 3]
    assert withheld(nth=[3, 4], times=1) == [2]
    assert withheld(times=2) == [0, 1]
    assert withheld(piece=5) == [5]
    assert withheld(piece=5, begin=BLOCK) == []
    assert withheld(p=0) == []
    assert withheld(nth=9) == []
    some = withheld(p=0.5)
    assert 0 < len(some) < 8
    assert some == withheld(p=0.5)


def test_what_another_event_triggers_holds_from_then_on() -> None:
    peer = served(Behaviour("withhold", on="have"))
    assert ask(peer, 0) == [(0, 0)]
    peer.say("have", 0)
    assert ask(peer, 1, 2) == []


def test_after_is_the_time_from_trigger_to_deed() -> None:
    assert ask(peer := served(Behaviour("corrupt", after=2.0)), 0) == []
    assert blocks(peer.run(2.0)) == [(0, 0)]
    timed = served(Behaviour("withhold", on="time", after=5.0))
    assert ask(timed, 0) == [(0, 0)]
    timed.run(5.0)
    assert ask(timed, 1) == []


@pytest.mark.parametrize("event", EVENTS)
def test_each_event_triggers(event: str) -> None:
    peer = Scripted(behave=Behaviour("malformed", on=event, bytes=b"\0\0\0\1\x63", times=1))
    happenings = {
        "unchoked": Frame("unchoke"), "choked": Frame("choke"), "have": Frame("have", 1),
        "cancel": Frame("cancel", 0, 0, 1), "interested": Frame("interested"), "request": Frame("request", 0, 0, 1),
        "metadata_request": extended(2, {"msg_type": 0, "piece": 0}),
    }  # fmt: skip
    peer.accept()
    peer.hello()
    assert len(peer.said("raw")) == (0 if event in happenings else 1)
    if event in happenings:
        peer.core.received(0, happenings[event].encode())
        assert len(peer.said("raw")) == 1


def test_behaviours_apply_in_list_order() -> None:
    twice = served(Behaviour("corrupt"), Behaviour("duplicate"))
    ask(twice, 0)
    assert twice.ledger.served[0].data == twice.ledger.served[1].data
    apart = served(Behaviour("duplicate"), Behaviour("corrupt"))
    ask(apart, 0)
    assert apart.ledger.served[0].data != apart.ledger.served[1].data
    held = served(Behaviour("burst", seconds=1), Behaviour("duplicate"), Behaviour("late", seconds=1))
    assert ask(held, 0) == []
    assert blocks(held.run(1.5)) == []
    assert blocks(held.run(1.0)) == [(0, 0)] * 2


def test_send_triggers_on_what_it_says_by_itself_and_not_by_hand() -> None:
    peer = Scripted(behave=Behaviour("withhold", on="send"))
    assert peer.meet() == []
    peer.send_have(1)
    assert kinds(peer.heard()) == ["have"]


def test_behave_may_be_assigned_and_what_was_begun_ends() -> None:
    peer = served(Behaviour("trickle", rate=1), Behaviour("choke_flap", period=1))
    peer.say("request", 0, 0, BLOCK)
    peer.behave = ()
    assert blocks(peer.heard()) == [(0, 0)]
    assert peer.run(10.0) == []
    peer.behave = ["withhold", {"kind": "late", "seconds": 2}]
    assert [b.kind for b in peer.behave] == ["withhold", "late"]
    assert ask(peer, 1) == []


# -- data

SAMPLES = [
    Behaviour("corrupt"), Behaviour("corrupt", piece=3, begin=0, p=0.5, times=2, nth=(2, 9), after=1.5, on="send"),
    Behaviour("wrong", index=1, begin=2, length=3, piece=0), Behaviour("lie_have", pieces=[1, 2]), Behaviour("lie_have"),
    Behaviour("malformed", bytes=b"\x00\xff"), Behaviour("metadata", data="corrupt", on="time"), Behaviour("metadata", size=0),
    Behaviour("cut", nbytes=10, how="fin"), Behaviour("request_flood", rate=2.5),
]  # fmt: skip


@pytest.mark.parametrize("behaviour", [*SAMPLES, *map(Behaviour, KINDS)], ids=repr)
def test_a_behaviour_is_data(behaviour: Behaviour) -> None:
    text = json.dumps(behaviour.to_dict())
    again = Behaviour.of(json.loads(text))
    assert again == behaviour
    assert hash(again) == hash(behaviour)
    assert again.on == behaviour.on
    assert pickle.loads(pickle.dumps(behaviour)) == behaviour
    with pytest.raises(AttributeError):
        behaviour.p = 0.5


def test_what_differs_is_not_equal_and_defaults_go_without_saying() -> None:
    assert Behaviour("corrupt") != Behaviour("corrupt", piece=0)
    assert Behaviour("late", seconds=1) != Behaviour("late", seconds=2)
    assert Behaviour("late", seconds=5.0, on="request").to_dict() == {"kind": "late"}
    assert Behaviour.of("late") == Behaviour("late")


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ({"kind": "corupt"}, "known: corrupt, wrong"),
        ({"kind": "corrupt", "index": 1}, "known: on, nth, times, after, p, piece, begin"),
        ({"kind": "cut", "how": "axe"}, "known word"),
        ({"kind": "corrupt", "on": "requests"}, "known: connect, handshake"),
        ({"kind": "corrupt", "nth": 0}, "nth"),
        ({"kind": "corrupt", "nth": (3, 2)}, "nth"),
        ({"kind": "corrupt", "nth": (1, 2, 3)}, "nth"),
        ({"kind": "corrupt", "times": 0}, "times"),
        ({"kind": "corrupt", "p": 1.5}, "chance"),
        ({"kind": "corrupt", "after": -1}, "after"),
        ({"kind": "corrupt", "after": "soon"}, "after"),
        ({"kind": "corrupt", "piece": -1}, "piece"),
        ({"kind": "late", "seconds": 0}, "seconds"),
        ({"kind": "late", "seconds": "1"}, "seconds"),
        ({"kind": "duplicate", "count": 1.5}, "count"),
        ({"kind": "lie_have", "pieces": "some"}, "pieces"),
        ({"kind": "lie_have", "pieces": [1 << 32]}, "pieces"),
        ({"kind": "malformed", "bytes": "xyz"}, "hexadecimal"),
        ({"kind": "metadata", "reply": "maybe"}, "known word"),
        ({"kind": "remap", "name": ""}, "text"),
        ({"on": "request"}, "a kind"),
    ],
)
def test_nonsense_is_refused(words: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Behaviour.of(words)


def test_a_handshake_by_hand_may_be_anything() -> None:
    peer = Scripted(handshake=Handshake(send=False))
    peer.accept()
    peer.send_handshake(Handshake(peer_id=b"q" * 20))
    assert peer.opening().peer_id == b"q" * 20
