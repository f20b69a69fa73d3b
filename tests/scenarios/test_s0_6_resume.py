"""S0-6: what is had survives a stop, and what is not there is not claimed."""

import jstorrent as jst
import pytest
from jstorrent.lab import Engine, Lab, Node, Spec

from tests.scenarios.s0 import BLOCK, back, completes, rescued

BOTH = pytest.mark.lanes("sim", "real")


def half_done(lab: Lab) -> tuple[Spec, Engine, Node]:
    """A client with the first 8 of 16 pieces, stopped, and who gave them."""
    spec = lab.torrent(pieces=16, piece_length=4 * BLOCK)
    half = lab.peer("half", spec, have=range(8))
    client = lab.engine("client")
    t = client.add(spec, peers=[half])
    lab.until(lambda: t.status().pieces_complete == 8, within=20)
    half.disconnect()
    t.stop()
    client.stop()
    return spec, client, half


@BOTH
@pytest.mark.covers("S0-6.1")
def test_a_stop_at_half_fetches_no_verified_piece_again(lab: Lab) -> None:
    spec, client, _ = half_done(lab)
    t = back(lab, client, spec)
    assert t.state == "stopped", "it comes back as the user left it"
    lab.until(lambda: t.progress == 0.5, within=5)
    t.start()
    wire = client.session.status().counters.wire_received
    rescued(lab, client, spec)
    counters = client.session.status().counters
    assert counters.payload_received == 8 * 4 * BLOCK
    assert counters.wire_received - wire < 8 * 4 * BLOCK * 1.05


@BOTH
@pytest.mark.covers("S0-6.2", "S3-24")
def test_bytes_that_changed_while_stopped_are_found_and_only_their_piece_is_fetched(lab: Lab) -> None:
    spec, client, half = half_done(lab)
    client.disk.corrupt(client.path(spec), 1000, bytes(b ^ 0xFF for b in spec.data(1000, 100)))
    lab.net.partition(client, half)
    t = back(lab, client, spec)
    t.start()
    t.recheck()
    lab.until(lambda: t.state not in ("queued", "checking"), within=20)
    assert t.status().pieces_complete == 7
    assert t.piece(0).state == "missing"
    rescued(lab, client, spec)
    assert client.session.status().counters.payload_received == 9 * 4 * BLOCK


@BOTH
@pytest.mark.covers("S0-6.3")
def test_a_file_that_was_deleted_is_not_claimed(lab: Lab) -> None:
    spec, client, half = half_done(lab)
    client.disk.delete(client.path(spec))
    lab.net.partition(client, half)
    t = back(lab, client, spec)
    assert t.progress == 0.0
    t.start()
    lab.until(lambda: t.state not in ("queued", "checking", "stopped"), within=20)
    assert t.progress == 0.0
    witness = lab.peer("witness", spec, have="none")
    witness.connect(client)
    lab.until(lambda: witness.connected, within=5)
    lab.run_for(1)
    assert witness.ledger.claimed == set()
    rescued(lab, client, spec)


@BOTH
@pytest.mark.covers("S0-6.4")
@pytest.mark.parametrize("point", ["hash.start", "hash.done"])
@pytest.mark.parametrize("end", ["stop", "crash", "saved-stop", "saved-crash"])
def test_an_end_exactly_while_a_piece_is_being_hashed(lab: Lab, point: str, end: str) -> None:
    spec = lab.torrent(pieces=8, piece_length=4 * BLOCK)
    client = lab.engine("client", close_timeout=2.0)
    with lab.gate(point, piece=3) as gate:
        t = client.add(spec, peers=[lab.peer("good-mock", spec)])
        lab.until(lambda: gate.hit, within=20)
        assert t.piece(3).state != "complete"
        if end.startswith("saved-"):  # at this moment of all, when its place in the file is a hole between others
            lab.until(lambda: t.status().pieces_complete == 7, within=20)
            client.session.save()
        getattr(client, end.removeprefix("saved-"))()
    client.start()
    lab.run_for(1)
    again = client.torrent(spec)
    if again is None:  # the crash came before the torrent itself was durable
        assert end == "crash"
        again = client.add(spec)
    lab.until(lambda: again.state not in ("queued", "checking"), within=20)
    rescued(lab, client, spec)


@BOTH
@pytest.mark.covers("S0-6.1")
def test_a_restart_of_a_complete_torrent_fetches_nothing(lab: Lab) -> None:
    spec = lab.torrent(pieces=8, piece_length=4 * BLOCK)
    client = lab.engine("client")
    client.add(spec, peers=[lab.seeder("good", spec)])
    completes(lab, client, spec)
    client.stop()
    t = back(lab, client, spec)
    assert t.state == "seeding"
    assert client.session.status().counters.payload_received == 0


@BOTH
@pytest.mark.covers("S0-6.1")
def test_a_word_for_a_single_piece_survives_a_restart_and_the_others_follow_their_files(lab: Lab) -> None:
    spec = lab.torrent(files=[("a", 4 * BLOCK), ("b", 4 * BLOCK)], piece_length=BLOCK)
    client = lab.engine("client")
    t = client.add(spec)
    t.set_piece_priority(2, 0)
    client.stop()
    client.start()
    lab.until(lambda: client.torrent(spec) is not None, within=5)
    assert client.history(jst.RecordRejected) == []
    again = client.torrent(spec)
    assert again is not None
    again.set_file_priority(1, 0)
    again.connect(lab.seeder("good", spec))
    again.wait_complete(30)
    assert again.pieces() == bytes([3, 3, 0, 3, 0, 0, 0, 0])
