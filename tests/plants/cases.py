"""For each planted bug a world in which it matters, and the oracles that may find it first.

A case does what a user could do and then asks the oracles; without the bug it passes. The name of a case is the plant's.
"""

from __future__ import annotations

from collections.abc import Callable

from jstorrent.lab import Engine, Handshake, Lab, Spec

Case = Callable[[Lab], None]
CASES: dict[str, tuple[Case, tuple[str, ...]]] = {}
SILENT = ("claims", "extended", "interest", "unchoke", "keepalive")
DEAF_TO_ENDGAME = {"endgame_fraction": 0.0, "endgame_copies": 1}


def found_by(*oracles: str) -> Callable[[Case], Case]:
    """Registers a case under its name."""

    def keep(case: Case) -> Case:
        CASES[case.__name__] = (case, oracles)
        return case

    return keep


def swarm(lab: Lab, **settings: object) -> tuple[Engine, Engine, Spec]:
    """A seed, a client that is linked to it, 16 pieces, a line of 1 MB/s."""
    spec = lab.torrent(pieces=16)
    good, client = lab.seeder("good", spec, "engine"), lab.engine("client", **settings)
    assert isinstance(good, Engine)
    lab.net.link(good, client, rate=1_000_000)
    client.add(spec, peers=[good])
    return good, client, spec


def asked_of_a_silent_peer(lab: Lab, *, have: str | range = "all", **settings: object) -> tuple[Engine, Spec]:
    """A client that waits for blocks of a peer, which owes them all."""
    spec = lab.torrent(pieces=16)
    client = lab.engine("client", **settings)
    peer = lab.peer("silent", spec, have=have, auto=SILENT, handshake=Handshake(fast=False))
    client.add(spec, peers=[peer])
    lab.run_for(2)
    assert peer.ledger.requests
    return client, spec


@found_by("accounting")
def requests_kept_on_choke(lab: Lab) -> None:
    asked_of_a_silent_peer(lab)
    lab._peers[0].send_choke()
    lab.run_for(1)
    lab.check()


@found_by("accounting")
def requests_kept_on_disconnect(lab: Lab) -> None:
    asked_of_a_silent_peer(lab)
    lab._peers[0].disconnect("rst")
    lab.run_for(1)
    lab.check()


@found_by("liveness", "quiet")
def timeout_frees_nothing(lab: Lab) -> None:
    client, spec = asked_of_a_silent_peer(lab, **DEAF_TO_ENDGAME)
    torrent = client.torrent(spec)
    assert torrent is not None
    torrent.connect(lab.seeder("good", spec, "engine").address)
    lab.run_for(60)
    lab.check()
    assert client.complete(spec)


@found_by("accounting")
def unsolicited_block_stored(lab: Lab) -> None:
    client, spec = asked_of_a_silent_peer(lab)
    pusher = lab.peer("pusher", spec, have="none")
    torrent = client.torrent(spec)
    assert torrent is not None
    torrent.connect(pusher.address)
    lab.run_for(1)
    for piece in range(spec.num_pieces):
        pusher.send_piece(piece, 0)
    lab.run_for(1)
    lab.check()


@found_by("bounds")
def request_cap_missing(lab: Lab) -> None:
    asked_of_a_silent_peer(lab, max_requests_per_peer=8)
    lab.check()


@found_by("bounds")
def half_open_cap_missing(lab: Lab) -> None:
    client = lab.engine("client", max_half_open=3)
    client.add(lab.torrent(), peers=[f"10.9.9.{n}:6881" for n in range(1, 20)])
    lab.run_for(1)
    lab.check()


@found_by("accounting", "broken_rule")
def availability_twice(lab: Lab) -> None:
    spec = lab.torrent(pieces=16)
    peers = [lab.peer(f"p{n}", spec, auto=SILENT) for n in range(3)]
    lab.engine("client").add(spec, peers=peers)
    lab.run_for(2)
    peers[0].disconnect()
    lab.run_for(1)
    lab.check()


@found_by("quiet", "loops")
def no_back_off(lab: Lab) -> None:
    spec = lab.torrent()
    gone = lab.engine("gone")
    gone.stop()
    lab.engine("client").add(spec, peers=[gone])
    lab.run_for(60)
    lab.check()


@found_by("liveness")
def bad_piece_bans_everyone(lab: Lab) -> None:
    spec = lab.torrent(pieces=1, piece_length=4 << 20)
    good, client, liar = lab.seeder("good", spec, "engine"), lab.engine("client"), lab.peer("liar", spec, behave=["corrupt"])
    lab.net.link([good, liar], client, rate=1_000_000)
    client.add(spec, peers=[good, liar])
    lab.run_for(60)
    lab.check()


