"""A plan at work in one world: its nodes are made, and its operations performed at their moments."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from jstorrent._errors import DiskError, Error, RemovedError
from jstorrent._torrent import Torrent
from jstorrent.lab import phases
from jstorrent.lab._engine import Engine
from jstorrent.lab._failure import check_word
from jstorrent.lab._lab import Lab
from jstorrent.lab._node import Node
from jstorrent.lab._peer import Peer
from jstorrent.lab._plan import Plan
from jstorrent.lab._spec import Spec
from jstorrent.lab._tracker import Tracker
from jstorrent.lab._words import NAMED, POSITION, RENAMED, WORDS, Word, fancy

_OF_ADD = ("have", "peers", "magnet")
_ENDS = ("end",)
_OF_TORRENTS = tuple(inspect.signature(Lab.torrent).parameters)[1:]
_OF_PEERS = ("name", "torrent", *tuple(inspect.signature(Peer).parameters)[3:])
_OF_LINKS = WORDS["net.access"].words
_WHAT = {Engine: "an engine", Peer: "a scripted peer", Tracker: "a tracker"}


class Nonsense(ValueError):
    """What a plan asks for cannot be: `error` says why, and where in the plan."""

    def __init__(self, error: Exception, where: str = "") -> None:
        super().__init__(str(error))
        self.error = error
        self.where = where


@contextmanager
def _refusing(where: str) -> Iterator[None]:
    """Nonsense in the plan is told apart from what a world does, and says where in the plan it stands."""
    try:
        yield
    except Nonsense:
        raise
    except (ValueError, TypeError, IndexError) as error:
        raise Nonsense(ValueError(f"{where}: {_in_words_of_plans(error)}"), where) from error


def _in_words_of_plans(error: Exception) -> str:
    """What Python says of arguments, as who wrote the plan knows them."""
    text = str(error)
    found = re.search(r"got an unexpected keyword argument '(\w+)'", text)
    if found:
        return f"there is no argument {RENAMED.get(found[1], found[1])!r}"
    return re.sub(r"^\w[\w.]*\(\) ", "", text)


def _check_words(entry: Iterable[str], known: Iterable[str], what: str, needs: Iterable[str] = ()) -> None:
    for word in entry:
        check_word(word, known, what)
    for word in needs:
        if word not in entry:
            raise ValueError(f"needs {word!r}")


class Performance:
    """One plan in one world."""

    def __init__(self, plan: Plan, lab: Lab) -> None:
        self.plan = plan
        self.lab = lab
        self.nodes: dict[str, Any] = {}
        self.specs: dict[str, Spec] = {}
        self.handles: dict[str, Any] = {}
        self._entries = {entry["name"]: entry for entry in [*plan.engines, *plan.peers]}
        self._is_peer = {entry["name"] for entry in plan.peers}
        self._next = 0

    # -- what is there

    def set_up_or_refuse(self) -> None:
        """As set_up(); what is not there yet is nonsense, too."""
        try:
            self.set_up()
        except Error as error:
            raise Nonsense(error) from error

    def set_up(self) -> None:
        """The torrent, and every node that no operation makes."""
        plan = self.plan
        made_by_hand = {op["name"] for op in plan.ops if op["op"] in ("engine", "peer")}
        added = {op.get("node") for op in plan.ops if op["op"] in ("add", "session.add")}
        with _refusing("torrent"):
            _check_words(plan.torrent, _OF_TORRENTS, "argument of a torrent")
            self._make_torrent(plan.torrent)
        own = [name for name in self._entries if name not in made_by_hand]
        for name in own:
            with _refusing(name):
                self._make_node(name)
        for number, entry in enumerate(plan.links):
            with _refusing(f"links[{number}]"):
                _check_words(entry, _OF_LINKS, "argument of a link", ["node"])
                self._net({"op": "net.access", **entry}, WORDS["net.access"])
        for name in own:
            if name not in self._is_peer and name not in added:
                with _refusing(name):
                    self._add_at_once(name, own)

    def _make_torrent(self, words: dict[str, Any]) -> None:
        spec = self.lab.torrent(**self._read(words))
        self.specs.setdefault("", spec)
        self.specs[spec.name] = spec

    def _make_node(self, name: str) -> None:
        words = self._read(self._entries[name], but=("torrent",))
        if name in self._is_peer:
            _check_words(self._entries[name], _OF_PEERS, "argument of a peer")
            which = self._entries[name].get("torrent", "")
            spec = None if which is None else self._spec(which)
            self.nodes[name] = self.lab.peer(words.pop("name"), spec, **words)
        else:
            words = {key: value for key, value in words.items() if key not in _OF_ADD}
            self.nodes[name] = self.lab.engine(**words)

    def _add_at_once(self, name: str, own: list[str]) -> None:
        words = {key: value for key, value in self._read(self._entries[name]).items() if key in _OF_ADD}
        if "peers" not in words and words.get("have") != "all":
            before = own[: own.index(name)]
            words["peers"] = [
                self.nodes[other]
                for other in own
                if other != name and (other in before or other in self._is_peer or self._has(other))
            ]
        for each in words.get("peers", ()):
            if isinstance(each, str) and ":" not in each:  # not an address: the name of a node that is not there
                self._node(each)
        self.nodes[name].add(self._spec(""), **words)

    def _has(self, name: str) -> bool:
        return bool(self._entries[name].get("have", "none") != "none")

    def _spec(self, name: str | None) -> Spec:
        if (name or "") not in self.specs:
            raise ValueError(f"no such torrent in this plan: {name!r}")
        return self.specs[name or ""]

    def _node(self, name: Any, kind: type[Node] = Node) -> Any:
        if name not in self.nodes:
            raise ValueError(f"no such node in this plan: {name!r} (known: {', '.join(self.nodes)})")
        if not isinstance(self.nodes[name], kind):
            raise ValueError(f"{name!r} is {_WHAT[type(self.nodes[name])]}, not {_WHAT[kind]}")  # noqa: TRY004
        return self.nodes[name]

    def _read(self, words: dict[str, Any], but: tuple[str, ...] = ()) -> dict[str, Any]:
        return {
            NAMED.get(key, key): fancy(key, value, self.nodes)
            for key, value in words.items()
            if key not in POSITION and key not in but
        }

    # -- what happens

    def play(self) -> None:
        """Each operation at its moment, in order."""
        ops = self.plan.ops
        while self._next < len(ops):
            op = ops[self._next]
            self.lab.reach(op.get("at", 0), op.get("turn"), op.get("early", False))
            self._next += 1
            self.do(op)

    @property
    def ends_by_hand(self) -> bool:
        """The plan says itself where it ends."""
        return bool(self.plan.ops) and self.plan.ops[-1]["op"] in _ENDS

    def do(self, op: dict[str, Any]) -> None:
        """One operation, now. On what is not there any more, nothing happens. What was refused is refused again."""
        word, where = WORDS[op["op"]], f"ops[{self._next - 1}] {op['op']}"
        try:
            with _refusing(where):
                getattr(self, f"_{word.owner}")(op, word)
        except (RemovedError, DiskError):
            pass  # a file or a torrent that is not there
        except TimeoutError:
            if "turn" not in op:
                raise
        except Nonsense as nonsense:
            if "refused" not in op or nonsense.where != where:  # that of another, which fell into this one
                raise
        except Error as error:
            if "refused" not in op and error.code != "no_metadata":
                raise

    def _call(self, target: Any, word: Word, op: dict[str, Any], but: tuple[str, ...] = ("node",), **more: Any) -> Any:
        made = getattr(target, word.method)(**self._read(op, but), **more)
        if "as" in op:
            self.handles[op["as"]] = made
        return made

    def _lab(self, op: dict[str, Any], word: Word) -> None:
        if word.method == "torrent":
            self._make_torrent({key: value for key, value in op.items() if key not in POSITION})
        elif word.method in ("engine", "peer"):
            if op["name"] not in self._entries:
                raise ValueError(f"no such node in this plan: {op['name']!r}")
            self._make_node(op["name"])
        elif word.method == "gate":
            where = {key: fancy("", value, {}) for key, value in op.get("where", {}).items()}
            self._call(self.lab, word, op, ("where",), **where)
        else:
            made = self._call(self.lab, word, op, ())
            if word.method == "tracker":
                self.nodes[op["name"]] = made

    def _engine(self, op: dict[str, Any], word: Word) -> None:
        node = self._node(op.get("node"), Engine)
        if word.method == "add":
            if node.running:
                words = self._read(op, ("node", "torrent"))
                node.add(self._spec(op.get("torrent")), **words)
        elif word.method == "stop":
            self._blocks(node, node.stop)
        else:
            self._call(node, word, op)

    def _blocks(self, node: Engine, call: Any) -> None:
        """What lets time pass meanwhile; operations that fell into it are performed there."""
        if not node.running:
            return
        node._hook_waits(self._meanwhile if self._during() else None)
        call()

    def _during(self) -> bool:
        return self._next < len(self.plan.ops) and bool(self.plan.ops[self._next].get("during"))

    def _meanwhile(self) -> None:
        while self._during():
            op = self.plan.ops[self._next]
            if op.get("turn", 0) > self.lab.turn or op.get("at", 0) > self.lab.now:
                return
            self._next += 1
            self.do(op)

    def _peer(self, op: dict[str, Any], word: Word) -> None:
        node = self._node(op.get("node"), Peer)
        if word.method == "answer":
            words = self._read(op, ("node", "request"))
            node.answer(SimpleNamespace(**op["request"]), **words)
            return
        words = self._read(op, ("node", "torrent"))
        if op.get("torrent") is not None:
            words["spec"] = self._spec(op["torrent"])
        getattr(node, word.method)(**words)

    def _tracker(self, op: dict[str, Any], word: Word) -> None:
        self._call(self._node(op.get("node"), Tracker), word, op)

    def _assigned(self, op: dict[str, Any], word: Word) -> None:
        setattr(self._node(op.get("node"), Peer if op["op"].startswith("peer.") else Tracker), word.method, op["value"])

    def _net(self, op: dict[str, Any], word: Word) -> None:
        words = self._read(op)
        for key in ("a", "b", "node"):
            for each in [op[key]] if isinstance(op.get(key), str) else op.get(key, []):
                self._node(each)
        getattr(self.lab.net, word.method)(**words)

    def _clock(self, op: dict[str, Any], word: Word) -> None:
        self._call(self.lab.clock, word, op)

    def _disk(self, op: dict[str, Any], word: Word) -> None:
        disk = self._node(op.get("node"), Engine).disk
        if word.method == "corrupt" and disk.size(op["path"]) < op["offset"] + len(fancy("data", op["data"], {})):
            return  # there is nothing to damage
        self._call(disk, word, op)

    def _sockets(self, op: dict[str, Any], word: Word) -> None:
        self._call(self._node(op.get("node"), Engine).sockets, word, op)

    def _fault(self, op: dict[str, Any], word: Word) -> None:
        if op.get("of") in self.handles:
            getattr(self.handles[op["of"]], word.method)()

    _gate = _fault

    def _session(self, op: dict[str, Any], word: Word) -> None:
        node = self._node(op.get("node"), Engine)
        if not node.running:
            return
        if word.method == "save" and "turn" not in op:
            node.session._engine.begin_save()  # it may take for ever: what comes next has its own time
        elif word.method in ("save", "close"):
            self._blocks(node, lambda: self._call(node.session, word, op))
        else:
            self._call(node.session, word, op)

    def _torrent(self, op: dict[str, Any], word: Word) -> None:
        node = self._node(op.get("node"), Engine)
        if not node.running:
            return
        if "key" in op:
            torrent: Torrent | None = Torrent(node.session, op["key"])
        else:
            torrent = node.torrent(self._spec(op.get("torrent")))
        if torrent is not None:
            self._call(torrent, word, op, ("node", "torrent", "key"))

    def _alarm(self, op: dict[str, Any], word: Word) -> None:
        self.lab._lane.alarm(op["when"])

    def _phase(self, op: dict[str, Any], word: Word) -> None:
        if word.method == "recover":
            told = op.get("core", self.honest())
            core = [told] if isinstance(told, str) else told
            faults = [fault for fault in self.handles.values() if hasattr(fault, "clear")]
            phases.recover(self.lab, [self._node(name) for name in core], faults)

    def honest(self) -> list[str]:
        """Nodes that have everything and no bad habit."""
        entries = self._entries.values()
        return [
            entry["name"]
            for entry in entries
            if not entry.get("behave")
            and entry.get("have", "all" if entry["name"] in self._is_peer else "none") == "all"
            and entry["name"] in self.nodes
        ]
