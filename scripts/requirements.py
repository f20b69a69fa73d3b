"""Print the packages that building and testing this tree needs, as pyproject.toml names them."""

import re
import tomllib
from pathlib import Path


def requirements(pyproject: Path) -> list[str]:
    """The build requirements and the extra `dev`, with the extras that it refers to written out."""
    data = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    extras = data["project"]["optional-dependencies"]
    found = list(data["build-system"]["requires"])
    queue = ["dev"]
    while queue:
        for line in extras[queue.pop()]:
            own = re.fullmatch(r"jstorrent\[(.*)\]", line)
            if own:
                queue += own[1].split(",")
            else:
                found.append(line.replace(" ", ""))
    return sorted(set(found))


if __name__ == "__main__":
    print("\n".join(requirements(Path(__file__).parent.parent / "pyproject.toml")))
