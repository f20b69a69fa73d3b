"""Nodes: names, addresses, disks, and engines that end and come back."""

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, LaneLacks


def test_nodes_have_addresses_of_their_own_in_order_of_creation(lab: Lab) -> None:
    a, b = lab.engine("a"), lab.engine("b")
    named = lab.engine("named", host="10.0.0.9")
    same = lab.engine("same", host=a)
    told = lab.engine("told", port=4000)
    assert a.address == ("10.0.0.1", 6881)
    assert b.address == ("10.0.0.2", 6881)
    assert named.address == ("10.0.0.9", 6881)
    assert same.address == ("10.0.0.1", 6882)
    assert told.address == ("10.0.0.3", 4000)


def test_a_host_that_was_named_is_not_given_out_again(lab: Lab) -> None:
    lab.engine("named", host="10.0.0.1")
    assert lab.engine("next").address[0] == "10.0.0.2"


@pytest.mark.parametrize("name", ["", "a/b", "..", "a\n"])
def test_names_are_names(lab: Lab, name: str) -> None:
    with pytest.raises(ValueError):
        lab.engine(name)


def test_a_name_is_given_once(lab: Lab) -> None:
    lab.engine("a")
    with pytest.raises(ValueError, match="already"):
        lab.engine("a")


def test_settings_are_those_of_the_session_and_discovery_is_off(lab: Lab) -> None:
    settings = lab.engine("a", upload_slots=2).session.settings
    assert settings.upload_slots == 2
    assert (settings.dht, settings.pex, settings.lsd, settings.port_mapping) == (False, False, False, False)
    with pytest.raises(jst.SettingsError, match="upload_slots"):
        lab.engine("b", upload_slot=2)


def test_an_engine_is_no_program_and_says_nothing(lab: Lab) -> None:
    client = lab.engine("a")
    assert client.output == ""
    client.crash()
    assert client.output == ""


def test_the_peer_id_may_be_told(lab: Lab) -> None:
    spec = lab.torrent(pieces=64)
    good = lab.seeder("good", spec)
    client = lab.engine("client", peer_id=b"-XX0001-abcdefghijkl")
    client.add(spec, peers=[good])
    t = good.torrent(spec) if isinstance(good, Engine) else None
    assert t is not None
    lab.until(lambda: bool(t.peers()), within=10)
    assert t.peers()[0].peer_id == b"-XX0001-abcdefghijkl"


