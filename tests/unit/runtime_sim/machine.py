"""A node with a scripted host on it: one operation at a time, its completion as the answer."""

from __future__ import annotations

from typing import Any

from jstorrent import _core

World = _core.lab.World


class Machine:
    def __init__(self, seed: int = 1, world: Any = None) -> None:
        self.world = world if world is not None else World(seed)
        self.node: int = self.world.add_node(f"m{len(self.world)}", f"10.0.7.{len(self.world) + 1}")
        self.boot()

    def boot(self) -> None:
        self.log: list[Any] = []
        self.host = _core.lab.RuntimeHost.on(self.world, self.node)

    def crash(self, mode: str = "drop-all") -> None:
        self.world.abandon(self.node, mode)
        self.boot()

    def collect(self) -> list[Any]:
        self.log += self.host.take_events()
        return self.log

    def completion(self, op: int) -> Any:
        self.world.settle(self.world.now + 100)
        found = [e for e in self.collect() if e.id == op and e.kind not in ("round_end", "wake", "broken")]
        assert len(found) == 1, (op, self.log)
        return found[0]

    def disk(self, action: str, **arguments: Any) -> Any:
        return self.completion(self.host.disk(action, **arguments))

    def open(self, path: str, mode: str = "create") -> int:
        event = self.disk("open", path=path, mode=mode)
        assert event.error == "ok", event
        return int(event.value)

    def write(self, file: int, data: bytes, offset: int = 0) -> Any:
        return self.disk("write", file=file, offset=offset, data=[data])

    def store(self, path: str, data: bytes, *, sync: str = "") -> int:
        """A file with that content, open; `sync`: "file", "dir" or both."""
        file = self.open(path)
        assert self.write(file, data).error == "ok"
        if "file" in sync:
            assert self.disk("sync_file", file=file).error == "ok"
        if "dir" in sync:
            assert self.disk("sync_dir", path=path.rsplit("/", 1)[0] or "/").error == "ok"
        return file

    def content(self, path: str) -> bytes | None:
        return bytes(self.world.disk_read(self.node, path)) if self.world.disk_exists(self.node, path) else None
