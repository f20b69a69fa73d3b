"""Plans: whole runs of a simulated world as JSON, and tokens, which are plans in one word.

A plan is a seed and the arguments of calls: of lab.torrent, lab.engine, lab.peer, lab.net.access, and of named operations.
"""

from __future__ import annotations

import base64
import binascii
import copy
import dataclasses
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jstorrent.lab._failure import check_word
from jstorrent.lab._words import POSITION, SUBJECTS, plain
from jstorrent.lab._words import WORDS as OPERATIONS

VERSION: Final = 1
LONGEST_PLAN: Final = 16 << 20
"""Bytes of JSON: a longer one is refused, in whatever form it comes."""
_MARK: Final = "jst1"
# What the JSON of plans is made of, as far as it is the same in many: tokens are shorter for it. Part of the format.
_COMMON: Final = (
    b'"op":"disk.fail","operation":"write","error":"ENOSPC","op":"gate","point":"hash.done","action":"hold","where":{"piece":'
    b'"op":"torrent.resume","op":"torrent.stop","op":"torrent.start","op":"torrent.pause","op":"restart","op":"crash","turn":'
    b'"op":"net.cut_after","nbytes":,"how":"rst","op":"net.link","latency":0.05,"rate":1000000,"op":"net.partition","a":["b":["'
    b'"op":"recover","core":["good"]},{"at":0.0,"op":"add","node":"client","peers":["liar"],"have":"all"},{"at":'
    b'{"behave":[{"kind":"corrupt","p":0.5}],"name":"liar"}],"request_timeout":"upload_slots":"links":[],"ops":[{"at":'
    b'{"engines":[{"name":"client"},{"have":"all","name":"good"}],"peers":[{"name":"p1"}],"seed":1,"torrent":{"piece_length":'
    b'32768,"pieces":8},"version":1,"within":600}'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run as data: the same plan gives the same fingerprint, in any process.

    torrent: the arguments of lab.torrent. engines, peers: those of lab.engine and lab.peer, and for engines `have`,
    `peers`, `magnet` of add(): an engine for which no operation says otherwise adds the torrent at once and dials whoever
    has something. links: those of lab.net.access. ops: {"at": seconds, "op": word, ...} with the arguments of that
    operation; nodes by their names, bytes as {"hex": digits}. within: seconds in which everybody must have completed
    when all is done. without: oracles that are off.
    """

    seed: int
    torrent: dict[str, Any] = field(default_factory=dict)
    engines: list[dict[str, Any]] = field(default_factory=list)
    peers: list[dict[str, Any]] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)
    ops: list[dict[str, Any]] = field(default_factory=list)
    within: float = 600
    version: int = VERSION
    without: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise ValueError(f"a plan needs a seed, a whole number, not {self.seed!r}")  # noqa: TRY004
        if self.version != VERSION:
            raise ValueError(f"a plan of version {self.version!r}: this jstorrent knows version {VERSION}")
        if isinstance(self.within, bool) or not isinstance(self.within, int | float) or not 0 < self.within < 1e12:
            raise ValueError(f"within is seconds, more than 0, not {self.within!r}")
        for name in ("engines", "peers", "links", "ops"):
            object.__setattr__(self, name, _entries(name, getattr(self, name)))
        object.__setattr__(self, "torrent", _entry("torrent", self.torrent))
        without = [self.without] if isinstance(self.without, str) else self.without
        object.__setattr__(self, "without", sorted(set(map(str, without))))
        _check_names(self)
        for op in self.ops:
            _check_operation(op)
        _check_handles(self.ops)

    def replace(self, **changes: Any) -> Plan:
        """Another plan, with these fields instead."""
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        made = {name.name: copy.deepcopy(getattr(self, name.name)) for name in dataclasses.fields(self)}
        if not made["without"]:
            del made["without"]
        return made

    def to_json(self, indent: int | None = None) -> str:
        """As JSON; equal plans give equal text."""
        separators = (",", ":") if indent is None else None
        return json.dumps(self.to_dict(), sort_keys=True, indent=indent, separators=separators)

    @classmethod
    def from_json(cls, text: str | bytes) -> Plan:
        """A plan from its JSON; ValueError says what is wrong with it."""
        if len(text) > LONGEST_PLAN:
            raise ValueError(f"a plan has at most {LONGEST_PLAN} bytes of JSON, this one has {len(text)}")
        try:
            facts = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"no plan: {error}") from None
        if not isinstance(facts, dict):
            raise ValueError("no plan: it is not a JSON object")  # noqa: TRY004
        known = [field.name for field in dataclasses.fields(cls)]
        for name in facts:
            check_word(name, known, "field of a plan")
        if "seed" not in facts:
            raise ValueError("no plan: it has no seed")
        try:
            return cls(**facts)
        except RecursionError:
            raise ValueError("no plan: it is nested too deep") from None

    def to_python(self) -> str:
        """A program that does the same with the laboratory, to be read, run and changed."""
        from jstorrent.lab._program_of import program_of

        return program_of(self)

    @property
    def token(self) -> str:
        """The plan in one word, made by this version of the engine."""
        return token_of(self)

    def __hash__(self) -> int:
        return hash(self.to_json())


def _entries(name: str, value: Any) -> list[dict[str, Any]]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise ValueError(f"{name} is a list of dicts of arguments, not {value!r}")  # noqa: TRY004
    return [_entry(name, each) for each in value]


def _entry(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{name}: each entry is a dict of arguments, not {value!r}")  # noqa: TRY004
    made = {str(key): plain(item) for key, item in value.items()}
    if name in ("engines", "peers") and not isinstance(made.get("name"), str):
        raise ValueError(f"{name}: each entry has a name: {value!r}")
    return made


def _check_names(plan: Plan) -> None:
    seen: set[str] = set()
    for entry in [*plan.engines, *plan.peers]:
        if entry["name"] in seen:
            raise ValueError(f"two nodes are called {entry['name']!r}")
        seen.add(entry["name"])


def _check_operation(op: dict[str, Any]) -> None:
    check_word(op.get("op", ""), OPERATIONS, "operation")
    at = op.get("at", 0)
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at < 1e12:
        raise ValueError(f"{op['op']}: at is seconds, at least 0, not {at!r}")
    turn = op.get("turn", 0)
    if isinstance(turn, bool) or not isinstance(turn, int) or turn < 0:
        raise ValueError(f"{op['op']}: turn counts the rounds of the world, not {turn!r}")
    known = (*POSITION, *SUBJECTS, *OPERATIONS[op["op"]].words)
    if not OPERATIONS[op["op"]].takes_more:
        for word in op:
            if word not in known:
                raise ValueError(f"{op['op']} has no {word!r} (known: {', '.join(sorted(known))})")
    for word in OPERATIONS[op["op"]].needs:
        if word not in op:
            raise ValueError(f"{op['op']} needs {word!r}")
    for word in ("node", "name") if op["op"] != "net.access" else ():
        if word in op and not isinstance(op[word], str):
            raise ValueError(f"{op['op']}: {word} is that of a node, not {op[word]!r}")


_GIVE: Final = {"gate.release": ("gate",), "gate.remove": ("gate",), "disk.clear": ("disk.fail", "disk.quota", "disk.stall")}


def _check_handles(ops: list[dict[str, Any]]) -> None:
    """Whose it is must be named before; what a world wrote down itself is left alone."""
    made: dict[Any, str] = {}
    for op in ops:
        if op["op"] in _GIVE and "turn" not in op:
            known = [name for name, by in made.items() if by in _GIVE[op["op"]]]
            if op.get("of") not in known:
                found = f"(known: {', '.join(map(str, known))})" if known else f'(no {_GIVE[op["op"]][0]} before it says "as")'
                raise ValueError(f"{op['op']}: nothing that is called {op.get('of')!r} {found}")
        if "as" in op:
            made[str(op["as"])] = op["op"]


def names_of(plan: Plan) -> list[str]:
    """The nodes of a plan, in the order in which they are listed."""
    return [entry["name"] for entry in [*plan.engines, *plan.peers]]


# -- tokens


def token_of(plan: Plan) -> str:
    """One word for a plan: the version of the engine that it was made with, and the whole plan, packed."""
    from jstorrent import __version__

    packer = zlib.compressobj(9, zlib.DEFLATED, 15, 9, zlib.Z_DEFAULT_STRATEGY, _COMMON)
    packed = packer.compress(plan.to_json().encode()) + packer.flush()
    return f"{_MARK}-{__version__.replace('-', '_')}-{base64.urlsafe_b64encode(packed).decode().rstrip('=')}"


def plan_of(token: str) -> tuple[Plan, str]:
    """The plan of a token and the version of the engine that made it; ValueError when it is none."""
    mark, _, rest = token.strip().partition("-")
    version, _, body = rest.partition("-")
    if mark != _MARK or not body:
        raise ValueError(f"no token: {token[:40]!r} (one begins with {_MARK}-, the version and a dash)")
    try:
        packed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        unpacker = zlib.decompressobj(15, _COMMON)
        text = unpacker.decompress(packed, LONGEST_PLAN + 1)
    except (binascii.Error, zlib.error) as error:
        raise ValueError(f"a token that is damaged: {error}") from None
    if len(text) <= LONGEST_PLAN and (not unpacker.eof or unpacker.unused_data):
        raise ValueError("a token that is damaged: it is not whole")
    return Plan.from_json(text), version


def resolve(plan: Plan | str) -> Plan:
    """A plan, or that of a token; warns when another version of the engine made it."""
    if isinstance(plan, Plan):
        return plan
    if not isinstance(plan, str):
        raise TypeError(f"what is run is a Plan or a token, not {plan!r}")
    import warnings

    from jstorrent import __version__

    found, version = plan_of(plan)
    if version != __version__.replace("-", "_"):
        warnings.warn(
            f"the token was made by jstorrent {version}, this is {__version__}: the run may differ", stacklevel=3
        )
    return found


def load_plans(paths: Iterable[Any]) -> list[Plan]:
    """Plans from files."""
    found = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            found.append(Plan.from_json(file.read(LONGEST_PLAN + 1)))
    return found
