"""Events: values, subscriptions, and what a full stream gives up."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections import Counter
from itertools import pairwise
from typing import Any

import jstorrent as jst
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jstorrent import _core, _events, _stream, _waiting

from tests.unit.python.conftest import Payload, SessionMaker

KINDS = {cls.__name__: kind for kind, cls in enumerate(_events.CLASSES)}
STATE, PIECE, FAILED, DROPPED = (KINDS[n] for n in ("StateChanged", "PieceCompleted", "TorrentFailed", "EventsDropped"))
ALL = (1 << DROPPED) - 1
A, B = (1 << 32), (1 << 32) + 1  # two torrent keys


def feed(most: int) -> _core.lab.StreamFeed:
    return _core.lab.StreamFeed(ALL, None, most)


def drained(source: _core.lab.StreamFeed) -> list[_core.EventFacts]:
    return list(iter(source.stream.take, None))


def test_the_classes_stand_in_the_order_of_the_engines_kinds() -> None:
    assert tuple(cls.__name__ for cls in _events.CLASSES) == _core.event_classes
    assert all(cls.__name__ in jst.__all__ for cls in _events.CLASSES)


def test_a_full_stream_drops_frequent_events_and_counts_them_in_one_event_at_their_place() -> None:
    source = feed(3)
    for piece in range(10):
        source.push(PIECE, float(piece), A, piece=piece)
    assert source.waiting == 4
    kinds = [(facts[0], facts[3]) for facts in drained(source)]
    assert kinds == [(PIECE, (0,)), (PIECE, (1,)), (PIECE, (2,)), (DROPPED, (7,))]
    source.push(PIECE, 11.0, A, piece=11)
    assert [facts[0] for facts in drained(source)] == [PIECE]


def test_a_stream_one_below_its_bound_drops_nothing() -> None:
    source = feed(3)
    for piece in range(3):
        source.push(PIECE, 0.0, A, piece=piece)
    assert [facts[0] for facts in drained(source)] == [PIECE] * 3


def test_a_full_stream_merges_the_state_changes_of_one_torrent_first_old_last_new() -> None:
    source = feed(2)
    states = {word: number for number, word in enumerate(_core.states)}
    source.push(STATE, 1.0, A, states["queued"], states["checking"])
    source.push(STATE, 2.0, B, states["queued"], states["stopped"])
    source.push(STATE, 3.0, A, states["checking"], states["downloading"])
    source.push(STATE, 4.0, A, states["downloading"], states["seeding"])
    assert [(f[1], f[2], f[3]) for f in drained(source)] == [
        (4.0, A, ("queued", "seeding")),
        (2.0, B, ("queued", "stopped")),
    ]


def test_what_happens_once_is_kept_in_a_reserve_that_is_bounded_too() -> None:
    source, room = feed(4), 4 + _core.lab.kept_reserve
    for number in range(room + 3):
        source.push(FAILED, float(number), A + number)
    assert source.waiting == room + 1
    facts = drained(source)
    assert [f[0] for f in facts] == [FAILED] * room + [DROPPED]
    assert facts[-1][3] == (3,)


@settings(max_examples=200)
@given(
    st.integers(1, 6),
    st.lists(st.tuples(st.sampled_from([STATE, PIECE]), st.sampled_from([A, B]), st.integers(0, 9)), max_size=60),
    st.integers(0, 5),
)
def test_whatever_comes_it_is_bounded_and_the_last_state_of_each_torrent_is_told(
    most: int, pushes: list[tuple[int, int, int]], read_every: int
) -> None:
    source, now = feed(most), {A: 0, B: 0}
    told: list[_core.EventFacts] = []
    for number, (kind, torrent, state) in enumerate(pushes):
        old, new = now[torrent], state
        source.push(kind, float(number), torrent, old, new, number)
        if kind == STATE:
            now[torrent] = new
        assert source.waiting <= most + 2 + 1  # a state of each torrent, and the marker
        if read_every and number % read_every == 0:
            told.extend(filter(None, [source.stream.take()]))
    told.extend(drained(source))
    for torrent in (A, B):
        changes = [facts[3] for facts in told if facts[0] == STATE and facts[2] == torrent]
        assert all(before[1] == after[0] for before, after in pairwise(changes))
        assert not changes or changes[-1][1] == _core.states[now[torrent]]
    pieces = sum(facts[0] == PIECE for facts in told)
    dropped = sum(facts[3][0] for facts in told if facts[0] == DROPPED)
    assert pieces + dropped == sum(kind == PIECE for kind, _, _ in pushes)


def test_a_stream_hears_what_it_asked_for_and_of_which_torrent() -> None:
    source = _core.lab.StreamFeed(1 << PIECE, A, 10)
    assert source.push(PIECE, 0.0, A) and not source.push(PIECE, 0.0, B) and not source.push(STATE, 0.0, A)


def test_blocks_are_only_for_those_who_name_them() -> None:
    block = 1 << KINDS["BlockReceived"]
    assert _events.mask_of(()) & block == 0 and _events.mask_of((jst.Event,)) & block == 0
    assert _events.mask_of((jst.TorrentEvent,)) & block == 0
    assert _events.mask_of((jst.BlockReceived,)) == block
    assert _events.mask_of(()) == ALL & ~block


def test_a_stream_of_something_else_is_refused(session: jst.Session, open_session: SessionMaker, payload: Payload) -> None:
    with pytest.raises(TypeError, match="event class"):
        session.events(int)  # type: ignore[type-var]
    with pytest.raises(ValueError, match="nan"):
        session.events(timeout=float("nan"))
    other = open_session().add(payload.metainfo, payload.empty)
    with pytest.raises(ValueError, match="another session"):
        session.events(torrent=other)


def test_iteration_tells_every_change_and_ends_after_the_timeout(session: jst.Session, payload: Payload) -> None:
    stream = session.events(jst.StateChanged, timeout=0.2)
    torrent = session.add(payload.metainfo, payload.empty, stopped=True)
    torrent.start()
    torrent.wait(lambda status: status.state in ("downloading", "stalled"), 10)
    torrent.stop()
    torrent.wait("stopped", 10)
    events = list(stream)
    assert events[-1].new == "stopped" and {"downloading", "stalled"} & {event.new for event in events}
    assert all(before.new == after.old for before, after in pairwise(events))
    assert all(event.torrent == torrent for event in events)
    assert [e.time for e in events] == sorted(e.time for e in events) and events[-1].time <= session.now
    again = pickle.loads(pickle.dumps(events[0]))
    assert again.torrent.info_hash == torrent.info_hash and again.torrent.name == "album"
    with pytest.raises(jst.Error) as caught:
        again.torrent.status()
    assert caught.value.code == "closed"
    assert json.loads(json.dumps(events[0].to_dict()))["torrent"] == payload.metainfo.info_hash.hex()  # type: ignore[union-attr]
    assert events[0].to_dict()["event"] == "StateChanged"


def test_iteration_ends_when_the_session_closes_after_the_last_event(session: jst.Session, payload: Payload) -> None:
    stream = session.events()
    session.add(payload.metainfo, payload.empty)
    session.close()
    kinds = Counter(type(event) for event in stream)
    assert kinds[jst.StateChanged] >= 1
    assert stream.get() is None


def test_get_waits_no_longer_than_asked_and_close_ends_a_stream(session: jst.Session, payload: Payload) -> None:
    with session.events() as stream:
        assert stream.get(0) is None and stream.get(0.01) is None
        torrent = session.add(payload.metainfo, payload.empty, stopped=True)
        torrent.start()
        assert isinstance(stream.get(10), jst.StateChanged)
        torrent.stop()
    stream.close()
    assert stream.get(5) is None and list(stream) == []


def test_nobody_listens_no_event_is_made(session: jst.Session, payload: Payload) -> None:
    session.add(payload.metainfo, payload.empty, stopped=True).wait("stopped", 10)
    assert session.events().get(0) is None


def test_a_full_stream_of_a_session_counts_and_keeps_the_last_state(
    open_session: SessionMaker, payload: Payload
) -> None:
    session = open_session(max_events=1)
    torrent = session.add(payload.metainfo, payload.empty, stopped=True)
    stream = session.events(jst.StateChanged)
    torrent.start()
    torrent.wait(lambda status: status.state in ("downloading", "stalled"), 10)
    torrent.stop()
    torrent.wait("stopped", 10)
    event = stream.get(0)
    assert event is not None and (event.old, event.new) == ("stopped", "stopped")
    assert stream.get(0) is None


@pytest.mark.parametrize("form", ["block", "pause"])
def test_a_reader_whose_event_another_took_waits_for_the_next(
    session: jst.Session, torrent: jst.Torrent, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    torrent.wait("stalled", 30)
    stream = session.events(jst.StateChanged, timeout=30)
    acts = [torrent.pause, torrent.stop]
    taken = []

    def block(*arguments: Any) -> bool:
        acts.pop(0)()
        raised = _waiting.block(*arguments)
        if acts:
            taken.append(stream._take())  # the other one is quicker
        return raised

    async def pause(*arguments: Any) -> bool:
        acts.pop(0)()
        raised = await _waiting.pause(*arguments)
        if acts:
            taken.append(stream._take())
        return raised

    monkeypatch.setattr(_stream, form, {"block": block, "pause": pause}[form])
    event = stream.get(timeout=30) if form == "block" else asyncio.run(anext(stream))
    assert [taken[0] and taken[0].new, event and event.new] == ["paused", "stopped"]


def test_each_new_ban_is_told_once(session: jst.Session) -> None:
    stream = session.events(jst.PeerBanned)
    session.ban("192.0.2.7", 60)
    session.ban("192.0.2.7", 600)  # longer, and no news
    session.ban("2001:db8::1", 60)
    session.unban("192.0.2.7")
    session.ban("192.0.2.7", 60)
    hosts = []
    while len(hosts) < 3 and (event := stream.get(30)) is not None:
        hosts.append((event.host, event.reason))
    assert hosts == [("192.0.2.7", "user"), ("2001:db8::1", "user"), ("192.0.2.7", "user")]
    session.configure()
    assert stream.get(0) is None
