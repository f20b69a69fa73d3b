"""Files of no bytes belong to what is complete: nothing asks for them, so they are easily forgotten."""

from __future__ import annotations

from jstorrent.lab import Engine, Lab, Spec

FILES = [("a", 20_000), ("d/none", 0), ("b", 5), ("zero", 0)]


def done(lab: Lab, client: Engine, spec: Spec) -> None:
    """It seeds, and every file is there."""
    lab.until(lambda: (t := client.torrent(spec)) is not None and t.state == "seeding", within=60)
    assert client.complete(spec), client.differences(spec)


def test_one_that_is_gone_is_made_again_although_all_pieces_are_there(lab: Lab) -> None:
    spec, client = lab.torrent(files=FILES, piece_length=16384), lab.engine("client")
    t = client.add(spec, have="all", stopped=True)
    client.disk.delete(client.path(spec, "zero"))
    t.start()
    done(lab, client, spec)
    client.disk.delete(client.path(spec, "d/none"))
    t.recheck()
    lab.until(lambda: t.state != "seeding", within=5)
    done(lab, client, spec)


def test_it_is_not_complete_before_they_are_there(lab: Lab) -> None:
    spec, client = lab.torrent(files=FILES, piece_length=16384), lab.engine("client")
    t = client.add(spec, have="all", stopped=True)
    client.disk.delete(client.path(spec, "zero"))
    client.disk.stall(3, "open", path=client.path(spec, "zero"))
    t.start()
    lab.run_for(2)
    assert t.state != "seeding" and not t.status().is_complete
    done(lab, client, spec)


def test_a_disk_that_refuses_one_is_an_error_that_can_be_overcome(lab: Lab) -> None:
    spec, client = lab.torrent(files=FILES, piece_length=16384), lab.engine("client")
    good = lab.seeder("good", spec)
    fault = client.disk.fail("open", error="EACCES", path=client.path(spec, "d/none"))
    t = client.add(spec, peers=[good])
    lab.until(lambda: t.state == "error", within=30)
    assert fault.hits == 1 and "none" in t.error_message
    t.start()
    done(lab, client, spec)
