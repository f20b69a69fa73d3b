"""What is moved: random bytes, always the same ones, the torrent of them, and the check that all came out right."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from pathlib import Path

import jstorrent as jst

_MIB = 1 << 20
_SMALL_FILE = (16 << 10, 100 << 10)
MOST_FILES = 10_000


@dataclass(frozen=True)
class Data:
    """`image` is the payload as one file, `folder` holds the files of the torrent (for one file: the same one)."""

    image: Path
    folder: Path
    torrent: Path
    announced: Path
    info_hash: str
    piece_length: int
    size: int
    files: tuple[str, ...]
    sha256: str

    @property
    def path(self) -> Path:
        """What the torrent was made of."""
        return self.folder / Path(self.files[0]).parts[0]

    def bring_in(self) -> None:
        """Reads all of it, so that nobody pays for the disk: libtorrent drops what it has read from the page cache, at times."""
        for path in {self.image, *(self.folder / name for name in self.files)}:
            with open(path, "rb", buffering=0) as file:
                while file.read(_MIB):
                    pass

    def is_right(self, folder: Path) -> bool:
        """Whether the files in `folder` are these, told by SHA-256."""
        digest = hashlib.sha256()
        try:
            for name in self.files:
                with open(folder / name, "rb") as file:
                    while part := file.read(_MIB):
                        digest.update(part)
        except OSError:
            return False
        return digest.hexdigest() == self.sha256


def _write_one(path: Path, size: int) -> None:
    luck = random.Random(size)
    with open(path, "wb") as file:
        file.writelines(luck.randbytes(_MIB) for _ in range(size // _MIB))
        file.write(luck.randbytes(size % _MIB))


def _write_many(folder: Path, size: int) -> None:
    """Files of 16 to 100 KiB until they are so many bytes or ten thousand."""
    luck, left = random.Random(size), size
    for number in range(MOST_FILES):
        length = min(left, luck.randint(*_SMALL_FILE))
        if length == 0:
            return
        inner = folder / f"{number // 100:03}"
        inner.mkdir(exist_ok=True)
        (inner / f"{number:05}").write_bytes(luck.randbytes(length))
        left -= length


def make(home: Path, size: int, piece_length: int, announce: str, *, small_files: bool = False) -> Data:
    """Bytes and torrents in a new folder under `home`."""
    folder = home / f"{'many' if small_files else 'one'}-{size}-{piece_length}"
    folder.mkdir()
    path = folder / "data"
    if small_files:
        path.mkdir()
        _write_many(path, size)
    else:
        _write_one(path, size)
    made = jst.create_torrent(path, piece_length=piece_length)
    files = tuple(str(entry.path) for entry in made.files)
    if small_files:
        files = tuple(f"data/{name}" if not name.startswith("data/") else name for name in files)
    image = folder / "image" if small_files else path
    if small_files:
        with open(image, "wb") as whole:
            whole.writelines((folder / name).read_bytes() for name in files)
    plain, announced = folder / "plain.torrent", folder / "announced.torrent"
    made.save(plain)
    made.replace(trackers=[announce]).save(announced)
    with open(image, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    assert made.info_hash is not None
    return Data(
        image, folder, plain, announced, made.info_hash.hex(), piece_length, made.total_size, files, sha256
    )  # fmt: skip


def write_tiny_torrents(folder: Path, count: int) -> None:
    """Torrents of 64 pieces, none of whose files exist."""
    for number in range(count):
        info = {
            b"length": 64 << 18,
            b"name": b"idle %d" % number,
            b"piece length": 1 << 18,
            b"pieces": number.to_bytes(20, "big") * 64,
        }
        (folder / f"{number:06}.torrent").write_bytes(jst.bencode({b"info": info}))
