"""Trees of files with known content, and what a whole tree amounts to."""

import hashlib
import random
from collections.abc import Iterable
from pathlib import Path

_STEP = 1 << 20


def write_file(path: Path, size: int, seed: int) -> None:
    """`size` bytes that follow from the seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    luck = random.Random(seed)
    with open(path, "wb") as file:
        file.writelines(luck.randbytes(min(_STEP, size - at)) for at in range(0, size, _STEP))


def write_tree(root: Path, files: Iterable[tuple[str, int]]) -> Path:
    """Files of these sizes below `root`, each with bytes of its own."""
    for seed, (name, size) in enumerate(files, 1):
        write_file(root / name, size, seed)
    return root


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(root: Path) -> dict[str, str]:
    """Relative name -> SHA-256 of every file below `root`, hidden state folders left out; a lone file by its name."""
    if root.is_file():
        return {root.name: digest(root)}
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not name.startswith(".jstorrent"):
            found[name] = digest(path)
    return found
