"""The oracles raise no false alarm, and each can say no: here by facts put past the engine, in tests/plants by bugs in it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from jstorrent.lab import Engine, Lab, LabFailure, Spec
from jstorrent.lab import _oracles as oracles
from jstorrent.lab._oracles_time import _early, liveness_bound

from tests.plants.cases import CASES


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_world_that_a_bug_would_spoil_is_well_without_it(name: str, lab: Lab) -> None:
    CASES[name][0](lab)


def swarm(lab: Lab) -> tuple[Engine, Spec]:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    client.add(spec, peers=[lab.seeder("good", spec)])
    lab.until(lambda: client.complete(spec), within=30)
    lab.check()
    return client, spec


def wire_counts_differ(client: Engine, spec: Spec, patch: pytest.MonkeyPatch) -> None:
    status = client.session.status()
    wrong = replace(status, counters=replace(status.counters, wire_sent=status.counters.wire_sent + 1))
    patch.setattr(client.session, "status", lambda: wrong)


def a_file_is_gone(client: Engine, spec: Spec, patch: pytest.MonkeyPatch) -> None:
    client.disk._world.disk_delete(client._number, str(client.path(spec, 0)))  # type: ignore[attr-defined]


def a_piece_was_had(client: Engine, spec: Spec, patch: pytest.MonkeyPatch) -> None:
    torrent = client.torrent(spec)
    assert torrent is not None
    patch.setattr(type(torrent), "pieces", lambda self: b"\0" * spec.num_pieces)


def a_piece_failed_again_and_again(client: Engine, spec: Spec, patch: pytest.MonkeyPatch) -> None:
    torrent = client.torrent(spec)
    assert torrent is not None
    client._facts.of(torrent).failures[2, "10.0.0.9"] = 5


def turns_were_many(client: Engine, spec: Spec, patch: pytest.MonkeyPatch) -> None:
    client._facts.ledger["turns"] -= 10_000


def the_good_one_is_banned(client: Engine, spec: Spec, patch: pytest.MonkeyPatch) -> None:
    client.session.ban("10.0.0.2")
    (ban,) = client.session.bans()
    patch.setattr(client.session, "bans", lambda: [replace(ban, reason="bad_data")])


def a_record_was_damaged(client: Engine, spec: Spec, patch: pytest.MonkeyPatch) -> None:
    client.stop()
    record = client._state_dir / "torrents" / f"{spec.info_hash.hex()}.jst"
    client.disk.write(record, 0, b"nonsense")
    client.start()
    client._lab.run_for(1)
    oracles.integrity(client._lab)  # damaged by hand: that it says so is right
    client.disk.touched.clear()


@pytest.mark.parametrize(
    ("oracle", "fault", "text"),
    [
        ("statistics", wire_counts_differ, "its links sent"),
        ("convergence", a_file_is_gone, "is not there"),
        ("integrity", a_record_was_damaged, "it refused a record of its own"),
        ("monotone", a_piece_was_had, r"pieces \[0, 1, 2, 3\] were complete and are not"),
        ("loops", a_piece_failed_again_and_again, "piece 2 failed 5 times with bytes of 10.0.0.9"),
        ("quiet", turns_were_many, "would be much"),
        ("liveness", the_good_one_is_banned, "it banned good"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isalpha() else "",
)
def test_an_oracle_says_no(
    oracle: str, fault: Callable[[Engine, Spec, pytest.MonkeyPatch], None], text: str, lab: Lab
) -> None:
    client, spec = swarm(lab)
    judge = oracles.ORACLES[oracle]
    judge(lab)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(LabFailure, match=text) as caught:
        fault(client, spec, patch)
        judge(lab)
    assert (caught.value.oracle, caught.value.node) == (oracle, "client")
    lab._without |= {"integrity", "convergence", "loops"}


def test_leaks_sees_what_was_there_when_it_had_closed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = swarm(lab)
    engine = client.session._engine
    client.stop()
    facts = engine.left_behind()
    assert facts is not None
    assert oracles.SessionStatus._of(facts).sockets == 0
    other = lab.engine("other")

    class Leaky:
        def __getattr__(self, name: str) -> object:
            return getattr(whole, name)

        def left_behind(self) -> object:
            return (*facts[:7], 3, *facts[8:])

    whole, other.session._engine = other.session._engine, Leaky()  # type: ignore[assignment]
    with pytest.raises(LabFailure, match="left behind after close: {'sockets': 3}"):
        oracles.leaks(lab)


def test_liveness_is_not_judged_while_something_excuses(lab: Lab) -> None:
    spec = lab.torrent(pieces=16)
    good, client = lab.seeder("good", spec, "engine"), lab.engine("client")
    assert isinstance(good, Engine)
    lab.net.link(good, client, rate=20_000)
    t = client.add(spec, peers=[good])
    lab.run_for(3)
    bound = liveness_bound(lab, client, good)
    assert 100 < bound < 600
    lab.net.partition(good, client)
    lab.run_for(2 * bound)
    lab.check()  # cut off
    lab.net.heal()
    t.pause()
    lab.run_for(2 * bound)
    lab.check()  # paused
    t.resume()
    lab.until(lambda: t.state == "seeding", within=4000)


def test_liveness_names_who_could_have_given_and_how_long_it_took(lab: Lab) -> None:
    spec = lab.torrent(pieces=16)
    good, client = lab.seeder("good", spec, "engine"), lab.engine("client")
    assert isinstance(good, Engine)
    lab.net.link(good, client, rate=20_000)
    client.add(spec, peers=[good])
    lab.run_for(3)
    lab.check()
    lab._disturbed_at = -10_000.0
    for engine in (good, client):
        for known in engine._facts.update().torrents.values():
            known.changed_at = known.progress_at = -10_000.0  # as if nothing had come for hours
    with pytest.raises(LabFailure, match="good is complete and linked, and no block came for 100"):
        oracles.ORACLES["liveness"](lab)
    lab._disturbed_at = lab.now  # or somebody changed the network a moment ago
    oracles.ORACLES["liveness"](lab)


def test_early_dials_are_those_before_three_quarters_of_a_wait_that_doubles() -> None:
    def failed(*times: float) -> list[tuple[float, float | None, bool, bool]]:
        return [(at, at + 1, False, False) for at in times]

    assert _early(failed(0, 8.5, 24.5, 55.5), 10, 3600) == 0
    assert _early(failed(0, 8.4), 10, 3600) == 1
    assert _early(failed(0, 8.5, 24.4), 10, 3600) == 1
    assert _early([(0, 1, False, False), (2, 3, False, True)], 10, 3600) == 0, "by hand"
    assert _early([(0, None, True, False), (2, None, True, False)], 10, 3600) == 1, "a second link to one address"
    assert _early([(0, 5, True, False), (12.5, 13, True, False), (20.5, 21, True, False)], 10, 3600) == 0, "links that were"


def test_the_books_of_a_node_count_what_its_streams_moved(lab: Lab) -> None:
    client, spec = swarm(lab)
    world = lab._lane.world  # type: ignore[attr-defined]
    good = lab.engines[1]
    mine, its = world.ledger(client._number), world.ledger(good._number)
    assert mine["received"] == its["sent"] > spec.total_size
    assert 0 <= mine["sent"] - its["received"] <= 9 * spec.num_pieces, "HAVEs for somebody who had hung up"
    assert (mine["dials"], mine["accepts"], its["dials"], its["accepts"]) == (1, 0, 0, 1)
    ((_, _, to, at, ended, connected, by_hand),) = world.dials(client._number)
    assert (to, by_hand) == ("10.0.0.2:6881", False)
    assert connected is not None and ended is not None and 0 <= at < connected < ended
    with pytest.raises(ValueError, match="no such node"):
        world.ledger(99)


def test_in_one_look_an_engine_is_asked_once_and_afterwards_anew(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = lab.torrent(pieces=2)
    seed, client = lab.seeder("seed", spec), lab.engine("client")
    t = client.add(spec, peers=[seed])
    looks: list[list[object]] = []

    def look(lab: Lab) -> None:
        looks.append([client.session.status(), client.session.settings, t.status(), client.torrent(spec).status(), *t.peers()])

    def fails(lab: Lab) -> None:
        lab._fail("quiet", "it is not")

    monkeypatch.setattr("jstorrent.lab._lab.ORACLES", {"bounds": look, "loops": look, "quiet": fails})
    lab.run_for(0.02)
    with pytest.raises(LabFailure):
        lab.check()
    (first, second), before = looks, t.status()
    assert [id(each) for each in first] == [id(each) for each in second] and first[2] is first[3]
    lab.run_for(60)
    assert (before.state, t.state, t.status().state) == ("downloading", "seeding", "seeding"), "also where a look ended early"
    monkeypatch.undo()
