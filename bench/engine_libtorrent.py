"""libtorrent (the wheel from PyPI) as a client that is measured: no encryption, TCP only, queues as deep as ours."""

from __future__ import annotations

import time
from pathlib import Path

import libtorrent as lt

from bench import child
from bench.child import Job, Stopwatch

_MANY = 2000
_PATIENCE = 300.0
_REFUSES_AT_FIRST = 1.0  # it takes no connections for about a second after it says that it is seeding
_SETTINGS = {
    "listen_interfaces": "127.0.0.1:0",
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "allow_multiple_connections_per_ip": True,
    "in_enc_policy": 2,
    "out_enc_policy": 2,
    "enable_incoming_utp": False,
    "enable_outgoing_utp": False,
    "max_out_request_queue": _MANY,
    "max_allowed_in_request_queue": 2 * _MANY,
    "connections_limit": _MANY,
    "connection_speed": _MANY,
    "unchoke_slots_limit": -1,
    "active_limit": 100_000,
    "active_downloads": 100_000,
    "alert_mask": lt.alert.category_t.status_notification,
}


def _session(job: Job) -> lt.session:
    return lt.session(_SETTINGS | ({"unchoke_slots_limit": 8} if job.option("open") is False else {}))


def _add(session: lt.session, torrent: str, folder: str | Path, flags: int = 0) -> lt.torrent_handle:
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(torrent)
    params.save_path = str(folder)
    params.trackers = []
    params.flags |= flags
    return session.add_torrent(params)


def _wait_finished(session: lt.session) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        session.wait_for_alert(1000)
        if any(isinstance(alert, lt.torrent_finished_alert) for alert in session.pop_alerts()):
            return
    raise TimeoutError("libtorrent did not finish")


def leech(job: Job) -> None:
    session = _session(job)
    watch = Stopwatch()
    handle = _add(session, job.torrent, job.folder)
    if job.option("order") == "sequential":
        handle.set_flags(lt.torrent_flags.sequential_download)
    for address in job.peers:
        handle.connect_peer(address)
    _wait_finished(session)
    child.say("done", **watch.read())


def seed(job: Job) -> None:
    """`count` seeds, each with a port of its own."""
    sessions = [_session(job) for _ in range(job.count)]
    handles = [_add(session, job.torrent, job.folder) for session in sessions]
    while not all(handle.status().is_seeding for handle in handles):
        time.sleep(0.05)
    time.sleep(_REFUSES_AT_FIRST)
    child.serve([session.listen_port() for session in sessions])


def recheck(job: Job) -> None:
    session = _session(job)
    watch = Stopwatch()
    _add(session, job.torrent, job.folder)
    _wait_finished(session)
    child.say("done", **watch.read())


def create(job: Job) -> None:
    piece_length = lt.torrent_info(job.torrent).piece_length()
    watch = Stopwatch()
    files = lt.file_storage()
    lt.add_files(files, job.folder)
    made = lt.create_torrent(files, piece_length, lt.create_torrent.v1_only)
    lt.set_piece_hashes(made, str(Path(job.folder).parent))
    took = watch.read()
    Path(f"{job.torrent}.made").write_bytes(lt.bencode(made.generate()))
    child.say("done", **took)


def swarm(job: Job) -> None:
    """One seed and `count` leechers, each of which knows all the others."""
    sessions = [_session(job) for _ in range(job.count + 1)]
    seed_handle = _add(sessions[0], job.torrent, job.source)
    while not seed_handle.status().is_seeding:
        time.sleep(0.05)
    time.sleep(_REFUSES_AT_FIRST)
    everyone = [("127.0.0.1", session.listen_port()) for session in sessions]
    watch = Stopwatch()
    for number, session in enumerate(sessions[1:], 1):
        handle = _add(session, job.torrent, Path(job.folder) / f"leecher{number}")
        for address in everyone:
            if address != everyone[number]:
                handle.connect_peer(address)
    for session in sessions[1:]:
        _wait_finished(session)
    child.say("done", **watch.read())


def torrents(job: Job) -> None:
    """What `count` torrents take that are on, without peers and without any of their files."""
    templates = sorted(Path(job.folder).glob("*.torrent"))
    session = _session(job)
    handles = [_add(session, str(templates[0]), f"{job.folder}/none")]

    def settle() -> None:
        while any(h.status().state != lt.torrent_status.states.downloading for h in handles):
            time.sleep(0.05)

    settle()
    before = child.anonymous()
    watch = Stopwatch()
    handles += [_add(session, str(path), f"{job.folder}/none") for path in templates[1:]]
    settle()
    took = watch.read()
    child.say("done", **took, bytes_each=(child.anonymous() - before) / (len(handles) - 1))


if __name__ == "__main__":
    child.main(
        {"leech": leech, "seed": seed, "recheck": recheck, "create": create, "swarm": swarm, "torrents": torrents}
    )
