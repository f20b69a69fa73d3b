"""The handshake of BEP 3: how a peer opens, and what the other side opened with."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

from mock_peer._wire import HANDSHAKE_SIZE, PROTOCOL

_EXTENDED = (5, 0x10)  # BEP 10: byte and bit of the reserved ones
_FAST = (7, 0x04)  # BEP 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """How a peer opens. reserved: these 8 bytes and no others; dribble: (bytes, seconds) so many each so many."""

    send: bool = True
    delay: float = 0.0
    fast: bool = True
    extended: bool = True
    reserved: bytes | None = None
    peer_id: bytes | None = None
    info_hash: bytes | None = None
    dribble: tuple[int, float] | None = None

    def __post_init__(self) -> None:
        for name, size in (("reserved", 8), ("peer_id", 20), ("info_hash", 20)):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, bytes) or len(value) != size):
                raise ValueError(f"{name} is {size} bytes, not {value!r}")
        if not self.delay >= 0:
            raise ValueError(f"delay is not negative: {self.delay!r}")
        if self.dribble is not None:
            nbytes, seconds = self.dribble
            if nbytes < 1 or not seconds >= 0:
                raise ValueError(f"dribble is (bytes, seconds), not {self.dribble!r}")
            object.__setattr__(self, "dribble", (int(nbytes), float(seconds)))

    def flags(self) -> bytes:
        """The reserved bytes."""
        if self.reserved is not None:
            return self.reserved
        flags = bytearray(8)
        for wanted, (at, bit) in ((self.extended, _EXTENDED), (self.fast, _FAST)):
            if wanted:
                flags[at] |= bit
        return bytes(flags)

    def to_dict(self) -> dict[str, Any]:
        """What differs from an ordinary one, as JSON knows it: bytes as hexadecimal digits."""
        plain = Handshake()
        made = {key: value for key, value in asdict(self).items() if value != getattr(plain, key)}
        return {key: _plain(value) for key, value in made.items()}

    @classmethod
    def of(cls, value: Handshake | dict[str, Any]) -> Handshake:
        """One from its JSON form."""
        if isinstance(value, Handshake):
            return value
        if not isinstance(value, dict):
            raise ValueError(f"a handshake is a Handshake or a dict, not {value!r}")  # noqa: TRY004
        known = [field.name for field in fields(cls)]
        for word in value:
            if word not in known:
                raise ValueError(f"no such word of a handshake: {word!r} (known: {', '.join(known)})")
        made = dict(value)
        for name in ("reserved", "peer_id", "info_hash"):
            if isinstance(made.get(name), str):
                made[name] = bytes.fromhex(made[name])
        if made.get("dribble") is not None:
            made["dribble"] = tuple(made["dribble"])
        return cls(**made)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return list(value) if isinstance(value, tuple) else value


class Opening(NamedTuple):
    """What 68 bytes said."""

    reserved: bytes
    info_hash: bytes
    peer_id: bytes

    @property
    def fast(self) -> bool:
        """It speaks BEP 6."""
        return bool(self.reserved[_FAST[0]] & _FAST[1])

    @property
    def extended(self) -> bool:
        """It speaks BEP 10."""
        return bool(self.reserved[_EXTENDED[0]] & _EXTENDED[1])

    def encode(self) -> bytes:
        """The 68 bytes."""
        return PROTOCOL + self.reserved + self.info_hash + self.peer_id


def read_opening(data: bytes) -> Opening | None:
    """The handshake that these 68 bytes are; None if they are none."""
    if len(data) != HANDSHAKE_SIZE or not data.startswith(PROTOCOL):
        return None
    return Opening(data[20:28], data[28:48], data[48:68])
