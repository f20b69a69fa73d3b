"""What a torrent really holds: the truth that a peer serves from, and that payload is compared with."""

from __future__ import annotations

from typing import Protocol


class Truth(Protocol):
    """A torrent as a mock peer needs it."""

    @property
    def info_hash(self) -> bytes:
        """Its 20 bytes."""

    @property
    def num_pieces(self) -> int:
        """How many there are."""

    @property
    def metadata(self) -> bytes:
        """The info dictionary as it was hashed."""

    def piece_size(self, piece: int) -> int:
        """Bytes of that piece."""

    def data(self, piece: int, begin: int, length: int) -> bytes:
        """So many bytes of a piece from there; within the piece."""
