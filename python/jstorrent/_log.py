"""The engine's messages for `logging.getLogger("jstorrent")`, made of its events.

Loaded only where somebody has set up logging. A real session has a small thread for it, since the engine thread
never calls Python; a simulated one says them when its world has moved.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from jstorrent import _core
from jstorrent._events import (
    AcceptFailed,
    EventsDropped,
    PeerBanned,
    RecordRejected,
    StateChanged,
    TorrentFailed,
    event_of,
    mask_of,
)

if TYPE_CHECKING:
    from jstorrent._events import Event

logger = logging.getLogger("jstorrent")
_HEARD = (StateChanged, TorrentFailed, PeerBanned, AcceptFailed, RecordRejected)
_WAITING = 1000


def _say(engine: _core.Engine, facts: _core.EventFacts) -> None:
    key = facts[2]
    metainfo = None if key is None else engine.metainfo(key)
    name = "a torrent" if metainfo is None else metainfo.name
    _tell(name, event_of(facts, None))


def _tell(name: str, event: Event) -> None:
    if isinstance(event, StateChanged):
        logger.info("%s: %s -> %s", name, event.old, event.new)
    elif isinstance(event, TorrentFailed):
        logger.error("%s: %s", name, event.error)
    elif isinstance(event, PeerBanned):
        logger.warning("banned %s: %s", event.host, event.reason)
    elif isinstance(event, AcceptFailed):
        logger.warning("no peer can be accepted at %s port %d: %s", *event.address, event.message)
    elif isinstance(event, RecordRejected):
        logger.error("%s: a record that cannot be used: %s", event.path, event.error)
    elif isinstance(event, EventsDropped):
        logger.warning("%d messages were dropped", event.count)


class LogPump:
    """Hands the events of one engine to logging until the engine has ended."""

    def __init__(self, engine: _core.Engine) -> None:
        self._thread: threading.Thread | None = None
        self._stream = engine.listen(mask_of(_HEARD), None, _WAITING)
        if engine.has_own_thread:
            self._thread = threading.Thread(target=_pump, args=(engine, self._stream), name="jst-log", daemon=True)
            self._thread.start()

    def tell(self, events: Iterable[Event]) -> None:
        """Says what no stream has heard."""
        for event in events:
            _tell("", event)

    def flush(self, engine: _core.Engine) -> None:
        """Says what has come, where no thread does."""
        if self._thread is not None:
            return
        while (facts := self._stream.take()) is not None:
            _say(engine, facts)

    def finish(self, engine: _core.Engine) -> None:
        """After the end of the engine: until everything is said."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=1.0)
        self.flush(engine)


def _pump(engine: _core.Engine, stream: _core.EventStream) -> None:
    while True:
        while engine.wait(stream) is None:
            pass
        facts = stream.take()
        if facts is not None:
            _say(engine, facts)
        elif stream.has_ended:
            return
