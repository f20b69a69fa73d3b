"""Plans that were written by hand, with mistakes in them: each is a ValueError that says where it stands and what is known."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jstorrent.lab import Plan, run
from jstorrent.lab._shrink import shrink

TWO = [{"name": "client"}, {"name": "good", "have": "all"}]
LIAR = [{"name": "liar"}]


def op(word: str, **words: Any) -> list[dict[str, Any]]:
    return [{"at": 0.1, "op": word, **words}]


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"torrent": {"pices": 4}}, "torrent: no such argument of a torrent: 'pices' (known: files, name, piece_length, pieces,"),
    ({"torrent": {"pieces": "4"}}, "torrent: "),
    ({"engines": None}, "engines is a list of dicts of arguments, not None"),
    ({"ops": 3}, "ops is a list of dicts of arguments, not 3"),
    ({"engines": [{"name": "client", "upload_slots": "many"}]}, "client: upload_slots must be a number"),
    ({"engines": [{"name": "client", "peers": ["nobody"]}]}, "client: no such node in this plan: 'nobody' (known: client)"),
    ({"engines": [{"name": "client", "have": ["x"]}]}, "client: "),
    ({"peers": [{"name": "liar", "hav": "all"}]}, "liar: no such argument of a peer: 'hav' (known: auto, behave,"),
    ({"links": [{"down": 5}]}, "links[0]: needs 'node'"),
    ({"links": [{"node": "client", "speed": 5}]}, "links[0]: no such argument of a link: 'speed' (known: down, jitter,"),
    ({"within": float("inf")}, "within is seconds"),
    ({"ops": op("check", turn="x")}, "check: turn counts the rounds of the world, not 'x'"),
    ({"ops": op("disk.fail", node="client")}, "disk.fail needs 'operation'"),
    ({"ops": op("net.partition", a=["client"])}, "net.partition needs 'b'"),
    ({"ops": op("peer.answer", node="liar")}, "peer.answer needs 'request'"),
    ({"ops": op("engine", name=["x"])}, "engine: name is that of a node, not ['x']"),
    ({"ops": op("crash", node=["client"])}, "crash: node is that of a node, not ['client']"),
    ({"ops": op("crash", node="client", mode="soft")}, "ops[0] crash: no such crash mode: 'soft'"),
    ({"ops": op("crash", node="liar"), "peers": LIAR}, "ops[0] crash: 'liar' is a scripted peer, not an engine"),
    ({"ops": op("peer.send_have", node="client", piece=0)}, "'client' is an engine, not a scripted peer"),
    ({"ops": op("peer.send_raw", node="liar", data="00"), "peers": LIAR}, "ops[0] peer.send_raw: "),
    ({"ops": op("session.configure", node="client", upload_slotz=1)}, "ops[0] session.configure: no such setting: 'upload_slotz'"),
    ({"ops": op("gate.release", of="g")}, "gate.release: nothing that is called 'g' (no gate before it says \"as\")"),
    (
        {"ops": [*op("gate", point="hash.done", **{"as": "g"}), *op("disk.clear", of="g")]},
        "disk.clear: nothing that is called 'g' (no disk.fail before it",
    ),
    (
        {"ops": [*op("gate", point="hash.done", **{"as": "g"}), *op("gate.release", of="h")]},
        "gate.release: nothing that is called 'h' (known: g)",
    ),
]


@pytest.mark.parametrize(("words", "why"), MISTAKES)
def test_a_mistake_is_a_sentence(words: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        run(Plan(**{"seed": 7, "torrent": {"pieces": 4}, "engines": TWO, **words}))


def test_one_name_is_a_list_of_one() -> None:
    ops = [*op("net.partition", a="client", b="good"), {"at": 2, "op": "recover", "core": "good"}]
    plan = Plan(seed=7, torrent={"pieces": 4}, engines=TWO, ops=ops, without="leaks")  # type: ignore[arg-type]
    assert plan.without == ["leaks"]
    assert run(plan).ok
    exec(plan.to_python(), {})  # noqa: S102


def test_what_a_world_wrote_down_is_shrunk_without_nonsense() -> None:
    ops = [{"at": 0.1, "turn": 9, "op": "gate.release", "of": None}, *op("session.ban", node="client", host="10.9.9.9")]
    plan = Plan(seed=7, torrent={"pieces": 64}, engines=TWO, ops=ops, within=0.01)
    made = shrink(plan, run, seconds=20)
    assert made.plan.ops == [] and run(made.plan).oracle == "until"


@pytest.mark.parametrize("command", ["run", "keep"])
def test_a_mistake_is_one_line_of_the_shell(tmp_path: Path, command: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"seed": 1, "torrent": {"pices": 4}, "engines": [{"name": "client"}]}))
    told = subprocess.run(
        [sys.executable, "-m", "jstorrent.cli", "lab", command, str(path)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert told.returncode == 2
    assert told.stderr.startswith("jstorrent: torrent: no such argument") and len(told.stderr.splitlines()) == 1
