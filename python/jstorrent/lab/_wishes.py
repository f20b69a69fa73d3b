"""What the user set of a torrent, and what he took out of a session: kept beside an engine, for the oracles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jstorrent._torrent import Torrent

if TYPE_CHECKING:
    from jstorrent.lab._engine import Engine


def wishes_of(torrent: Torrent) -> dict[str, Any]:
    """What the user set of it, and what it has sent, which is his as well."""
    core, status = torrent._session._engine, torrent.status()
    return {
        "limits": core.limits(torrent._key), "trackers": sorted((t.tier, t.url) for t in torrent.trackers()),
        "save_path": status.save_path, "is_sequential": status.is_sequential,
        "priorities": [file.priority for file in torrent.files()], "sent": status.counters.payload_sent,
    }  # fmt: skip


def _paths(torrent: Torrent) -> list[Path]:
    return [torrent.save_path / file.path for file in torrent.files()]


class Removal:
    """One torrent that was removed, and the files that it alone had."""

    __slots__ = ("came_back", "deletes", "info_hash", "life", "paths", "went")

    def __init__(self, engine: Engine, torrent: Torrent, deletes: bool) -> None:
        self.info_hash = torrent.info_hash or b""
        self.life = len(engine._starts_at)
        self.deletes = deletes
        self.came_back = False
        self.went: list[Path] = []
        """Files that were not there any more when it came back."""
        others = {path for other in torrent._session.torrents if other != torrent for path in _paths(other)}
        self.paths: list[Path] = [path for path in _paths(torrent) if path not in others and engine.disk.exists(path)]

    def comes_back(self, engine: Engine) -> None:
        """The torrent is added again: from here on its files may change."""
        if not self.came_back:
            self.came_back = True
            self.went = [path for path in self.paths if not engine.disk.exists(path)]
