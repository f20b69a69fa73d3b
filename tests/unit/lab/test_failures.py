"""What a failure says, which oracles judge, and that each of them can say no."""

import pickle
from dataclasses import replace

import pytest
from jstorrent import lab as package
from jstorrent.lab import Engine, Lab, LabFailure, Spec
from jstorrent.lab._oracles import NAMES, accounting, bounds


def test_a_failure_says_who_when_and_which_piece(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    good, client = lab.seeder("good", spec), lab.engine("client")
    lab.net.link(good, client, rate=20_000)
    t = client.add(spec, peers=[good])
    with pytest.raises(LabFailure) as caught:
        lab.until(lambda: t.state == "seeding", within=5)
    failure, text = caught.value, str(caught.value)
    assert (failure.oracle, failure.node, failure.token) == ("until", None, lab.token)
    assert failure.time == pytest.approx(5)
    assert 't.state == "seeding"' in text
    assert f"seed {lab.seed}" in text and str(lab.fingerprint) in text
    assert "client 10.0.0.2:6881" in text and f"{spec.name}: downloading" in text
    assert "0 incomplete" in text or "missing" in text
    assert "10.0.0.1:6881 out connected" in text
    assert "PeerConnected" in text
    assert failure.report.text == text and not failure.report.ok
    copy = pickle.loads(pickle.dumps(failure))
    assert (str(copy), copy.report, copy.oracle) == (text, failure.report, "until")
    assert failure.report.to_dict()["oracle"] == "until"


def test_a_report_fits_one_screen_however_many_there_are(lab: Lab) -> None:
    spec = lab.torrent(pieces=64)
    for i in range(20):
        lab.engine(f"c{i}").add(spec, peers=lab.engines)
    with pytest.raises(LabFailure) as caught:
        lab.until(lambda: False, within=5)
    assert len(str(caught.value).splitlines()) < 100
    assert "more engines" in str(caught.value)


def test_a_world_without_a_seed_is_an_error() -> None:
    for wrong in (None, 1.5, True, "7"):
        with pytest.raises(ValueError, match="seed"):
            Lab(seed=wrong)  # type: ignore[arg-type]


def test_unknown_words_are_told_the_known_ones() -> None:
    with pytest.raises(ValueError, match="known: real, sim"):
        Lab("virtual", seed=1)
    with pytest.raises(ValueError, match="known: .*integrity.*quiet"):
        Lab(seed=1, without=["sanity"])


def test_oracles_are_switched_off_by_name() -> None:
    with Lab(seed=1) as lab:
        ran = lab.check()
        assert set(ran) == set(NAMES) - {"leaks"}, "leaks is judged on leaving"
    with Lab(seed=1, without=("integrity", "bounds")) as lab:
        assert set(lab.check()) == set(ran) - {"integrity", "bounds"}
    for name in ran:
        with Lab(seed=1, without=name) as lab:
            assert name not in lab.check()


def complete(lab: Lab) -> tuple[Engine, Spec]:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    t = client.add(spec, peers=[lab.seeder("good", spec)])
    lab.until(lambda: t.state == "seeding", within=30)
    return client, spec


def test_integrity_finds_one_wrong_bit_on_disk(lab: Lab) -> None:
    client, spec = complete(lab)
    lab.check()
    path = client.path(spec, 0)
    byte = client.disk.read(path, 70_000, 1)[0]
    client.disk._write(path, 70_000, bytes([byte ^ 1]))  # as a bug of the engine would
    client._judged_at = None
    with pytest.raises(LabFailure, match="piece 1 of torrent-1 is complete, but") as caught:
        lab.check()
    assert (caught.value.oracle, caught.value.node) == ("integrity", "client")
    client.disk._write(path, 70_000, bytes([byte]))


def test_integrity_does_not_blame_the_engine_for_damage_by_hand(lab: Lab) -> None:
    client, spec = complete(lab)
    client.disk.corrupt(client.path(spec, 0), 70_000, b"?")
    client._judged_at = None
    assert "integrity" in lab.check()


def test_leaving_asks_the_oracles_unless_the_body_failed() -> None:
    def damage(lab: Lab) -> None:
        client, spec = complete(lab)
        client.disk._write(client.path(spec, 0), 0, b"wrong")

    with pytest.raises(LabFailure, match="integrity"), Lab(seed=1) as lab:
        damage(lab)
    with pytest.raises(KeyError), Lab(seed=1) as lab:
        damage(lab)
        raise KeyError
    with Lab(seed=1, without="integrity") as lab:
        damage(lab)


def test_accounting_and_bounds_can_say_no(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = complete(lab)
    accounting(lab)
    bounds(lab)
    true = client.session.status()
    for facts, oracle, text in (
        ({"counters": replace(true.counters, payload_received=1)}, accounting, "client: the session: received 1 is"),
        ({"num_half_open": 101}, bounds, "client: 101 half-open links where 100 are allowed"),
    ):
        with monkeypatch.context() as patch, pytest.raises(LabFailure, match=text):
            patch.setattr(client.session, "status", lambda facts=facts: replace(true, **facts))
            oracle(lab)


def test_names_that_are_not_there(lab: Lab) -> None:
    with pytest.raises(AttributeError):
        lab.nonsense  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError):
        package.nonsense  # noqa: B018


def test_what_is_over_is_over() -> None:
    with Lab(seed=1) as lab:
        lab.engine("a")
    with pytest.raises(RuntimeError, match="over"):
        lab.run_for(1)
    lab.close()
