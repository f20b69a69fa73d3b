"""Magnet links among our own engines: metadata of several pieces from several peers, then the download."""

from __future__ import annotations

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Spec

LONG = 60.0


def big(lab: Lab, files: int = 40) -> Spec:
    """Much metadata for little data: three pieces of it, nearly all names."""
    names = [("/".join(f"{n:04d}{part}{'x' * 230}" for part in "abcd"), 2500) for n in range(files)]
    spec = lab.torrent(files=names, piece_length=16384)
    assert len(spec.metainfo.info_bytes) > max(2 * 16384, 950 * files)
    return spec


def states(client: Engine) -> list[str]:
    return [event.new for event in client.history(jst.StateChanged)]


def links(client: Engine) -> list[str]:
    return [event.reason for event in client.history(jst.PeerDisconnected)]


@pytest.mark.lanes("sim", "real")
def test_a_link_becomes_a_download(lab: Lab) -> None:
    spec = big(lab)
    seeds = [lab.seeder(f"seed{i}", spec, "engine") for i in range(3)]
    client = lab.engine("client")
    t = client.add(spec, magnet=True)  # over sockets everything may be there before add() returns
    assert t.metainfo is None and t.name == spec.name and t.info_hash == spec.info_hash
    for seed in seeds:
        t.connect(seed)
    lab.until(lambda: t.metainfo is not None, within=LONG)
    assert t.metainfo is not None and t.metainfo.info_bytes == spec.metainfo.info_bytes
    lab.until(lambda: t.state == "seeding", within=LONG)
    assert client.complete(spec)
    assert states(client)[0] == "fetching_metadata" and states(client)[-2:] == ["downloading", "seeding"]
    assert len(client.history(jst.MetadataReceived)) == 1


def test_several_peers_share_the_work(lab: Lab) -> None:
    spec = big(lab, files=300)  # 18 pieces
    seeds = [lab.seeder(f"seed{i}", spec) for i in range(3)]
    lab.run_for(5)
    client = lab.engine("client")
    lab.net.access(client, down=50_000)
    t = client.add(spec, peers=seeds, magnet=True, paused=True)
    lab.until(lambda: t.metainfo is not None, within=LONG)
    gave = [peer.counters.wire_received for peer in t.peers()]
    assert len(gave) == 3 and min(gave) > 16384 and sum(gave) < 2 * len(spec.metainfo.info_bytes)


def test_links_outlive_the_check_and_nobody_is_dialled_twice(lab: Lab) -> None:
    spec = big(lab)
    seeds = [lab.seeder(f"seed{i}", spec) for i in range(2)]
    client = lab.engine("client")
    t = client.add(spec, peers=seeds, magnet=True)
    lab.until(lambda: t.state == "downloading", within=LONG)
    lab.until(lambda: t.status().download_rate > 0, within=LONG)
    assert len(client.history(jst.PeerConnected)) == 2 and links(client) == []


def test_one_that_resolved_it_serves_it_on(lab: Lab) -> None:
    spec = big(lab)
    seed = lab.seeder("seed", spec)
    middle, last = lab.engine("middle"), lab.engine("last")
    m = middle.add(spec, peers=[seed], magnet=True)
    t = last.add(spec, peers=[middle], magnet=True)  # linked before the middle one knows anything
    lab.until(lambda: m.state == "seeding" and t.state == "seeding", within=LONG)
    assert last.complete(spec) and middle.complete(spec)


def test_a_private_torrent_is_not_given_to_who_only_knows_its_hash(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, private=True)
    seed = lab.seeder("seed", spec)
    client = lab.engine("client")
    t = client.add(spec, peers=[seed], magnet=True)
    lab.run_for(120)
    assert t.state == "fetching_metadata" and t.status().num_peers == 1


def test_the_second_peer_completes_what_the_first_began(lab: Lab) -> None:
    spec = big(lab)
    first, second = lab.seeder("first", spec), lab.seeder("second", spec)
    client = lab.engine("client")
    lab.net.access(client, down=20_000)
    t = client.add(spec, peers=[first], magnet=True)
    lab.until(lambda: 0 < t.status().metadata_progress < 1, within=LONG)
    assert isinstance(first, Engine)
    first.crash()
    before = t.status().metadata_progress
    t.connect(second)
    lab.until(lambda: t.metainfo is not None, within=LONG)
    assert t.status().num_peers >= 1 and before > 0
    assert client.history(jst.PeerBanned) == []


