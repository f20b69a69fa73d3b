"""A small torrent with its files, and sessions that are closed again."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jstorrent as jst
import pytest

SessionMaker = Callable[..., jst.Session]
QUIET: dict[str, Any] = {"listen": (), "close_timeout": 2.0}


@dataclass
class Payload:
    directory: Path
    metainfo: jst.Metainfo
    empty: Path
    """A directory for those who have nothing yet."""


@pytest.fixture
def payload(tmp_path: Path) -> Payload:
    """Twelve pieces of 16 KiB in three files below `album`."""
    root = tmp_path / "seed" / "album"
    (root / "cover").mkdir(parents=True)
    luck = random.Random(1)
    (root / "one.flac").write_bytes(luck.randbytes(100_000))
    (root / "two.flac").write_bytes(luck.randbytes(80_000))
    (root / "cover" / "front.jpg").write_bytes(luck.randbytes(10_000))
    (tmp_path / "leech").mkdir()
    metainfo = jst.create_torrent(root, piece_length=16384)
    return Payload(tmp_path / "seed", metainfo, tmp_path / "leech")


@pytest.fixture
def open_session() -> Iterator[SessionMaker]:
    """Opens sessions that do not listen unless told, and closes them."""
    opened: list[jst.Session] = []

    def open_one(state_dir: Path | None = None, **settings: Any) -> jst.Session:
        session = jst.Session(jst.Settings(**{**QUIET, **settings}), state_dir=state_dir)
        opened.append(session)
        return session

    yield open_one
    for session in opened:
        session.close(timeout=0)


@pytest.fixture
def session(open_session: SessionMaker) -> jst.Session:
    return open_session()


@pytest.fixture
def torrent(session: jst.Session, payload: Payload) -> jst.Torrent:
    """Nothing of it is here, and nobody gives any."""
    return session.add(payload.metainfo, payload.empty)
