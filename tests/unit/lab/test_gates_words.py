"""The words of gates: what hits know, what conditions mean, what is refused."""

from pathlib import Path

import jstorrent
import pytest
from jstorrent import _core
from jstorrent.lab import Lab, LaneLacks
from jstorrent.lab._gates import POINTS, table

from tests.unit.lab.gated_swarm import IN_TURN, OPERATIONS, PIECE, Swarm


@pytest.fixture
def swarm(lab: Lab) -> Swarm:
    return Swarm(lab)


def test_a_hit_knows_all_that_its_point_has_keys_for(swarm: Swarm) -> None:
    lab, spec, client, good = swarm.lab, swarm.spec, swarm.client, swarm.good
    gates = {point.name: lab.gate(point.name, "observe") for point in [*OPERATIONS, *IN_TURN]}
    swarm.go()
    swarm.finish()
    client.session.save()
    unknown = {
        "disk.write": {"peer"}, "disk.write.done": {"peer"},
        "disk.sync": {"piece", "begin", "peer"}, "disk.sync.done": {"piece", "begin", "peer"},
        "resume.save": {"peer"}, "peer.accept": {"torrent"}, "piece.verified": {"begin", "peer"}, "have.sent": {"begin"},
    }  # fmt: skip
    for name, gate in gates.items():
        filled: set[str] = set()
        for hit in gate.hits:
            known = {
                key
                for key in ("node", "torrent", "piece", "begin", "peer", "path", "op")
                if getattr(hit, key) is not None
            }
            assert known <= {*POINTS[name].keys}, name
            filled |= known
        assert filled == {*POINTS[name].keys} - unknown.get(name, set()), name
    read = next(hit for hit in gates["disk.read"].hits if hit.piece == PIECE and hit.node == "good")
    assert (read.torrent, read.path) == (spec.info_hash, good.path(spec))
    assert read.peer is not None and read.peer[0] == client.address[0]
    assert 0 < read.time <= lab.now
    assert {hit.begin for hit in gates["request.sent"].hits} == {0, 16384, 32768, 49152}


def test_a_write_over_two_files_says_where_each_begins(lab: Lab) -> None:
    spec = lab.torrent(pieces=None, piece_length=65536, files=[("a", 20000), ("b", 45536)])
    client = lab.engine("client")
    gate = lab.gate("disk.write", "observe", torrent=spec, piece=0)
    client.add(spec, peers=[lab.seeder("good", spec)])
    lab.until(lambda: client.torrent(spec).state == "seeding", within=20)
    assert [(hit.path, hit.begin) for hit in gate.hits] == [(client.path(spec, 0), 0), (client.path(spec, 1), 20000)]


def test_a_path_may_be_the_end_of_one(lab: Lab) -> None:
    spec = lab.torrent(pieces=None, files=[("dir/one", 70000), ("dir/bone", 70000)])
    client = lab.engine("client")
    gate = lab.gate("disk.write", "observe", path="one", node="client")
    client.add(spec, peers=[lab.seeder("good", spec)])
    lab.until(lambda: client.torrent(spec).state == "seeding", within=20)
    assert {hit.path for hit in gate.hits} == {client.path(spec, 0)}


def test_a_peer_is_a_node_a_host_or_an_address(lab: Lab) -> None:
    spec = lab.torrent(pieces=64)
    client, one, two = lab.engine("client"), lab.seeder("one", spec), lab.seeder("two", spec)
    words = (one, one.address[0], one.address)
    gates = [lab.gate("request.sent", "observe", node=client, peer=word) for word in words]
    other = lab.gate("request.sent", "observe", peer=(one.address[0], one.address[1] + 1))
    client.add(spec, peers=[one, two])
    lab.until(lambda: client.torrent(spec).state == "seeding", within=20)
    assert all({hit.peer for hit in gate.hits} == {one.address} for gate in gates)
    assert not other.hit


def test_unknown_words_name_the_known_ones(lab: Lab) -> None:
    for wrong in (
        lambda: lab.gate("hash.begin"),
        lambda: lab.gate("hash.done", "block"),
        lambda: lab.gate("disk.write", "fail", error="EWHAT"),
        lambda: lab.gate("disk.write", "crash", mode="drop-some"),
        lambda: lab.gate("disk.done", op="erase"),
        lambda: lab.gate("hash.done", path="x"),
        lambda: lab.gate("hash.done", begin=0),
        lambda: lab.gate("disk.done", piece=1),
    ):
        with pytest.raises(ValueError, match="known: "):
            wrong()
    for wrong in (
        lambda: lab.gate("hash.done", nth=0),
        lambda: lab.gate("hash.done", times=0),
        lambda: lab.gate("hash.done", piece=-1),
        lambda: lab.gate("hash.done", torrent=b"short"),
    ):
        with pytest.raises(ValueError):
            wrong()


def test_there_are_no_gates_in_what_is_not_this_engine(lab: Lab) -> None:
    liar = lab.peer("liar", lab.torrent(pieces=4))
    with pytest.raises(LaneLacks, match="liar is not this engine"):
        lab.gate("hash.done", node=liar)
    lab.gate("request.sent", "observe", peer=liar)


@pytest.mark.lanes("real")
def test_the_real_lane_lacks_other_crash_modes(lab: Lab) -> None:
    with pytest.raises(LaneLacks, match="sim lane"):
        lab.gate("hash.done", "crash", mode="torn-512")


def test_a_plain_session_has_no_probe() -> None:
    with jstorrent.Session() as session:
        assert not _core.lab.has_probe(session._engine)
    with Lab(seed=1) as lab:
        assert _core.lab.has_probe(lab.engine("client").session._engine)


def test_the_table_of_the_docs_is_the_one_of_the_code() -> None:
    page = (Path(__file__).parents[3] / "docs/lab.md").read_text(encoding="utf-8")
    assert f"\n{table()}\n\n" in page
