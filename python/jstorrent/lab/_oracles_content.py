"""Oracles of content: what an engine says it has, it has; it never loses it; and what one tells the others, they know."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from jstorrent._errors import DiskError, ParseError
from jstorrent._events import TorrentRemoved
from jstorrent._metadata import FileEntry
from jstorrent._torrent import Torrent
from jstorrent.lab._engine import Engine
from jstorrent.lab._facts import TorrentFacts, is_held, running, was_failed
from jstorrent.lab._lanes import SimLane
from jstorrent.lab._oracles_links import reads_slowly
from jstorrent.lab._oracles_wire import payload_is_true
from jstorrent.lab._oracles_wishes import files_go, files_stay, wishes_outlive_a_close
from jstorrent.lab._spec import Spec

if TYPE_CHECKING:
    from jstorrent.lab._lab import Lab

_COMPLETE = 3


def integrity(lab: Lab) -> None:
    """What an engine says it has is on its disk, byte for byte: now, and at the moment when it said so."""
    told_too_soon(lab)
    payload_is_true(lab)
    for engine, _ in running(lab.engines):
        _reads_its_records(lab, engine)
        if isinstance(lab._lane, SimLane):
            if engine._judged_at == engine.disk.ops:
                continue
            engine._judged.clear()
        for torrent, spec in _known(engine):
            _compare(lab, engine, torrent, spec)
        if isinstance(lab._lane, SimLane):
            engine._judged_at = engine.disk.ops


def _reads_its_records(lab: Lab, engine: Engine) -> None:
    """Whatever happened to it meanwhile, what it wrote it takes when it starts: each record is whole, or the one before."""
    for refused in engine.session.rejected_records() if engine.session._is_clean is None else ():
        by_hand = any(path.is_relative_to(engine._state_dir) for path in engine.disk.touched)
        if isinstance(refused.error, ParseError) and not by_hand and not engine.disk.failed_to_read:
            lab._fail("integrity", f"it refused a record of its own: {refused.path}: {refused.error}", engine)


def told_too_soon(lab: Lab) -> None:
    """What was followed turn by turn: no piece counted, and none was told, before its bytes were on the disk."""
    if not isinstance(lab._lane, SimLane):
        return
    first, lab._excused = lab._excused, lab._lane.suspicions
    for time, name, info_hash, piece, by_have, path in lab._lane.judge.suspicions(first):
        engine = next(engine for engine in lab.engines if engine.name == name)
        if _is_excused(engine, info_hash, Path(path)):
            continue
        said = "told its peers that it has" if by_have else "counted"
        lab._fail("integrity", f"at {time:.6f} it {said} piece {piece}, whose bytes were not in {path}", engine)


# Bytes of skipped and moved files lie elsewhere; a look at the end finds what is wrong with those.
def _is_excused(engine: Engine, info_hash: bytes, path: Path) -> bool:
    if path in engine.disk.touched or not engine.running:
        return path in engine.disk.touched or engine._names_changed
    torrent = engine.session.find(info_hash)
    if torrent is None:
        return True
    files = torrent.files()
    return any(file.priority == 0 for file in files) or path not in {torrent.save_path / file.path for file in files}


def _known(engine: Engine) -> list[tuple[Torrent, Spec]]:
    found = ((engine.session.find(info_hash), spec) for info_hash, spec in engine._specs.items())
    return [(torrent, spec) for torrent, spec in found if torrent is not None and torrent.metainfo is not None]


# Each that is wanted, and where it is: in plain words, since this is asked of every file at every look.
def _wanted_files(engine: Engine, torrent: Torrent, spec: Spec) -> Iterator[tuple[FileEntry, str]]:
    below, touched = torrent.save_path, {str(path) for path in engine.disk.touched}
    for file, (_, name, _, priority, *_) in zip(spec.metainfo.files, torrent._session._engine.files(torrent._key), strict=True):
        path = f"{below}/{name}"
        before = engine._places.get((spec.info_hash, file.path)) or str(engine.downloads / file.path)
        engine._places[spec.info_hash, file.path] = path
        if path != before and before in touched:  # changed by hand, and then moved
            engine.disk.touched.add(Path(path))
            touched.add(path)
        if priority != 0 and path not in touched:
            yield file, path


# Files of a torrent that moves, or whose folder changed by hand, are compared when they have arrived: a gate may hold one.
def _compare(lab: Lab, engine: Engine, torrent: Torrent, spec: Spec) -> None:
    is_under_way = isinstance(lab._lane, SimLane) and (not lab._lane.world.idle or is_held(lab, engine, "disk."))
    if engine._names_changed and is_under_way:
        return
    error = torrent.error
    if torrent.state == "error" and isinstance(error, DiskError) and error.code == "not_found":
        return  # it knows that a file is gone, and looks at all before it claims anything again
    pieces = torrent.pieces()
    for file, path in _wanted_files(engine, torrent, spec):
        for index in file.pieces if file.size else ():
            if pieces[index] != _COMPLETE or (path, index) in engine._judged:
                continue
            low = max(index * spec.piece_length, file.offset)
            high = min((index + 1) * spec.piece_length, file.offset + file.size)
            _look(lab, engine, spec, path, index, (low - file.offset, low, high))
            engine._judged.add((path, index))


def _look(lab: Lab, engine: Engine, spec: Spec, path: str, index: int, run: tuple[int, int, int]) -> None:
    at, low, high = run
    if not engine.disk.exists(path):
        lab._fail("integrity", f"piece {index} of {spec.name} is complete, but {path} is not there", engine)
    found = engine.disk.read(path, at, high - low)
    if found != spec.data(low, high - low):
        digest = hashlib.sha1(found).hexdigest()[:12]
        lab._fail(
            "integrity",
            f"piece {index} of {spec.name} is complete, but {path} holds other bytes at {at} (sha1 {digest})",
            engine,
        )


def monotone(lab: Lab) -> None:
    """Have bits stay, but for a check of the files (after a recheck, an error, a crash), or a disk that does not give them back."""
    files_stay(lab)
    wishes_outlive_a_close(lab)
    for engine, facts in running(lab.engines):
        if engine.disk.failed_to_read or was_failed(lab, engine, "disk.read"):
            continue
        for torrent in engine.session.torrents:
            known = facts.of(torrent)
            if known.twice:
                lab._fail("monotone", f"{torrent.name}: pieces {sorted(known.twice)} became complete twice", engine)
            states = torrent.pieces()
            lost = [index for index in known.have if states[index] != _COMPLETE]
            if lost and torrent.state not in ("checking", "error", "removed"):
                lab._fail("monotone", f"{torrent.name}: pieces {sorted(lost)} were complete and are not", engine)
            known.have.update(index for index, state in enumerate(states) if state == _COMPLETE)
            if not engine.disk.failed and not was_failed(lab, engine):
                _nothing_is_fetched_again(lab, engine, torrent, known)


def _nothing_is_fetched_again(lab: Lab, engine: Engine, torrent: Torrent, known: TorrentFacts) -> None:
    had = engine._closed_with.get(torrent.info_hash or b"", set())
    again = known.fetched & had
    if again and not engine.disk.touched and not engine._names_changed and not engine.history(TorrentRemoved):
        lab._fail("monotone", f"{torrent.name}: pieces {sorted(again)} were had when it was closed, and were fetched again", engine)
    is_short = "max_memory" in engine._settings or "max_active_pieces" in engine._settings  # half a piece may have to go
    if known.again and not is_short and not known.failures:
        lab._fail("monotone", f"{torrent.name}: blocks {sorted(known.again)} were fetched again, and nothing was wrong with them", engine)


def convergence(lab: Lab) -> None:
    """Who is done has every file at its full size; and once nothing is on its way, both ends of a link agree on what is had."""
    for engine, _ in running(lab.engines):
        for torrent, spec in _known(engine):
            status = torrent.status()
            if status.state == "seeding" and status.pieces_complete == status.num_pieces:
                _files_are_whole(lab, engine, torrent, spec)
    files_go(lab)
    if isinstance(lab._lane, SimLane) and lab._lane.world.idle:
        _views_agree(lab, lab._lane)


def _files_are_whole(lab: Lab, engine: Engine, torrent: Torrent, spec: Spec) -> None:
    for file, path in _wanted_files(engine, torrent, spec):
        size = engine.disk.size(path) if engine.disk.exists(path) else None
        if size != file.size:
            what = "is not there" if size is None else f"has {size} bytes, not {file.size}"
            lab._fail("convergence", f"{spec.name} is complete, but {path} {what}", engine)


def _views_agree(lab: Lab, lane: SimLane) -> None:
    engines = [engine for engine, _ in running(lab.engines)]
    for engine in engines:
        for torrent in engine.session.torrents:
            for other in engines:
                theirs = None if other is engine else other.session.find(torrent.info_hash or b"")
                if theirs is None or _is_cut(lane, engine, other):
                    continue
                _one_view(lab, (engine, torrent), (other, theirs))


def _is_cut(lane: SimLane, a: Engine, b: Engine) -> bool:
    return bool(lane.world.is_blocked(a._number, b._number) or lane.world.is_blocked(b._number, a._number))


def _shares_a_host(lab: Lab, engine: Engine) -> bool:
    return sum(node._host == engine._host for node in [*lab.engines, *lab._peers]) > 1


# Only where the two have exactly one link of which both know, and nothing waits in it for a rate limit of either.
def _one_view(lab: Lab, mine: tuple[Engine, Torrent], theirs: tuple[Engine, Torrent]) -> None:
    (engine, torrent), (other, its) = mine, theirs
    if torrent.metainfo is None:
        return
    seen = [peer for peer in torrent.peers() if peer.address[0] == other._host]
    back = [peer for peer in its.peers() if peer.address[0] == engine._host]
    if len(seen) != 1 or len(back) != 1 or seen[0].direction == back[0].direction or back[0].send_buffered:
        return
    if reads_slowly(engine, torrent):
        return
    if _shares_a_host(lab, engine) or _shares_a_host(lab, other) or seen[0].connected_at is None or its.state in ("checking", "error"):
        return
    if seen[0].outstanding > back[0].upload_queued and not reads_slowly(other, its):
        lab._fail(
            "convergence",
            f"{torrent.name}: it waits for {seen[0].outstanding} blocks of {other.name}, which means to give {back[0].upload_queued}",
            engine,
        )
    has = its.pieces().count(_COMPLETE)
    believed = round(seen[0].progress * len(its.pieces()))
    if believed < has:
        lab._fail(
            "convergence",
            f"{torrent.name}: it believes that {other.name} has {believed} pieces, which has {has} and nothing under way",
            engine,
        )
