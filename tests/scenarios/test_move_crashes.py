"""A crash after each disk operation of a move or a rename: one copy counts, it is whole, and everything goes on."""

from __future__ import annotations

import hashlib

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Spec

BLOCK = 16384
MODES = ("drop-all", "keep-prefix", "torn-512", "metadata-first", "random")
FILES = [("a", 3 * BLOCK + 1000), ("d/b", 4 * BLOCK - 5000), ("d/e/c", BLOCK + 4000), ("none", 0)]
MOST_OPERATIONS = 400


def begin(seed: int, how: str) -> tuple[Lab, Spec, Engine, jst.Torrent]:
    """A torrent that is saved, and quiet."""
    lab = Lab("sim", seed=seed)
    spec = lab.torrent(pieces=None, piece_length=BLOCK, files=FILES)
    client = lab.engine("client")
    if how == "copy":
        client.disk.fail("rename", error="EXDEV", times=None, path=client.downloads)
    t = client.add(spec, have=range(0, spec.num_pieces, 2 if how == "half" else 1))
    lab.until(lambda: t.state in ("seeding", "stalled", "downloading") and client.saved(spec) is not None, within=20)
    client.session.save()
    lab.settle()
    return lab, spec, client, t


def deed(client: Engine, t: jst.Torrent, how: str) -> None:
    if how == "name":
        t.rename_file(1, "other/name")
    else:
        t.move(client.disk.root / "elsewhere/deep")


def places(client: Engine, spec: Spec) -> dict[str, list[str]]:
    """Where each file of the torrent lies."""
    roots = [str(client.downloads), str(client.disk.root / "elsewhere/deep")]
    found: dict[str, list[str]] = {}
    for number, (name, _) in enumerate(FILES):
        paths = [f"{root}/{spec.name}/{name}" for root in roots]
        if number == 1:
            paths.append(f"{client.downloads}/other/name")
        found[name] = [path for path in paths if client.disk.exists(path)]
    return found


def crash_and_return(seed: int, how: str, mode: str, k: int) -> bool:
    """False: the move needs no k-th operation any more."""
    lab, spec, client, t = begin(seed, how)
    with lab:
        gate = lab.gate("disk.done", "crash", nth=k, mode=mode, node=client)
        deed(client, t, how)
        lab.until(lambda: not client.running or client.history(jst.FilesMoved) != [], within=20)
        if client.running:
            lab.run_for(5)
        if client.running:
            assert not gate.hit
            return False
        client.start()
        lab.run_for(0.5)
        again = client.torrent(spec)
        assert again is not None
        lab.until(lambda: again.state in ("seeding", "stalled"), within=30)
        assert client.history(jst.TorrentFailed) == []
        had = again.status().pieces_complete
        assert had == (spec.num_pieces // 2 if how == "half" else spec.num_pieces)
        if how == "half":
            again.connect(lab.seeder("good", spec))
            lab.until(lambda: again.state == "seeding", within=60)
        lab.run_for(2)
        assert again.state == "seeding"
        content = b""
        for name, paths in places(client, spec).items():
            assert len(paths) == 1, f"{name} is at {paths}"
            assert paths[0].startswith(str(again.save_path)), f"{name} is at {paths}, the torrent at {again.save_path}"
            content += client.disk.read(paths[0])
        assert content == b"".join(spec.piece(i) for i in range(spec.num_pieces))
        taker = lab.engine("taker")
        theirs = taker.add(spec, peers=[client])
        lab.until(lambda: theirs.state == "seeding", within=30)
        lacked = sum(len(spec.piece(i)) for i in range(1, spec.num_pieces, 2)) if how == "half" else 0
        assert client.session.status().counters.payload_received == lacked, "nothing else had to be fetched"
    return True


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("how", ["rename", "copy", "name", "half"])
@pytest.mark.covers("S3-23")
def test_a_crash_after_each_operation_of_a_move_leaves_one_whole_copy(how: str, mode: str) -> None:
    seed = int.from_bytes(hashlib.sha256(f"{how} {mode}".encode()).digest()[:4], "big")
    for k in range(1, MOST_OPERATIONS):
        try:
            if not crash_and_return(seed, how, mode, k):
                assert k > 10
                return
        except BaseException as error:
            error.add_note(f"crash after operation {k}, {how}, mode {mode}, seed {seed}")
            raise
    pytest.fail("the move never ended")
