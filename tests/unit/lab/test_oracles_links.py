"""Oracles of single links can say no: by facts put past the engine and the peer. In tests/plants bugs prove the same."""

from collections import Counter
from collections.abc import Callable

import pytest
from jstorrent.lab import Engine, Handshake, Lab, LabFailure, Peer, Spec
from jstorrent.lab import _oracles as oracles

from mock_peer import Message


def swarm(lab: Lab) -> tuple[Engine, Peer, Spec]:
    """A client that has all of an honest peer, and an idle link with another that wants nothing and has nothing."""
    spec = lab.torrent(pieces=2)
    client = lab.engine("client", max_half_open=1)
    idle = lab.peer("idle", spec, have="none", auto=("claims", "extended", "keepalive"))
    client.add(spec, peers=[lab.peer("good", spec), idle])
    lab.until(lambda: client.complete(spec), within=30)
    lab.run_for(2)
    lab.check()
    return client, idle, spec


def heard(peer: Peer, message: Message) -> None:
    peer._core.note(message)


def took_once_more(client: Engine, idle: Peer, spec: Spec, patch: pytest.MonkeyPatch) -> None:
    torrent = client.torrent(spec)
    assert torrent is not None
    client._facts.of(torrent).taken["10.0.0.3"][0, 0] += 1


def took_what_was_not_asked_for(client: Engine, idle: Peer, spec: Spec, patch: pytest.MonkeyPatch) -> None:
    torrent = client.torrent(spec)
    assert torrent is not None
    heard(idle, Message(0.1, 0, "out", "piece", 0, 0, 16384))
    client._facts.of(torrent).taken["10.0.0.2"] = Counter([(0, 0)])


def waits_for_less(client: Engine, idle: Peer, spec: Spec, patch: pytest.MonkeyPatch) -> None:
    request = Message(client._lab.now, 0, "in", "request", 0, 0, 16384)
    patch.setattr(type(idle.ledger), "outstanding", property(lambda ledger: [request] if ledger is idle.ledger else []))


def was_broken(client: Engine, idle: Peer, spec: Spec, patch: pytest.MonkeyPatch) -> None:
    heard(idle, Message(0.1, 0, "out", "raw", raw=b"\xff" * 4))


def ended_an_honest_link(client: Engine, idle: Peer, spec: Spec, patch: pytest.MonkeyPatch) -> None:
    torrent = client.torrent(spec)
    assert torrent is not None
    client._facts.of(torrent).ended_for_breach.add("10.0.0.2")


def dialled_two_at_once(client: Engine, idle: Peer, spec: Spec, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(oracles, "_most_half_open", lambda lab, engine: 2)


def fetched_what_it_had(client: Engine, idle: Peer, spec: Spec, patch: pytest.MonkeyPatch) -> None:
    client._closed_with = {spec.info_hash: {1}}


def fetched_a_block_again(client: Engine, idle: Peer, spec: Spec, patch: pytest.MonkeyPatch) -> None:
    torrent = client.torrent(spec)
    assert torrent is not None
    client._facts.of(torrent).again.add((1, 16384))


@pytest.mark.parametrize(
    ("oracle", "fault", "text"),
    [
        ("accounting", took_once_more, "it took 2 times begin 0 of piece 0 of good, who said it 1 times"),
        ("accounting", took_what_was_not_asked_for, "it took begin 0 of piece 0 of idle, whom it had not asked"),
        ("accounting", waits_for_less, "it waits for 0 blocks of idle, whom it asked for 1 just now"),
        ("bounds", was_broken, "idle broke the protocol"),
        ("bounds", dialled_two_at_once, "2 half-open links at once where 1 are allowed"),
        ("liveness", ended_an_honest_link, "it ended its link with idle for a breach"),
        ("monotone", fetched_what_it_had, r"pieces \[1\] were had when it was closed"),
        ("monotone", fetched_a_block_again, r"blocks \[\(1, 16384\)\] were fetched again"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_an_oracle_says_no(oracle: str, fault: Callable[..., None], text: str, lab: Lab) -> None:
    client, idle, spec = swarm(lab)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(LabFailure, match=text) as caught:
        fault(client, idle, spec, patch)
        oracles.ORACLES[oracle](lab)
    assert caught.value.oracle == oracle
    lab._without |= {"accounting", "bounds", "liveness", "monotone"}


def test_who_breaks_the_protocol_is_closed_and_who_says_something_new_is_not(lab: Lab) -> None:
    spec = lab.torrent(pieces=2)
    client = lab.engine("client")
    loud, new = (lab.peer(name, spec, have="none", auto=("claims",)) for name in ("loud", "new"))
    client.add(spec, peers=[loud, new])
    lab.run_for(1)
    loud.send_raw(bytes.fromhex("0000000507"))
    new.send_raw(bytes.fromhex("0000000463000000"))
    lab.run_for(5)
    lab.check()
    assert not loud.connected and loud._spoke_by_hand
    assert new.connected and not new._spoke_by_hand


def test_most_half_open_counts_dials_that_overlap(lab: Lab) -> None:
    spec = lab.torrent()
    client = lab.engine("client")
    client.add(spec, peers=[lab.peer(f"p{n}", spec, handshake=Handshake(fast=False)) for n in range(3)])
    lab.run_for(1)
    assert oracles._most_half_open(lab, client) == 3
    lab.check()
