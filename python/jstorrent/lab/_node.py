"""What lives in a laboratory: nodes with a name and an address, and the clients among them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jstorrent._values import Address
from jstorrent.lab._args import whole
from jstorrent.lab._failure import check_word
from jstorrent.lab._spec import Spec, spec_of

if TYPE_CHECKING:
    from jstorrent.lab._lab import Lab

Have = str | Iterable[int]
_COMPARED = 64 << 10  # bytes at once: who asks after every turn is told of an early difference soon


class Node:
    """An inhabitant with an address of its own."""

    def __init__(self, lab: Lab, name: str, *, host: Node | str | None = None, port: int | None = None) -> None:
        if port is not None:
            port = whole(port, "a port is 1 to 65535, or None for any", 1, 65535)
        lab._take_name(name)
        lane = lab._lane
        self._lab = lab
        self.name = name
        self._host = lane.take_host(host.address[0] if isinstance(host, Node) else host)
        self._port = lane.take_port(self._host, port)
        self._number = lane.add_node(name, self._host)
        lab._nodes.append(self)  # it lives on when nobody else holds it

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self._host, self._port or 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self._host}:{self._port or '?'}>"


class Client(Node):
    """A node with a disk that downloads and seeds."""

    def __init__(self, lab: Lab, name: str, *, host: Node | str | None = None, port: int | None = None) -> None:
        super().__init__(lab, name, host=host, port=port)
        self.disk = lab._lane.disk(name, self._number)
        self.disk._client = self
        self._saved_at: dict[bytes, Path] = {}
        lab._clients.append(self)

    # -- what each client says

    @property
    def running(self) -> bool:
        """It is up."""
        raise NotImplementedError

    @property
    def output(self) -> str:
        """The end of what its program said; empty where it is no program of its own."""
        return ""

    def add(self, spec: Spec, *, peers: Iterable[Any] = (), have: Have = "none", magnet: bool = False) -> Any:
        """Starts with a torrent. `have`: "none", "all" or the pieces that are on its disk beforehand."""
        raise NotImplementedError

    def stop(self) -> None:
        """A clean end."""
        raise NotImplementedError

    def start(self) -> None:
        """Up again, on the same disk and address."""
        raise NotImplementedError

    def crash(self, mode: str = "drop-all") -> None:
        """The end without any goodbye."""
        raise NotImplementedError

    def restart(self) -> None:
        """A crash, if it is running, then a start."""
        if self.running:
            self.crash()
        self.start()

    def _drop(self) -> None:
        """The end of the laboratory, without a question."""
        if self.running:
            self.crash()

    # -- its files

    @property
    def downloads(self) -> Path:
        """Where torrents go unless told."""
        return self.disk.root / "downloads"

    def path(self, spec: Spec, file: int | str | None = None) -> Path:
        """Where the torrent, or a file of it, lies on the node's disk."""
        return self._root(spec_of(spec)) / spec.name if file is None else self._paths(spec)[spec.file(file).index]

    def _root(self, spec: Spec) -> Path:
        return self._saved_at.get(spec.info_hash, self.downloads)

    def _paths(self, spec: Spec) -> list[Path]:
        below = self._root(spec)
        return [below / file.path for file in spec.metainfo.files]

    def complete(self, spec: Spec) -> bool:
        """Every file is on the disk and equal to the truth."""
        return not self.differences(spec)

    def differences(self, spec: Spec) -> list[str]:
        """What on the disk is not as the truth: a line for each file."""
        spec_of(spec)
        found = []
        for file, path in zip(spec.metainfo.files, self._paths(spec), strict=True):
            if not self.disk.exists(path):
                found.append(f"{file.path} is missing")
            elif self.disk.size(path) != file.size:
                found.append(f"{file.path} has {self.disk.size(path)} bytes, not {file.size}")
            else:
                for at, data in spec.file_data(file, _COMPARED):
                    if self.disk.read(path, at, len(data)) != data:
                        found.append(f"{file.path} differs within the {len(data)} bytes from {at}")
                        break
        return found

    def _put(self, spec: Spec, have: Have, save_path: Path) -> list[int]:
        """Writes what it has beforehand; these pieces."""
        spec_of(spec)
        self._saved_at[spec.info_hash] = save_path
        if isinstance(have, str):
            if check_word(have, ("all", "none"), "have") == "none":
                return []
            for file in spec.metainfo.files:
                self.disk._write(save_path / file.path, 0, b"")
                for at, data in spec.file_data(file):
                    self.disk._write(save_path / file.path, at, data)
            return list(range(spec.num_pieces))
        if not isinstance(have, Iterable):
            raise TypeError(f'have is "all", "none" or a list of pieces, not {have!r}')
        pieces = sorted({whole(piece, "have names pieces by their numbers") for piece in have})
        if len(pieces) == spec.num_pieces and pieces == list(range(spec.num_pieces)):
            return self._put(spec, "all", save_path)
        if pieces and not 0 <= pieces[0] <= pieces[-1] < spec.num_pieces:
            raise ValueError(f"have names pieces that {spec.name} does not have: it has {spec.num_pieces}")
        for file, at, data in spec.runs(pieces):
            self.disk._write(save_path / file.path, at, data)
        return pieces


def node_of(value: Any) -> Node:
    """A node, or TypeError."""
    if not isinstance(value, Node):
        raise TypeError(f"a node is what lab.engine, lab.peer, lab.tracker or lab.client gave, not {value!r}")
    return value


def addresses_of(peers: Iterable[Any]) -> list[Any]:
    """Addresses from nodes or addresses."""
    if isinstance(peers, str | Node) or not isinstance(peers, Iterable):
        raise TypeError(f"peers is a list of nodes and addresses, not {peers!r}")
    return [getattr(peer, "address", peer) for peer in peers]
