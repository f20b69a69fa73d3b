"""Each of the seven tools alone, and that it finds (or is) the fault that it is for."""

from pathlib import Path

import pytest
from jstorrent.lab import Lab, LabFailure, tools


def test_islands_keep_a_leecher_from_its_seed_until_they_are_healed(lab: Lab) -> None:
    spec = lab.torrent(pieces=16)
    seed, (client,) = tools.load(lab, spec, leechers=1)
    with tools.islands(lab, [seed], [client]):
        lab.run_for(30)
        assert not client.complete(spec)
    lab.until(lambda: client.complete(spec), within=120)


def test_liars_differ_by_seed_and_do_not_keep_a_swarm_from_its_end(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    liars = tools.byzantine(lab, spec, 4)
    assert len({tuple(b.kind for b in liar.behave) for liar in liars}) > 1
    _, (client,) = tools.load(lab, spec, leechers=1)
    torrent = client.torrent(spec)
    assert torrent is not None
    for liar in liars:
        torrent.connect(liar.address)
    lab.until(lambda: client.complete(spec), within=600)
    with Lab(seed=lab.seed) as again:
        twins = tools.byzantine(again, again.torrent(pieces=8), 4)
        assert [twin.behave for twin in twins] == [liar.behave for liar in liars]


def test_a_skewed_clock_is_seen_and_ends_nothing(lab: Lab) -> None:
    spec = lab.torrent(pieces=16)
    seed, (client,) = tools.load(lab, spec, leechers=1, up=100_000)
    lab.run_for(2)
    before = client.session.now
    tools.skew(lab, 5.0, client)
    assert client.session.now - before == pytest.approx(5.0)
    assert seed.session.now == pytest.approx(lab.now)
    tools.skew(lab, -3600.0)
    lab.until(lambda: client.complete(spec), within=120)


def test_delay_is_what_the_first_answer_takes(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    seed, peer = lab.engine("seed"), lab.peer("peer", spec, have="none")
    seed.add(spec, have="all")
    tools.delay(lab, seed, peer, 1.0)
    peer.connect(seed)
    hello = peer.expect("handshake")
    assert 4.0 <= hello.time <= 6.0  # SYN, its answer, our handshake, theirs: 1 to 1.5 s each


@pytest.mark.parametrize("leechers", [1, 6])
def test_load_is_a_swarm_of_that_size_that_completes(lab: Lab, leechers: int) -> None:
    spec = lab.torrent(pieces=16)
    _, clients = tools.load(lab, spec, leechers=leechers)
    assert len(clients) == leechers
    lab.until(lambda: not tools.consistency(spec, *clients), within=300, every=1)


def test_consistency_finds_one_wrong_byte_in_a_node_and_in_any_folder(lab: Lab, tmp_path: Path) -> None:
    spec = lab.torrent(files=[("a", 20_000), ("b/c", 5)], pieces=None)
    client = lab.engine("client")
    client.add(spec, have="all")
    assert tools.consistency(spec, client) == []
    client.disk.corrupt(client.path(spec, 0), 19_999, bytes([spec.data(19_999, 1)[0] ^ 1]))
    assert tools.consistency(spec, client) == [f"client: {spec.name}/a differs within the 20000 bytes from 0"]
    for file in spec.metainfo.files:
        (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file.path).write_bytes(b"".join(data for _, data in spec.file_data(file)))
    assert tools.consistency(spec, tmp_path) == []
    (tmp_path / spec.name / "b" / "c").write_bytes(b"wrong")
    (tmp_path / spec.name / "a").unlink()
    assert tools.consistency(spec, tmp_path) == [f"{tmp_path / spec.name / 'a'} is missing", f"{tmp_path / spec.name / 'b' / 'c'} differs"]


def test_loops_are_found_in_what_a_peer_heard(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    client.add(spec, have="all")
    honest, flapping = lab.peer("honest", spec, have="none"), lab.peer("flapping", spec, have="none")
    honest.connect(client)
    lab.run_for(5)
    assert tools.loops(honest.ledger.messages) == []
    heard = [m for m in honest.ledger.messages if m.kind == "handshake" and m.direction == "in"]
    twisted = heard * 40 + [heard[0]._replace(kind="have", piece=1)] * 2
    twisted += [heard[0]._replace(kind="request", piece=0, begin=0)] * 31 + [heard[0]._replace(kind="interested")] * 31
    assert len(tools.loops(twisted)) == 4
    for _ in range(31):
        flapping.connect(client)
        lab.run_for(0.5)
        flapping.disconnect("rst")
    assert tools.loops(flapping.ledger.messages) == ["31 links in a minute"]


def test_a_partition_that_is_never_healed_is_told_by_until(lab: Lab) -> None:
    spec = lab.torrent(pieces=16)
    seed, (client,) = tools.load(lab, spec, leechers=1)
    lab.net.partition(seed, client)
    with pytest.raises(LabFailure, match="until"):
        lab.until(lambda: client.complete(spec), within=60)
