"""Torrents with made-up contents for the tests of the engine's disk side: v1, v2 and hybrid."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import Any

BLOCK = 16384


def bencode(value: Any) -> bytes:
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(bencode, value)) + b"e"
    pairs = sorted((k.encode() if isinstance(k, str) else k, v) for k, v in value.items())
    return b"d" + b"".join(bencode(k) + bencode(v) for k, v in pairs) + b"e"


@dataclass
class Sample:
    torrent: bytes
    pieces: list[bytes]  # the contents of each piece
    files: dict[str, bytes]  # by path below save_path; pad files and symlinks are not in it


def contents(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


def v1(files: list[tuple[str, int]], piece_length: int = BLOCK, name: str = "t", zeros: bool = False) -> Sample:
    """Entries: (path, size). "pad:" in front makes a pad file, "link:" a symlink out of the tree."""
    entries, payload, on_disk = [], b"", {}
    for number, (path, size) in enumerate(files):
        kind, _, rest = path.rpartition(":")
        entry: dict[str, Any] = {"length": size, "path": rest.split("/")}
        if kind == "pad":
            entry["attr"] = "p"
            data = bytes(size)
        elif kind == "link":
            entry |= {"attr": "l", "symlink path": ["..", "..", "outside"]}
            data = b""
        else:
            data = bytes(size) if zeros else contents(size, number + 1)
            on_disk[f"{name}/{rest}"] = data
        entries.append(entry)
        payload += data
    pieces = [payload[at : at + piece_length] for at in range(0, len(payload), piece_length)]
    info = {
        "name": name,
        "piece length": piece_length,
        "files": entries,
        "pieces": b"".join(hashlib.sha1(p).digest() for p in pieces),
    }
    return Sample(bencode({"info": info}), pieces, on_disk)


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def root_of(hashes: list[bytes], width: int, pad: bytes) -> bytes:
    level = hashes + [pad] * (width - len(hashes))
    while len(level) > 1:
        level = [sha256(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


def ceil_power(n: int) -> int:
    return 1 << (n - 1).bit_length() if n else 1


def v2(files: list[tuple[str, int]], piece_length: int = BLOCK, name: str = "t", hybrid: bool = False) -> Sample:
    """Every file in one directory, paths sorted."""
    tree: dict[str, Any] = {}
    layers: dict[bytes, bytes] = {}
    pieces: list[bytes] = []
    on_disk = {}
    entries: list[dict[str, Any]] = []
    last_real = max((i for i, (_, size) in enumerate(files) if size), default=-1)
    for number, (path, size) in enumerate(files):
        data = contents(size, number + 1)
        on_disk[f"{name}/{path}"] = data
        leaf: dict[str, Any] = {"length": size}
        own = [data[at : at + piece_length] for at in range(0, size, piece_length)]
        if size:
            leaves = [sha256(data[at : at + BLOCK]) for at in range(0, size, BLOCK)]
            per_piece = piece_length // BLOCK
            if size > piece_length:
                nodes = [
                    root_of(leaves[i : i + per_piece], per_piece, bytes(32)) for i in range(0, len(leaves), per_piece)
                ]
                pad = root_of([], per_piece, bytes(32))
                leaf["pieces root"] = root_of(nodes, ceil_power(len(nodes)), pad)
                layers[leaf["pieces root"]] = b"".join(nodes)
            else:
                leaf["pieces root"] = root_of(leaves, ceil_power(len(leaves)), bytes(32))
        tree[path] = {"": leaf}
        entries.append({"length": size, "path": [path]})
        if hybrid and size % piece_length and number < last_real:
            padding = piece_length - size % piece_length
            own[-1] += bytes(padding)
            entries.append({"attr": "p", "length": padding, "path": [".pad", str(padding)]})
        pieces += own
    info: dict[str, Any] = {"name": name, "piece length": piece_length, "meta version": 2, "file tree": tree}
    if hybrid:
        info |= {"files": entries, "pieces": b"".join(hashlib.sha1(p).digest() for p in pieces)}
    return Sample(bencode({"info": info, "piece layers": layers}), pieces, on_disk)
