"""The laboratory: whole swarms in a simulated world of one seed, or the same over loopback sockets.

from jstorrent.lab import Lab

with Lab(lane="sim", seed=7) as lab:
    spec = lab.torrent(pieces=16)
    client = lab.engine("client")
    t = client.add(spec, peers=[lab.seeder("good", spec)])
    lab.until(lambda: t.state == "seeding", within=60)
"""

from __future__ import annotations

from typing import Any

from jstorrent.lab._disk_faults import DiskFault
from jstorrent.lab._engine import Engine
from jstorrent.lab._failure import LabFailure, LaneLacks, Report, not_yet
from jstorrent.lab._gates import Gate, Hit
from jstorrent.lab._lab import Lab
from jstorrent.lab._node import Client, Node
from jstorrent.lab._peer import Peer
from jstorrent.lab._record import Record
from jstorrent.lab._saved import Saved
from jstorrent.lab._spec import Spec
from jstorrent.lab._watched import Watched
from mock_peer import Behaviour, Handshake

__all__ = [
    "Behaviour", "Client", "DiskFault", "Engine", "Gate", "Handshake", "Hit", "Lab", "LabFailure", "LaneLacks", "Node", "Peer",
    "Record", "Report", "Saved", "Spec", "Watched",
]  # fmt: skip

_RESERVED = ("Plan", "run", "strategies")


def __getattr__(name: str) -> Any:
    if name in _RESERVED:
        not_yet(f"jstorrent.lab.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
