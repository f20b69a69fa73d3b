"""The programs that are measured, each a child process that speaks in lines and ends when its stdin does.

A leecher prints one line when it has everything, a seed one line (its port) when it serves. A line of JSON may follow the
word, with what the engine knows of itself.
"""

import sys

_JSTORRENT_LEECH = """
import json, sys
import jstorrent as jst
from jstorrent._core import lab
torrent, folder, port = sys.argv[1:4]
with jst.Session(jst.Settings(dht=False, pex=False, lsd=False)) as session:
    session.add(jst.Metainfo.load(torrent), folder, peers=[("127.0.0.1", int(port))]).wait_complete(600)
    print("done", json.dumps(lab.tally()), flush=True)
    sys.stdin.read()
"""
_JSTORRENT_SEED = """
import json, sys
import jstorrent as jst
torrent, folder = sys.argv[1:3]
with jst.Session(jst.Settings(dht=False, pex=False, lsd=False)) as session:
    session.add(jst.Metainfo.load(torrent), folder).wait("seeding", 600)
    print(session.listen_port, flush=True)
    sys.stdin.read()
"""
_LIBTORRENT = """
import sys
import libtorrent as lt
settings = {
    "listen_interfaces": "127.0.0.1:0", "enable_dht": False, "enable_lsd": False, "enable_upnp": False,
    "enable_natpmp": False, "allow_multiple_connections_per_ip": True, "in_enc_policy": 2, "out_enc_policy": 2,
    "enable_incoming_utp": False, "enable_outgoing_utp": False, "max_out_request_queue": 2000,
    "max_allowed_in_request_queue": 4000, "unchoke_slots_limit": -1,
    "alert_mask": lt.alert.category_t.status_notification,
}
session = lt.session(settings)
params = lt.add_torrent_params()
params.ti = lt.torrent_info(sys.argv[1])
params.save_path = sys.argv[2]
params.trackers = []
handle = session.add_torrent(params)
"""
_LIBTORRENT_LEECH = (
    _LIBTORRENT
    + """
handle.connect_peer(("127.0.0.1", int(sys.argv[3])))
done = False
while not done:
    session.wait_for_alert(1000)
    done = any(isinstance(alert, lt.torrent_finished_alert) for alert in session.pop_alerts())
print("done", "{}", flush=True)
sys.stdin.read()
"""
)
# It refuses connections for about a second after it says that it is seeding.
_LIBTORRENT_SEED = (
    _LIBTORRENT
    + """
import time
while not handle.status().is_seeding:
    time.sleep(0.05)
time.sleep(1)
print(session.listen_port(), flush=True)
sys.stdin.read()
"""
)
_PROGRAMS = {
    "jstorrent": {"leech": _JSTORRENT_LEECH, "seed": _JSTORRENT_SEED},
    "libtorrent": {"leech": _LIBTORRENT_LEECH, "seed": _LIBTORRENT_SEED},
}
NAMES = tuple(_PROGRAMS)


def command(client: str, role: str, *arguments: object) -> list[str]:
    """How to start a client; a name may end in "#2" for a run against itself."""
    program = _PROGRAMS[client.split("#")[0]][role]
    return [sys.executable, "-W", "ignore", "-c", program, *map(str, arguments)]
