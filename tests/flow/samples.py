"""One set of torrents with every shape that a file map can have."""

from dataclasses import dataclass

KIB, MIB = 1 << 10, 1 << 20


@dataclass(frozen=True)
class Shape:
    """Sizes of files and of pieces; one file alone is a single-file torrent."""

    name: str
    piece_length: int
    files: tuple[tuple[str, int], ...]

    @property
    def is_single(self) -> bool:
        return len(self.files) == 1 and "/" not in self.files[0][0]

    @property
    def total(self) -> int:
        return sum(size for _, size in self.files)


def _one(name: str, piece_length: int, size: int) -> Shape:
    return Shape(name, piece_length, (("data.bin", size),))


def _many(count: int, size: int) -> tuple[tuple[str, int], ...]:
    return tuple((f"d{i % 37:02}/f{i:05}.bin", size + i % 7) for i in range(count))


SHAPES = [
    _one("pieces of 16 KiB", 16 * KIB, 3 * MIB),
    _one("pieces of 64 KiB", 64 * KIB, 3 * MIB + 12_345),
    _one("pieces of 256 KiB", 256 * KIB, 6 * MIB),
    _one("pieces of 1 MiB", 1 * MIB, 10 * MIB + 1),
    _one("pieces of 4 MiB", 4 * MIB, 18 * MIB),
    _one("pieces of 16 MiB", 16 * MIB, 40 * MIB + 5),
    _one("one byte", 16 * KIB, 1),
    _one("one block", 16 * KIB, 16 * KIB),
    _one("one block less a byte", 16 * KIB, 16 * KIB - 1),
    _one("one piece of some blocks", 1 * MIB, 100_000),
    _one("a tail of one byte", 64 * KIB, 64 * KIB * 9 + 1),
    _one("a tail of one block and a byte", 64 * KIB, 64 * KIB * 5 + 16 * KIB + 1),
    Shape("files larger than a piece", 64 * KIB, (("a.bin", 300_000), ("b.bin", 400_001), ("c.bin", 65_536))),
    Shape("files that end with their pieces", 32 * KIB, (("a.bin", 65_536), ("b.bin", 32_768), ("c.bin", 131_072))),
    Shape("many files in one piece", 256 * KIB, tuple((f"f{i:03}.bin", 1000 + i) for i in range(200))),
    Shape("three thousand small files", 64 * KIB, _many(3000, 700)),
    Shape("empty file first", 32 * KIB, (("a.bin", 0), ("b.bin", 100_000), ("c.bin", 3))),
    Shape("empty file in the middle", 32 * KIB, (("a.bin", 50_000), ("b.bin", 0), ("c.bin", 50_000))),
    Shape("empty file last", 32 * KIB, (("a.bin", 50_000), ("b.bin", 50_000), ("z.bin", 0))),
    Shape("empty files only around a byte", 16 * KIB, (("a/a.bin", 0), ("b/b.bin", 1), ("c/c.bin", 0), ("d.bin", 0))),
    Shape("deep folders", 16 * KIB, (("a/b/c/d/e/f/g/deep.bin", 40_000), ("a/b/other.bin", 20_000), ("top.bin", 9))),
]
