"""The text of a failure: what was asked, when, and how every engine stood. It fits one screen."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jstorrent._errors import Error
from jstorrent._events import BlockReceived, Event
from jstorrent._torrent import Torrent
from jstorrent.lab._engine import Engine
from jstorrent.lab._failure import Report
from mock_peer import Message

if TYPE_CHECKING:
    from jstorrent.lab._lab import Lab

_MOST_ENGINES = 8
_MOST_PEERS = 6
_MOST_PIECES = 10
_MOST_EVENTS = 10
_MOST_SAID = 8
_MOST_LANES = 4
_LINE = 132
_STATES = ("missing", "incomplete", "verifying", "complete")


def make_report(lab: Lab, *, ok: bool, oracle: str | None, error: str | None) -> Report:
    """How the world stands now."""
    from jstorrent import __version__

    timeline = _timeline(lab)
    token = lab.token
    where = f"lane {lab.lane}, seed {lab.seed}, time {lab.now:.6f}"
    head = f"{where}, fingerprint {lab.fingerprint}" if lab.fingerprint else where
    lines = ([error] if error else []) + [head] + describe(lab) + ["last events:", *timeline]
    return Report(
        ok=ok,
        oracle=oracle,
        error=error,
        plan=None if token is None else lab.plan,
        token=token,
        fingerprint=lab.fingerprint,
        virtual_time=lab.now,
        wall_time=lab.wall_time,
        engine_version=__version__,
        timeline=tuple(timeline),
        text="\n".join(lines),
    )


def source_of(condition: Callable[..., Any]) -> str:
    """The line that a condition was written in, as far as it can be found."""
    try:
        lines, _ = inspect.getsourcelines(condition)
    except (OSError, TypeError):
        return getattr(condition, "__name__", repr(condition))
    text = " ".join(line.strip() for line in lines[:3])
    return text if len(text) <= 160 else text[:157] + "..."


def describe(lab: Lab) -> list[str]:
    """A few lines for each engine: torrents, missing pieces, peers. Unfinished ones first."""
    lines: list[str] = []
    engines = sorted(lab.engines, key=_is_at_peace)
    for engine in engines[:_MOST_ENGINES]:
        host, port = engine.address
        lines.append(f"{engine.name} {host}:{port}" + ("" if engine.running else " (down)"))
        if engine.running:
            lines += _session(engine)
    if len(engines) > _MOST_ENGINES:
        lines.append(f"... and {len(engines) - _MOST_ENGINES} more engines")
    return lines


def _is_at_peace(engine: Engine) -> bool:
    try:
        return not engine.running or all(torrent.state == "seeding" for torrent in engine.session.torrents)
    except Error:
        return False


def _session(engine: Engine) -> list[str]:
    lines = [] if engine.session.is_healthy() else ["  not healthy: it broke a rule of its own"]
    try:
        for torrent in engine.session.torrents:
            lines += _torrent(torrent)
    except Error as error:
        lines.append(f"  cannot be asked: {error}")
    return lines


def _torrent(torrent: Torrent) -> list[str]:
    status = torrent.status()
    line = (
        f"  {torrent.name}: {status.state} {status.progress:.1%}, {status.pieces_complete}/{status.num_pieces} pieces,"
        f" {status.download_rate} B/s down, {status.upload_rate} B/s up, {status.num_peers} peers of"
        f" {status.num_known} known, limited by {status.limited_by}"
    )
    lines = [line + (f", {status.error_message}" if status.error_message else "")]
    states = torrent.pieces()
    open_pieces = [i for i, state in enumerate(states) if state != len(_STATES) - 1]
    if open_pieces and status.state != "seeding":
        shown = ", ".join(f"{i} {_STATES[states[i]]}" for i in open_pieces[:_MOST_PIECES])
        more = f" and {len(open_pieces) - _MOST_PIECES} more" if len(open_pieces) > _MOST_PIECES else ""
        lines.append(f"    pieces: {shown}{more}")
    peers = torrent.peers(all=True)
    for peer in peers[:_MOST_PEERS]:
        flags = [
            word
            for word, on in (
                ("chokes us", peer.peer_choking),
                ("choked", peer.am_choking),
                ("we want", peer.am_interested),
                ("wants", peer.peer_interested),
                ("snubbed", peer.snubbed),
            )
            if on
        ]
        lines.append(
            f"    {peer.address[0]}:{peer.address[1]} {peer.direction} {peer.state} {peer.progress:.0%}"
            f" {', '.join(flags) or 'open'}; {peer.outstanding} asked, {peer.upload_queued} owed"
        )
    if len(peers) > _MOST_PEERS:
        lines.append(f"    ... and {len(peers) - _MOST_PEERS} more peers")
    return lines


def _timeline(lab: Lab) -> list[str]:
    """The last events of engines, and the last that scripted peers heard and said."""
    events = [(event.time, engine.name, event) for engine in lab.engines for event in engine.history(Event)]
    events = [entry for entry in events if not isinstance(entry[2], BlockReceived)]
    events.sort(key=lambda entry: entry[0])
    shown = [(time, name, _words(event)) for time, name, event in events[-_MOST_EVENTS:]]
    said = [(m.time, peer.name, m) for peer in lab._peers for m in peer.ledger.messages[-_MOST_SAID:]]
    said.sort(key=lambda entry: entry[0])
    shown += [(time, name, _said(message)) for time, name, message in said[-_MOST_SAID:]]
    shown.sort(key=lambda entry: entry[0])
    order = [node.name for node in [*lab.engines, *lab._peers]]
    return _lanes(shown, order)


def _said(message: Message) -> str:
    """One message in a few words: < heard, > said."""
    words = [("<" if message.direction == "in" else ">") + " " + message.kind]
    words += [str(value) for value in (message.piece, message.begin, message.length) if value is not None]
    return " ".join([*words, *(["not the truth"] if message.ok is False else [])])


def _lanes(events: list[tuple[float, str, str]], order: list[str]) -> list[str]:
    """A column for each engine and each scripted peer, as long as they fit; else its name in each line."""
    there = {name for _, name, _ in events}
    names = [name for name in order if name in there]
    if not 2 <= len(names) <= _MOST_LANES:
        return [f"  {time:.6f} {name} {words}" for time, name, words in events]
    width = _LINE // len(names)
    rows = [f"  {'':12}" + "".join(name[: width - 2].ljust(width) for name in names).rstrip()]
    for time, name, words in events:
        shown = words if len(words) < width - 1 or name == names[-1] else words[: width - 4] + "..."
        rows.append(f"  {time:<12.6f}" + "".join((shown if name == lane else "|").ljust(width) for lane in names).rstrip())
    return rows


def _words(event: Event) -> str:
    facts = event.to_dict()
    shown = " ".join(f"{key}={facts[key]}" for key in facts if key not in ("event", "time", "torrent", "metainfo"))
    return f"{facts['event']} {shown}".rstrip()
