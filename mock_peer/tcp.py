"""Peers on real sockets: one loop for any number of them, driven by its owner or by a thread of its own.

    loop = Loop()
    transport = loop.transport("127.0.0.1")
    ...
    while True:
        loop.run_once(0.1)

Facts are told, and calls of the owner are made, under one lock. What a fact raises ends up in `loop.error`.
"""

from __future__ import annotations

import errno
import heapq
import itertools
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Protocol

from mock_peer._transport import WAYS

READ_SIZE = 256 * 1024
MAX_READS = 8
"""Reads of one link before others get their turn."""
LINGER = 10.0
"""Seconds that the other side has for its goodbye."""
_WORDS = {
    errno.ECONNREFUSED: "connection_refused",
    errno.ECONNRESET: "connection_reset",
    errno.EPIPE: "connection_reset",
    errno.ETIMEDOUT: "timeout",
    errno.EHOSTUNREACH: "host_unreachable",
    errno.ENETUNREACH: "network_unreachable",
    errno.EADDRINUSE: "address_in_use",
    errno.EADDRNOTAVAIL: "address_not_available",
}


class Facts(Protocol):
    """Who is told what happens: the core of a peer."""

    def accepted(self, number: int, local: tuple[str, int], remote: tuple[str, int]) -> None: ...
    def connected(self, number: int, local: tuple[str, int]) -> None: ...
    def failed(self, number: int, error: str) -> None: ...
    def received(self, number: int, data: bytes) -> None: ...
    def closed(self, number: int, error: str) -> None: ...
    def drained(self, number: int) -> None: ...
    def timer(self, number: int) -> None: ...


