"""Recording: what was done to a world, as the operations of a plan. One place: the methods that _words.py names are wrapped.

A call is told with its moment: the time, the rounds that the world had run, and whether more of the same instant was still
to come. Calls that another named call makes are part of it and are not told.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from jstorrent._errors import Error
from jstorrent._torrent import Torrent
from jstorrent.lab._failure import LaneLacks
from jstorrent.lab._lanes import SimLane
from jstorrent.lab._node import Node
from jstorrent.lab._plan import Plan, token_of
from jstorrent.lab._spec import Spec, _urls
from jstorrent.lab._words import RENAMED, TARGET_IS_ARGUMENT, WORDS, plain

if TYPE_CHECKING:
    from jstorrent.lab._engine import Engine
    from jstorrent.lab._lab import Lab

MOST_RECORDED = 100_000
"""Operations of one world that are kept; a world with more cannot be told as a plan."""
_LISTED = ("engine", "peer")
_URLS = ("trackers", "tiers")


class Recorder:
    """The operations of one world so far."""

    def __init__(self, lab: Lab, world: Any) -> None:
        self._lab = lab
        self._world = world
        self._ops: list[dict[str, Any]] = []
        self._listed: dict[str, list[dict[str, Any]]] = {word: [] for word in _LISTED}
        self._torrents: list[dict[str, Any]] = []
        self._handles = 0
        self._why_not: str | None = None
        self._end: dict[str, Any] | None = None
        self.is_within = False
        self.is_during = False

    def position(self) -> dict[str, Any]:
        """This moment."""
        world = self._world
        made = {"at": world.now, "turn": world.rounds}
        due = world.next_event_time
        if due is not None and due <= made["at"]:
            made["early"] = True
        if self.is_during:
            made["during"] = True
        return made

    def note(self, name: str, words: dict[str, Any], place: dict[str, Any] | None = None) -> None:
        """One operation, at that moment; unless told, now."""
        if len(self._ops) >= MOST_RECORDED:
            self._why_not = f"more than {MOST_RECORDED} operations"
            return
        if name in _LISTED:
            self._listed[name].append(words)
            words = {"name": words["name"]}
        elif name == "torrent":
            self._torrents.append(words)
            if len(self._torrents) == 1:
                return
        self._ops.append({**(place or self.position()), "op": name, **words})

    def was_refused(self, name: str) -> None:
        """The last operation was nonsense, and may have had an effect all the same."""
        if self._ops and self._ops[-1]["op"] == name:
            self._ops[-1]["refused"] = True

    def cannot(self, why: str) -> None:
        """Something happened that no plan can tell."""
        self._why_not = self._why_not or why

    def new_handle(self, word: str) -> str:
        """A name for what an operation gives."""
        self._handles += 1
        return f"{word}-{self._handles}"

    def finish(self) -> None:
        """The end: what the laboratory does on leaving is no part of the plan."""
        if self._end is None:
            self._end = {**self.position(), "op": "end"}
            self.is_within = True

    def plan(self) -> Plan:
        """Everything so far."""
        if self._why_not is not None:
            raise Error(f"this world cannot be told as a plan: {self._why_not}", code="not_supported")
        end = self._end or {**self.position(), "op": "end"}
        return Plan(
            seed=self._lab.seed,
            torrent=self._torrents[0] if self._torrents else {},
            engines=self._listed["engine"],
            peers=self._listed["peer"],
            ops=[*self._ops, end],
            without=sorted(self._lab._without),
        )


class Recorded:
    """The side of a Lab that can be told as a plan."""

    _recorder: Recorder | None = None
    _told: Plan | None = None
    """The plan that this world was made from; then nothing is recorded."""

    def _record(self) -> None:
        lab = cast("Lab", self)
        if isinstance(lab._lane, SimLane):
            self._recorder = Recorder(lab, lab._lane.world)

    @property
    def plan(self) -> Plan:
        """What was done to this world so far. `run` does it again, in any process."""
        if self._told is not None:
            return self._told
        if self._recorder is None:
            raise LaneLacks("a plan needs the sim lane")
        return self._recorder.plan()

    @property
    def token(self) -> str | None:
        """The plan in one word; None where there is none: in the real lane, or when it cannot be told as data."""
        try:
            return token_of(self.plan)
        except (Error, ValueError):
            return None

    @property
    def turn(self) -> int:
        """Rounds that the world has run: `turn` in an operation of a plan."""
        lane = cast("Lab", self)._lane
        if not isinstance(lane, SimLane):
            raise LaneLacks("counting turns needs the sim lane")
        return int(lane.world.rounds)

    def reach(self, time: float, turn: int | None = None, early: bool = False) -> None:
        """Lets time pass until that moment of the world, if it is still to come.

        turn: no further than that many rounds, as lab.turn counts them. early: of the same instant more is to come.
        """
        lab = cast("Lab", self)
        lab._check_thread()
        lane = lab._lane
        if not isinstance(lane, SimLane):
            raise LaneLacks("reaching a moment exactly needs the sim lane")
        if turn is None:
            lab._run_until(max(time, lab.now))
            return
        while lane.world.rounds < turn and lane.step(time):
            lab._along.after_turn()
        if not early or lab.now < time:
            lab._run_until(max(time, lab.now))
        lab._check_rules()


# -- wrapping


def recorder_of(lab: Lab) -> Recorder | None:
    """Who is to be told of a call from outside; None within another call that is told."""
    recorder = lab._recorder
    return None if recorder is None or recorder.is_within else recorder


@contextmanager
def _within(recorder: Recorder, inside: bool) -> Iterator[None]:
    before, recorder.is_within = recorder.is_within, inside
    was_during, recorder.is_during = recorder.is_during, before and not inside
    try:
        yield
    finally:
        recorder.is_within, recorder.is_during = before, was_during


def _lab_of(kind: str, target: Any) -> Lab | None:
    """The world of a call; None where nothing can happen: to what is over."""
    if kind == "lab":
        return cast("Lab", target)
    if kind == "disk":
        return None if target._client is None else cast("Lab", target._client._lab)
    if kind == "sockets":
        return cast("Lab", target._engine._lab)
    if kind == "fault":
        return cast("Lab", getattr(target, "_called", (None,))[0])
    if kind in ("session", "torrent"):
        session = target if kind == "session" else target._session
        owner = session._owner
        return owner._lab if owner is not None and owner._up and owner.session is session else None
    return cast("Lab", target._lab)


def _subject(kind: str, target: Any) -> dict[str, Any]:
    """How a plan names what a call belongs to."""
    if kind in ("engine", "peer", "tracker", "assigned"):
        return {"node": target.name}
    if kind == "disk":
        return {"node": target._client.name}
    if kind == "sockets":
        return {"node": target._engine.name}
    if kind in ("gate", "fault"):
        return {"of": getattr(target, "_called", (None, None))[1]}
    if kind == "session":
        return {"node": target._owner.name}
    if kind == "torrent":
        return {"node": target._session._owner.name, **_torrent_words(target._session._owner, target)}
    return {}


def _torrent_words(owner: Engine, torrent: Torrent) -> dict[str, Any]:
    spec = owner._specs.get(torrent.info_hash or b"")
    present = owner.session.find(spec.info_hash) if spec is not None else None
    if spec is None or present is None or present._key != torrent._key:
        return {"key": torrent._key}
    return {} if spec is owner._lab._first_spec else {"torrent": spec.name}


Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def _arguments(
    name: str, signature: inspect.Signature, target: Any, args: tuple[Any, ...], kw: dict[str, Any]
) -> tuple[Arguments, dict[str, Any]]:
    """The call's arguments, what can be read only once made into lists; and the words of its operation."""
    args = tuple(list(value) if isinstance(value, Iterator) else value for value in args)
    kw = {key: list(value) if isinstance(value, Iterator) else value for key, value in kw.items()}
    bound = signature.bind(target, *args, **kw)
    words: dict[str, Any] = {}
    for key, value in list(bound.arguments.items())[1:]:
        if signature.parameters[key].kind is inspect.Parameter.VAR_KEYWORD:
            if name == "gate":
                words["where"] = {word: _where(word, item) for word, item in value.items()}
            else:
                words |= {word: plain(item) for word, item in value.items()}
        else:
            words[RENAMED.get(key, key)] = plain([_urls(tier) for tier in value] if key in _URLS else value)
    return (args, kw), words


