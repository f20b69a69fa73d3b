"""Every public callable with arguments of every wrong type: taken, or refused in words that name no part of ours."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jstorrent as jst
import pytest

from tests.unit.python.conftest import Payload, SessionMaker

WRONG: list[Any] = [None, True, 1, -1, 2**70, 1.5, float("nan"), "text", "\udcff", b"bytes", (), [None], {}, {"a": None},
                    object(), int, lambda: None]  # fmt: skip
INSIDE = re.compile(
    r"incompatible|Invoked with|_core|SupportsInt|has no attribute|not supported between|must be real number"
    r"|object is not|object cannot be|argument must be|has no len|not iterable|expected str, bytes or"
    r"|surrogates not allowed|Python int too large|C (?:int|long)|positional argument|std::|cast"
)
RIGHT: dict[str, Any] = {
    "condition": "stopped", "timeout": 0, "piece": 0, "index": 0, "file": 0, "priority": 4, "place": "top",
    "address": ("192.0.2.1", 5), "host": "192.0.2.1", "info_hash": "ab" * 20, "tiers": (), "urls": (), "on": True,
    "interval": 0.5, "data": b"de", "uri": f"magnet:?xt=urn:btih:{'ab' * 20}",
}  # fmt: skip
SKIPPED = {"self", "cls", "args", "kwargs", "given", "named", "types", "changes"}


def arguments(function: Any) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name not in SKIPPED]


def members(thing: object) -> Iterator[tuple[str, Any]]:
    for name, member in vars(type(thing)).items():
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, classmethod)):
            yield name, getattr(thing, name)


@pytest.fixture
def call(open_session: SessionMaker, payload: Payload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.chdir(tmp_path)
    right = RIGHT | {"source": payload.metainfo, "save_path": payload.empty, "path": tmp_path / "elsewhere"}

    def call_it(function: Any, name: str, wrong: Any) -> None:
        words = {n: right[n] for n, p in inspect.signature(function).parameters.items()
                 if n in right and (p.default is p.empty or n == "timeout")}  # fmt: skip
        result = function(**{**words, name: wrong})
        if inspect.iscoroutine(result):
            asyncio.run(result)

    return call_it


def complaints(call: Callable[..., Any], label: str, function: Any, tried: Callable[[str, Any], bool]) -> list[str]:
    found = []
    for name in arguments(function):
        for wrong in WRONG:
            if not tried(name, wrong):
                continue
            try:
                call(function, name, wrong)
            except (TypeError, ValueError, LookupError, jst.Error) as error:
                if INSIDE.search(str(error)):
                    found.append(f"{label}({name}={wrong!r}): {type(error).__name__}: {error}")
            except Exception as error:  # noqa: BLE001 - this is what is looked for
                found.append(f"{label}({name}={wrong!r}): {type(error).__name__}: {error}")
    return found


def everything(name: str, wrong: Any) -> bool:
    return True


def ends_soon(name: str, wrong: Any) -> bool:
    if name == "condition" and callable(wrong):
        return False  # its mistakes are its own
    return name != "timeout" or wrong in (-1, "text", b"bytes", ()) or not isinstance(wrong, (int, float, type(None)))


def test_methods_of_a_session(session: jst.Session, call: Callable[..., Any]) -> None:
    found = []
    for name, method in members(session):
        if name not in ("close", "save"):
            found += complaints(call, name, method, everything)
    found += complaints(call, "close", session.close, everything)
    assert not found, "\n".join(found)


def test_methods_of_a_torrent(torrent: jst.Torrent, call: Callable[..., Any]) -> None:
    torrent.stop()
    found = []
    for name, method in members(torrent):
        if name != "remove":
            endless = name.startswith("wait") or name == "watch"
            found += complaints(call, name, method, ends_soon if endless else everything)
    found += complaints(call, "remove", torrent.remove, everything)
    assert not found, "\n".join(found)


def test_methods_of_values_and_streams(session: jst.Session, payload: Payload, call: Callable[..., Any]) -> None:
    stream = session.events()
    stream.close()
    magnet = jst.Magnet.parse(payload.metainfo.magnet())
    found = []
    for thing in (payload.metainfo, magnet, stream, jst.Settings()):
        for name, method in members(thing):
            found += complaints(call, f"{type(thing).__name__}.{name}", method, everything)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ["Session", "Magnet", "create_torrent", "bencode", "bdecode"])
def test_functions_and_constructors(name: str, payload: Payload, call: Callable[..., Any]) -> None:
    thing = getattr(jst, name)
    if name in ("bencode", "bdecode"):  # compiled: they take one argument, by its place
        def function(value: Any) -> None:
            thing(value)
    elif name == "create_torrent":
        def function(**words: Any) -> None:
            thing(**{"path": payload.directory, **words})
        function.__signature__ = inspect.signature(thing)  # type: ignore[attr-defined]
    else:
        def function(**words: Any) -> None:
            made = thing(**({"info_hash": b"h" * 20} if thing is jst.Magnet else {}) | words)
            if isinstance(made, jst.Session):
                made.close(0)
            else:
                str(made)
        function.__signature__ = inspect.signature(thing)  # type: ignore[attr-defined]
    found = complaints(call, name, function, everything)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda s, t: t.set_sequential("yes"), "Torrent.set_sequential(): on must be True or False, not 'yes'"),
        (lambda s, t: s.ban(None), "Session.ban(): host must be str, not None"),
        (lambda s, t: s.ban("192.0.2.1", "long"), "Session.ban(): seconds must be float or None, not 'long'"),
        (lambda s, t: t.wait(timeout="5"), "Torrent.wait(): timeout must be float or None, not '5'"),
        (lambda s, t: t.move(None), "Torrent.move(): path must be str or a path, not None"),
        (lambda s, t: jst.Magnet.parse(None), "Magnet.parse(): uri must be str, not None"),
        (lambda s, t: jst.Metainfo.parse("text"), "Metainfo.parse(): data must be bytes or bytearray or memoryview, not 'text'"),
    ],
)
def test_what_is_wanted_is_said(session: jst.Session, torrent: jst.Torrent, act: Any, words: str) -> None:
    with pytest.raises(TypeError) as caught:
        act(session, torrent)
    assert str(caught.value) == words


def test_a_mistake_of_the_users_own_function_stays_theirs(torrent: jst.Torrent) -> None:
    def condition(status: jst.TorrentStatus) -> bool:
        return status + 1  # type: ignore[operator, no-any-return]

    with pytest.raises(TypeError, match="unsupported operand"):
        torrent.wait(condition, 1)