class Loop:
    """A selector, timers, and a lock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.error: BaseException | None = None
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._waker, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, self._wake_up)
        self._thread: threading.Thread | None = None
        self._ending = False
        self._transports: list[TcpTransport] = []

    def transport(self, host: str) -> TcpTransport:
        """A transport that listens on and dials from there."""
        made = TcpTransport(self, host)
        self.add(made)
        return made

    def add(self, made: TcpTransport) -> None:
        """It ends with the loop."""
        self._transports.append(made)

    def run_once(self, timeout: float) -> None:
        """Waits for the next thing to happen, so long at most, and tells what happened."""
        with self.lock:
            if self._timers:
                timeout = max(0.0, min(timeout, self._timers[0][0] - self.clock()))
        ready = self._selector.select(timeout)
        with self.lock:
            for key, mask in ready:
                if self._ending:
                    return
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                if sock.fileno() >= 0 and sock in self._selector.get_map():  # not closed by what came before it
                    key.data(mask)
            now = self.clock()  # what a timer sets for at once comes after the sockets
            while self._timers and self._timers[0][0] <= now and not self._ending:
                heapq.heappop(self._timers)[2]()

    def start(self) -> None:
        """From now on a thread of its own runs it."""
        self._thread = threading.Thread(target=self._run, name="mock_peer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ending:
            try:
                self.run_once(60.0)
            except BaseException as error:  # noqa: BLE001  # the owner's thread raises it
                self.error = self.error or error

    def close(self) -> None:
        """Ends everything: links are reset."""
        with self.lock:
            self._ending = True
        self._waker.send(b"\0")
        if self._thread is not None:
            self._thread.join()
        for transport in self._transports:
            transport.end()
        self._selector.close()
        self._waker.close()
        self._woken.close()

    def at(self, when: float, call: Callable[[], object]) -> None:
        """Calls it then."""
        heapq.heappush(self._timers, (when, next(self._order), call))
        if self._thread is not None and threading.current_thread() is not self._thread:
            self._waker.send(b"\0")

    def watch(self, sock: socket.socket, mask: int, call: Callable[[int], object]) -> None:
        """Calls it whenever the socket is ready for that; mask 0: no more."""
        known = sock.fileno() >= 0 and sock in self._selector.get_map()
        if not mask:
            if known:
                self._selector.unregister(sock)
        elif known:
            self._selector.modify(sock, mask, call)
        else:
            self._selector.register(sock, mask, call)

    def _wake_up(self, mask: int) -> None:
        self._woken.recv(4096)


class TcpTransport:
    """The sockets of one peer."""

    def __init__(self, loop: Loop, host: str) -> None:
        self.lock = loop.lock
        self._loop = loop
        self._host = host
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._facts: Facts | None = None
        self._listener: socket.socket | None = None
        self._links: dict[int, _Link] = {}
        self._left: set[_Link] = set()  # over for the peer, not yet for the system
        self._numbers = itertools.count()

    @property
    def now(self) -> float:
        """Seconds of the loop's clock."""
        return self._loop.clock()

    def tell(self, facts: Facts) -> None:
        """Facts go there from now on."""
        self._facts = facts

    @property
    def facts(self) -> Facts:
        """Who is told."""
        assert self._facts is not None
        return self._facts

    def listen(self, port: int) -> int:
        """Takes links there; the port, for 0 means any."""
        with self.lock:
            self._listener = socket.socket(self._family, socket.SOCK_STREAM)
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.setblocking(False)
            self._listener.bind((self._host, port))
            self._listener.listen(128)
            self._loop.watch(self._listener, selectors.EVENT_READ, self._accept)
            return int(self._listener.getsockname()[1])

    def _accept(self, mask: int) -> None:
        assert self._listener is not None
        while True:
            try:
                sock, remote = self._listener.accept()
            except OSError:
                return
            link = _Link(self, next(self._numbers), sock)
            self._links[link.number] = link
            link.open(self._loop)
            self.facts.accepted(link.number, sock.getsockname()[:2], remote[:2])

    def connect(self, address: tuple[str, int], source_port: int) -> int:
        """Dials."""
        sock = socket.socket(self._family, socket.SOCK_STREAM)
        link = _Link(self, next(self._numbers), sock)
        self._links[link.number] = link
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((self._host, source_port))
            code = sock.connect_ex(address)
        except OSError as error:
            code = error.errno or errno.EINVAL
        if code in (0, errno.EINPROGRESS):
            self._loop.watch(sock, selectors.EVENT_WRITE, lambda mask: self._connected(link))
        else:
            self._loop.at(self.now, lambda: self._failed(link, code))
        return link.number

    def _connected(self, link: _Link) -> None:
        code = link.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._failed(link, code)
        else:
            link.open(self._loop)
            self.facts.connected(link.number, link.sock.getsockname()[:2])

    def _failed(self, link: _Link, code: int) -> None:
        if self._links.pop(link.number, None) is not None:
            link.drop(self._loop)
            self.facts.failed(link.number, _WORDS.get(code, "network_other"))

    def send(self, number: int, data: bytes) -> None:
        """More bytes, in order."""
        link = self._links.get(number)
        if link is not None and not link.broken:
            link.out += data
            link.write(self._loop)

    def unsent(self, number: int) -> int:
        """Bytes that the socket did not take yet."""
        link = self._links.get(number)
        return len(link.out) if link is not None else 0

    def tell_below(self, number: int, nbytes: int) -> None:
        """`drained` once, when fewer than so many are unsent; only while so many are."""
        link = self._links.get(number)
        if link is not None and len(link.out) >= nbytes:
            link.low_water = nbytes

    def pause(self, number: int, paused: bool) -> None:
        """Reads no more, or reads again."""
        link = self._links.get(number)
        if link is not None:
            link.paused = paused
            link.watch(self._loop)

    def timer(self, when: float, number: int) -> None:
        """`timer` once, at that time."""
        self._loop.at(when, lambda: self.facts.timer(number))

    def close(self, number: int, how: str) -> None:
        """Ends the link; the kernel goes on answering for one that is a black hole, and nobody reads."""
        assert how in WAYS
        link = self._links.pop(number, None)
        if link is None:
            return
        if how == "rst":
            link.reset(self._loop)
        elif how == "blackhole":
            self._loop.watch(link.sock, 0, link.ready)
            self._left.add(link)
        else:
            link.leaving = True
            self._left.add(link)
            link.paused = False
            link.write(self._loop)
            self._loop.at(self.now + LINGER, lambda: self.forget(link))

    def forget(self, link: _Link) -> None:
        """It is over for the system, too."""
        if link in self._left:
            self._left.remove(link)
            link.drop(self._loop)

    def end(self) -> None:
        """Gives all sockets back."""
        with self.lock:
            for link in [*self._links.values(), *self._left]:
                link.reset(self._loop)
            self._links.clear()
            self._left.clear()
            if self._listener is not None:
                self._loop.watch(self._listener, 0, self._accept)
                self._listener.close()
                self._listener = None