def _where(word: str, value: Any) -> Any:
    if word == "peer" and isinstance(value, Node):
        return value.address[0]
    if word == "torrent" and isinstance(value, (Spec, Torrent)):
        return (value.info_hash or b"").hex()
    return value.hex() if isinstance(value, bytes) else plain(value)


def recorded(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """The method, telling the recorder of its world of each call."""
    signature = inspect.signature(method)
    kind = WORDS[name].owner

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kw: Any) -> Any:
        lab = _lab_of(kind, self)
        recorder = None if lab is None else recorder_of(lab)
        if recorder is None:
            return method(self, *args, **kw)
        try:
            (args, kw), words = _arguments(name, signature, self, args, kw)
        except TypeError as error:
            if str(error).startswith("a plan cannot"):
                recorder.cannot(str(error))
            return method(self, *args, **kw)  # nonsense is refused there
        if name not in TARGET_IS_ARGUMENT:
            words = {**_subject(kind, self), **words}
        if name in ("gate", "disk.quota", "disk.fail", "disk.stall"):
            words["as"] = recorder.new_handle(name.rpartition(".")[2])
        return _tell(recorder, name, words, lambda: method(self, *args, **kw))

    return call


def _tell(recorder: Recorder, name: str, words: dict[str, Any], call: Callable[[], Any]) -> Any:
    lab = recorder._lab
    if name in ("add", "peer") and lab._first_spec is not None and words.get("torrent") == lab._first_spec.name:
        del words["torrent"]
    elif name == "peer":
        words.setdefault("torrent", None)
    makes = name in (*_LISTED, "torrent", "gate", "tracker")
    if not makes:
        recorder.note(name, words)
    place = recorder.position() if makes else None
    try:
        with _within(recorder, True):
            made = call()
    except (ValueError, TypeError, IndexError, Error):
        recorder.was_refused(name)
        raise
    if makes:  # what was refused was not made
        if name == "torrent":
            _tell_torrent(lab, made, words)
        recorder.note(name, words, place)
    if "as" in words and made is not None:
        made._called = (lab, words["as"])
    return made


