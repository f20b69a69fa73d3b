"""Torrents made by hand, by an encoder and a hash tree of the tests' own."""

from __future__ import annotations

from hashlib import sha1, sha256
from typing import Any

BLOCK = 16384


def benc(value: Any) -> bytes:
    """Canonical bencoding, written independently of the engine."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(benc, value)) + b"e"
    if isinstance(value, dict):
        pairs = sorted((k.encode() if isinstance(k, str) else k, v) for k, v in value.items())
        return b"d" + b"".join(benc(k) + benc(v) for k, v in pairs) + b"e"
    raise TypeError(type(value))


def tree_root(nodes: list[bytes], pad: bytes = bytes(32)) -> bytes:
    """The root over nodes filled up to a power of two."""
    width = 1
    while width < len(nodes):
        width *= 2
    level = nodes + [pad] * (width - len(nodes))
    while len(level) > 1:
        level = [sha256(level[i] + level[i + 1]).digest() for i in range(0, len(level), 2)]
    return level[0]


def leaves_of(data: bytes) -> list[bytes]:
    return [sha256(data[i : i + BLOCK]).digest() for i in range(0, len(data), BLOCK)]


def pad_of(width: int) -> bytes:
    """The root of a tree of `width` missing leaves."""
    return tree_root([bytes(32)] * width)


def file_tree_hashes(data: bytes, piece_length: int) -> tuple[bytes, list[bytes]]:
    """Root and piece layer of one file; the layer is empty when one piece holds it all."""
    leaves = leaves_of(data)
    per_piece = piece_length // BLOCK
    if len(data) <= piece_length:
        return tree_root(leaves), []
    layer = []
    for i in range(0, len(leaves), per_piece):
        chunk = leaves[i : i + per_piece]
        layer.append(tree_root(chunk + [bytes(32)] * (per_piece - len(chunk))))
    return tree_root(layer, pad_of(per_piece)), layer


def pieces_v1(data: bytes, piece_length: int) -> bytes:
    return b"".join(sha1(data[i : i + piece_length]).digest() for i in range(0, len(data), piece_length))


def single(data: bytes = b"x" * 40000, piece_length: int = BLOCK, **more: Any) -> dict[str, Any]:
    """An info dictionary of one file."""
    info = {"name": "file", "length": len(data), "piece length": piece_length}
    return {**info, "pieces": pieces_v1(data, piece_length), **more}


def multi(files: list[tuple[list[Any], int]], piece_length: int = BLOCK, **more: Any) -> dict[str, Any]:
    """An info dictionary of several files (all zeros); each is (path, size)."""
    total = sum(size for _, size in files)
    listed = [{"path": path, "length": size} for path, size in files]
    return {"name": "dir", "files": listed, "piece length": piece_length,
            "pieces": pieces_v1(bytes(total), piece_length), **more}  # fmt: skip


def v2(files: dict[str, bytes], piece_length: int = BLOCK, name: str = "dir") -> dict[str, Any]:
    """A whole v2 torrent; names may hold '/'."""
    tree: dict[str, Any] = {}
    layers: dict[bytes, bytes] = {}
    for path, data in files.items():
        at = tree
        for component in path.split("/"):
            at = at.setdefault(component, {})
        facts: dict[str, Any] = {"length": len(data)}
        if data:
            root, layer = file_tree_hashes(data, piece_length)
            facts["pieces root"] = root
            if layer:
                layers[root] = b"".join(layer)
        at[""] = facts
    info = {"name": name, "meta version": 2, "piece length": piece_length, "file tree": tree}
    return {"info": info, "piece layers": layers}


def hybrid(files: dict[str, bytes], piece_length: int = BLOCK, name: str = "dir") -> dict[str, Any]:
    """A whole hybrid torrent; pad files stand between the files."""
    torrent = v2(files, piece_length, name)
    listed: list[dict[str, Any]] = []
    stream = b""
    names = sorted(files)
    for i, path in enumerate(names):
        listed.append({"path": path.split("/"), "length": len(files[path])})
        stream += files[path]
        gap = -len(stream) % piece_length
        if gap and i + 1 < len(names):
            listed.append({"path": [".pad", str(gap)], "length": gap, "attr": "p"})
            stream += bytes(gap)
    torrent["info"] |= {"files": listed, "pieces": pieces_v1(stream, piece_length)}
    return torrent


def torrent(info: dict[str, Any], **around: Any) -> bytes:
    keys = {"announce_list": "announce-list", "url_list": "url-list", "created_by": "created by",
            "creation_date": "creation date"}  # fmt: skip
    return benc({"info": info, **{keys.get(k, k): v for k, v in around.items()}})


def without(whole: dict[str, Any], key: str) -> dict[str, Any]:
    return {k: v for k, v in whole.items() if k != key}