@found_by("integrity")
def hash_failure_ignored(lab: Lab) -> None:
    spec = lab.torrent()
    lab.engine("client").add(spec, peers=[lab.peer("liar", spec, behave=["corrupt"])])
    lab.run_for(5)
    lab.check()


@found_by("integrity")
def stale_hash_believed(lab: Lab) -> None:
    _, client, spec = swarm(lab)
    held = lab.gate("hash.done", node=client)
    lab.until(lambda: len(held.hits) == spec.num_pieces, within=10)
    torrent = client.torrent(spec)
    assert torrent is not None
    torrent.pause()
    lab.run_for(1)
    torrent.resume()
    lab.run_for(10)
    held.release()
    lab.run_for(10)
    lab.check()


@found_by("broken_rule")
def rule_broken(lab: Lab) -> None:
    _, client, spec = swarm(lab)
    lab.run_for(5)
    lab.check()
    assert client.complete(spec)


@found_by("integrity")
def verified_before_write(lab: Lab) -> None:
    _, client, spec = swarm(lab)
    lab.run_for(5)
    assert client.complete(spec)
    lab.check()


@found_by("integrity")
def enospc_forgotten(lab: Lab) -> None:
    _, client, _ = swarm(lab)
    client.disk.quota(500_000)
    lab.run_for(5)
    lab.check()


@found_by("integrity")
def resume_trusts_missing(lab: Lab) -> None:
    good, client, spec = swarm(lab)
    lab.run_for(5)
    assert client.complete(spec)
    client.stop()
    good.stop()
    client.disk.delete(client.path(spec, 0))
    client.start()
    lab.run_for(5)
    lab.check()


@found_by("accounting")
def duplicate_counted_twice(lab: Lab) -> None:
    spec = lab.torrent()
    lab.engine("client").add(spec, peers=[lab.peer("twice", spec, behave=["duplicate"])])
    lab.run_for(5)
    lab.check()


@found_by("statistics")
def sent_off_by_one(lab: Lab) -> None:
    swarm(lab)
    lab.run_for(1)
    lab.check()


@found_by("statistics")
def late_sent_forgotten(lab: Lab) -> None:
    """Stopped between the round that wrote and the one that would have heard of it."""
    good, client, spec = swarm(lab)
    torrent = client.torrent(spec)
    assert torrent is not None
    for rounds in range(1, 30):
        asked = iter(range(rounds))
        lab.until(lambda left=asked: next(left, None) is None, within=60)  # type: ignore[misc]
        torrent.stop()
        lab.run_for(1)
        lab.check()
        torrent.start()
        torrent.connect(good.address)


@found_by("accounting")
def endgame_without_cancel(lab: Lab) -> None:
    client, spec = asked_of_a_silent_peer(lab, have=range(8), request_timeout=1000, endgame_fraction=1.0)
    torrent = client.torrent(spec)
    assert torrent is not None
    torrent.connect(lab.seeder("good", spec, "engine").address)
    lab.until(lambda: client.complete(spec), within=120)
    lab.settle()


@found_by("loops")
def have_sent_twice(lab: Lab) -> None:
    _, client, spec = swarm(lab)
    lab.peer("listener", spec, have="none").connect(client)
    lab.run_for(5)
    lab.check()


@found_by("convergence")
def have_not_told_to_last(lab: Lab) -> None:
    _, client, spec = swarm(lab)
    lab.run_for(0.2)
    late = lab.engine("late")
    late.add(spec, peers=[client]).pause()
    torrent = late.torrent(spec)
    assert torrent is not None
    torrent.connect(client.address)
    lab.until(lambda: client.complete(spec), within=30)
    lab.settle()


@found_by("liveness")
def keepalive_never_sent(lab: Lab) -> None:
    _, client, spec = swarm(lab)
    lab.peer("listener", spec, have="none", auto=("claims", "extended", "keepalive")).connect(client)
    lab.run_for(170)
    lab.check()


@found_by("quiet", "world")
def timer_32_bit(lab: Lab) -> None:
    spec = lab.torrent()
    client = lab.engine("client", keepalive_interval=3600, inactivity_timeout=8000)
    client.add(spec, have="all")
    lab.engine("idle", keepalive_interval=3600, inactivity_timeout=8000).add(spec, peers=[client]).pause()
    lab.run_for(50 * 86400)
    lab.check()


@found_by("leaks")
def closed_too_soon(lab: Lab) -> None:
    swarm(lab)
    lab.run_for(5)


from tests.plants import cases_wishes  # noqa: F401  it registers its cases
