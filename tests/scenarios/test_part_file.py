"""What a wanted piece brings of skipped files: it waits in the part file, survives any end, and moves when its file is wanted."""

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Spec

from tests.scenarios.s0 import BLOCK, completes

BOTH = pytest.mark.lanes("sim", "real")
ENDS = pytest.mark.parametrize("end", ["stop", "crash"])
#: Pieces of 4 blocks: 0 is shared by a and b, 2 by b and c, 3 by c, d and e; 1 is b's alone.
SIZES = [("a", 3 * BLOCK), ("sub/b", 6 * BLOCK), ("c", 4 * BLOCK), ("d", BLOCK), ("e", 5 * BLOCK)]
A, B, C, D, E = range(5)


def skips(lab: Lab, *skipped: int, **settings: float) -> tuple[Spec, Engine, jst.Torrent]:
    """All but these files are there."""
    spec = lab.torrent(files=SIZES, piece_length=4 * BLOCK)
    client = lab.engine("client", **settings)
    t = client.add(spec, peers=[lab.seeder("good", spec)], priorities=dict.fromkeys(skipped, 0))
    t.wait_complete(30)
    for n, (_, size) in enumerate(SIZES):
        assert client.disk.exists(client.path(spec, n)) == (n not in skipped), f"file {n}"
        if n not in skipped:
            at = sum(s for _, s in SIZES[:n])
            assert client.disk.read(client.path(spec, n)) == spec.data(at, size)
    return spec, client, t


def parts(client: Engine, spec: Spec) -> list[str]:
    """Part files beside the torrent's."""
    return [name for name in client.disk.list(client.path(spec, A).parent.parent) if name.endswith(".parts")]


def again(lab: Lab, client: Engine, spec: Spec, end: str) -> jst.Torrent:
    client.session.save()
    client.stop() if end == "stop" else client.crash()
    client.start()
    lab.until(lambda: client.torrent(spec) is not None, within=5)
    t = client.torrent(spec)
    assert t is not None
    lab.until(lambda: t.state not in ("checking", "queued"), within=10)
    return t


@BOTH
@ENDS
@pytest.mark.covers("S0-10.2")
def test_shared_bytes_of_a_skipped_file_survive_any_end_and_move_into_it(lab: Lab, end: str) -> None:
    spec, client, t = skips(lab, B)
    (name,) = parts(client, spec)
    assert name == f".{spec.info_hash.hex()}.parts"
    for _ in range(2):
        t = again(lab, client, spec, end)
        assert t.status().pieces_complete == 4 and not client.disk.exists(client.path(spec, B))
    assert client.session.status().counters.payload_received == 0
    t.set_file_priority(B, 4)
    t.connect(lab.seeder("again", spec))
    completes(lab, client, spec)
    assert client.session.status().counters.payload_verified == 4 * BLOCK, "only the piece that is b's alone"


@BOTH
@pytest.mark.covers("S0-10.2")
def test_three_files_of_one_piece_are_wanted_one_after_the_other(lab: Lab) -> None:
    spec, client, t = skips(lab, C, D)
    received = client.session.status().counters.payload_received
    t.set_file_priority(D, 1)
    lab.until(lambda: client.disk.exists(client.path(spec, D)) and t.state == "seeding", within=5)
    assert not client.disk.exists(client.path(spec, C))
    t = again(lab, client, spec, "crash")
    t.set_file_priority(C, 1)
    completes(lab, client, spec)
    assert received == spec.total_size and client.session.status().counters.payload_received == 0, "nothing is fetched twice"


@BOTH
@pytest.mark.covers("S0-10.2")
def test_shared_pieces_are_served_from_the_part_file(lab: Lab) -> None:
    spec, client, _ = skips(lab, B, D)
    other = lab.engine("other")
    t = other.add(spec, peers=[client], priorities={B: 0})
    t.wait_complete(20)
    assert t.status().pieces_complete == 4 and other.session.is_healthy()


@BOTH
@pytest.mark.covers("S0-10.2", "S0-6.3")
def test_a_part_file_that_is_gone_or_changed_claims_nothing(lab: Lab) -> None:
    spec, client, t = skips(lab, B)
    client.session.configure(download_rate_limit=0)  # remembered
    client.stop()
    (name,) = parts(client, spec)
    client.disk.delete(client.path(spec, A).parent.parent / name)
    client.start()
    lab.until(lambda: client.torrent(spec) is not None, within=5)
    again_t = client.torrent(spec)
    assert again_t is not None
    t = again_t
    lab.until(lambda: t.state in ("downloading", "stalled"), within=10)
    assert t.status().pieces_complete == 2, "0 and 2 lack a part of theirs"
    client.session.configure(download_rate_limit=None)
    t.set_file_priority(B, 4)
    t.connect(lab.seeder("again", spec))
    completes(lab, client, spec)


@BOTH
@pytest.mark.covers("S0-10.2")
def test_a_part_file_goes_when_nothing_needs_it(lab: Lab) -> None:
    spec, client, t = skips(lab, B)
    assert len(parts(client, spec)) == 1
    t.set_file_priority(B, 4)
    completes(lab, client, spec)
    client.session.save()
    lab.until(lambda: parts(client, spec) == [], within=5)
    t = again(lab, client, spec, "crash")
    assert t.state == "seeding" and t.status().pieces_complete == 5
    t.remove(delete_files=True)
    lab.until(lambda: t.state == "removed", within=5)


@BOTH
@pytest.mark.covers("S0-10.2")
def test_a_removed_torrent_takes_its_part_file_along(lab: Lab) -> None:
    spec, client, t = skips(lab, B)
    t.remove(delete_files=True)
    lab.until(lambda: t.state == "removed", within=5)
    assert parts(client, spec) == []


@pytest.mark.parametrize("touched", [False, True])
def test_blocks_of_half_a_piece_in_a_part_file_count_while_nobody_touched_it(lab: Lab, touched: bool) -> None:
    spec = lab.torrent(files=[("skipped", 4 * BLOCK), ("wanted", 2 * BLOCK)], piece_length=6 * BLOCK)
    client = lab.engine("client")
    half = lab.peer("half", spec, behave=[{"kind": "withhold", "begin": 5 * BLOCK}])
    t = client.add(spec, priorities={"skipped": 0}, peers=[half])
    lab.until(lambda: t.piece(0).blocks_received == 5, within=10)
    client.stop()
    half.disconnect()
    if touched:
        client.disk.corrupt(client.downloads / parts(client, spec)[0], 0, b"other bytes")
    client.start()
    lab.until(lambda: client.torrent(spec) is not None, within=5)
    back = client.torrent(spec)
    assert back is not None
    back.connect(lab.seeder("good", spec))
    back.wait_complete(60)
    fetched = client.session.status().counters.payload_received
    assert back.status().counters.pieces_failed == 0 and client.history(jst.PieceFailed) == []
    assert fetched >= 6 * BLOCK if touched else fetched <= 2 * BLOCK