def test_peers_and_connect_take_nodes_and_addresses(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    good = lab.seeder("good", spec)
    by_node, by_pair, by_text = (lab.engine(name) for name in ("node", "pair", "text"))
    host, port = good.address
    ts = [
        by_node.add(spec, peers=[good]),
        by_pair.add(spec, peers=[good.address]),
        by_text.add(spec, peers=[f"{host}:{port}"]),
        lab.engine("late").add(spec),
    ]
    ts[3].connect(good)
    lab.until(lambda: all(t.state == "seeding" for t in ts), within=60)


@pytest.mark.lanes("sim", "real")
def test_have_puts_pieces_on_the_disk_beforehand_and_no_check_runs(lab: Lab) -> None:
    spec = lab.torrent(pieces=16, piece_length=16384)
    half = lab.engine("half")
    reads = half.disk.fail("read", times=None) if lab.lane == "sim" else None
    t = half.add(spec, have=(0, 3, 4, 7, 8, 9, 12, 15))
    lab.until(lambda: t.state in ("downloading", "stalled"), within=5)
    assert [i for i, state in enumerate(t.pieces()) if state == 3] == [0, 3, 4, 7, 8, 9, 12, 15]
    assert t.status().counters.payload_received == 0
    assert reads is None or reads.hits == 0


def test_have_takes_no_piece_whose_bytes_are_gone(lab: Lab) -> None:
    spec = lab.torrent(files=[("a", 40_000), ("b", 40_000)], piece_length=16384)
    client = lab.engine("client")
    t = client.add(spec, have=range(5), stopped=True)
    client.disk.delete(client.path(spec, "b"))
    t.start()
    lab.run_for(1)
    assert list(t.pieces()) == [3, 3, 0, 0, 0]
    client.add(spec, peers=[lab.seeder("good", spec)])
    lab.until(lambda: t.state == "seeding", within=30)
    assert client.complete(spec)


@pytest.mark.lanes("sim", "real")
def test_have_may_be_completed_by_others(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, piece_length=16384)
    half, client = lab.engine("half"), lab.engine("client")
    first = half.add(spec, have=range(4))
    second = client.add(spec, have=range(4, 8), peers=[half])
    lab.until(lambda: first.state == second.state == "seeding", within=30)
    assert half.complete(spec) and client.complete(spec)
    received = [t.status().counters.payload_received for t in (first, second)]
    assert received == [4 * 16384, 4 * 16384]


def test_have_knows_its_words_and_its_pieces(lab: Lab) -> None:
    spec, client = lab.torrent(pieces=4), lab.engine("client")
    with pytest.raises(ValueError, match="known: all, none"):
        client.add(spec, have="some")
    with pytest.raises(ValueError, match="it has 4"):
        client.add(spec, have=[4])


@pytest.mark.lanes("sim", "real")
def test_the_disk_is_what_the_process_sees(lab: Lab) -> None:
    spec = lab.torrent(files=[("a", 20_000), ("b/c", 30_000), ("none", 0)], piece_length=16384)
    good, client = lab.seeder("good", spec, kind="engine"), lab.engine("client")
    t = client.add(spec, peers=[good])
    lab.until(lambda: t.state == "seeding", within=30)
    disk, path = client.disk, client.path(spec, "b/c")
    assert path == client.path(spec) / "b" / "c"
    assert disk.list(client.path(spec)) == ["a", "b", "none"]
    assert disk.size(path) == 30_000
    assert disk.read(path, 100, 50) == spec.data(20_100, 50)
    assert client.complete(spec)
    disk.corrupt(path, 5, b"????")
    assert client.differences(spec) == [f"{spec.name}/b/c differs within the 30000 bytes from 0"]
    disk.truncate(path, 10)
    assert client.differences(spec) == [f"{spec.name}/b/c has 10 bytes, not 30000"]
    disk.delete(path)
    assert client.differences(spec) == [f"{spec.name}/b/c is missing"]
    assert not disk.exists(path) and not client.complete(spec)
    with pytest.raises(jst.DiskError):
        disk.read(path)
    disk.write("downloads/new/file", 3, b"abc")
    assert disk.read("downloads/new/file") == b"\0\0\0abc"


@pytest.mark.lanes("sim", "real")
def test_a_stopped_engine_comes_back_with_its_torrents(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    good, client = lab.seeder("good", spec, kind="engine"), lab.engine("client")
    old = client.add(spec, peers=[good])
    lab.until(lambda: old.state == "seeding", within=30)
    session, address = client.session, client.address
    client.stop()
    assert not client.running and client.torrent(spec) is None
    client.start()
    assert client.session is not session and client.address == address
    assert old.state == "removed"
    lab.until(lambda: _state(client, spec) == "seeding", within=30)
    assert [type(e) for e in client.history(jst.StateChanged)].count(jst.StateChanged) >= 2
    assert any(e.new == "downloading" for e in client.history(jst.StateChanged))


def _state(client: Engine, spec: object) -> str:
    t = client.torrent(spec)  # type: ignore[arg-type]
    return "" if t is None else t.state


def test_a_crash_is_silence_and_a_restart_fetches_no_saved_piece_again(lab: Lab) -> None:
    spec = lab.torrent(pieces=64)
    good, client = lab.engine("good"), lab.engine("client")
    good.add(spec, have="all")
    lab.net.link(good, client, rate=500_000)
    t = client.add(spec, peers=[good])
    lab.until(lambda: t.progress > 0.5, within=60)
    client.session.save()
    saved = t.status().pieces_complete
    client.crash()
    assert not client.running
    served = good.torrent(spec)
    assert served is not None
    before = served.status().counters.payload_sent
    lab.run_for(1)
    assert served.status().num_peers == 1  # it does not know yet
    client.restart()
    lab.until(lambda: _state(client, spec) == "seeding", within=300)
    assert client.complete(spec)
    counters = client.torrent(spec).status().counters  # type: ignore[union-attr]
    assert counters.payload_received <= (64 + 1) * 65536  # over both lives
    assert served.status().counters.payload_sent - before <= (64 - saved + 1) * 65536 + 16384


def test_crash_modes_are_known(lab: Lab) -> None:
    client = lab.engine("client")
    with pytest.raises(ValueError, match="drop-all, keep-prefix, metadata-first, random, torn-512"):
        client.crash("drop-some")
    with pytest.raises(ValueError, match="no such crash mode"):
        lab.gate("disk.done", "crash", mode="drop-some")
    assert client.running


def test_a_real_disk_crashes_in_one_mode_only() -> None:
    with Lab("real", seed=1) as lab:
        client = lab.engine("client")
        for mode in ("keep-prefix", "torn-512", "metadata-first", "random"):
            with pytest.raises(LaneLacks, match=mode):
                client.crash(mode)
            with pytest.raises(LaneLacks, match=mode):
                lab.gate("disk.done", "crash", mode=mode)
        assert client.running
        client.crash()
        assert not client.running


@pytest.mark.parametrize("mode", ["drop-all", "keep-prefix", "torn-512", "metadata-first", "random"])
def test_a_gate_crashes_in_each_mode(lab: Lab, mode: str) -> None:
    spec = lab.torrent(pieces=8)
    client = lab.engine("client")
    gate = lab.gate("disk.write.done", "crash", nth=3, mode=mode, node=client)
    good = lab.seeder("good", spec)
    client.add(spec, peers=[good])
    lab.until(lambda: gate.hit and not client.running, within=20)
    client.start()
    lab.run_for(1)
    t = client.torrent(spec) or client.add(spec)
    t.connect(good)
    lab.until(lambda: t.state == "seeding", within=60)
    assert client.complete(spec)


def test_history_is_all_events_in_order(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    t = client.add(spec, peers=[lab.seeder("good", spec)])
    lab.until(lambda: t.state == "seeding", within=30)
    assert sorted(e.piece for e in client.history(jst.PieceCompleted)) == [0, 1, 2, 3]
    assert len(client.history(jst.BlockReceived)) == 16
    everything = client.history()
    assert not any(isinstance(e, jst.BlockReceived) for e in everything)
    assert [e.time for e in everything] == sorted(e.time for e in everything)


@pytest.mark.lanes("sim", "real")
def test_history_goes_on_over_restarts_and_has_blocks_only_by_name(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    good, client = lab.seeder("good", spec, kind="engine"), lab.engine("client")
    client.add(spec, peers=[good])
    lab.until(lambda: _state(client, spec) == "seeding", within=30)
    client.stop()
    first = client.history()
    assert len(client.history(jst.BlockReceived)) == 16
    assert not any(isinstance(e, jst.BlockReceived) for e in first)
    assert not any(isinstance(e, jst.BlockReceived) for e in client.history(jst.TorrentEvent))
    client.start()
    lab.until(lambda: _state(client, spec) == "seeding", within=30)
    again = client.history()
    assert again[: len(first)] == first and len(again) > len(first)
    client.crash()
    assert len(client.history(jst.BlockReceived)) == 16
    client.start()
    with pytest.raises(TypeError):
        client.history(str)  # type: ignore[type-var]


def test_seeders_know_their_kinds(lab: Lab) -> None:
    spec = lab.torrent(pieces=1)
    with pytest.raises(ValueError, match="known: .*engine"):
        lab.seeder("a", spec, kind="robot")
    with pytest.raises(LaneLacks, match="real lane"):
        lab.seeder("b", spec, kind="transmission")
    with pytest.raises(LaneLacks):
        lab.seeder("c", spec, kind="libtorrent")
