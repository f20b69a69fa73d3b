"""Scenarios in which the client downloads. Where a peer misbehaves an honest one is there too, unless one alone must do."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from jstorrent.lab.wire_scenarios import PIECES, Failed, Skipped, Stage, scenario
from mock_peer import Behaviour, Handshake
from mock_peer._wire import bits_of

if TYPE_CHECKING:
    from jstorrent.lab._peer import Peer

_STORM = 20
"""Requests for one block to one peer that never gives it, in one scenario: more is a loop."""


@scenario("download", "an honest seed is enough")
def honest(s: Stage) -> None:
    s.download(s.honest())
    s.complete()


@scenario("download", "it breaks no rule of the wire while it downloads from an honest seed")
def rules(s: Stage) -> None:
    good = s.honest()
    s.download(good)
    s.complete()
    broken = sorted({violation.why for violation in good.ledger.violations})
    if broken:
        raise Failed("; ".join(broken[:3]))


@scenario("download", "three peers that have a third each are enough together")
def several_peers(s: Stage) -> None:
    for third in range(3):
        s.peer(f"third-{third}", have=range(third, PIECES, 3))
    s.download()
    s.complete()


@scenario("download", "a peer without the extensions of BEP 6 and BEP 10 is enough")
def plain_peer(s: Stage) -> None:
    s.download(s.peer("plain", handshake=Handshake(fast=False, extended=False)))
    s.complete()


@scenario("download", "a peer that gets its pieces one by one, and says so by HAVE, is enough")
def growing_peer(s: Stage) -> None:
    peer = s.peer("growing", have="none")
    s.download(peer)
    s.until(lambda: peer.connected, "never came")
    for piece in range(PIECES):
        peer.gain(piece)
        s.until(
            lambda: any(message.piece == piece for message in peer.ledger.served),  # noqa: B023
            f"did not ask for piece {piece} after its HAVE; {s.seen()}",
        )
    s.complete()


@scenario("download", "when a peer is gone in the middle of a block the rest comes from another")
def gone_mid_block(s: Stage) -> None:
    bad = s.peer("bad", behave=Behaviour("cut", on="request", nth=3, nbytes=5000, how="rst"))
    s.download(bad, s.honest())
    s.complete()


@scenario("download", "when the link ends one byte before the end of the last block that block is asked for again")
def gone_at_last_byte(s: Stage) -> None:
    piece, begin, length = s.blocks()[-1]
    cut = Behaviour("cut", on="request", piece=piece, begin=begin, nbytes=length + 12, how="fin")
    s.download(s.peer("bad", behave=cut), s.honest())
    s.complete()


@scenario("download", "a piece with one bad block is fetched again")
def corrupt_once(s: Stage) -> None:
    piece, begin, _ = s.blocks()[-1]
    bad = s.peer("bad", behave=Behaviour("corrupt", piece=piece, begin=begin, times=1))
    s.download(bad, s.honest())
    s.complete()


@scenario("download", "a peer whose every block is wrong cannot stop a download, nor keep it busy")
def always_corrupt(s: Stage) -> None:
    bad = s.peer("bad", behave="corrupt")
    s.download(bad, s.honest())
    s.complete()
    if len(bad.ledger.served) > 4 * s.num_blocks:
        raise Failed(f"took {len(bad.ledger.served)} bad blocks of one peer where the torrent has {s.num_blocks}")


@scenario("download", "blocks that nobody asked for, and that are wrong, do no harm")
def unsolicited(s: Stage) -> None:
    blocks = [_frame(7, piece, 0, data=bytes(16384)) for piece in range(PIECES)]
    s.download(s.peer("bad", have=range(3), behave=_says(*blocks)), s.honest())
    s.complete()


@scenario("download", "blocks of pieces that there are not do no harm")
def piece_out_of_range(s: Stage) -> None:
    blocks = [_frame(7, piece, 0xFFFFC000, data=bytes(16384)) for piece in (PIECES, 1_000_000, 0xFFFFFFFF)]
    s.download(s.peer("bad", have=range(3), behave=_says(*blocks)), s.honest())
    s.complete()


@scenario("download", "answers about another piece than was asked for do no harm")
def wrong_index(s: Stage) -> None:
    s.download(s.peer("bad", behave="wrong"), s.honest())
    s.complete()


@scenario("download", "blocks that are too short do no harm")
def short_block(s: Stage) -> None:
    s.download(s.peer("bad", behave=Behaviour("wrong", length=100)), s.honest())
    s.complete()


@scenario("download", "blocks that are too long do no harm")
def long_block(s: Stage) -> None:
    s.download(s.peer("bad", behave=Behaviour("wrong", length=16384 + 100)), s.honest())
    s.complete()


@scenario("download", "a message of 4 GiB ends the link, at once")
def oversize_frame(s: Stage) -> None:
    bad = s.peer("bad", have=range(3), behave="malformed")
    s.download(bad, s.honest())
    s.closes(bad, "kept a link on which a message of 4 GiB was announced")
    s.complete()


@scenario("download", "messages with unknown numbers are passed over, on the one link that there is")
def unknown_message(s: Stage) -> None:
    odd = [_frame(number, data=b"abc") for number in (30, 100, 250)]
    s.download(s.peer("odd", behave=_says(*odd)))
    s.complete()


@scenario("download", "keep-alives, fifty a second, are passed over")
def keepalives(s: Stage) -> None:
    s.download(s.peer("odd", behave=Behaviour("keepalive_flood", rate=50)))
    s.complete()


@scenario("download", "a handshake that comes byte by byte is a handshake")
def handshake_in_crumbs(s: Stage) -> None:
    s.download(s.peer("slow", handshake=Handshake(dribble=(1, 0.02))))
    s.complete()


@scenario("download", "a peer that takes the link and says nothing cannot stop a download")
def no_handshake(s: Stage) -> None:
    s.download(s.peer("mute", handshake=Handshake(send=False)), s.honest())
    s.complete()


@scenario("download", "a peer with another info-hash is hung up on and asked for nothing")
def wrong_info_hash(s: Stage) -> None:
    bad = s.peer("bad", handshake=Handshake(info_hash=b"another info-hash...", send=True))
    s.download(bad)
    s.closes(bad, "kept a link with a peer of another torrent")
    if bad.ledger.requests:
        raise Failed(f"asked a peer of another torrent for {len(bad.ledger.requests)} blocks")
    s.alive()


@scenario("download", "what is no BitTorrent at all is hung up on")
def not_bittorrent(s: Stage) -> None:
    bad = s.peer(
        "bad", handshake=Handshake(send=False), behave=Behaviour("malformed", bytes=b"HTTP/1.1 400 Bad\r\n" * 99)
    )
    s.download(bad, s.honest())
    s.closes(bad, "kept a link with what is no BitTorrent")
    s.complete()


@scenario("download", "a peer with the client's own id is hung up on: it is the client itself")
def own_peer_id(s: Stage) -> None:
    bad = s.peer("bad", behave="own_peer_id")
    s.download(bad, s.honest())
    s.closes(bad, "kept a link with a peer that has its own id")
    s.complete()


@scenario("download", "two peers with one id do not stop a download")
def same_peer_id(s: Stage) -> None:
    s.peer("one", behave="same_peer_id")
    s.peer("two", behave="same_peer_id")
    s.download()
    s.complete()


@scenario("download", "a peer that never answers cannot stop a download")
def silent_peer(s: Stage) -> None:
    s.download(s.peer("silent", behave="withhold"), s.honest())
    s.complete()


@scenario("download", "blocks that one peer withholds are asked for from another")
def withheld_blocks(s: Stage) -> None:
    piece, begin, _ = s.blocks()[-1]
    bad = s.peer(
        "bad", behave=[Behaviour("withhold", piece=3, begin=0), Behaviour("withhold", piece=piece, begin=begin)]
    )
    s.download(bad, s.honest())
    s.complete()


@scenario("download", "a seed that chokes and unchokes all the time is enough")
def choke_flapping(s: Stage) -> None:
    s.download(s.peer("flapping", behave=[Behaviour("choke_flap", period=0.4), Behaviour("late", seconds=0.1)]))
    s.complete()


@scenario("download", "a seed that never unchokes is waited for in vain, and others serve")
def never_unchoked(s: Stage) -> None:
    bad = s.peer("bad", behave="never_unchoke")
    s.download(bad, s.honest())
    s.complete()
    if bad.ledger.requests and not bad.ledger.served:
        raise Failed(f"asked a peer that chokes it for {len(bad.ledger.requests)} blocks")


@scenario("download", "a peer that claims everything and has nothing cannot stop a download, nor be asked without end")
def lying_bitfield(s: Stage) -> None:
    bad = s.peer("bad", have="none", behave="lie_have")
    s.download(bad, s.honest())
    s.complete()
    _no_storm(s, len(bad.ledger.requests))


@scenario("download", "blocks that come three times are written once")
def duplicate_blocks(s: Stage) -> None:
    s.download(s.peer("odd", behave=Behaviour("duplicate", count=3)))
    s.complete()


@scenario("download", "answers in another order than the requests are taken")
def reordered_blocks(s: Stage) -> None:
    s.download(s.peer("odd", behave="reorder"))
    s.complete()


@scenario("download", "a bitfield with spare bits set ends the link")
def bitfield_spare_bits(s: Stage) -> None:
    bits = bytearray(bits_of(set(range(PIECES)), PIECES))
    bits[-1] |= 1
    bad = _claims(s, bytes(bits))
    s.download(bad, s.honest())
    s.closes(bad, "kept a link after a bitfield with spare bits set")
    s.complete()


@scenario("download", "a bitfield of another size than the torrent's ends the link")
def bitfield_too_long(s: Stage) -> None:
    bad = _claims(s, bits_of(set(range(PIECES)), PIECES) + bytes(7))
    s.download(bad, s.honest())
    s.closes(bad, "kept a link after a bitfield that is too long")
    s.complete()


@scenario("download", "HAVEs of pieces that there are not do no harm")
def have_out_of_range(s: Stage) -> None:
    haves = [_frame(4, piece) for piece in (PIECES, 1_000_000, 0xFFFFFFFF)]
    s.download(s.peer("bad", have=range(3), behave=_says(*haves)), s.honest())
    s.complete()


@scenario("download", "a peer that rejects everything (BEP 6) cannot stop a download, nor be asked without end")
def rejects_all(s: Stage) -> None:
    bad = s.peer("bad", behave="reject")
    s.download(bad, s.honest())
    s.complete()
    _no_storm(s, len(bad.ledger.requests))


@scenario("download", "a peer that sends a thousand bytes a second does not slow a download down")
def trickle(s: Stage) -> None:
    s.download(s.peer("slow", behave="trickle"), s.honest())
    s.complete()


@scenario("download", "a peer that is gone without a word cannot stop a download")
def half_open(s: Stage) -> None:
    bad = s.peer("bad", behave=Behaviour("half_open", on="request", nth=2))
    s.download(bad, s.honest())
    s.complete()


@scenario("download", "an extended handshake of ten thousand lists within lists does no harm")
def bencode_bomb(s: Stage) -> None:
    s.download(s.peer("bad", have=range(3), behave="bencode_bomb"), s.honest())
    s.complete()


@scenario("download", "ninety thousand pieces that may be asked for at once (BEP 6) do no harm")
def allowed_fast_flood(s: Stage) -> None:
    pieces = [*range(PIECES), PIECES, 0xFFFFFFFF] * 6000
    s.download(s.peer("bad", have=range(3), behave=Behaviour("allowed_fast", pieces=pieces)), s.honest())
    s.complete()


@scenario("download", "metadata that is garbage is not taken; the honest peer's is")
def metadata_garbage(s: Stage) -> None:
    if not getattr(s.client._driver, "takes_magnets", False):
        raise Skipped("it is not told a magnet link")
    bad = s.peer("bad", behave=Behaviour("metadata", data="corrupt"))
    s.download(bad, s.honest(), magnet=True)
    s.complete()


def _frame(number: int, *words: int, data: bytes = b"") -> bytes:
    """A message: its number, 32-bit words, data."""
    return struct.pack(f">IB{len(words)}I", 1 + 4 * len(words) + len(data), number, *words) + data


def _says(*frames: bytes) -> Behaviour:
    """On each link, behind the handshakes."""
    return Behaviour("malformed", bytes=b"".join(frames))


def _claims(s: Stage, bits: bytes) -> Peer:
    """A peer whose first message is this bitfield."""
    plain = Handshake(fast=False, extended=False)
    return s.peer("bad", auto=("unchoke", "serve"), handshake=plain, behave=_says(_frame(5, data=bits)))


def _no_storm(s: Stage, requests: int) -> None:
    if requests > _STORM * s.num_blocks:
        raise Failed(f"asked a peer that gives nothing {requests} times for {s.num_blocks} blocks")