def test_the_same_torrent_added_as_a_file_meanwhile_is_one_torrent(lab: Lab) -> None:
    spec = big(lab)
    seed = lab.seeder("seed", spec)
    client = lab.engine("client")
    lab.net.access(client, down=20_000)
    t = client.add(spec, peers=[seed], magnet=True)
    lab.until(lambda: 0 < t.status().metadata_progress < 1, within=LONG)
    assert client.add(spec) == t and client.session.torrents == [t]
    assert t.metainfo is not None and t.state in ("checking", "downloading")
    lab.net.access(client)
    lab.until(lambda: t.state == "seeding", within=LONG)
    assert len(client.history(jst.MetadataReceived)) == 1 and client.complete(spec)
    assert links(client) == ["both_seeds"]  # only when it was complete


def test_the_same_torrent_added_as_a_file_while_its_hash_is_checked(lab: Lab) -> None:
    spec = big(lab)
    client = lab.engine("client")
    t = client.add(spec, peers=[lab.seeder("seed", spec)], magnet=True)
    lab.until(lambda: client.session.status().hash_jobs > 0, within=LONG)
    client.add(spec)
    lab.until(lambda: t.state == "seeding", within=LONG)
    assert len(client.history(jst.MetadataReceived)) == 1


def test_a_paused_link_fetches_metadata_and_no_payload(lab: Lab) -> None:
    spec = big(lab)
    client = lab.engine("client")
    t = client.add(spec, peers=[lab.seeder("seed", spec)], magnet=True, paused=True)
    lab.until(lambda: t.metainfo is not None, within=LONG)
    lab.run_for(30)
    assert t.state == "paused" and t.status().counters.payload_received == 0 and t.status().num_peers == 1
    t.resume()
    lab.until(lambda: t.state == "seeding", within=LONG)
    assert len(client.history(jst.PeerConnected)) == 1


def test_a_stopped_link_has_no_network(lab: Lab) -> None:
    spec = big(lab)
    client = lab.engine("client")
    t = client.add(spec, peers=[lab.seeder("seed", spec)], magnet=True, stopped=True)
    lab.run_for(10)
    assert t.state == "stopped" and client.session.status().sockets == 1 and client.history(jst.PeerConnected) == []
    t.start()
    lab.until(lambda: t.state == "seeding", within=LONG)


def test_stopped_half_way_it_goes_on_later(lab: Lab) -> None:
    spec = big(lab)
    client = lab.engine("client")
    lab.net.access(client, down=20_000)
    t = client.add(spec, peers=[lab.seeder("seed", spec)], magnet=True)
    lab.until(lambda: t.status().metadata_progress > 0, within=LONG)
    t.stop()
    lab.run_for(5)
    assert t.state == "stopped" and t.status().num_peers == 0
    t.start()
    lab.until(lambda: t.state == "downloading", within=LONG)


def test_links_take_a_place_in_the_queue_as_downloads_do(lab: Lab) -> None:
    specs = [lab.torrent(pieces=8), lab.torrent(pieces=8)]
    client = lab.engine("client", active_downloads=1)
    first, second = (client.add(spec, magnet=True) for spec in specs)
    lab.run_for(5)
    assert (first.state, second.state) == ("fetching_metadata", "queued")
    first.connect(lab.seeder("seed", specs[0]))
    lab.until(lambda: first.state == "seeding" and second.state == "fetching_metadata", within=LONG)


def test_a_link_survives_a_restart_before_and_after_its_metadata(lab: Lab) -> None:
    spec = lab.torrent(files=[("a.mkv", 400_000), ("b.txt", 300_000), ("c.nfo", 100_000)], piece_length=16384)
    client = lab.engine("client")
    t = client.add(spec, magnet=True, priorities={"*": 0, "*.mkv": 7}, sequential=True)
    client.session.save()
    client.restart()
    lab.until(lambda: client.torrent(spec) is not None, within=5)
    again = client.torrent(spec)
    assert again is not None and again != t and again.name == spec.name
    lab.until(lambda: again.state == "fetching_metadata", within=LONG)
    again.connect(lab.seeder("seed", spec))
    lab.until(lambda: again.state == "seeding", within=LONG)
    assert [file.priority for file in again.files()] == [7, 0, 0] and again.status().is_sequential
    client.session.save()
    client.restart()
    lab.until(lambda: client.torrent(spec) is not None, within=5)
    last = client.torrent(spec)
    assert last is not None
    lab.until(lambda: last.state == "seeding", within=LONG)
    assert last.metainfo is not None and [file.priority for file in last.files()] == [7, 0, 0]
    assert last.status().counters.payload_verified < spec.total_size