class _Link:
    """One socket."""

    def __init__(self, owner: TcpTransport, number: int, sock: socket.socket) -> None:
        self.owner = owner
        self.number = number
        self.sock = sock
        self.out = bytearray()
        self.low_water = 0
        self.is_open = False
        self.paused = False
        self.broken = False  # takes no more bytes; reading tells why
        self.leaving = False  # ended by this side: what comes is not heard
        self.said_all = False
        sock.setblocking(False)

    def open(self, loop: Loop) -> None:
        """It is connected."""
        self.is_open = True
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.watch(loop)

    def watch(self, loop: Loop) -> None:
        """For what it can be ready for now."""
        if self.is_open:
            mask = (0 if self.paused else selectors.EVENT_READ) | (selectors.EVENT_WRITE if self.out else 0)
            loop.watch(self.sock, mask, self.ready)

    def ready(self, mask: int) -> None:
        """The socket can be written to, or read."""
        loop = self.owner._loop
        if mask & selectors.EVENT_WRITE:
            self.write(loop)
            if 0 < self.low_water and len(self.out) < self.low_water and not self.leaving:
                self.low_water = 0
                self.owner.facts.drained(self.number)
        if mask & selectors.EVENT_READ:
            for _ in range(MAX_READS):
                if self.paused or self.sock.fileno() < 0 or not self._read():
                    return

    def write(self, loop: Loop) -> None:
        """As much as the socket takes."""
        if not self.is_open:
            return
        while self.out:
            try:
                sent = self.sock.send(self.out)
            except BlockingIOError:
                break
            except OSError:
                self.broken = True
                self.out.clear()
                if self.paused and not self.leaving:  # nobody reads who could be told
                    loop.at(self.owner.now, lambda: self._gone("connection_reset"))
                break
            del self.out[:sent]
        if self.leaving and not self.out and not self.said_all:
            self.said_all = True
            try:
                self.sock.shutdown(socket.SHUT_WR)
            except OSError:
                return self.owner.forget(self)
        self.watch(loop)
        return None

    def _read(self) -> bool:
        try:
            data = self.sock.recv(READ_SIZE)
        except BlockingIOError:
            return False
        except OSError as error:
            return self._gone(_WORDS.get(error.errno or 0, "network_other"))
        if not data:
            return self._gone("connection_reset" if self.broken else "end_of_stream")
        if not self.leaving:
            self.owner.facts.received(self.number, data)
        return len(data) == READ_SIZE

    def _gone(self, why: str) -> bool:
        if self.leaving:
            self.owner.forget(self)
            return False
        if why != "end_of_stream":
            self.owner._links.pop(self.number, None)
            self.drop(self.owner._loop)
        self.owner.facts.closed(self.number, why)
        return False

    def reset(self, loop: Loop) -> None:
        """Ends with a reset."""
        if self.sock.fileno() >= 0:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.drop(loop)

    def drop(self, loop: Loop) -> None:
        """Gives the socket back."""
        self.is_open = False
        if self.sock.fileno() >= 0:
            loop.watch(self.sock, 0, self.ready)
            self.sock.close()


__all__ = ["Facts", "Loop", "TcpTransport"]
