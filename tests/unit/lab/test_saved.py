"""engine.saved(): what a power cut would leave of the state, by a decoder of the laboratory's own."""

import hashlib

import jstorrent as jst
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jstorrent import _core
from jstorrent.lab import Lab
from jstorrent.lab._saved import decode_saved


@pytest.mark.lanes("sim", "real")
def test_what_was_saved_is_seen_also_while_it_is_down(lab: Lab) -> None:
    spec, other = lab.torrent(pieces=8, piece_length=16384), lab.torrent(pieces=1)
    client = lab.engine("client")
    assert client.saved(spec) is None
    t = client.add(spec, have=[0, 2, 7], peers=["10.9.9.9:1234"])
    lab.until(lambda: t.state in ("downloading", "stalled"), within=10)
    client.session.save()
    saved = client.saved(spec)
    assert saved is not None
    assert saved.have == {0, 2, 7} and saved.state == "running" and saved.num_pieces == 8
    assert saved.peers == (("10.9.9.9", 1234),)
    assert saved.save_path == str(client.downloads)
    t.pause()
    client.stop()
    saved = client.saved(spec)
    assert saved is not None and saved.state == "paused" and saved.have == {0, 2, 7}
    assert client.saved(other) is None


def test_only_what_is_durable_counts(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    client = lab.engine("client")
    t = client.add(spec, have=[1])
    lab.run_for(1)
    client.session.save()
    client.disk.fail("sync_dir", times=None, path="state")
    t.stop()
    with pytest.raises(jst.DiskError):
        client.session.save()
    record = client.disk.read(f"state/torrents/{spec.info_hash.hex()}.jst")
    assert decode_saved(record).state == "stopped"  # what the process sees
    saved = client.saved(spec)
    assert saved is not None and saved.state == "running"  # what would be left of it
    client.crash()
    assert client.saved(spec) == saved
    client.start()
    lab.run_for(1)
    back = client.torrent(spec)
    assert back is not None and back.state in ("downloading", "stalled")


def test_nothing_is_left_of_a_torrent_that_was_removed(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    t = client.add(spec, have=[1])
    lab.run_for(1)
    client.session.save()
    assert client.saved(spec) is not None
    t.remove()
    lab.run_for(1)
    client.session.save()
    assert client.saved(spec) is None


def _record(**fields: object) -> bytes:
    """As the engine writes it."""
    base = {"info_hash": bytes(20), "save_path": "/d"}
    return bytes(_core.lab.storage.encode_torrent_record({**base, **fields}))


def test_any_bit_that_is_wrong_is_seen() -> None:
    record = _record()
    decode_saved(record)
    for at in range(len(record)):
        damaged = bytearray(record)
        damaged[at] ^= 1
        with pytest.raises(jst.ParseError):
            decode_saved(bytes(damaged))
    for wrong in (b"", record[:-1], record + b"x"):
        with pytest.raises(jst.ParseError) as caught:
            decode_saved(wrong)
        assert caught.value.code == "bad_record"


def _framed(body: object, version: int = 1) -> bytes:
    head = b"jsttrec\n" + version.to_bytes(4, "big") + jst.bencode(body)
    return head + hashlib.sha1(head).digest()


@pytest.mark.parametrize(
    "body",
    [
        [], {b"pieces": -1}, {b"pieces": (1 << 24) + 1}, {b"wanted": 3}, {b"peers": b"x"}, {b"pieces": 8, b"have": b"ab"},
        {b"pieces": 7, b"have": b"\x01"}, {b"save_path": 1}, {b"wanted": b"x"}, {b"have": 1},
    ],
)  # fmt: skip
def test_fields_that_cannot_be_are_refused(body: object) -> None:
    with pytest.raises(jst.ParseError):
        decode_saved(_framed(body))
    with pytest.raises(jst.ParseError, match="version 2"):
        decode_saved(_framed({}, version=2))


@given(st.sets(st.integers(0, 40)), st.integers(41, 60))
def test_bits_are_counted_from_the_high_end(have: set[int], count: int) -> None:
    bits = bytearray((count + 7) // 8)
    for piece in have:
        bits[piece // 8] |= 128 >> piece % 8
    assert decode_saved(_framed({b"pieces": count, b"have": bytes(bits)})).have == have
