"""A torrent as it lies on disk (storage/layout)."""

from __future__ import annotations

import hashlib

from jstorrent._core import lab

from tests.unit.engine.torrents import bencode, v1, v2

layout = lab.storage.layout


def test_files_lie_in_the_directory_of_the_torrent() -> None:
    sample = v1([("a", 5), ("pad:.pad/5", 5), ("link:l", 0), ("d/e", 0), ("l/under a link", 5)], name="../t")
    files, part_name, aligned, pieces = layout(sample.torrent)
    assert files == [
        (".._t/a", True, False),
        (".._t/.pad/5", False, False),
        (".._t/l", False, False),
        (".._t/d/e", True, True),
        (".._t/l/under a link", True, False),
    ]
    assert not aligned and pieces == 1
    assert part_name.startswith(".") and part_name.endswith(".parts")


def test_one_file_has_no_directory() -> None:
    info = {"name": "x/../y", "piece length": 16384, "length": 3, "pieces": hashlib.sha1(b"abc").digest()}
    files, part_name, _, _ = layout(bencode({"info": info}))
    assert files == [("x_.._y", True, False)]
    assert part_name == "." + hashlib.sha1(bencode(info)).hexdigest() + ".parts"


def test_v2_is_aligned_and_a_hybrid_lies_as_v1_says() -> None:
    assert layout(v2([("a", 5), ("b", 5)]).torrent)[2:] == (True, 2)
    files, _, aligned, pieces = layout(v2([("a", 5), ("b", 5)], hybrid=True).torrent)
    assert not aligned and pieces == 2
    assert [on_disk for _, on_disk, _ in files] == [True, False, True]
