"""The ready-made wire scenarios: ours and libtorrent as they are, and a client that is bad on purpose."""

import sys
from pathlib import Path

import pytest
from jstorrent.lab.wire_runner import Row, markdown_table, run_scenarios, text_table
from jstorrent.lab.wire_scenarios import chosen

pytestmark = [pytest.mark.xdist_group("interop")]

BAD_CLIENT = Path(__file__).resolve().parent.parent / "support" / "bad_client.py"
#: What a client fails that believes everything and talks to one peer after the other.
BAD_FAILS = {
    "several_peers", "corrupt_once", "always_corrupt", "unsolicited", "piece_out_of_range", "wrong_index", "short_block",
    "long_block", "oversize_frame", "no_handshake", "wrong_info_hash", "not_bittorrent", "own_peer_id", "silent_peer",
    "withheld_blocks", "never_unchoked", "lying_bitfield", "duplicate_blocks", "reordered_blocks", "bitfield_spare_bits",
    "bitfield_too_long", "have_out_of_range", "rejects_all", "trickle", "half_open", "bencode_bomb", "allowed_fast_flood",
}  # fmt: skip
#: libtorrent 2.1 takes blocks that it never asked for and bans the honest peer of the same piece; it hangs up on
#: messages that it does not know; it passes over spare bits.
LIBTORRENT_FAILS = {"unsolicited", "unknown_message", "bitfield_spare_bits"}
#: A block of another piece than was asked for is one that it never asked for, too: whom it bans depends on who was first.
#: A piece that failed with blocks of two peers counts against both, and whom it hangs up on depends on who gave how many.
#: Whom it may ask no more for now it asks at once again, until another gave the block: on a busy machine more often than is allowed.
LIBTORRENT_MAY_FAIL = {"wrong_index", "lying_bitfield", "rejects_all", "corrupt_once", "always_corrupt"}


def verdicts(rows: list[Row], verdict: str) -> set[str]:
    return {row.name for row in rows if row.verdict == verdict}


def test_there_are_enough_of_them_and_each_says_what_must_hold() -> None:
    scenarios = chosen()
    assert len(scenarios) >= 25
    assert len({one.says for one in scenarios}) == len(scenarios)
    assert {one.role for one in scenarios} == {"download", "seed"}


def test_ours_passes_all() -> None:
    rows = run_scenarios("jstorrent")
    assert verdicts(rows, "pass") == {one.name for one in chosen()}, text_table(rows)


def test_libtorrent_passes_all_but_what_is_known() -> None:
    pytest.importorskip("libtorrent")
    names = [one.name for one in chosen() if one.name not in LIBTORRENT_FAILS | LIBTORRENT_MAY_FAIL]
    rows = run_scenarios("libtorrent", names)
    assert verdicts(rows, "pass") == set(names), text_table(rows)


def test_a_bad_client_fails_exactly_its_rows() -> None:
    # Asked block by block, a seed that chokes in turns gives the last one after 6.7 s: three times as long is time enough.
    rows = run_scenarios(
        [sys.executable, str(BAD_CLIENT), "{torrent}", "{dir}", "{host}:{port}"], jobs=16, patience=0.5
    )
    assert verdicts(rows, "fail") == BAD_FAILS, text_table(rows)
    assert all(row.reason for row in rows if row.verdict != "pass")
    assert {row.role for row in rows if row.verdict == "skip" and row.name != "metadata_garbage"} == {"seed"}


def test_tables_have_a_row_for_each_and_a_reason_for_each_failure() -> None:
    good = Row("honest", "download", "an honest seed is enough", "pass", "", 1.0)
    bad = Row("honest", "download", "an honest seed is enough", "fail", "it was asleep", 2.0)
    assert text_table([good, bad]).splitlines() == [
        "pass  honest     1.0 s  an honest seed is enough",
        "fail  honest     2.0 s  it was asleep",
        "1 passed, 1 failed, 0 skipped",
    ]
    table = markdown_table({"one": [good], "two": [bad]})
    assert "| `honest` | an honest seed is enough | pass | fail |" in table
    assert "- `honest` (fail): it was asleep" in table


def test_unknown_scenarios_and_clients_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="known: honest"):
        run_scenarios("jstorrent", ["kind"])
    with pytest.raises(ValueError, match="known: aria2c"):
        run_scenarios("utorrent")
