"""Streams of events: a queue of one's own, to be read by iteration or by `get()`, blocking or in asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Generic, Self, cast

from jstorrent import _core
from jstorrent._events import Event, event_of
from jstorrent._plain import plain
from jstorrent._waiting import block, check_async, checked_timeout, pause

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from jstorrent._session import Session

    E_co = TypeVar("E_co", bound=Event, covariant=True, default=Event)
else:
    from typing import TypeVar

    E_co = TypeVar("E_co", bound=Event, covariant=True)


@plain
class EventStream(Generic[E_co]):
    """Events from the moment of the subscription on; made by `session.events()`.

    Iteration ends when the session closes, when the stream is closed, or `timeout` seconds after the last event. A
    stream that is not read keeps at most `max_events`: frequent events are dropped and counted by one EventsDropped.
    """

    def __init__(self, session: Session, core: _core.EventStream, timeout: float | None) -> None:
        """Not for users: see `session.events()`."""
        self._session = session
        self._core = core
        self._timeout = checked_timeout(timeout)
        self._is_awaited = False

    def get(self, timeout: float | None = None) -> E_co | None:
        """The next event; None when none came within `timeout` seconds, or none will come. 0: does not wait."""
        left = self._countdown(timeout)
        while (event := self._take()) is None and not self._core.has_ended:
            if not block(self._session, self._core, left()):
                break  # else somebody else may have been quicker
        return event if event is not None else self._take()

    def _countdown(self, timeout: float | None) -> Callable[[], float | None]:
        now, timeout = self._session._engine.now, checked_timeout(timeout)
        end = None if timeout is None else now() + timeout
        return lambda: None if end is None else end - now()

    def close(self) -> None:
        """Ends the subscription; what waits is dropped. Safe twice."""
        self._core.close()

    def _take(self) -> E_co | None:
        facts = self._core.take()
        if facts is None:
            return None
        key = facts[2]
        return cast(E_co, event_of(facts, None if key is None else self._session._torrent(key)))

    def __iter__(self) -> Iterator[E_co]:
        return self

    def __next__(self) -> E_co:
        event = self.get(self._timeout)
        if event is None:
            raise StopIteration
        return event

    def __aiter__(self) -> AsyncIterator[E_co]:
        return self

    async def __anext__(self) -> E_co:
        check_async(self._session)
        left = self._countdown(self._timeout)
        while (event := self._take()) is None and not self._core.has_ended:
            if self._is_awaited:
                raise RuntimeError("another task reads this stream already: give each its own")
            self._is_awaited = True
            try:
                if not await pause(self._session, self._core, left()):
                    break  # else a thread may have been quicker
            finally:
                self._is_awaited = False
        event = event if event is not None else self._take()
        if event is None:
            raise StopAsyncIteration
        return event

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()
