"""A record of how all torrents of a world went, as a table: what plots and data frames are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jstorrent import _core

if TYPE_CHECKING:
    from jstorrent.lab._engine import Engine
    from jstorrent.lab._lab import Lab

_SAMPLED = (
    "state", "progress", "download_rate", "upload_rate", "peers", "unchoked", "payload_received", "payload_verified",
    "payload_failed", "payload_redundant", "payload_discarded", "payload_partial", "payload_sent",
)  # fmt: skip
COLUMNS = ("time", "node", "torrent", *_SAMPLED)


class Record:
    """What lab.record() gives: a row for each torrent of each running engine, now and each so many seconds.

    `torrents` is a dict of equal-length lists: pandas.DataFrame(record.torrents). peers: links; unchoked: of these, the
    ones that this torrent unchokes.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._on = True
        self.torrents: dict[str, list[Any]] = {column: [] for column in COLUMNS}
        self._names: dict[tuple[object, int], str] = {}

    def stop(self) -> None:
        """No more rows; what is there stays."""
        self._on = False

    def _sample(self) -> bool:
        if not self._on:
            return False
        now = self._lab.now
        for engine in self._lab.engines:
            if engine.running:
                for key, *facts in _core.lab.sample(engine.session._engine):
                    row = (now, engine.name, self._name(engine, key), *facts)
                    for column, value in zip(self.torrents.values(), row, strict=True):
                        column.append(value)
        return True

    def _name(self, engine: Engine, key: int) -> str:
        place = (engine.session, key)
        name = self._names.get(place)
        if name is None:
            name = self._names[place] = engine.session._torrent(key).name
        return name
