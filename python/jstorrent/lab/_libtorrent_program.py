"""A libtorrent client as a program, told by JSON what to do. Ends when its stdin does.

Says `listening PORT` when it may be dialled, `state WORD` at each change and `finished` when it has everything.
"""

import json
import sys
import threading
from typing import Any

import libtorrent as lt

SETTINGS = {
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_incoming_utp": False,
    "enable_outgoing_utp": False,
    "allow_multiple_connections_per_ip": True,
    "min_reconnect_time": 1,
    "alert_mask": lt.alert.category_t.status_notification
    | lt.alert.category_t.error_notification
    | lt.alert.category_t.storage_notification
    | lt.alert.category_t.connect_notification
    | lt.alert.category_t.peer_notification,
}


def main(told: dict[str, Any]) -> None:
    place = {"listen_interfaces": f"{told['host']}:{told['port']}", "outgoing_interfaces": told["host"]}
    settings: Any = {**SETTINGS, **place}
    session = lt.session(settings)
    if told["source"].startswith("magnet:"):
        params = lt.parse_magnet_uri(told["source"])
    else:
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(told["source"])
    params.save_path = told["dir"]
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    if told["seed"]:
        params.flags |= lt.torrent_flags.seed_mode
    handle = session.add_torrent(params)
    gone = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        gone.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    is_resumed = told["source"].startswith("magnet:")  # that is checked only when the metadata is there
    has_peers = has_finished = False
    while not gone.is_set():
        session.wait_for_alert(100)
        for alert in session.pop_alerts():
            print("alert", alert, flush=True)
            is_resumed = is_resumed or isinstance(alert, lt.torrent_checked_alert)  # before, it hangs up on everybody
        if not has_peers and is_resumed and session.is_listening() and session.listen_port():
            has_peers = True
            print("listening", session.listen_port(), flush=True)
            for host, port in told["peers"]:
                handle.connect_peer((host, port))
        if not has_finished and handle.status().is_seeding:
            has_finished = True
            handle.flush_cache()
            print("finished", flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
