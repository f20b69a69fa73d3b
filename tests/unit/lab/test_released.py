"""A laboratory that nobody holds any more goes, and its whole world with it."""

import gc
import weakref
from collections.abc import Callable

import pytest
from jstorrent.lab import Lab

from tests.scenarios.raw_peer import RawPeer


def _with_mock_peers_and_a_tracker(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    tracker = lab.tracker("tracker")
    client, liar = lab.engine("client"), lab.peer("liar", spec, behave=["corrupt"])
    torrent = client.add(spec, peers=[liar, lab.seeder("good", spec)])
    torrent.set_trackers([[tracker.url]])
    seen = lab.watch(lambda: torrent.status().pieces_complete)
    lab.always(lambda: seen.max is None or seen.max <= 4, "no more pieces than there are")
    lab.every(1.0, lambda: torrent.status())
    lab.until(lambda: torrent.state == "seeding", within=60)


def _with_a_participant_of_its_own(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    torrent = client.add(spec, peers=[RawPeer(lab, "raw", spec)])
    lab.until(lambda: torrent.state == "seeding", within=60)


@pytest.mark.parametrize("use", [_with_mock_peers_and_a_tracker, _with_a_participant_of_its_own])
def test_a_world_goes_with_the_last_who_held_its_laboratory(use: Callable[[Lab], None]) -> None:
    with Lab(lane="sim", seed=7) as lab:
        use(lab)
    gone = weakref.ref(lab)
    world = weakref.ref(lab._lane)
    del lab
    gc.collect()
    assert gone() is None
    assert world() is None


def test_a_node_that_only_the_laboratory_holds_lives_on(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    where = RawPeer(lab, "raw", spec).address
    gc.collect()
    torrent = lab.engine("client").add(spec, peers=[where])
    lab.until(lambda: torrent.state == "seeding", within=60)
