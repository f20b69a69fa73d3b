"""Hashes of whole pieces wait for others to share the lanes with, but neither for nobody nor for the memory that brings others."""

from __future__ import annotations

from typing import Any

import jstorrent as jst
import pytest
from jstorrent import _core
from jstorrent.lab import Lab, Spec

from tests.scenarios.s0 import BLOCK, answer, by_hand, completes

REAL = pytest.mark.lanes("real")
TRUST_AFTER = 8
"""Good pieces in a row until a verdict may wait."""


def patient() -> int:
    """Hashes that might wait, so far in this process."""
    return int(_core.lab.tally()["patient_hashes"])


def hurried() -> int:
    """Those of them that might only while there was something else to do."""
    return int(_core.lab.tally()["hurried_hashes"])


def give_one_by_one(lab: Lab, t: jst.Torrent, giver: Any, pieces: range, blocks: int = 1) -> None:
    """Each when the one before it is complete."""
    for piece in pieces:
        answer(lab, giver, piece, blocks)
        lab.until(lambda at=piece: t.piece(at).state == "complete", within=10)


def asked_one_after_the_other(lab: Lab, spec: Spec, **settings: Any) -> tuple[jst.Torrent, Any]:
    giver = by_hand(lab, "giver", spec)
    return lab.engine("client", **settings).add(spec, peers=[giver], sequential=True), giver


@REAL
def test_the_last_piece_waits_for_no_company(lab: Lab) -> None:
    spec = lab.torrent(pieces=20, piece_length=BLOCK)
    before = patient()
    t, giver = asked_one_after_the_other(lab, spec)
    give_one_by_one(lab, t, giver, range(20))
    assert patient() - before == 20 - TRUST_AFTER - 1
    completes(lab, lab.engines[0], spec)


@REAL
def test_a_sixth_of_the_memory_is_left_for_what_comes(lab: Lab) -> None:
    """Of 1 MiB downloads have 768 KiB: after ten pieces of 64 KiB, none waits any longer."""
    spec = lab.torrent(pieces=24, piece_length=4 * BLOCK)
    t, giver = asked_one_after_the_other(lab, spec, max_memory=1 << 20)
    give_one_by_one(lab, t, giver, range(TRUST_AFTER), 4)
    before = patient()
    gate = lab.gate("hash.start", "hold")
    for piece in range(TRUST_AFTER, TRUST_AFTER + 11):
        answer(lab, giver, piece, 4)
    lab.until(lambda: len(gate.hits) == 11, within=10)
    gate.remove()
    lab.until(lambda: t.piece(TRUST_AFTER + 10).state == "complete", within=10)
    assert patient() - before == 10
    give_one_by_one(lab, t, giver, range(TRUST_AFTER + 11, 24), 4)
    completes(lab, lab.engines[0], spec)


@REAL
@pytest.mark.parametrize("written", [0, 6])
def test_who_fills_the_memory_waits_while_most_of_it_comes_or_is_written(lab: Lab, written: int) -> None:
    """Memory for twelve pieces. Three may be held while nine are asked for, or in the hands of a disk that takes its time."""
    spec = lab.torrent(pieces=40, piece_length=4 * BLOCK)
    t, giver = asked_one_after_the_other(lab, spec, max_memory=1 << 20)
    give_one_by_one(lab, t, giver, range(TRUST_AFTER), 4)
    disk = lab.gate("disk.write", "hold")
    for piece in range(TRUST_AFTER, TRUST_AFTER + written):
        answer(lab, giver, piece, 4)
    lab.until(lambda: len(disk.hits) == written, within=10)
    first = TRUST_AFTER + written
    before, gate = hurried(), lab.gate("hash.start", "hold")
    for piece in range(first, first + 5):
        answer(lab, giver, piece, 4)
    lab.until(lambda: len(gate.hits) == 5, within=10)
    gate.remove()
    disk.remove()
    lab.until(lambda: t.piece(first + 4).state == "complete", within=10)
    assert hurried() - before == 2
    give_one_by_one(lab, t, giver, range(first + 5, 40), 4)
    completes(lab, lab.engines[0], spec)
