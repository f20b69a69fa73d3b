"""What a flood of n things makes an engine look through, as JSON: for a Python that sees the module of the target `planted`.

Each case makes a world, floods it, and gives back what the flood alone took. `effort` counts the steps of loops over what is long:
pieces, peers, addresses (base/effort.hpp).
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable

from jstorrent import _core
from jstorrent.lab import Engine, Lab, Spec

from tests.scenarios.raw_peer import BITFIELD, CANCEL, HAVE, INTERESTED, REQUEST, RawPeer

Case = Callable[[Lab, int], int]
CASES: dict[str, Case] = {}


def case(flood: Case) -> Case:
    """Registers a case under its name."""
    CASES[flood.__name__] = flood
    return flood


def effort() -> int:
    taken: int = _core.lab.effort()  # type: ignore[attr-defined]
    return taken


def frame(kind: int, payload: bytes = b"") -> bytes:
    return struct.pack(">IB", 1 + len(payload), kind) + payload


def flooded(lab: Lab, peer: RawPeer, messages: list[bytes], at_once: int = 100) -> int:
    """The effort that so many messages at a time cost."""
    before = effort()
    for n in range(0, len(messages), at_once):
        peer.push(b"".join(messages[n : n + at_once]))
        lab.run_for(0.1)
    assert peer.open_links, "what it says is no breach"
    return effort() - before


def linked(lab: Lab, pieces: int, **options: object) -> tuple[Engine, Spec, RawPeer]:
    """A client without a piece and a peer that has none."""
    spec = lab.torrent(pieces=pieces, piece_length=1024)
    client = lab.engine("client")
    peer = RawPeer(lab, "peer", spec, have=(), **options)  # type: ignore[arg-type]
    client.add(spec, peers=[peer])
    lab.until(lambda: bool(peer.greeted), within=5)
    lab.run_for(1)
    return client, spec, peer


def served(lab: Lab, spec: Spec) -> tuple[Engine, RawPeer]:
    """A seed and a peer that has none."""
    seed = lab.engine("seed")
    seed.add(spec, have="all")
    lab.run_for(20)
    peer = RawPeer(lab, "peer", spec, have=())
    peer.connect(seed)
    lab.until(lambda: bool(peer.greeted), within=5)
    return seed, peer


@case
def haves_from_the_last_to_the_first(lab: Lab, n: int) -> int:
    _, _, peer = linked(lab, n, unchokes=False)
    return flooded(lab, peer, [frame(HAVE, struct.pack(">I", piece)) for piece in reversed(range(n))])


@case
def bitfields_that_add_nothing(lab: Lab, n: int) -> int:
    """As aria2 may say them: of twice the pieces twice as many."""
    spec = lab.torrent(pieces=n, piece_length=1024)
    peer = RawPeer(lab, "peer", spec, have=range(n // 2), unchokes=False)
    peer.peer_id = b"A2-1-36-0-" + bytes(10)
    lab.engine("client").add(spec, peers=[peer])
    lab.until(lambda: bool(peer.greeted), within=5)
    lab.run_for(1)
    half = (b"\xff" * (n // 16)).ljust((n + 7) // 8, b"\x00")
    return flooded(lab, peer, [frame(BITFIELD, half)] * (n // 100))


@case
def pieces_that_are_lost_one_by_one(lab: Lab, n: int) -> int:
    """Each of them is looked for among all that the peers have: once a round."""
    spec = lab.torrent(pieces=n // 4, piece_length=1024)
    seed, peer = served(lab, spec)
    seed.disk.delete(seed.path(spec, 0))
    before = effort()
    peer.say(INTERESTED)
    lab.run_for(20)
    peer.request(0, 0, 1024)
    lab.run_for(5)
    torrent = seed.torrent(spec)
    assert torrent is not None and torrent.status().pieces_complete == 0
    return effort() - before


@case
def files_that_get_a_priority_at_once(lab: Lab, n: int) -> int:
    spec = lab.torrent(files=[(f"f{i}", 16) for i in range(n // 4)], piece_length=1024)
    torrent = lab.engine("client").add(spec)
    lab.run_for(1)
    before = effort()
    torrent.set_file_priority("*", 0)
    return effort() - before


@case
def pieces_that_get_a_priority_each(lab: Lab, n: int) -> int:
    torrent = lab.engine("client").add(lab.torrent(pieces=n // 4, piece_length=1024))
    lab.run_for(1)
    before = effort()
    for piece in range(n // 4):
        torrent.set_piece_priority(piece, 7)
    return effort() - before


@case
def addresses_of_one_host_beside_many_dials(lab: Lab, n: int) -> int:
    """Half of them dialled and silent, half of them too many of their host."""
    client = lab.engine(
        "client", max_half_open=n, max_known_peers=2 * n, max_connections_per_torrent=n, max_connections=n, max_connections_per_host=1
    )
    torrent = client.add(lab.torrent())
    before = effort()
    for i in range(n // 8):
        torrent.connect((f"10.7.{i // 250}.{1 + i % 250}", 6881))
    for port in range(n // 8):
        torrent.connect(("10.8.8.8", 1000 + port))
    lab.run_for(1)
    return effort() - before


def asked(lab: Lab, n: int, most: int, words: Callable[[int], list[bytes]]) -> int:
    """By one that may ask and reads nothing: first for so many blocks, then what the words say of each number below n."""
    spec = lab.torrent(pieces=n, piece_length=1024)
    seed = lab.engine("seed", max_queued_requests=most, upload_rate_limit=1)
    seed.add(spec, have="all")
    lab.run_for(20)
    peer = RawPeer(lab, "peer", spec, have=())
    peer.connect(seed)
    lab.until(lambda: bool(peer.greeted), within=5)
    peer.say(INTERESTED)
    lab.run_for(20)
    for piece in range(n):
        peer.request(piece, 0, 1024)
    lab.run_for(1)
    return flooded(lab, peer, [word for number in range(n) for word in words(number)])


@case
def requests_that_are_made_twice(lab: Lab, n: int) -> int:
    return asked(lab, n, 2 * n, lambda number: [frame(REQUEST, struct.pack(">III", number * 7 % n, 0, 1024))])


@case
def cancels_of_what_was_never_asked_for(lab: Lab, n: int) -> int:
    return asked(lab, n, 2 * n, lambda number: [frame(CANCEL, struct.pack(">III", number * 7 % n, 1, 1023))])


@case
def blocks_that_are_asked_for_and_cancelled(lab: Lab, n: int) -> int:
    def twice(number: int) -> list[bytes]:
        block = struct.pack(">III", number * 7 % n, 1, 1023)
        return [frame(REQUEST, block), frame(CANCEL, block)]

    return asked(lab, n, 2 * n, twice)


@case
def chunks_of_one_byte(lab: Lab, n: int) -> int:
    reader = _core.lab.ResponseReader()  # type: ignore[attr-defined]
    reader.receive(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1")
    before = effort()
    reader.receive(b"\r\nx\r\n" + b"1\r\nx\r\n" * (n // 2) + b"0\r\n\r\n")
    assert reader.is_done and len(reader.body) == n // 2 + 1
    return effort() - before


@case
def empty_files_within_a_piece(lab: Lab, n: int) -> int:
    """Each read of the piece passes them by."""
    spec = lab.torrent(files=[("a", 512), *((f"e{i}", 0) for i in range(n)), ("z", 512)], piece_length=1024)
    _, peer = served(lab, spec)
    peer.say(INTERESTED)
    lab.run_for(20)
    before = effort()
    for _ in range(20):
        peer.request(0, 0, 1024)
        lab.run_for(1)
    return effort() - before


@case
def unchoked_peers_that_all_go(lab: Lab, n: int) -> int:
    spec = lab.torrent()
    seed = lab.engine("seed", upload_slots=None, max_connections=n, max_connections_per_torrent=n, max_half_open=n)
    seed.add(spec, have="all")
    lab.run_for(20)
    peers = [RawPeer(lab, f"p{i}", spec, have=()) for i in range(n // 20)]
    for peer in peers:
        peer.connect(seed)
    lab.until(lambda: all(peer.greeted for peer in peers), within=20)
    for peer in peers:
        peer.say(INTERESTED)
    lab.run_for(20)
    before = effort()
    seed.session.configure(max_connections=1)
    lab.run_for(1)
    assert sum(bool(peer.open_links) for peer in peers) == 1
    return effort() - before


@case
def torrents_that_are_added_one_by_one(lab: Lab, n: int) -> int:
    """Those that are there already are not asked again what they wish."""
    client = lab.engine("client")
    specs = [lab.torrent(name=f"t{number}", pieces=1, piece_length=1024) for number in range(n // 10)]
    before = effort()
    for spec in specs:
        client.add(spec, stopped=True)
    lab.run_for(1)
    return (effort() - before) * 10


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]]
    found: dict[str, list[int]] = {}
    for name, flood in CASES.items():
        found[name] = []
        for n in sizes:
            with Lab(seed=7) as lab:
                found[name].append(flood(lab, n))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
