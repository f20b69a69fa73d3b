"""Resume files of libtorrent and qBittorrent: which torrent they are about, and what its user had chosen.

What they claim to have is not believed: the files are checked, as those of any torrent that is added.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from jstorrent import _core
from jstorrent._errors import ParseError, _from_os_error
from jstorrent._magnet import Magnet
from jstorrent._metadata import Metainfo, load_without_layers
from jstorrent._values import Address

MAX_BYTES: Final = 256 << 20
MAX_PEERS: Final = 1000
MAX_TRACKERS: Final = 4096
_FORMAT: Final = b"libtorrent resume file"
_HIGHEST: Final = 7
_USUAL: Final = 4


@dataclass(frozen=True)
class FastResume:
    """What add() takes from such a file."""

    source: Metainfo | Magnet
    priorities: dict[int, int] = field(default_factory=dict)
    peers: list[Address] = field(default_factory=list)
    trackers: list[list[str]] = field(default_factory=list)
    stopped: bool = False
    sequential: bool = False


def load_fastresume(path: Path) -> FastResume:
    """The file, with the metadata in it or in the .torrent beside it, as qBittorrent keeps them; else a link by hash.

    Neither has piece layers: libtorrent keeps hash trees in their place.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _from_os_error(error, path) from error
    if len(data) > MAX_BYTES:
        raise ParseError(f"{path}: a resume file of more than {MAX_BYTES} bytes", code="too_large")
    try:
        body = _core.bdecode(data)
    except ParseError as error:
        raise ParseError(f"{path}: {error}", code=error.code, offset=error.offset) from error
    if not isinstance(body, dict) or body.get(b"file-format") != _FORMAT:
        raise ParseError(f"{path}: not a resume file of libtorrent", code="bad_record")
    source = _source(path, body)
    count = len(source.files) if isinstance(source, Metainfo) else _core.lab.storage.max_files
    return FastResume(
        source=source,
        priorities=_priorities(body.get(b"file_priority"), count),
        peers=[*_peers(body.get(b"peers"), 4), *_peers(body.get(b"peers6"), 16)][:MAX_PEERS],
        trackers=_tiers(body.get(b"trackers")),
        # What libtorrent manages itself is paused only to wait for its turn.
        stopped=body.get(b"paused") == 1 and body.get(b"auto_managed") != 1,
        sequential=body.get(b"sequential_download") == 1,
    )


def _source(path: Path, body: dict[bytes, Any]) -> Metainfo | Magnet:
    v1, v2 = _digest(body, b"info-hash", 20), _digest(body, b"info-hash2", 32)
    info = body.get(b"info")
    if v1 is None and v2 is None and not isinstance(info, dict):
        raise ParseError(f"{path}: it does not say of which torrent it is", code="bad_record")
    beside = path.with_suffix(".torrent")
    if isinstance(info, dict):
        seeds = [url for url in _list(body.get(b"url-list")) if isinstance(url, bytes)]
        data = _core.bencode({b"info": info, b"url-list": seeds[:MAX_TRACKERS]})
        found = Metainfo(_core.Metainfo.parse(data, layers_required=False))
    elif beside.is_file():
        found = load_without_layers(beside)
    else:
        name = body.get(b"name")
        label = name.decode("utf-8", "replace") if isinstance(name, bytes) else None
        return Magnet(info_hash=v1, info_hash_v2=v2, name=label)
    if (v1 is not None and found.info_hash != v1) or (v2 is not None and found.info_hash_v2 != v2):
        raise ParseError(f"{path}: its metadata is that of another torrent", code="bad_record")
    return found


def _digest(body: dict[bytes, Any], key: bytes, size: int) -> bytes | None:
    value = body.get(key)
    return value if isinstance(value, bytes) and len(value) == size and any(value) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _priorities(value: Any, count: int) -> dict[int, int]:
    chosen = {}
    for index, priority in enumerate(_list(value)[:count]):
        if isinstance(priority, int) and 0 <= priority <= _HIGHEST and priority != _USUAL:
            chosen[index] = priority
    return chosen


def _peers(value: Any, width: int) -> list[Address]:
    if not isinstance(value, bytes) or len(value) % (width + 2):
        return []
    found = []
    for at in range(0, min(len(value), MAX_PEERS * (width + 2)), width + 2):
        (port,) = struct.unpack_from(">H", value, at + width)
        if port:
            found.append((str(ipaddress.ip_address(value[at : at + width])), port))
    return found


def _tiers(value: Any) -> list[list[str]]:
    tiers, left = [], MAX_TRACKERS
    for tier in _list(value):
        urls = [url.decode("utf-8", "replace") for url in _list(tier) if isinstance(url, bytes)][:left]
        left -= len(urls)
        if urls:
            tiers.append(urls)
    return tiers
