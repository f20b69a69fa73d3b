"""A torrent that came out of a pickle: it names what it was and belongs to no session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jstorrent._errors import Error


@dataclass(frozen=True, slots=True)
class DetachedTorrent:
    """What is left of a Torrent in another process or after unpickling: its hashes and its name."""

    info_hash: bytes | None
    info_hash_v2: bytes | None
    name: str

    def to_dict(self) -> str | None:
        """As of a Torrent: its info-hash."""
        digest = self.info_hash or self.info_hash_v2
        return None if digest is None else digest.hex()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise Error(f"{self.name}: this torrent was unpickled and belongs to no session", code="closed")


def restore_torrent(info_hash: bytes | None, info_hash_v2: bytes | None, name: str) -> DetachedTorrent:
    """Unpickles a Torrent."""
    return DetachedTorrent(info_hash, info_hash_v2, name)
