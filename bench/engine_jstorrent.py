"""jstorrent as a client that is measured."""

from __future__ import annotations

from pathlib import Path

import jstorrent as jst
from jstorrent._core import lab

from bench import child
from bench.child import Job, Stopwatch

_MANY = 2000  # connections: more than any workload has
_PATIENCE = 300.0


def _settings(job: Job, **more: object) -> jst.Settings:
    chosen = {"dht": False, "pex": False, "lsd": False, "max_connections": _MANY, "max_connections_per_torrent": _MANY}
    chosen |= {"piece_order": job.option("order", "rarest")}
    if job.option("memory"):
        chosen["max_memory"] = job.option("memory")
    if job.option("open"):
        chosen["upload_slots"] = None
    return jst.Settings(**(chosen | more))  # type: ignore[arg-type]


def leech(job: Job) -> None:
    with jst.Session(_settings(job)) as session:
        watch = Stopwatch()
        session.add(jst.Metainfo.load(job.torrent), job.folder, peers=job.peers).wait_complete(_PATIENCE)
        child.say("done", **watch.read(), **lab.tally())


def seed(job: Job) -> None:
    """`count` seeds, each with a port of its own."""
    sessions = [jst.Session(_settings(job)) for _ in range(job.count)]
    for session in sessions:
        session.add(jst.Metainfo.load(job.torrent), job.folder, trusted=job.count > 1).wait("seeding", _PATIENCE)
    child.serve([session.listen_port for session in sessions])
    for session in sessions:
        session.close(1.0)


def recheck(job: Job) -> None:
    with jst.Session(_settings(job)) as session:
        watch = Stopwatch()
        session.add(jst.Metainfo.load(job.torrent), job.folder).wait("seeding", _PATIENCE)
        child.say("done", **watch.read())


def create(job: Job) -> None:
    piece_length = jst.Metainfo.load(job.torrent).piece_length
    watch = Stopwatch()
    made = jst.create_torrent(job.folder, piece_length=piece_length)
    took = watch.read()
    made.save(f"{job.torrent}.made")
    child.say("done", **took)


def swarm(job: Job) -> None:
    """One seed and `count` leechers, each of which knows all the others."""
    torrent = jst.Metainfo.load(job.torrent)
    sessions = [jst.Session(_settings(job, listen=("127.0.0.1",))) for _ in range(job.count + 1)]
    everyone = [("127.0.0.1", session.listen_port) for session in sessions]
    sessions[0].add(torrent, job.source, trusted=True).wait("seeding", _PATIENCE)
    watch = Stopwatch()
    leechers = []
    for number, session in enumerate(sessions[1:], 1):
        others = [address for address in everyone if address != everyone[number]]
        leechers.append(session.add(torrent, Path(job.folder) / f"leecher{number}", peers=others))
    for leecher in leechers:
        leecher.wait_complete(_PATIENCE)
    child.say("done", **watch.read(), **lab.tally())
    for session in sessions:
        session.close(1.0)


def torrents(job: Job) -> None:
    """What `count` torrents take that are on, without peers and without any of their files."""
    templates = sorted(Path(job.folder).glob("*.torrent"))
    with jst.Session(_settings(job)) as session:
        session.add(jst.Metainfo.load(templates[0]), f"{job.folder}/none").wait("stalled", _PATIENCE)
        before = child.anonymous()
        watch = Stopwatch()
        added = [session.add(jst.Metainfo.load(path), f"{job.folder}/none") for path in templates[1:]]
        for torrent in added:
            torrent.wait("stalled", _PATIENCE)
        took = watch.read()
        child.say("done", **took, bytes_each=(child.anonymous() - before) / len(added))


if __name__ == "__main__":
    child.main(
        {"leech": leech, "seed": seed, "recheck": recheck, "create": create, "swarm": swarm, "torrents": torrents}
    )
