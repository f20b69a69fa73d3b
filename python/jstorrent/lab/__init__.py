"""The laboratory: whole swarms in a simulated world of one seed, or the same over loopback sockets.

from jstorrent.lab import Lab

with Lab(lane="sim", seed=7) as lab:
    spec = lab.torrent(pieces=16)
    client = lab.engine("client")
    t = client.add(spec, peers=[lab.seeder("good", spec)])
    lab.until(lambda: t.state == "seeding", within=60)
"""

from __future__ import annotations

from jstorrent.lab._along import Along
from jstorrent.lab._disk import SimDisk
from jstorrent.lab._disk_faults import DiskFault
from jstorrent.lab._engine import Engine
from jstorrent.lab._failure import LabFailure, LaneLacks, Report
from jstorrent.lab._gates import Gate, Hit
from jstorrent.lab._lab import Lab
from jstorrent.lab._lab_session import LabSession, LabTorrent
from jstorrent.lab._net import Clocks, Net
from jstorrent.lab._node import Client, Node
from jstorrent.lab._peer import Peer
from jstorrent.lab._perform import run
from jstorrent.lab._plan import Plan
from jstorrent.lab._record import Record
from jstorrent.lab._recorder import install as _install
from jstorrent.lab._saved import Saved
from jstorrent.lab._sockets import Sockets
from jstorrent.lab._spec import Spec
from jstorrent.lab._tracker import ProgramTracker, Tracker
from jstorrent.lab._watched import Watched
from mock_peer import Behaviour, Handshake
from mock_peer.tracker import TrackerBehaviour

__all__ = [
    "Behaviour", "Client", "DiskFault", "Engine", "Gate", "Handshake", "Hit", "Lab", "LabFailure", "LaneLacks", "Node", "Peer",
    "Plan", "ProgramTracker", "Record", "Report", "Saved", "Sockets", "Spec", "Tracker", "TrackerBehaviour", "Watched", "run",
]  # fmt: skip

_install({
    "lab": (Lab,), "gate": (Gate,), "engine": (Engine,), "peer": (Peer,), "tracker": (Tracker,),
    "assigned": (Peer, Tracker), "net": (Net,), "clock": (Clocks,), "disk": (SimDisk,), "fault": (DiskFault,),
    "sockets": (Sockets,), "session": (LabSession,), "torrent": (LabTorrent,), "along": (Along,),
})  # fmt: skip
