"""A BitTorrent peer for tests: honest unless told otherwise, with a ledger of every message.

Written apart from any engine, with codecs of its own, so that it cannot share an engine's mistakes. The peer itself does
no input or output: `jstorrent.lab` puts it into simulated worlds, `mock_peer.tcp` on sockets, and `python -m mock_peer`
runs one from a shell against any client.
"""

from mock_peer._behaviour import EVENTS, Arg, Behaviour
from mock_peer._handshake import Handshake
from mock_peer._honest import AUTO
from mock_peer._kinds import KINDS, table
from mock_peer._ledger import Connection, Ledger, Message
from mock_peer._peer import BehaviourLike, Peer, auto_of, behaviours_of, pieces_named
from mock_peer._transport import WAYS, Transport
from mock_peer._truth import Truth

__all__ = [
    "AUTO", "EVENTS", "KINDS", "WAYS", "Arg", "Behaviour", "BehaviourLike", "Connection", "Handshake", "Ledger", "Message", "Peer",
    "Transport", "Truth", "auto_of", "behaviours_of", "pieces_named", "table",
]  # fmt: skip
