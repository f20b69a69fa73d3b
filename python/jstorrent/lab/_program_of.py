"""A plan as a Python program: what a person would have written, with public names only."""

from __future__ import annotations

import keyword
import re
from typing import TYPE_CHECKING, Any

from jstorrent.lab._words import NAMED, POSITION, WORDS

if TYPE_CHECKING:
    from jstorrent.lab._plan import Plan

_NODE_WORDS = ("a", "b", "node", "engine", "client", "address", "peers", "host", "core", "nodes")
_OF_ADD = ("have", "peers", "magnet")
_ASKS_RUNNING = ("add", "session.add", "session.configure", "session.save", "session.close", "session.ban", "session.unban")
_MAY_MISS = ("disk.write", "disk.delete", "disk.truncate", "disk.corrupt")


class _Program:
    """The lines of one program."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.lines: list[str] = []
        self.nodes: dict[str, str] = {}
        self.specs: dict[str, str] = {"": "spec"}
        self.handles: dict[str, str] = {}
        self.may_be_down: set[str | None] = set()
        self.taken = {"lab", "spec", "phases", "jst", "t", "suppress"}
        self.at: tuple[Any, ...] = (0, 0, False)
        self.imports = {"from jstorrent.lab import Lab"}

    def name(self, word: str) -> str:
        """An identifier that reads like the word."""
        made = re.sub(r"\W+", "_", word).strip("_").lower() or "node"
        made = f"n{made}" if made[0].isdigit() or keyword.iskeyword(made) else made
        unique, number = made, 2
        while unique in self.taken:
            unique, number = f"{made}_{number}", number + 1
        self.taken.add(unique)
        return unique

    def value(self, word: str, value: Any) -> str:
        """An argument as source."""
        if isinstance(value, dict) and set(value) == {"hex"}:
            return repr(bytes.fromhex(value["hex"]))
        if word == "handshake" and isinstance(value, dict):
            self.imports.add("from jstorrent.lab import Handshake")
            return f"Handshake.of({value!r})"
        if word in _NODE_WORDS:
            if isinstance(value, str):
                return self.nodes.get(value, repr(value))
            if isinstance(value, list) and not (len(value) == 2 and isinstance(value[1], int)):
                return f"[{', '.join(self.value(word, item) for item in value)}]"
            if isinstance(value, list):
                return repr(tuple(value))
        if word in ("torrent", "spec") and (value or "") in self.specs:
            return self.specs[value or ""]
        if word == "tiers":
            return f"[{', '.join(self.tier(tier) for tier in value)}]"
        if word == "offset" and isinstance(value, list):
            return repr(tuple(value))
        if word == "priorities" and isinstance(value, dict):
            value = {int(key) if key.isdecimal() else key: item for key, item in value.items()}
        if word in ("added", "dropped") and isinstance(value, list):
            value = [tuple(item) for item in value]
        return repr(value)

    def tier(self, value: Any) -> str:
        """A url, or the name of a tracker, or a list of such."""
        if isinstance(value, str):
            return f"{self.nodes[value]}.url" if value in self.nodes else repr(value)
        return f"[{', '.join(self.tier(item) for item in value)}]"

    def words(self, entry: dict[str, Any], but: tuple[str, ...] = ()) -> str:
        """Keyword arguments as source."""
        return ", ".join(
            f"{NAMED.get(key, key)}={self.value(key, item)}"
            for key, item in entry.items()
            if key not in POSITION and key not in but
        )

    def say(self, line: str) -> None:
        """One line within the block of the laboratory."""
        self.lines.append(f"    {line}")

    # -- what is there

    def torrent(self, words: dict[str, Any], variable: str) -> None:
        """Makes a torrent."""
        self.say(f"{variable} = lab.torrent({self.words(words)})")

    def node(self, name: str) -> None:
        """Makes a listed node."""
        entry = next(each for each in [*self.plan.engines, *self.plan.peers] if each["name"] == name)
        variable = self.nodes[name] = self.name(name)
        first = repr(name)
        if entry in self.plan.peers:
            spec = entry.get("torrent", "")
            if spec is not None:
                first += f", {self.specs[spec]}"
            rest = self.words(entry, ("name", "torrent"))
            self.say(f"{variable} = lab.peer({first}{', ' if rest else ''}{rest})")
        else:
            rest = self.words(entry, ("name", *_OF_ADD))
            self.say(f"{variable} = lab.engine({first}{', ' if rest else ''}{rest})")

    def beginning(self) -> None:
        """As Performance.set_up does it."""
        plan = self.plan
        by_hand = {op["name"] for op in plan.ops if op["op"] in ("engine", "peer")}
        added = {op.get("node") for op in plan.ops if op["op"] in ("add", "session.add")}
        self.torrent(plan.torrent, "spec")
        if plan.torrent.get("name"):
            self.specs[plan.torrent["name"]] = "spec"
        self.specs.setdefault("torrent-1", "spec")
        own = [entry["name"] for entry in [*plan.engines, *plan.peers] if entry["name"] not in by_hand]
        for name in own:
            self.node(name)
        for entry in plan.links:
            self.say(f"lab.net.access({self.words(entry)})")
        engines = {entry["name"]: entry for entry in plan.engines}
        for name in own:
            if name in engines and name not in added:
                self.add_at_once(engines[name], own, engines)

    def add_at_once(self, entry: dict[str, Any], own: list[str], engines: dict[str, Any]) -> None:
        """The add() that a plan need not say."""
        words = {key: value for key, value in entry.items() if key in _OF_ADD}
        if "peers" not in words and words.get("have") != "all":
            at = own.index(entry["name"])
            words["peers"] = [
                other
                for index, other in enumerate(own)
                if index != at and (index < at or other not in engines or engines[other].get("have", "none") != "none")
            ]
        rest = self.words(words)
        self.say(f"{self.nodes[entry['name']]}.add(spec{', ' if rest else ''}{rest})")

    # -- what happens

    def reach(self, op: dict[str, Any]) -> None:
        """The time that passes before an operation."""
        place = (op.get("at", 0), op.get("turn"), op.get("early", False))
        if place != self.at and place != (0, None, False):  # at first, no time has passed
            at, turn, early = place
            more = (f", {turn}" if turn is not None else "") + (", early=True" if early else "")
            self.say(f"lab.reach({at!r}{more})")
        self.at = place

    def note_who_may_be_down(self, op: dict[str, Any]) -> None:
        """What is asked of an engine that may be down is asked with care."""
        if op["op"] in ("stop", "crash"):
            self.may_be_down.add(op.get("node"))
        elif op["op"] in ("start", "restart"):
            self.may_be_down.discard(op.get("node"))
        elif op.get("action") == "crash":
            self.may_be_down.add(None)

    def operation(self, op: dict[str, Any]) -> None:
        """One operation."""
        self.reach(op)
        self.note_who_may_be_down(op)
        name, word = op["op"], WORDS[op["op"]]
        if name == "torrent":
            variable = self.specs[op["name"]] = self.name(op["name"])
            self.torrent({key: value for key, value in op.items() if key not in POSITION}, variable)
        elif name in ("engine", "peer"):
            self.node(op["name"])
        elif name == "end":
            return
        elif name == "alarm":
            self.say(f"lab.at({op['when']!r}, int)")
        elif name == "recover":
            self.recover(op)
        elif word.owner in ("gate", "fault"):
            if op.get("of") in self.handles:
                self.say(f"{self.handles[op['of']]}.{word.method}()")
        elif word.owner == "assigned":
            self.say(f"{self.nodes[op['node']]}.{word.method} = {op['value']!r}")
        else:
            self.call(op)

    def recover(self, op: dict[str, Any]) -> None:
        """The second phase begins."""
        self.imports.add("from jstorrent.lab import phases")
        told = op.get("core", [])
        core = self.value("core", [told] if isinstance(told, str) else told)
        faults = [variable for name, variable in self.handles.items() if name in self.faults]
        more = f", [{', '.join(faults)}]" if faults else ""
        self.say(f"phases.recover(lab, {core}{more})")

    @property
    def faults(self) -> set[str]:
        """The names of those handles that are faults of disks."""
        return {op["as"] for op in self.plan.ops if "as" in op and op["op"].startswith("disk.")}

    def call(self, op: dict[str, Any]) -> None:
        """A method of something."""
        name, word = op["op"], WORDS[op["op"]]
        node = self.nodes.get(str(op.get("node")), "lab")
        line = self.made(op, name, word.owner, word.method, node)
        if "as" in op:
            variable = self.handles[op["as"]] = self.name(str(op["as"]))
            line = f"{variable} = {line}"
        if name == "tracker":
            self.nodes[op["name"]] = self.name(op["name"])
            line = f"{self.nodes[op['name']]} = {line}"
        indent = ""
        if name in _MAY_MISS or "refused" in op:
            self.imports |= {"from contextlib import suppress", "import jstorrent as jst"}
            errors = "jst.Error" if "refused" in op else "jst.DiskError"
            self.say(f"with suppress({errors}, ValueError, TypeError, IndexError):")
            indent = "    "
        if word.owner == "torrent":
            spec = self.specs[op.get("torrent") or ""]
            self.say(f"{indent}if t := {node}.torrent({spec}):")
            indent += "    "
        elif name in _ASKS_RUNNING and (op.get("node") in self.may_be_down or None in self.may_be_down):
            self.say(f"{indent}if {node}.running:")
            indent += "    "
        self.say(indent + line)

    def made(self, op: dict[str, Any], name: str, owner: str, method: str, node: str) -> str:
        """The call itself."""
        if owner in ("net", "clock"):
            return f"lab.{owner}.{method}({self.words(op)})"
        if name == "gate":
            where = ", ".join(f"{key}={self.value(key, value)}" for key, value in op.get("where", {}).items())
            return f"lab.gate({self.words(op, ('where',))}{', ' if where else ''}{where})"
        if owner == "lab":
            return f"lab.{method}({self.words(op)})"
        if owner == "torrent":
            return f"t.{method}({self.words(op, ('node', 'torrent', 'key'))})"
        if owner == "engine" and method == "add":
            rest = self.words(op, ("node", "torrent"))
            return f"{node}.add({self.specs[op.get('torrent') or '']}{', ' if rest else ''}{rest})"
        if name == "peer.answer":
            return f"{node}.answer(next(r for r in {node}.ledger.requests if (r.connection, r.piece, r.begin) == {_place(op)!r}))"
        between = {"disk": ".disk", "session": ".session", "sockets": ".sockets"}.get(owner, "")
        return f"{node}{between}.{method}({self.words(op, ('node',))})"


def _place(op: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(op["request"][key] for key in ("connection", "piece", "begin"))


def program_of(plan: Plan) -> str:
    """The program, with its imports."""
    made = _Program(plan)
    made.beginning()
    for op in plan.ops:
        made.operation(op)
    if not plan.ops or plan.ops[-1]["op"] != "end":
        made.imports.add("from jstorrent.lab import phases")
        made.say(f"phases.finish(lab, within={plan.within!r})")
    names = sorted(line.removeprefix("from jstorrent.lab import ") for line in made.imports if "lab import" in line)
    imports = sorted(line for line in made.imports if "lab import" not in line)
    without = f", without={plan.without!r}" if plan.without else ""
    head = [*imports, f"from jstorrent.lab import {', '.join(names)}", "", f"with Lab(seed={plan.seed}{without}) as lab:"]
    return "\n".join([*head, *made.lines]) + "\n"
