"""A bad BitTorrent client on purpose: TORRENT FOLDER HOST:PORT... It must fail the wire scenarios that it deserves.

It reads one peer after the other, believes every block, checks no hash, and knows no extension. Standard library only.
"""

import hashlib
import os
import socket
import struct
import sys
from pathlib import Path


def decode(data: bytes, at: int = 0) -> tuple[object, int]:
    """Bencode, as short as it goes; the span of "info" is kept under b"(info)"."""
    first = data[at : at + 1]
    if first == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1 : end]), end + 1
    if first in b"ld":
        items, at, spans = [], at + 1, {}
        while data[at : at + 1] != b"e":
            begin = at
            item, at = decode(data, at)
            spans[len(items)] = data[begin:at]
            items.append(item)
        if first == b"l":
            return items, at + 1
        made = dict(zip(items[::2], items[1::2], strict=True))
        if b"info" in made:
            made[b"(info)"] = spans[items.index(b"info") + 1]
        return made, at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1 : end], end


def exactly(sock: socket.socket, count: int) -> bytes:
    """So many bytes, however many it is told: it never asks whether that can be."""
    data = b""
    while len(data) < count:
        more = sock.recv(min(count - len(data), 1 << 20))
        if not more:
            raise ConnectionError("gone")
        data += more
    return data


def download(address: str, info_hash: bytes, missing: list[tuple[int, int, int]], length: int, file: int) -> None:
    """From one peer, one block at a time, until nothing is missing or the link ends."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=60) as sock:
        sock.sendall(b"\x13BitTorrent protocol" + bytes(8) + info_hash + b"-BAD100-" + os.urandom(12))
        exactly(sock, 68)  # whatever it says
        sock.sendall(struct.pack(">IB", 1, 2))
        while missing:
            (size,) = struct.unpack(">I", exactly(sock, 4))
            message = exactly(sock, size)
            kind = message[:1]
            if kind == b"\x07":
                piece, begin = struct.unpack(">II", message[1:9])
                os.pwrite(file, message[9:], (piece * length + begin) & 0x7FFFFFFF)
                missing.pop(0)  # it must be what it asked for
            if kind in (b"\x01", b"\x07") and missing:
                sock.sendall(struct.pack(">IBIII", 13, 6, *missing[0]))


def main(torrent: str, folder: str, *peers: str) -> None:
    meta, _ = decode(Path(torrent).read_bytes())
    info, length = meta[b"info"], meta[b"info"][b"piece length"]
    total = info[b"length"]
    missing = [
        (at // length, at % length, min(16384, total - at, length - at % length)) for at in range(0, total, 16384)
    ]
    file = os.open(Path(folder) / info[b"name"].decode(), os.O_RDWR | os.O_CREAT)
    for peer in peers:
        try:
            download(peer, hashlib.sha1(meta[b"(info)"]).digest(), missing, length, file)
        except OSError as error:
            print(peer, error)
    sys.exit(1 if missing and peers else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
