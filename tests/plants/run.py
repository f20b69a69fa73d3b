"""Plants each bug in turn and says, as JSON, which oracle found it: for a Python that sees the module of the target `planted`."""

from __future__ import annotations

import json
import sys

from jstorrent import _core
from jstorrent.lab import Lab, LabFailure

from tests.plants.cases import CASES


def outcome(name: str, plant: str) -> tuple[str | None, str]:
    """The oracle that spoke, and what it said; (None, "") when all was well. "world": the simulated world itself."""
    choose = _core.lab.plant  # type: ignore[attr-defined]
    choose(plant)
    try:
        with Lab(seed=7) as lab:
            CASES[name][0](lab)
    except LabFailure as failure:
        return failure.oracle, str(failure).splitlines()[0]
    except Exception as error:  # noqa: BLE001
        return "world", f"{type(error).__name__}: {error}"
    finally:
        choose("none")
    return None, ""


def main() -> None:
    plants = _core.lab.plants()  # type: ignore[attr-defined]
    chosen = sys.argv[1:] or sorted(plants)
    found = {name: {"clean": outcome(name, "none"), "planted": outcome(name, name)} for name in chosen if name in CASES}
    json.dump({"plants": plants, "found": found}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
