"""The generator finds bugs that it knows nothing of. All of them: `make finder`; here a few that few plans find."""

from __future__ import annotations

import pytest

from tests.plants.defences import listed_plants
from tests.plants.finder import BEGIN, END, NEEDED, PAGE, SMALL, Hunt, tree

SOON = (
    "availability_twice", "verified_before_write", "have_sent_twice", "closed_too_soon", "place_not_given_back", "enospc_forgotten",
    "hash_failure_ignored", "requests_kept_on_disconnect",
)  # fmt: skip
FEW = 100


@pytest.mark.xdist_group("plants")
def test_a_few_plans_find_some_of_the_bugs_and_they_become_small() -> None:
    if tree() is None:
        pytest.skip("the target `planted` is not built: make plants")
    hunted = Hunt(SOON, seed=1, most=FEW, seconds=600)
    hunted.run()
    assert hunted.left == [] and hunted.bad == []
    hunted.found = [each for each in hunted.found if each.plant in ("availability_twice", "enospc_forgotten")]
    hunted.shrink()
    assert [each.plant for each in hunted.found if each.elements > SMALL] == []


def test_the_page_has_a_table_of_what_all_plans_find() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = [line.split("|") for line in page.partition(BEGIN)[2].partition(END)[0].splitlines() if line.startswith("| `")]
    small = [row[1].strip(" `") for row in rows if int(row[-2]) <= SMALL]
    assert len(set(small)) >= NEEDED, "make finder writes it"
    assert set(small) <= set(listed_plants())
