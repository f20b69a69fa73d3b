"""What each adversarial scenario relies on: the bug that takes a defence out, and the scenario that must then fail.

A row is a promise of the requirements, a plant of cpp/base/plants.def and a test of tests/scenarios. README.md beside this file is
written from them: `python -m tests.plants.defences`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGE = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- rows: written by `python -m tests.plants.defences` -->", "<!-- end of rows -->"
GROUPS = ("1", "2", "3", "4", "6", "8", "9")
"""The groups of S0 whose every number must have a row."""


class Defence(NamedTuple):
    """One promise, what takes its defence out, and the scenario that notices."""

    promise: str
    plant: str
    scenario: str

    @property
    def nodeid(self) -> str:
        """As pytest names it, in the simulated lane."""
        test, _, choice = self.scenario.partition("[")
        file = f"s0_{test}" if test[0].isdigit() else test
        return f"tests/scenarios/test_{file}[{choice.rstrip(']')}-sim]".replace("[-sim]", "[sim]")


def row(promise: str, plant: str, scenario: str) -> Defence:
    """A row of the table."""
    return Defence(promise, plant, scenario)


DEFENCES = (
    row("S0-1.1", "requests_kept_on_disconnect", "1_disconnection.py::test_a_peer_sends_half_of_piece_0_and_closes[fin]"),
    row("S0-1.2", "verdict_needs_sender", "1_disconnection.py::test_a_peer_sends_all_of_piece_0_and_closes_in_the_same_instant"),
    row("S0-1.3", "place_not_given_back", "1_disconnection.py::test_ten_cycles_of_connect_five_blocks_disconnect"),
    row("S0-1.4", "stall_not_told", "1_disconnection.py::test_five_peers_all_leave_at_half"),
    row("S0-2.1", "hash_failure_ignored", "2_corruption.py::test_the_last_block_of_piece_0_is_corrupt"),
    row("S0-2.2", "liar_not_banned", "2_corruption.py::test_one_peer_that_always_corrupts_and_a_good_seed"),
    row("S0-2.3", "unrequested_block_kept", "2_corruption.py::test_a_block_that_nobody_asked_for[5]"),
    row("S0-2.3", "unrequested_block_kept", "2_corruption.py::test_a_block_that_nobody_asked_for[99]"),
    row("S0-2.4", "duplicate_counted_twice", "2_corruption.py::test_the_same_right_block_five_times"),
    row("S0-2.5", "wrong_answer_ends_request", "2_corruption.py::test_piece_5_is_asked_for_and_piece_0_comes"),
    row("S0-3.1", "frame_limit_missing", "3_protocol.py::test_malformed_messages[oversize]"),
    row("S0-3.1", "short_piece_taken", "3_protocol.py::test_malformed_messages[short-piece]"),
    row("S0-3.1", "unknown_id_closes", "3_protocol.py::test_malformed_messages[unknown-id]"),
    row("S0-3.1", "breach_closes_all", "3_protocol.py::test_other_peers_do_not_notice"),
    row("S0-3.2", "begin_unchecked", "3_protocol.py::test_a_block_at_an_offset_that_is_none[1000]"),
    row("S0-3.2", "begin_unchecked", "3_protocol.py::test_a_block_at_an_offset_that_is_none[263144]"),
    row("S0-3.3", "block_limit_missing", "3_protocol.py::test_a_block_of_one_mebibyte_is_refused_before_it_is_there"),
    row("S0-3.4", "never_snubbed", "3_protocol.py::test_a_bitfield_that_lies"),
    row("S0-4.1", "timeout_frees_nothing", "4_timing.py::test_a_block_each_five_seconds_beside_a_fast_seed[time-out-alone]"),
    row("S0-4.2", "silence_is_forever", "4_timing.py::test_a_silent_peer_is_closed_in_the_end"),
    row("S0-4.3", "requests_kept_on_choke", "4_timing.py::test_ten_chokes_and_unchokes_within_a_tenth_of_a_second[False]"),
    row("S0-4.4", "timeout_frees_nothing", "4_timing.py::test_a_peer_that_unchokes_and_ignores_every_request"),
    row("S0-6.1", "saved_have_forgotten", "6_resume.py::test_a_stop_at_half_fetches_no_verified_piece_again"),
    row("S0-6.1", "saved_have_forgotten", "6_resume.py::test_a_restart_of_a_complete_torrent_fetches_nothing"),
    row("S0-6.2", "check_finds_all_good", "6_resume.py::test_bytes_that_changed_while_stopped_are_found_and_only_their_piece_is_fetched"),
    row("S0-6.3", "resume_trusts_missing", "6_resume.py::test_a_file_that_was_deleted_is_not_claimed"),
    row("S0-6.4", "unverified_is_saved", "6_resume.py::test_an_end_exactly_while_a_piece_is_being_hashed[saved-crash-hash.start]"),
    row("S0-6.4", "unverified_is_saved", "6_resume.py::test_an_end_exactly_while_a_piece_is_being_hashed[saved-crash-hash.done]"),
    row("S0-8.1", "active_cap_missing", "8_limits.py::test_peers_that_begin_every_piece_and_finish_none"),
    row("S0-8.2", "connection_cap_missing", "8_limits.py::test_a_hundred_peers"),
    row("S0-8.3", "enospc_forgotten", "8_limits.py::test_a_full_disk"),
    row("S0-8.3", "error_is_for_ever", "disk_faults.py::test_a_full_disk_is_tried_with_growing_waits_and_told_once"),
    row("S0-8.3", "failed_sync_ignored", "disk_faults.py::test_what_a_failed_sync_left_is_fetched_again[random]"),
    row("S0-9.1", "early_claims_forgotten", "9_metadata.py::test_metadata_then_the_whole_download"),
    row("S0-9.2", "metadata_of_one_peer", "9_metadata.py::test_a_peer_that_dies_after_the_first_piece_of_metadata[fin]"),
)


def listed_plants() -> dict[str, str]:
    """The plants of base/plants.def, and what each breaks."""
    text = (ROOT / "cpp/base/plants.def").read_text(encoding="utf-8")
    return dict(re.findall(r'^JST_PLANT\((\w+), "([^"]+)"', text, re.MULTILINE))


def write_rows() -> str:
    """The table as the page has it."""
    what = listed_plants()
    lines = ["| promise | without its defence | plant | scenario |", "|---|---|---|---|"]
    lines += [f"| {d.promise} | {what[d.plant]} | `{d.plant}` | `{d.nodeid.removeprefix('tests/scenarios/')}` |" for d in DEFENCES]
    return "\n".join(lines)


def with_rows(page: str) -> str:
    """The page, with the rows as they are now."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{write_rows()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(with_rows(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
