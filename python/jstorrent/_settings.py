"""Settings of a session: frozen, keyword-only, checked. The list, defaults and reasons are the engine's (settings.def)."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self, TypeVar

from jstorrent import _core
from jstorrent._errors import SettingsError
from jstorrent._values import Value, dataclass

_SCHEMA = {name: (kind, default, reason) for name, kind, default, _, reason in _core.settings_schema}
_C = TypeVar("_C", bound=type)
_LARGEST = 2**64 - 1


def _wrong(key: str, problem: str) -> SettingsError:
    return SettingsError(f"{key} {problem}", key=key)


def unknown(key: str, known: Iterable[str]) -> SettingsError:
    """The error for a name that is no setting; it names the nearest one."""
    import difflib  # only mistakes pay for it

    near = difflib.get_close_matches(key, list(known), 1, 0.5)
    hint = f"did you mean {near[0]!r}?" if near else "see help(jstorrent.Settings)"
    return SettingsError(f"no such setting: {key!r}; {hint}", code="unknown_setting", key=key)


def _number(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong(key, f"must be a number, not {value!r}")
    try:
        number = float(value)
    except OverflowError:
        raise _wrong(key, "must be a number of at most 1.8e308") from None
    if not math.isfinite(number):
        raise _wrong(key, f"must be a finite number, not {value!r}")
    return number


def _integer(key: str, value: Any) -> int:
    number = _number(key, value)
    if number != int(number):
        raise _wrong(key, f"must be a whole number, not {value!r}")
    if not 0 <= int(value) <= _LARGEST:
        raise _wrong(key, f"must be 0 to 2**64 - 1, not {value!r}")
    return int(value)


def _is_none(value: Any) -> bool:
    return value is None or (value == -1 and not isinstance(value, bool))


def _limit(key: str, value: Any) -> int | None:
    return None if _is_none(value) else _integer(key, value)


def _ratio(key: str, value: Any) -> float | None:
    return None if _is_none(value) else _number(key, value)


def _flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong(key, f"must be True or False, not {value!r}")
    return value


def _word(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(key, f"must be a str, not {value!r}")
    return value


def _words(key: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise _wrong(key, f"must be a sequence of str, not {value!r}")
    return tuple(_word(key, item) for item in value)


def _port(key: str, value: Any) -> int | None:
    if value is None:
        return None
    port = _integer(key, value)
    if not 1 <= port <= 65535:
        raise _wrong(key, f"must be 1 to 65535, or None for any free port, not {value!r}")
    return port


_KINDS: Mapping[str, Callable[[str, Any], Any]] = {
    "Seconds": _number,
    "Limit": _limit,
    "Count": _integer,
    "Ratio": _ratio,
    "Flag": _flag,
    "Word": _word,
    "Words": _words,
    "OptionalWord": lambda key, value: None if value is None else _word(key, value),
    "Port": _port,
}


def _check_networks(settings: Settings) -> None:
    for host in settings.listen:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise _wrong("listen", f"must hold IP addresses, not {host!r}") from None
    for network in settings.address_filter:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            raise _wrong("address_filter", f"must hold networks like '10.0.0.0/8', not {network!r}") from None


_DEFAULTS: dict[str, Any] = {}


def _with_defaults(cls: _C) -> _C:
    lines = [cls.__doc__ or "", ""]
    for name, (kind, default, reason) in _SCHEMA.items():
        value = _DEFAULTS[name] = _KINDS[kind](name, default)
        setattr(cls, name, value)
        lines.append(f"    {name} = {value!r}: {reason}")
    cls.__doc__ = "\n".join(lines)
    return cls


_: Any = None  # stands for the default of settings.def


@dataclass(frozen=True, kw_only=True)
@_with_defaults
class Settings(Value):
    """All settings of a session. No limit is None (-1 is accepted and reads back as None); 0 means zero where that makes
    sense and is refused where it does not. Off is always accepted; on is refused where it is not there yet.
    """

    # timers, in seconds
    connect_timeout: float = _
    handshake_timeout: float = _
    request_timeout: float = _
    metadata_request_timeout: float = _
    snub_timeout: float = _
    keepalive_interval: float = _
    inactivity_timeout: float = _
    tracker_timeout: float = _
    stopped_announce_timeout: float = _
    disk_timeout: float = _
    save_interval: float = _
    close_timeout: float = _
    ban_duration: float = _
    reconnect_interval: float = _
    # limits
    max_connections: int | None = _
    max_connections_per_torrent: int | None = _
    max_connections_per_host: int | None = _
    max_half_open: int | None = _
    max_pending_incoming: int | None = _
    max_pending_per_host: int | None = _
    max_active_pieces: int | None = _
    max_requests_per_peer: int = _
    max_queued_requests: int = _
    max_send_buffer: int = _
    max_memory: int = _
    max_message_size: int = _
    max_metadata_size: int = _
    max_known_peers: int = _
    max_events: int = _
    active_downloads: int | None = _
    active_seeds: int | None = _
    active_checks: int | None = _
    active_torrents: int | None = _
    slow_torrent_rate: int = _
    slow_torrent_time: float = _
    worker_threads: int = _
    # rates, in bytes per second
    download_rate_limit: int | None = _
    upload_rate_limit: int | None = _
    # goals
    seed_ratio_limit: float | None = _
    seed_time_limit: int | None = _
    # choking
    choker: str = _
    seed_choker: str = _
    upload_slots: int | None = _
    optimistic_slots: int = _
    choke_interval: float = _
    optimistic_interval: float = _
    # picking
    piece_order: str = _
    endgame_fraction: float | None = _
    endgame_bytes: int | None = _
    endgame_copies: int = _
    endgame_prefer_proven: bool = _
    # disk
    allocation: str = _
    # network
    listen: Sequence[str] = _
    listen_port: int | None = _
    dht: bool = _
    dht_bootstrap: Sequence[str] = _
    pex: bool = _
    lsd: bool = _
    port_mapping: bool = _
    encryption: str = _
    proxy: str | None = _
    address_filter: Sequence[str] = _
    user_agent: str = _

    def __new__(cls, *args: Any, **values: Any) -> Self:
        for key in values:
            if key not in _SCHEMA:
                raise unknown(key, _SCHEMA)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for key, default in _DEFAULTS.items():
            value = getattr(self, key)
            if value is not default:
                object.__setattr__(self, key, _KINDS[_SCHEMA[key][0]](key, value))
        problem = _core.check_settings(self._values())
        if problem is not None:
            raise _wrong(*problem)
        _check_networks(self)

    def replace(self, **changes: Any) -> Settings:
        """The same settings with these changes."""
        for key in changes:
            if key not in _SCHEMA:
                raise unknown(key, _SCHEMA)
        return type(self)(**{**self._values(), **changes})

    def _values(self) -> dict[str, Any]:
        return {key: getattr(self, key) for key in _SCHEMA}

    def __repr__(self) -> str:
        plain = type(self)
        changed = {key: value for key, value in self._values().items() if value != getattr(plain, key)}
        return f"Settings({', '.join(f'{key}={value!r}' for key, value in changed.items())})"


_TORRENT_KINDS = {
    "download_rate_limit": _limit,
    "upload_rate_limit": _limit,
    "max_connections": _limit,
    "upload_slots": _limit,
    "seed_ratio_limit": _ratio,
    "seed_time_limit": _limit,
}


def checked_limits(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The limits of one torrent after these changes."""
    after = dict(before)
    for key, value in changes.items():
        if key not in _TORRENT_KINDS:
            raise unknown(key, _TORRENT_KINDS)
        after[key] = _TORRENT_KINDS[key](key, value)
    if after["max_connections"] == 0:
        raise _wrong("max_connections", "must be at least 1, or None for no limit of its own")
    if (after["seed_ratio_limit"] or 0) < 0:
        raise _wrong("seed_ratio_limit", "must be at least 0, or None for no limit of its own")
    return after
