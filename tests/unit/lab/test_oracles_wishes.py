"""Oracles of what the user said can say no, and know what excuses. In tests/plants bugs prove the same."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from jstorrent.lab import Engine, Handshake, Lab, LabFailure, Spec
from jstorrent.lab import _oracles as oracles
from jstorrent.lab._lab_session import LabTorrent
from jstorrent.lab._oracles_wishes import events_are_told


def linked(lab: Lab) -> tuple[Engine, Spec]:
    """A client that was closed and came back, has half of the pieces, and links to a seed and a peer."""
    spec = lab.torrent(pieces=4)
    seed, client = lab.engine("seed", upload_slots=0), lab.engine("client")
    seed.add(spec, have="all")
    client.add(spec, have=[0, 1], peers=[seed, lab.peer("peer", spec, have=[0])])
    lab.run_for(2)
    client.stop()
    client.start()
    lab.run_for(5)
    lab.check()
    return client, spec


def a_torrent_is_forgotten(client: Engine, patch: pytest.MonkeyPatch) -> None:
    client._closed_wishes[bytes(20)] = {}


def a_priority_is_forgotten(client: Engine, patch: pytest.MonkeyPatch) -> None:
    (wishes,) = client._closed_wishes.values()
    wishes["priorities"] = [7]


def more_of_one_host(client: Engine, patch: pytest.MonkeyPatch) -> None:
    client.session.configure(max_connections_per_host=1)
    patch.setitem(client._settings, "max_connections_per_host", 1)
    before = LabTorrent.peers
    patch.setattr(LabTorrent, "peers", lambda torrent, all=False: before(torrent) * 2)


def a_link_with_somebody_banned(client: Engine, patch: pytest.MonkeyPatch) -> None:
    host = client.session.torrents[0].peers()[0].address[0]
    client.session.ban("10.9.9.9", 60)
    (ban,) = client.session.bans()
    patch.setattr(client.session, "bans", lambda: [replace(ban, host=host)])


def waits_for_what_nobody_means_to_give(client: Engine, patch: pytest.MonkeyPatch) -> None:
    before = LabTorrent.peers

    def peers(torrent: LabTorrent, all: bool = False) -> list[object]:
        return [replace(p, outstanding=1) if torrent._session is client.session else p for p in before(torrent)]

    patch.setattr(LabTorrent, "peers", peers)


@pytest.mark.parametrize(
    ("oracle", "fault", "text"),
    [
        ("monotone", a_torrent_is_forgotten, "were there when it was closed, and are not"),
        ("monotone", a_priority_is_forgotten, r"priorities was \[7\] when it was closed, and is \[4\]"),
        ("bounds", more_of_one_host, "2 links with 10.0.0.[13] where 1 are allowed"),
        ("bounds", a_link_with_somebody_banned, "which is banned"),
        ("convergence", waits_for_what_nobody_means_to_give, "it waits for 1 blocks of seed, which means to give 0"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_an_oracle_says_no(oracle: str, fault: Callable[..., None], text: str, lab: Lab) -> None:
    client, _ = linked(lab)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(LabFailure, match=text) as caught:
        fault(client, patch)
        oracles.ORACLES[oracle](lab)
    assert (caught.value.oracle, caught.value.node) == (oracle, "client")
    lab._without |= {"monotone", "convergence"}


def test_what_was_said_after_the_start_is_no_loss(lab: Lab) -> None:
    client, spec = linked(lab)
    torrent = client.torrent(spec)
    assert torrent is not None
    torrent.set_file_priority("*", 0)
    torrent.configure(upload_rate_limit=5000)
    lab.run_for(5)
    lab.check()
    client.stop()
    client.start()
    lab.run_for(5)
    lab.check()


def test_files_of_a_torrent_that_comes_back_may_be_there(lab: Lab) -> None:
    client, spec = linked(lab)
    torrent = client.torrent(spec)
    assert torrent is not None
    torrent.remove(delete_files=True)
    client.add(spec, peers=[lab.peer("good", spec)])
    lab.until(lambda: client.complete(spec), within=60)
    lab.check()


def test_who_waits_at_the_door_for_its_turn_is_no_breach(lab: Lab) -> None:
    spec = lab.torrent()
    seed = lab.engine("seed", handshake_timeout=3.0, max_pending_incoming=1)
    seed.add(spec, have="all")
    for n in range(4):
        lab.peer(f"mute{n}", spec, handshake=Handshake(send=False)).connect(seed)
    for _ in range(20):
        lab.run_for(1)
        lab.check()


def test_what_is_told_between_the_two_questions_is_not_untold(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """In real time the engine goes on while an oracle asks it for its events and then for its pieces."""
    spec = lab.torrent(pieces=4)
    client, seed = lab.engine("client", download_rate_limit=50_000), lab.engine("seed")  # in the order of the questions
    seed.add(spec, have="all")
    t = client.add(spec, peers=[seed])
    lab.until(lambda: any(t.piece(n).blocks_received for n in range(4)), within=10)
    before = LabTorrent.pieces

    def pieces_later(torrent: LabTorrent) -> bytes:
        lab.until(lambda: t.state == "seeding", within=30)
        return before(torrent)

    monkeypatch.setattr(LabTorrent, "pieces", pieces_later)
    events_are_told(lab)
