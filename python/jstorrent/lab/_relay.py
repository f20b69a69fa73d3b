"""Relays: in the real lane every address that a laboratory hands out is a door, and behind it a link with two flows.

A flow carries what one side sends to the other through a bounded buffer: when that is full it reads no more, so that the
sender feels it. What `lab.net` breaks is broken here, by the pair of nodes. Each link keeps a ledger of its bytes.

Nobody dials a door but over loopback, so a dial that a partition stops still succeeds: it is a silence, not a refusal.
"""

from __future__ import annotations

import errno
import random
import selectors
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from jstorrent.lab._reactor import Reactor, Timer

WINDOW = 256 << 10
"""Bytes that one flow holds at most before it stops to read."""
MOST_LINKS = 100_000
"""Ledgers that are kept; older ones are forgotten."""
PATIENCE = 10.0
"""Seconds that a target may take until it listens."""
_AGAIN = 0.05
_ONCE = 64 << 10
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_RESET = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Line:
    """Bytes per second, and when it is free again."""

    rate: int = 0
    free: float = 0.0

    def through(self, at: float, nbytes: int) -> float:
        """When so many bytes that come at that time are through."""
        if not self.rate:
            return at
        self.free = max(self.free, at) + nbytes / self.rate
        return self.free


@dataclass(slots=True)
class Access:
    """A node's own line."""

    up: Line = field(default_factory=Line)
    down: Line = field(default_factory=Line)
    latency: float = 0.0
    jitter: float = 0.0


@dataclass(slots=True)
class Path:
    """What lies between two nodes, one way."""

    line: Line = field(default_factory=Line)
    latency: float = 0.0
    jitter: float = 0.0
    is_cut: bool = False
    datagrams_cut: bool = False
    is_held: bool = False
    corrupt: float = 0.0
    sizes: tuple[int, ...] = ()
    cut_after: tuple[int, str] | None = None


@dataclass(slots=True)
class LinkRecord:
    """The ledger of one connection through a door: who, when, how much each way, and who ended it how."""

    dialler: str | None
    target: str
    opened_at: float
    up: int = 0
    """Bytes from the dialler that the target got."""
    down: int = 0
    """Bytes from the target that the dialler got."""
    closed_at: float | None = None
    closed_by: str | None = None
    how: str | None = None


class Flow:
    """One direction of a link."""

    def __init__(self, link: Link, path: Path, ends: tuple[Access, Access]) -> None:
        self._link = link
        self.path = path
        self._ends = ends
        self._buffer: deque[tuple[float, bytearray]] = deque()
        self._held = 0
        self._due = 0.0
        self._timer: Timer | None = None
        self.at_end = False  # the source has said all
        self.is_shut = False  # and the sink was told
        self.carried = 0

    @property
    def wants_read(self) -> bool:
        """There is room, and a way."""
        return not (self.at_end or self.path.is_cut or self._held >= WINDOW)

    @property
    def wants_write(self) -> bool:
        """Something is due."""
        return bool(self._buffer) and not self.is_stopped and self._buffer[0][0] <= self._link.now()

    @property
    def is_stopped(self) -> bool:
        """Nothing comes through now."""
        return self.path.is_cut or self.path.is_held

    def read(self, source: socket.socket) -> None:
        """Takes what the source has to say, once."""
        try:
            data = source.recv(min(_ONCE, WINDOW - self._held))
        except (BlockingIOError, InterruptedError):
            return
        if not data:
            self.at_end = True
            return
        self._held += len(data)
        self._buffer.append((self._arrival(len(data)), bytearray(data)))

    def _arrival(self, nbytes: int) -> float:
        sender, receiver = self._ends
        at = self._link.now()
        for line in (sender.up, self.path.line, receiver.down):
            at = line.through(at, nbytes)
        for delay in (sender, self.path, receiver):
            at += delay.latency + (self._link.luck.uniform(0, delay.jitter) if delay.jitter else 0.0)
        self._due = max(self._due, at)  # a stream keeps its order
        return self._due

    def write(self, sink: socket.socket) -> None:
        """Gives the sink what is due, as far as it takes it; told to fragment, one fragment."""
        while self.wants_write:
            chunk = self._buffer[0][1]
            data = memoryview(chunk)[: self._at_most(len(chunk))]
            if self.path.corrupt:
                data = memoryview(self._spoil(bytes(data)))
            try:
                sent = sink.send(data)
            except (BlockingIOError, InterruptedError):
                return
            data.release()
            self._took(chunk, sent)
            if self._reached_cut(sent) or self.path.sizes:
                return

    def _at_most(self, nbytes: int) -> int:
        path = self.path
        if path.sizes:
            nbytes = min(nbytes, self._link.luck.choice(path.sizes))
        return nbytes if path.cut_after is None else min(nbytes, path.cut_after[0])

    def _spoil(self, data: bytes) -> bytes:
        luck, p = self._link.luck, self.path.corrupt
        return bytes(byte ^ luck.randint(1, 255) if luck.random() < p else byte for byte in data)

    def _took(self, chunk: bytearray, sent: int) -> None:
        self._held -= sent
        self.carried += sent
        if sent == len(chunk):
            self._buffer.popleft()
        else:
            del chunk[:sent]

    def _reached_cut(self, sent: int) -> bool:
        if self.path.cut_after is None:
            return False
        left, how = self.path.cut_after
        self.path.cut_after = (left - sent, how)
        if left - sent > 0:
            return False
        self.path.cut_after = None
        self._link.sever(how)
        return True

    def plan(self, sink: socket.socket) -> None:
        """Passes an end on when all is delivered; wakes up when the next bytes are due."""
        if self.at_end and not self._buffer and not self.is_shut and not self.is_stopped:
            self.is_shut = True
            try:
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._buffer and not self.is_stopped and (wait := self._buffer[0][0] - self._link.now()) > 0:
            self._timer = self._link.reactor.after(wait, self._link.update)


