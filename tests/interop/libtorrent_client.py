"""A libtorrent client in a process of its own: seed|leech TORRENT FOLDER [HOST PORT], or magnet LINK FOLDER HOST PORT.

Says `listening PORT` when it may be dialled, `metadata` when it has that of a link, and `finished` when it has everything.
Ends when its stdin does.
"""

import sys
import threading

import libtorrent as lt

SETTINGS = {
    "listen_interfaces": "127.0.0.1:0",
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "allow_multiple_connections_per_ip": True,
    "alert_mask": lt.alert.category_t.status_notification
    | lt.alert.category_t.error_notification
    | lt.alert.category_t.storage_notification,
}


def main(mode: str, torrent: str, folder: str, *peer: str) -> None:
    session = lt.session(SETTINGS)
    params = lt.parse_magnet_uri(torrent) if mode == "magnet" else lt.add_torrent_params()
    if mode != "magnet":
        params.ti = lt.torrent_info(torrent)
    params.save_path = folder
    if mode == "seed":
        params.flags |= lt.torrent_flags.seed_mode
    handle = session.add_torrent(params)
    gone = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), gone.set()), daemon=True).start()
    said_listening = said_metadata = said_finished = is_resumed = is_flushing = False
    while not gone.is_set():
        session.wait_for_alert(100)
        for alert in session.pop_alerts():
            print("alert", alert, flush=True)
            is_resumed = is_resumed or isinstance(alert, lt.torrent_resumed_alert)  # before, it hangs up on everybody
            if is_flushing and not said_finished and isinstance(alert, lt.cache_flushed_alert):
                said_finished = True
                print("finished", flush=True)
        if not said_listening and is_resumed and session.is_listening() and session.listen_port():
            said_listening = True
            print("listening", session.listen_port(), flush=True)
            if peer:
                handle.connect_peer((peer[0], int(peer[1])))
        if not is_flushing and handle.status().is_seeding:
            is_flushing = True
            handle.flush_cache()  # "finished" is when it is in the file
        if mode == "magnet" and not said_metadata and handle.status().has_metadata:
            said_metadata = True
            print("metadata", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
