"""One runtime under test: a host that submits operations, and rounds that are run until what is expected has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jstorrent import _core

WORLDS: list[str] = list(_core.lab.runtime_worlds)
LOCALHOST = "127.0.0.1"


class World:
    """Rounds wait in bounded steps; a test that waits for what never comes fails with the log of what did."""

    patience = 200
    step = 0.05

    def __init__(self, name: str, seed: int = 1, max_sockets: int = 0, host: Any = None) -> None:
        self.name = name
        self.host = host or _core.lab.RuntimeHost(name, seed, max_sockets)
        self.log: list[Any] = []

    def collect(self) -> list[Any]:
        fresh = self.host.take_events()
        self.log += fresh
        return fresh

    def until(self, ready: Callable[[], bool], what: str = "the condition") -> None:
        for _ in range(self.patience):
            self.collect()
            if ready():
                return
            self.host.round(self.step)
        raise AssertionError(f"{self.name}: {what} never came; log: {self.log[-20:]}")

    def events(self, kind: str, of: int | None = None) -> list[Any]:
        self.collect()
        return [e for e in self.log if e.kind == kind and (of is None or e.id == of)]

    def completions(self, op: int) -> list[Any]:
        marks = ("wake", "round_end", "broken", "took", "received")
        self.collect()
        return [e for e in self.log if e.id == op and e.kind not in marks]

    def done(self, op: int) -> Any:
        """The completion of an operation."""
        self.until(lambda: bool(self.completions(op)), f"the completion of operation {op}")
        return self.completions(op)[0]

    def quiet_rounds(self, n: int = 6) -> None:
        """A few rounds in which nothing more is expected."""
        for _ in range(n):
            self.host.round(0.01)
        self.collect()

    # ---- shorthands ----
    def disk(self, action: str, **arguments: Any) -> Any:
        return self.done(self.host.disk(action, **arguments))

    def open(self, path: object, mode: str = "create", **arguments: Any) -> int:
        event = self.disk("open", path=str(path), mode=mode, **arguments)
        assert event.error == "ok", event
        return int(event.value)

    def hash(self, *spans: bytes, **arguments: Any) -> Any:
        return self.done(self.host.hash(list(spans), **arguments))

    def listen(self) -> int:
        return int(self.host.listen(f"{LOCALHOST}:0"))

    def pair(self) -> tuple[int, int]:
        """A connection: the dialling and the accepted end."""
        listener = self.listen()
        accept = self.host.accept(listener)
        connect = self.host.connect(self.host.local(listener))
        dialled, accepted = self.done(connect), self.done(accept)
        assert (dialled.error, accepted.error) == ("ok", "ok")
        self.host.close(listener)
        return dialled.value, accepted.value

    def read(self, stream: int, sizes: list[int] | None = None) -> bytes | str:
        """What the next read gives: bytes or the word of an error."""
        before = len(self.events("took", stream))
        completion = self.done(self.host.readable(stream, sizes or [65536]))
        if completion.error != "ok":
            return str(completion.error)
        self.until(lambda: len(self.events("took", stream)) > before, "a read")
        event = self.events("took", stream)[before]
        return bytes(event.data) if event.error == "ok" else str(event.error)

    def read_exactly(self, stream: int, size: int) -> bytes:
        got = b""
        while len(got) < size:
            part = self.read(stream, [size - len(got)])
            if part == "would_block":
                continue
            assert isinstance(part, bytes), part
            got += part
        return got

    def write_all(self, stream: int, data: bytes) -> None:
        while data:
            event = self.done(self.host.write(stream, [data]))
            assert event.error == "ok" and event.value > 0
            data = data[event.value :]

    def open_in(self, directory: object, name: str = "file") -> int:
        assert self.disk("mkdirs", path=str(directory)).error == "ok"
        return self.open(f"{directory}/{name}")