def test_what_is_on_disk_already_is_not_fetched_again(lab: Lab) -> None:
    spec = lab.torrent(pieces=100, piece_length=16384)
    client = lab.engine("client")
    t = client.add(spec, have=range(50), magnet=True, trusted=False, peers=[lab.seeder("seed", spec)])
    lab.until(lambda: t.state == "seeding", within=LONG)
    assert t.status().counters.payload_verified == 50 * 16384 and links(client) == ["both_seeds"]


def test_a_link_selects_files_and_the_user_overrules_it(lab: Lab) -> None:
    spec = lab.torrent(files=[("a", 100_000), ("b", 100_000), ("c", 100_000), ("d", 100_000)], piece_length=16384)
    client = lab.engine("client")
    link = jst.Magnet.parse(f"{spec.magnet}&so=0,2-3")
    t = client.session.add(link, client.downloads, priorities={"b": 6, 3: 0}, peers=[lab.seeder("seed", spec).address])
    lab.until(lambda: t.state == "seeding", within=LONG)
    assert [file.priority for file in t.files()] == [4, 6, 4, 0]
    assert not client.disk.exists(client.downloads / spec.name / "d")


def test_peers_and_trackers_of_a_link_are_merged_into_a_torrent_that_is_there(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    seed, client = lab.seeder("seed", spec), lab.engine("client")
    t = client.add(spec, magnet=True)
    host, port = seed.address
    link = f"{spec.magnet}&x.pe={host}:{port}&tr=http%3A%2F%2Ft.example%2Fannounce"
    assert client.session.add(link, "/elsewhere") == t
    assert [tracker.url for tracker in t.trackers()] == ["http://t.example/announce"]
    lab.until(lambda: t.state == "seeding", within=LONG)
    assert t.metainfo is not None and t.metainfo.trackers == (("http://t.example/announce",),)
    assert "t.example" in t.magnet()


def test_files_are_where_they_were_moved_to_before_anybody_knew_them(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    client = lab.engine("client")
    t = client.add(spec, magnet=True)
    lab.run_for(1)
    elsewhere = client.disk.full("elsewhere")
    t.move(elsewhere)
    lab.until(lambda: t.state == "fetching_metadata" and t.save_path == elsewhere, within=LONG)
    t.connect(lab.seeder("seed", spec))
    lab.until(lambda: t.state == "seeding", within=LONG)
    assert client.disk.exists(elsewhere / spec.name) and client.complete(spec)


@pytest.mark.parametrize("when", ["at once", "half way", "while it is hashed"])
def test_a_link_may_be_removed_at_any_time(lab: Lab, when: str) -> None:
    spec = big(lab)
    client = lab.engine("client")
    if when == "half way":
        lab.net.access(client, down=20_000)
    t = client.add(spec, peers=[lab.seeder("seed", spec)], magnet=True)
    if when == "half way":
        lab.until(lambda: t.status().metadata_progress > 0, within=LONG)
    elif when == "while it is hashed":
        lab.until(lambda: client.session.status().hash_jobs > 0, within=LONG)
    t.remove(delete_files=True)
    lab.until(lambda: t.state == "removed", within=5)
    assert client.session.torrents == [] and client.history(jst.MetadataReceived) == []
    assert client.session.status().num_peers == 0


def test_the_metadata_phase_is_the_same_in_every_run(lab: Lab) -> None:
    def run(seed: int) -> str | None:
        with Lab(lane="sim", seed=seed) as world:
            spec = big(world)
            client = world.engine("client")
            t = client.add(spec, peers=[world.seeder(f"seed{i}", spec) for i in range(3)], magnet=True)
            world.until(lambda: t.state == "seeding", within=LONG)
            return world.fingerprint

    assert run(lab.seed) == run(lab.seed) != run(lab.seed + 1)
