"""A request for memory is refused in a turn: no crash, no corruption, and who starts what stands still gets it whole.

`python -m tests.support.refusal all` refuses each of them, this test the first of each place in the code.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import refusal

LEAST = 250
"""Places in the code; fewer would say that the requests are not seen any more."""
STATE_IS_READ = ("StateStore::Load", "SessionParts::on_state_opened")
"""Without what was saved the session says so, and saves nothing over it: it begins with nothing when it is opened again."""


def test_whatever_memory_is_refused_in_a_turn_the_download_is_whole_in_the_end(tmp_path: Path) -> None:
    library = refusal.build(tmp_path)
    if library is None:
        pytest.skip("needs a compiler and nm, and no sanitizer")
    found = refusal.sweep(library, "each")
    whole = found.pop(refusal.HEALED)
    bad = {said: [where for where in places if not any(word in where for word in STATE_IS_READ)] for said, places in found.items()}
    assert not any(bad.values()), bad
    assert len(whole) >= LEAST