def _tell_torrent(lab: Lab, made: Spec, words: dict[str, Any]) -> None:
    if lab._first_spec is None:
        lab._first_spec = made
    else:
        words["name"] = made.name


def _called_due(method: Callable[..., Any]) -> Callable[..., Any]:
    """Calls at their time are made by the user, whatever is being waited for."""

    @functools.wraps(method)
    def call(self: Any) -> None:
        recorder = self._lab._recorder
        if recorder is None or recorder._end is not None or not self._calls:
            method(self)
            return
        with _within(recorder, False):
            method(self)

    return call


def _alarmed(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def add_call(self: Any, when: float, call: Callable[[], object]) -> None:
        recorder = recorder_of(self._lab)
        if recorder is not None:
            recorder.note("alarm", {"when": when})
        method(self, when, call)

    return add_call


def install(owners: dict[str, tuple[type, ...]]) -> None:
    """Wraps each method that an operation stands for. owners: the classes behind the words of the table."""
    for name, word in WORDS.items():
        for owner in owners.get(word.owner, ()):
            if name != "restart" and word.owner != "assigned":
                setattr(owner, word.method, recorded(name, getattr(owner, word.method)))
    for owner in owners["assigned"]:
        for name, word in WORDS.items():
            if word.owner == "assigned" and name.startswith(f"{owner.__name__.lower()}."):
                before = inspect.getattr_static(owner, word.method)
                setattr(owner, word.method, before.setter(recorded(name, before.fset)))
    for along in owners["along"]:
        along.call_due = _called_due(along.call_due)  # type: ignore[attr-defined]
        along.add_call = _alarmed(along.add_call)  # type: ignore[attr-defined]
