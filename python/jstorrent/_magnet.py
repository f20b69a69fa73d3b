"""Magnet links as values."""

from __future__ import annotations

from jstorrent import _core
from jstorrent._values import Address, Value, dataclass


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
        if self.info_hash is None and self.info_hash_v2 is None:
            raise ValueError("a magnet link needs info_hash or info_hash_v2")
        if self.info_hash is not None and len(self.info_hash) != 20:
            raise ValueError("info_hash is 20 bytes")
        if self.info_hash_v2 is not None and len(self.info_hash_v2) != 32:
            raise ValueError("info_hash_v2 is 32 bytes")

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
