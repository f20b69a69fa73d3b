"""A libtorrent seed in a process of its own, for the demonstration: TORRENT FOLDER RATE. Prints one line of JSON when it is ready."""

import json
import sys

import libtorrent


def main(torrent: str, folder: str, rate: str) -> None:
    session = libtorrent.session(
        {
            "listen_interfaces": "127.0.0.1:0",
            "enable_dht": False,
            "enable_lsd": False,
            "enable_upnp": False,
            "enable_natpmp": False,
            "allow_multiple_connections_per_ip": True,
            "alert_mask": libtorrent.alert.category_t.status_notification,
        }
    )
    params = libtorrent.add_torrent_params()
    params.ti = libtorrent.torrent_info(torrent)
    params.save_path = folder
    params.upload_limit = int(rate)
    handle = session.add_torrent(params)
    while not handle.status().is_seeding:
        session.wait_for_alert(200)
        session.pop_alerts()
    print(json.dumps({"listen_port": session.listen_port()}), flush=True)
    sys.stdin.read()  # until whoever started us goes away


if __name__ == "__main__":
    main(*sys.argv[1:4])
