"""Records survive a round trip and never lie after damage (storage/resume, record_frame, session_record)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jstorrent import _errors as jstorrent
from jstorrent._core import lab

storage = lab.storage
Record = dict[str, Any]

DEFAULTS: Record = {
    "metainfo": b"", "magnet": "", "save_path": "", "wanted": 0, "sequential": False, "queue_position": 0, "added_at": 0,
    "have": [], "files": [], "part_file": (False, 0, 0), "in_parts": [], "straightened": set(), "file_priorities": [], "piece_priorities": [],
    "renamed": [], "renaming": [], "move_to": "", "wishes": [], "trackers": [], "web_seeds": [], "peers": [], "limits": {}, "epoch": 0,
    "writing": False, "partial": [],
}  # fmt: skip
TOTALS = [
    "payload_received",
    "payload_verified",
    "payload_failed",
    "payload_redundant",
    "payload_discarded",
    "payload_sent",
    "wire_received",
    "wire_sent",
    "pieces_failed",
    "active_ns",
    "seeding_ns",
]
LIMITS = ["download_rate", "upload_rate", "max_connections", "upload_slots", "seed_ratio_permille", "seed_time_ns"]

SAMPLE: Record = {
    "info_hash": b"h" * 20, "info_hash_v2": b"H" * 32, "metainfo": b"d4:infode", "magnet": "magnet:?xt=urn:btih:x",
    "save_path": "/home/é", "wanted": 2, "sequential": True, "queue_position": 7, "added_at": 1_700_000_000_000_000_000,
    "completed_at": 1_700_000_001_000_000_000, "have": [True, False, True] * 5, "files": [(True, 10, 5), (False, 0, 0)],
    "part_file": (True, 3, 4), "in_parts": [False, True], "straightened": {(1, 6), (1, 9)}, "file_priorities": [7, 0], "piece_priorities": [4] * 14 + [255],
    "renamed": [(1, "new/name")], "renaming": [(2, "newer/name")], "move_to": "/elsewhere", "wishes": [("*.mkv", 7), (3, 0)], "trackers": [["http://a/announce", "udp://b:1"], ["http://c"]],
    "web_seeds": ["http://seed/"], "peers": ["1.2.3.4:5", "[2001:db8::1]:6"],
    "totals": {name: n for n, name in enumerate(TOTALS)}, "limits": {"upload_rate": 0, "seed_ratio_permille": 1500},
    "epoch": 3, "writing": True, "partial": [(1, b"\xa0"), (7, b"")],
}  # fmt: skip

u63 = st.integers(0, 2**63 - 1)
texts = st.text(st.characters(codec="utf-8"), max_size=20)
stamps = st.tuples(st.booleans(), st.integers(0, 1 << 50), st.integers(-(2**63), 2**63 - 1))
urls = st.lists(texts, max_size=4)
records = st.fixed_dictionaries(
    {"info_hash": st.binary(min_size=20, max_size=20)},
    optional={
        "info_hash_v2": st.binary(min_size=32, max_size=32),
        "metainfo": st.binary(max_size=50),
        "magnet": texts,
        "save_path": texts,
        "wanted": st.integers(0, 2),
        "sequential": st.booleans(),
        "queue_position": st.integers(0, 2**32 - 1),
        "added_at": u63,
        "completed_at": u63,
        "have": st.lists(st.booleans(), max_size=40),
        "epoch": u63,
        "writing": st.booleans(),
        "partial": st.lists(st.tuples(st.integers(0, 2**24 - 1), st.binary(max_size=9)), max_size=4),
        "files": st.lists(stamps, max_size=5),
        "part_file": stamps,
        "in_parts": st.lists(st.booleans(), max_size=5),
        "straightened": st.sets(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), max_size=5),
        "file_priorities": st.lists(st.integers(0, 7), max_size=5),
        "piece_priorities": st.lists(st.sampled_from([*range(8), 255]), max_size=5),
        "renamed": st.lists(st.tuples(st.integers(0, 1000), st.sampled_from(["a", "b/c", "é"])), max_size=3),
        "wishes": st.lists(st.tuples(st.one_of(st.integers(0, 1000), texts), st.integers(0, 7)), max_size=3),
        "trackers": st.lists(urls, max_size=3),
        "web_seeds": urls,
        "peers": st.lists(st.sampled_from(["1.2.3.4:5", "[2001:db8::1]:6", "0.0.0.0:0"]), max_size=4),
        "totals": st.dictionaries(st.sampled_from(TOTALS), st.integers(0, 2**64 - 1)),
        "limits": st.dictionaries(st.sampled_from(LIMITS), u63),
    },
)


def full(record: Record) -> Record:
    out = DEFAULTS | record
    out["totals"] = {name: record.get("totals", {}).get(name, 0) for name in TOTALS}
    return out


def code_of(data: bytes) -> str:
    with pytest.raises(jstorrent.Error) as caught:
        storage.decode_torrent_record(data)
    return caught.value.code


@settings(max_examples=200)
@given(records)
def test_a_record_comes_back_as_it_went(record: Record) -> None:
    data = storage.encode_torrent_record(record)
    assert storage.decode_torrent_record(data) == full(record)
    assert storage.encode_torrent_record(storage.decode_torrent_record(data)) == data


def test_every_field_is_kept() -> None:
    assert storage.decode_torrent_record(storage.encode_torrent_record(SAMPLE)) == full(SAMPLE)
    assert set(SAMPLE) == set(full({})) | {"info_hash", "info_hash_v2", "completed_at"}


def test_every_truncation_is_seen() -> None:
    data = storage.encode_torrent_record(SAMPLE)
    for end in range(len(data)):
        assert code_of(data[:end]) == "bad_record"
    assert code_of(data + b"\0") == "bad_record"


def test_every_flipped_bit_is_seen() -> None:
    data = bytearray(storage.encode_torrent_record(SAMPLE))
    for at in range(len(data)):
        for bit in range(8):
            data[at] ^= 1 << bit
            assert code_of(bytes(data)) == "bad_record"
            data[at] ^= 1 << bit


def body_of(record: Record) -> bytes:
    return bytes(storage.encode_torrent_record(record)[12:-20])


def test_a_newer_version_is_told_from_a_damaged_record() -> None:
    newer = storage.frame_record("t", storage.record_version + 1, body_of(SAMPLE))
    assert code_of(newer) == "not_supported"
    assert code_of(storage.frame_record("t", 0, body_of(SAMPLE))) == "bad_record"
    assert code_of(storage.frame_record("s", storage.record_version, body_of(SAMPLE))) == "bad_record"


def torrent_frame(fields: dict[bytes, Any]) -> bytes:
    def encode(value: Any) -> bytes:
        if isinstance(value, int):
            return b"i%de" % value
        if isinstance(value, bytes):
            return b"%d:%s" % (len(value), value)
        if isinstance(value, list):
            return b"l" + b"".join(map(encode, value)) + b"e"
        return b"d" + b"".join(encode(k) + encode(v) for k, v in sorted(value.items())) + b"e"

    return bytes(storage.frame_record("t", storage.record_version, encode(fields)))


NAMED = {b"info_hash": b"h" * 20}


def test_unknown_keys_are_ignored() -> None:
    data = torrent_frame(NAMED | {b"zz_later": [1, {b"a": b"b"}], b"queue": 3})
    assert storage.decode_torrent_record(data) == full({"info_hash": b"h" * 20, "queue_position": 3})


def test_urls_that_are_no_text_are_left_out() -> None:
    data = torrent_frame(NAMED | {b"trackers": [[b"http://x/\xff", b"http://y/"]], b"web_seeds": [b"http://\x80", b"http://z/"]})
    assert storage.decode_torrent_record(data) == full({"info_hash": b"h" * 20, "trackers": [["http://y/"]], "web_seeds": ["http://z/"]})


def test_absent_have_bits_of_known_pieces_are_all_missing() -> None:
    assert storage.decode_torrent_record(torrent_frame(NAMED | {b"pieces": 9}))["have"] == [False] * 9


def test_a_clock_before_1970_spoils_no_record() -> None:
    named: Record = {"info_hash": b"h" * 20}
    data = storage.encode_torrent_record(named | {"added_at": -5, "completed_at": -1})
    assert storage.decode_torrent_record(data) == full(named | {"completed_at": 0})
    session = storage.encode_session_record([("1.2.3.4", "user", -5, -1)], [], [], [0] * len(TOTALS))
    assert storage.decode_session_record(session)[0] == [("1.2.3.4", "user", 0, 0)]


@pytest.mark.parametrize(
    "fields",
    [
        {b"info_hash": b"short"},
        {b"info_hash_v2": b"h" * 31},
        {b"added_at": -1},
        {b"completed_at": -5},
        {b"added_at": b"text"},
        {b"wanted": 3},
        {b"sequential": 2},
        {b"queue": 2**32},
        {b"queue": -1},
        {b"pieces": 9, b"have": b"\xff"},
        {b"pieces": 7, b"have": b"\xff"},
        {b"have": b"\xff"},
        {b"pieces": storage.max_pieces + 1},
        {b"files": b"x" * 16},
        {b"files": b"\x02" + b"\0" * 16},
        {b"files": b"\x01" + (storage.max_total_size + 1).to_bytes(8, "big") + b"\0" * 8},
        {b"part_file": b"\0" * 34},
        {b"in_parts": b"\x02"},
        {b"straightened": b"\0" * 15},
        {b"file_priorities": b"\x08"},
        {b"file_priorities": b"\xff"},
        {b"piece_priorities": b"\x08"},
        {b"piece_priorities": b"\xfe"},
        {b"renamed": [[1]]},
        {b"renamed": [[-1, b"x"]]},
        {b"renamed": [[1, 2]]},
        {b"renamed": [[1, b"../x"]]},
        {b"renaming": [[1, b"/x"]]},
        {b"move_to": 7},
        {b"renamed": [[1, b"/x"]]},
        {b"renamed": {}},
        {b"trackers": [b"flat"]},
        {b"trackers": [[1]]},
        {b"trackers": [[b"x"] * (storage.max_saved_trackers + 1)]},
        {b"web_seeds": [b"x"] * (storage.max_saved_trackers + 1)},
        {b"peers": b"x" * 17},
        {b"peers": b"x" * 18 * (storage.max_saved_peers + 1)},
        {b"totals": b"x" * 8},
        {b"totals": b"x" * 89},
        {b"limits": {b"up": -1}},
        {b"limits": 1},
        {b"epoch": -1},
        {b"writing": 2},
        {b"partial": [[0]]},
        {b"partial": [[storage.max_pieces, b"x"]]},
        {b"partial": [[0, b"x" * (storage.max_partial_bytes + 1)]]},
        {b"partial": [[0, b"x"]] * (storage.max_saved_partials + 1)},
    ],
)
def test_a_field_out_of_its_range_is_refused(fields: dict[bytes, Any]) -> None:
    assert code_of(torrent_frame(NAMED | fields)) == "bad_record"


def test_a_record_without_a_name_is_refused() -> None:
    assert code_of(torrent_frame({b"queue": 1})) == "bad_record"
    assert code_of(torrent_frame({})) == "bad_record"
    assert code_of(bytes(storage.frame_record("t", 1, b"i1e"))) == "bad_record"
    assert code_of(bytes(storage.frame_record("t", 1, b""))) == "bad_record"


def test_longer_totals_of_a_later_version_are_read() -> None:
    record = storage.decode_torrent_record(torrent_frame(NAMED | {b"totals": b"\0" * 7 + b"\x05" + b"\0" * 8 * 12}))
    assert record["totals"]["payload_received"] == 5


def test_lists_past_their_limit_are_cut_so_that_a_record_can_always_be_read() -> None:
    many = {
        "info_hash": b"h" * 20,
        "peers": ["1.2.3.4:5"] * (storage.max_saved_peers + 1),
        "trackers": [["u"] * storage.max_saved_trackers, ["v"]],
        "web_seeds": ["w"] * (storage.max_saved_trackers + 1),
        "partial": [(0, b"x" * (storage.max_partial_bytes + 1))] + [(n, b"x") for n in range(storage.max_saved_partials)],
    }
    record = storage.decode_torrent_record(storage.encode_torrent_record(many))
    assert len(record["peers"]) == storage.max_saved_peers
    assert record["trackers"] == [["u"] * storage.max_saved_trackers]
    assert len(record["web_seeds"]) == storage.max_saved_trackers
    assert record["partial"] == [(n, b"x") for n in range(storage.max_saved_partials - 1)]


bans = st.lists(st.tuples(st.sampled_from(["1.2.3.4", "2001:db8::1"]), texts, u63, st.none() | u63), max_size=5)
hashes = st.lists(st.binary(min_size=20, max_size=20) | st.binary(min_size=32, max_size=32), max_size=5)


kept = st.lists(st.tuples(texts, st.none() | u63), max_size=5)
totals = st.lists(st.integers(0, 2**64 - 1), min_size=len(TOTALS), max_size=len(TOTALS))


@given(bans, hashes, kept, totals)
def test_the_session_comes_back_as_it_went(saved: list[Any], queue: list[bytes], kept: list[Any], totals: list[int]) -> None:
    times = [(2 * n, n) for n in range(len(queue))]
    data = storage.encode_session_record(saved, queue, kept, totals, times)
    assert storage.decode_session_record(data) == (saved, queue, kept, totals, times)


def session_code_of(data: bytes) -> str:
    with pytest.raises(jstorrent.ParseError) as caught:
        storage.decode_session_record(data)
    return str(caught.value.code)


def session_sample() -> bytes:
    ban = ("1.2.3.4", "bad data", 5, None)
    return bytes(storage.encode_session_record([ban], [b"h" * 20], [("upload_slots", 7)], list(range(len(TOTALS)))))


def test_every_truncation_of_a_session_record_is_seen() -> None:
    data = session_sample()
    assert {session_code_of(data[:end]) for end in range(len(data))} == {"bad_record"}
    assert session_code_of(data + b"\0") == "bad_record"


def test_every_flipped_bit_of_a_session_record_is_seen() -> None:
    data = bytearray(session_sample())
    for at in range(len(data)):
        for bit in range(8):
            data[at] ^= 1 << bit
            assert session_code_of(bytes(data)) == "bad_record"
            data[at] ^= 1 << bit


def test_settings_past_their_limit_are_cut() -> None:
    most = storage.max_saved_settings
    data = storage.encode_session_record([], [], [("a", n) for n in range(most + 1)])
    assert storage.decode_session_record(data)[2] == [("a", n) for n in range(most)]
    body = b"d8:settingsl" + b"l1:ae" * (most + 1) + b"ee"
    assert session_code_of(storage.frame_record("s", 1, body)) == "bad_record"


@pytest.mark.parametrize(
    "body",
    [
        b"d5:queuel3:abcee", b"d4:bansld4:host4:1234eee", b"d4:bansldeee", b"le", b"d8:settingslleee", b"d8:settingsli1eee",
        b"d8:settingsl1:aee", b"d8:settingsll1:ai-1eeee", b"d8:settingsll1:a1:beee", b"d8:settingsll1:ai1ei2eeee", b"d6:totals1:xe",
        b"d5:times1:xe",
    ],
)  # fmt: skip
def test_a_session_field_out_of_its_range_is_refused(body: bytes) -> None:
    with pytest.raises(jstorrent.ParseError) as caught:
        storage.decode_session_record(storage.frame_record("s", 1, body))
    assert caught.value.code == "bad_record"