class Link:
    """Two sockets and what runs between them. The far one is dialled when the way there is open."""

    def __init__(self, reactor: Reactor, record: LinkRecord, near: socket.socket, dial: Callable[[], socket.socket],
                 paths: tuple[Path, Path], ends: tuple[Access, Access], luck: random.Random,
                 gone: Callable[[Link], None]) -> None:  # fmt: skip
        self.reactor = reactor
        self.record = record
        self.luck = luck
        self.now = reactor.now
        self._near = near
        self._far: socket.socket | None = None
        self._dial = dial
        self._gone = gone
        self.up = Flow(self, paths[0], ends)
        self.down = Flow(self, paths[1], (ends[1], ends[0]))
        self._give_up = self.now() + PATIENCE
        self._is_connected = False
        self._is_silent = False
        self.is_over = False
        self.update()

    def update(self) -> None:
        """Looks again at what each socket is to be watched for."""
        if self.is_over:
            return
        if self._far is None:
            if not (self.up.is_stopped or self.down.is_stopped):
                self._try()
            return
        if not self._is_connected:
            return
        if not self._is_silent:
            self.up.plan(self._far)
            self.down.plan(self._near)
        self.record.up, self.record.down = self.up.carried, self.down.carried
        if self.up.is_shut and self.down.is_shut:
            self.close(self.record.closed_by, "fin")
            return
        self.reactor.watch(self._near, self._interest(self.up, self.down), self._near_ready)
        self.reactor.watch(self._far, self._interest(self.down, self.up), self._far_ready)

    def _try(self) -> None:
        try:
            self._far = self._dial()
        except OSError:
            return self._refused()
        self.reactor.watch(self._far, _WRITE, self._far_ready)

    def _refused(self) -> None:
        if self._far is not None:
            self.reactor.watch(self._far, 0, self._far_ready)
            self._far.close()
            self._far = None
        if self.now() > self._give_up:
            self.close("target", "refused")
        else:  # a program that was just started may not listen yet
            self.reactor.after(_AGAIN, self.update)

    def _interest(self, reads: Flow, writes: Flow) -> int:
        if self._is_silent:
            return 0
        reading = reads.wants_read and self._is_connected
        return (_READ if reading else 0) | (_WRITE if writes.wants_write else 0)

    def _near_ready(self, events: int) -> None:
        self._serve(events, self._near, self.up, self.down, "dialler")

    def _far_ready(self, events: int) -> None:
        if self._far is None:
            return
        if self._is_connected:
            return self._serve(events, self._far, self.down, self.up, "target")
        if self._far.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            return self._refused()
        self._is_connected = True
        self.update()

    def _serve(self, events: int, sock: socket.socket, reads: Flow, writes: Flow, who: str) -> None:
        if self.is_over or self._is_silent:
            return
        try:
            if events & _READ and reads.wants_read:
                reads.read(sock)
                if reads.at_end:
                    self.record.closed_by = self.record.closed_by or who
            if events & _WRITE:
                writes.write(sock)
        except OSError as error:
            how = "rst" if error.errno in (errno.ECONNRESET, errno.EPIPE) else (error.strerror or "error")
            return self.close(self.record.closed_by or who, how)
        self.update()

    def sever(self, how: str) -> None:
        """The network ends it: fin or rst to both, or silence."""
        if self.is_over:
            return
        self.record.closed_by = "network"
        if how == "blackhole":
            self._is_silent = True
            self.record.closed_at, self.record.how = self.now(), how
            self.update()
        else:
            self.close("network", how)

    def close(self, who: str | None, how: str) -> None:
        """Ends both sides; anything but a fin resets them."""
        if self.is_over:
            return
        self.is_over = True
        self.record.up, self.record.down = self.up.carried, self.down.carried
        if self.record.closed_at is None:
            self.record.closed_at, self.record.closed_by, self.record.how = self.now(), who, how
        for sock in filter(None, (self._near, self._far)):
            self.reactor.watch(sock, 0, self._near_ready)
            if how != "fin":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            sock.close()
        self._gone(self)


class Door:
    """A listening socket that stands for a node: what is accepted is linked to where the node really listens."""

    def __init__(self, reactor: Reactor, host: str, port: int, accepted: Callable[[socket.socket, str], None]) -> None:
        self._reactor = reactor
        self._accepted = accepted
        self.host, self.port = host, port
        self._socket: socket.socket | None = None
        self.open()

    @property
    def address(self) -> tuple[str, int]:
        """What is handed out."""
        return self.host, self.port

    def open(self) -> None:
        """Takes calls, on the same port each time."""
        if self._socket is not None:
            return
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((self.host, self.port))
            made.listen(512)
            made.setblocking(False)
        except OSError:
            made.close()
            raise
        self.port = int(made.getsockname()[1])
        self._socket = made
        self._reactor.watch(made, _READ, self._ready)

    def close(self) -> None:
        """From now on calls are refused."""
        with self._reactor.lock:
            if self._socket is not None:
                self._reactor.watch(self._socket, 0, self._ready)
                self._socket.close()
                self._socket = None

    def _ready(self, events: int) -> None:
        if self._socket is None:
            return
        try:
            sock, address = self._socket.accept()
        except OSError:
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._accepted(sock, address[0])
