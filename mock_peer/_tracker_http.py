"""Trackers over HTTP (BEP 3, 7, 23, 24, 31, 48): a request read from its head, an answer in bytes."""

from __future__ import annotations

import functools
import gzip
import ipaddress
import struct
import zlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from mock_peer._bencode import encode
from mock_peer._tracker_answer import Address, Answer, Reply

MOST_WORDS = 256
"""Words of a query that are read."""
_ZEROS = bytes(64 << 10)
_STATUS = {
    200: "OK", 301: "Moved Permanently", 302: "Found", 303: "See Other", 307: "Temporary Redirect",
    308: "Permanent Redirect", 400: "Bad Request", 404: "Not Found", 503: "Service Unavailable",
}  # fmt: skip
_ENDLESS_HEAD = b"X-More: " + b"m" * 1000 + b"\r\n"


class NotFound(Exception):
    """Nothing is there: an answer with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """The head of a request, as far as a tracker reads it."""

    kind: str
    """announce or scrape"""
    target: str
    words: dict[str, str]
    """The query, decoded as latin-1."""
    hashes: tuple[bytes, ...]
    peer_id: bytes
    headers: dict[str, str]


def read_request(head: bytes) -> HttpRequest:
    """From the bytes up to the empty line. NotFound: it is for somebody else."""
    lines = head.decode("latin-1").split("\r\n")
    target = lines[0].split(" ")
    if len(target) != 3 or target[0] != "GET" or not target[2].startswith("HTTP/1."):
        raise NotFound(400)
    path, _, query = target[1].partition("?")
    kind = path.rsplit("/", 1)[-1]
    if kind not in ("announce", "scrape"):
        raise NotFound(404)
    pairs = [pair.partition("=") for pair in query.split("&")[:MOST_WORDS]]
    hashes = tuple(unquote_to_bytes(value) for name, _, value in pairs if name == "info_hash")
    peer_id = next((unquote_to_bytes(value) for name, _, value in pairs if name == "peer_id"), b"")
    words = dict(parse_qsl("&".join("".join(pair) for pair in pairs), encoding="latin-1", keep_blank_values=True))
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return HttpRequest(kind, target[1], words, hashes, peer_id, headers)


def refusal(status: int) -> Reply:
    """An answer that has only a status."""
    return Reply(_head(status, length=0))


def http_reply(answer: Answer, request: HttpRequest, asker: str) -> Reply:
    """The answer in the form that it is to have."""
    if answer.raw is not None:
        return _sent(answer, answer.raw)
    if answer.has_endless_head:
        return _sent(answer, b"HTTP/1.1 200 OK\r\n", _ENDLESS_HEAD, None)
    more: list[str] = []
    if answer.location is not None:
        more.append(f"Location: {answer.location or _itself(request)}")
    if answer.bomb is not None:
        return _bomb(answer, answer.bomb)
    if answer.content is None and answer.zeros != 0:
        return _long_body(answer, answer.zeros)
    body = answer.content if answer.content is not None else encode(_said(answer, request, asker))
    if answer.status != 200 and answer.content is None:
        body = b""
    if answer.is_gzip:
        body = gzip.compress(body, mtime=0)
        more.append("Content-Encoding: gzip")
    if answer.chunk is not None:
        more.append("Transfer-Encoding: chunked")
        return _sent(answer, _head(answer.status, *more) + _chunks(body, answer.chunk))
    return _sent(answer, _head(answer.status, *more, length=len(body)) + body)


def _said(answer: Answer, request: HttpRequest, asker: str) -> dict[str, Any]:
    if answer.failure is not None:
        refused: dict[str, Any] = {"failure reason": answer.failure}
        return refused | ({} if answer.retry_in is None else {"retry in": answer.retry_in}) | answer.extra
    if request.kind == "scrape":
        files = {
            info_hash: {"complete": seeds, "downloaded": downloaded, "incomplete": leechers}
            for info_hash, seeds, downloaded, leechers in answer.files
        }
        return {"files": files} | answer.extra
    said: dict[str, Any] = {"complete": answer.seeds, "incomplete": answer.leechers, **_peers(answer)}
    said["external ip"] = ipaddress.ip_address(asker).packed
    for name, value in (
        ("interval", answer.interval), ("min interval", answer.min_interval), ("warning message", answer.warning)
    ):  # fmt: skip
        if value is not None:
            said[name] = value
    return said | answer.extra


def _peers(answer: Answer) -> dict[str, Any]:
    if not answer.is_compact:
        return {"peers": [{"ip": host, "port": port} for host, port in answer.peers]}
    made = {"peers": compact(answer.peers, 4)}
    if any(":" in host for host, _ in answer.peers):
        made["peers6"] = compact(answer.peers, 16)
    return made


def compact(peers: list[Address], size: int) -> bytes:
    """The addresses of that many bytes, in the form of BEP 23 and BEP 7."""
    packed = ((ipaddress.ip_address(host).packed, port) for host, port in peers)
    return b"".join(host + struct.pack(">H", port) for host, port in packed if len(host) == size)


# -- the form


def _head(status: int, *more: str, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} {_STATUS.get(status, 'Strange')}", "Connection: close", *more]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _sent(answer: Answer, data: bytes, again: bytes = b"", times: int | None = 0, tail: bytes = b"") -> Reply:
    if answer.cut is not None:
        data, again, times, tail = _cut(data, again, times, answer.cut)
    return Reply(data, again, times, tail, answer.delay, answer.pace, answer.ending)


def _cut(data: bytes, again: bytes, times: int | None, most: int) -> tuple[bytes, bytes, int | None, bytes]:
    left = most - len(data)
    if left <= 0 or not again:
        return data[:most], b"", 0, b""
    whole = left // len(again) if times is None else min(times, left // len(again))
    return data, again, whole, again[: left - whole * len(again)]


def _itself(request: HttpRequest) -> str:
    host = request.headers.get("host")
    return request.target if host is None else f"http://{host}{request.target}"


def _long_body(answer: Answer, nbytes: int | None) -> Reply:
    if nbytes is None:
        return _sent(answer, _head(answer.status), _ZEROS, None)
    times, rest = divmod(nbytes, len(_ZEROS))
    return _sent(answer, _head(answer.status, length=nbytes), _ZEROS, times, _ZEROS[:rest])


def _chunks(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


_BOMB = 1 << 20


@functools.cache
def _bomb_parts() -> tuple[bytes, bytes]:
    """A mebibyte of zeros as a piece of a deflate stream that may come any number of times, and the end of such."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packer.compress(bytes(_BOMB))
    packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(_BOMB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return again, packer.flush(zlib.Z_FINISH)


def _bomb(answer: Answer, nbytes: int) -> Reply:
    again, end = _bomb_parts()
    times = nbytes // _BOMB
    crc = 0
    for _ in range(times):
        crc = zlib.crc32(bytes(_BOMB), crc)
    tail = end + struct.pack("<II", crc, times * _BOMB & 0xFFFFFFFF)
    start = b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"
    head = _head(answer.status, "Content-Encoding: gzip", length=len(start) + len(again) * times + len(tail))
    return _sent(answer, head + start, again, times, tail)
