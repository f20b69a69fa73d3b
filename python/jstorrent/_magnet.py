"""Magnet links as values."""

from __future__ import annotations

from jstorrent import _core
from jstorrent._plain import plain
from jstorrent._values import Address, Value, dataclass, is_utf8


def _check(field: str, value: object, kind: type) -> None:
    """Said where it is made, not where it is written."""
    if not isinstance(value, kind):
        raise TypeError(f"{field} of a Magnet: {kind.__name__}, not {value!r}")
    if isinstance(value, str) and not is_utf8(value):
        raise ValueError(f"{field} of a Magnet: not UTF-8: {value!r}")


@plain
@dataclass(frozen=True, slots=True)
class Magnet(Value):
    """What a magnet link says: at least one info-hash, and where to begin. `str()` gives the link.

    >>> import jstorrent as jst
    >>> link = jst.Magnet.parse("magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a&dn=notes")
    >>> link.name, link.info_hash.hex()[:8]
    ('notes', 'c12fe1c0')
    """

    info_hash: bytes | None = None
    """v1, 20 bytes."""
    info_hash_v2: bytes | None = None
    """v2, 32 bytes."""
    name: str | None = None
    trackers: tuple[str, ...] = ()
    peers: tuple[Address, ...] = ()
    """Hosts (names or addresses) with ports, of x.pe."""
    web_seeds: tuple[str, ...] = ()
    select_only: tuple[int, ...] = ()
    """Indices of the files to fetch (BEP 53); empty means all."""

    def __post_init__(self) -> None:
        self._check_types()
        if self.info_hash is None and self.info_hash_v2 is None:
            raise ValueError("a magnet link needs info_hash or info_hash_v2")
        if self.info_hash is not None and len(self.info_hash) != 20:
            raise ValueError("info_hash is 20 bytes")
        if self.info_hash_v2 is not None and len(self.info_hash_v2) != 32:
            raise ValueError("info_hash_v2 is 32 bytes")

    def _check_types(self) -> None:
        singles: list[tuple[str, type]] = [("info_hash", bytes), ("info_hash_v2", bytes), ("name", str)]
        for field, kind in singles:
            if getattr(self, field) is not None:
                _check(field, getattr(self, field), kind)
        lists: list[tuple[str, type]] = [("trackers", str), ("peers", tuple), ("web_seeds", str), ("select_only", int)]
        for field, kind in lists:
            items = getattr(self, field)
            if not isinstance(items, (tuple, list)):
                raise TypeError(f"{field} of a Magnet: a tuple of {kind.__name__}, not {items!r}")
            for item in items:
                _check(field, item, kind)
        for peer in self.peers:
            if len(peer) != 2:
                raise ValueError(f"peers of a Magnet: (host, port), not {peer!r}")
            _check("peers", peer[0], str)
            _check("peers", peer[1], int)

    @classmethod
    def parse(cls, uri: str) -> Magnet:
        """The link in this text; ParseError when it is none or names no torrent."""
        return cls(*_core.parse_magnet(uri))

    def __str__(self) -> str:
        return _core.format_magnet(
            self.info_hash,
            self.info_hash_v2,
            self.name,
            list(self.trackers),
            list(self.peers),
            list(self.web_seeds),
            sorted(set(self.select_only)),
        )
