"""What may be asked of a session and its torrents when it is closed: every read answers, every command says why not."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jstorrent as jst
import pytest

from tests.unit.python.conftest import Payload, SessionMaker

READS: dict[str, Callable[[jst.Session], Any]] = {
    "torrents": lambda s: s.torrents,
    "find": lambda s: s.find(s.torrents[0].info_hash or b""),
    "listen_port": lambda s: s.listen_port,
    "now": lambda s: s.now >= 0,
    "settings": lambda s: s.settings,
    "status": lambda s: s.status().num_torrents >= 0,
    "is_healthy": lambda s: s.is_healthy(),
    "bans": lambda s: [ban.host for ban in s.bans()],
    "rejected_records": lambda s: s.rejected_records(),
}
SESSION_COMMANDS: dict[str, Callable[[jst.Session, Payload], Any]] = {
    "add": lambda s, p: s.add(p.metainfo, p.empty),
    "configure": lambda s, p: s.configure(max_connections=5),
    "ban": lambda s, p: s.ban("192.0.2.1"),
    "unban": lambda s, p: s.unban("192.0.2.1"),
    "save": lambda s, p: s.save(),
}
ENDLESS = {"close", "events"}  # close() is safe twice; a stream of a closed session has ended

TORRENT_READS: dict[str, Callable[[jst.Torrent], Any]] = {
    **{name: lambda t, name=name: getattr(t, name)
       for name in ("metainfo", "name", "info_hash", "info_hash_v2", "num_pieces", "state", "progress", "save_path",
                    "active_pieces", "in_endgame", "queue_position", "error", "error_message")},
    **{name: lambda t, name=name: getattr(t, name)()
       for name in ("magnet", "pieces", "availability", "files", "peers", "trackers", "to_dict")},
    "status": lambda t: (t.status().state, t.status().total_size),
    "piece": lambda t: t.piece(0),
}  # fmt: skip
TORRENT_COMMANDS: dict[str, Callable[[jst.Torrent], Any]] = {
    **{name: lambda t, name=name: getattr(t, name)()
       for name in ("pause", "resume", "stop", "start", "recheck", "remove", "announce")},
    "connect": lambda t: t.connect("192.0.2.1:5"),
    "set_file_priority": lambda t: t.set_file_priority(0, 4),
    "set_piece_priority": lambda t: t.set_piece_priority(0, 4),
    "set_sequential": lambda t: t.set_sequential(True),
    "set_trackers": lambda t: t.set_trackers(()),
    "set_web_seeds": lambda t: t.set_web_seeds(()),
    "set_queue_position": lambda t: t.set_queue_position("top"),
    "move": lambda t: t.move("elsewhere"),
    "rename_file": lambda t: t.rename_file(0, "other"),
    "configure": lambda t: t.configure(upload_slots=1),
}  # fmt: skip
TORRENT_WAITS = {"wait", "wait_async", "wait_complete", "wait_metadata", "wait_piece", "watch"}


def public(cls: type) -> set[str]:
    return {name for name in vars(cls) if not name.startswith("_")}


def test_nothing_public_is_left_out() -> None:
    assert public(jst.Session) == READS.keys() | SESSION_COMMANDS.keys() | ENDLESS
    assert public(jst.Torrent) == TORRENT_READS.keys() | TORRENT_COMMANDS.keys() | TORRENT_WAITS


@pytest.fixture
def closed(open_session: SessionMaker, payload: Payload, tmp_path: Path) -> tuple[jst.Session, dict[str, Any], dict[str, Any]]:
    """A session that is closed, and what it and its torrent said before."""
    records = tmp_path / "state" / "torrents"
    records.mkdir(parents=True)
    (records / f"{'0' * 40}.jst").write_bytes(b"junk")
    session = open_session(tmp_path / "state")
    session.ban("192.0.2.9")
    torrent = session.add(payload.metainfo, payload.directory, trackers=["http://192.0.2.1/announce"], stopped=True)
    before = {name: read(session) for name, read in READS.items()}
    torrent_before = {name: read(torrent) for name, read in TORRENT_READS.items()}
    assert before["rejected_records"] and session.close()
    return session, before, torrent_before


def test_all_reads_answer_as_before(closed: tuple[jst.Session, dict[str, Any], dict[str, Any]]) -> None:
    session, before, torrent_before = closed
    assert {name: read(session) for name, read in READS.items()} == before
    torrent = session.torrents[0]
    assert {name: read(torrent) for name, read in TORRENT_READS.items()} == torrent_before
    assert repr(torrent) and repr(session) and pickle.loads(pickle.dumps(torrent)).name == torrent.name
    assert list(session.events()) == [] and session.close() is True


@pytest.mark.parametrize("state", ["seeding", "stalled", "paused"])
def test_a_torrent_is_what_it_was_when_the_session_closed(
    open_session: SessionMaker, payload: Payload, state: str
) -> None:
    session = open_session()
    where = payload.directory if state == "seeding" else payload.empty
    torrent = session.add(payload.metainfo, where, paused=state == "paused")
    torrent.wait(state, 30)
    heard = session.events(jst.StateChanged)
    assert session.close()
    assert (torrent.state, torrent.status().state, list(heard)) == (state, state, [])
    assert torrent.wait(state, 5).state == state


def test_all_commands_say_that_it_is_closed(
    closed: tuple[jst.Session, dict[str, Any], dict[str, Any]], payload: Payload
) -> None:
    session, torrent = closed[0], closed[0].torrents[0]
    wrong = {}
    for name, act in [*((n, lambda act=a: act(session, payload)) for n, a in SESSION_COMMANDS.items()),
                      *((n, lambda act=a: act(torrent)) for n, a in TORRENT_COMMANDS.items())]:  # fmt: skip
        try:
            act()
            wrong[name] = "nothing"
        except jst.Error as error:
            if error.code != "closed":
                wrong[name] = error.code
    assert wrong == {}


@pytest.mark.parametrize("name", sorted(TORRENT_READS.keys() - {"status", "state", "availability", "queue_position"}))
def test_reads_of_a_removed_torrent_answer_open_or_closed(session: jst.Session, payload: Payload, name: str) -> None:
    torrent = session.add(payload.metainfo, payload.empty, stopped=True)
    read = TORRENT_READS[name]
    before = read(torrent)
    torrent.remove()
    torrent.wait("removed", 30)
    assert read(torrent) == before
    session.close()
    assert read(torrent) == before and torrent.state == "removed"
