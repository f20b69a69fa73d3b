"""libtorrent as a client of the real lane."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from jstorrent.lab._failure import LaneLacks
from jstorrent.lab._node import Client, Have, Node, addresses_of
from jstorrent.lab._spec import Spec

if TYPE_CHECKING:
    from jstorrent.lab._lab import Lab

_QUIET = {
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "allow_multiple_connections_per_ip": True,
    "enable_incoming_utp": False,
    "enable_outgoing_utp": False,
    "alert_mask": 0,
}


class Libtorrent(Client):
    """A python-libtorrent session on an address of its own."""

    def __init__(self, lab: Lab, name: str, *, host: Node | str | None = None, port: int | None = None) -> None:
        try:
            import libtorrent
        except ImportError as error:
            raise LaneLacks("python-libtorrent is not installed") from error
        if lab.lane != "real":
            raise LaneLacks("libtorrent lives in the real lane only")
        super().__init__(lab, name, host=host, port=port)
        self._lt: Any = libtorrent
        self._session: Any = None
        self._torrents: dict[bytes, Any] = {}
        self._added: list[tuple[Spec, bool]] = []
        self.start()

    @property
    def running(self) -> bool:
        return self._session is not None

    def start(self) -> None:
        """A new session; torrents that it had are added again."""
        if self.running:
            return
        host, self._port = self._lab._lane.arrive(self._number, self._host, self._port)
        place = {"listen_interfaces": f"{host}:{self._port}", "outgoing_interfaces": host}
        self._session = self._lt.session({**_QUIET, **place})
        self._lab.until(lambda: self._session.listen_port() != 0, within=10)
        for spec, is_seed in self._added:
            self._add(spec, is_seed)

    def stop(self) -> None:
        """Ends the session."""
        if self._session is not None:
            self._torrents.clear()
            self._session.pause()
            self._lab._lane.leave(self._number)
            self._session = None

    def crash(self, mode: str = "drop-all") -> None:
        """A session inside this process cannot crash."""
        raise LaneLacks("libtorrent lives in this process and cannot crash: stop() it")

    def _drop(self) -> None:
        self.stop()

    def add(self, spec: Spec, *, peers: Iterable[Any] = (), have: Have = "none", magnet: bool = False) -> Any:
        """Adds the torrent and dials `peers`; gives libtorrent's handle."""
        if magnet:
            raise LaneLacks("a libtorrent client starts from the metadata")
        is_seed = len(self._put(spec, have, self.downloads)) == spec.num_pieces
        self._added.append((spec, is_seed))
        handle = self._add(spec, is_seed)
        for address in addresses_of(peers):
            handle.connect_peer(address)
        return handle

    def _add(self, spec: Spec, is_seed: bool) -> Any:
        lt = self._lt
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(lt.bdecode(spec.metainfo.encode()))
        params.save_path = os.fspath(self.downloads)
        params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
        if is_seed:
            params.flags |= lt.torrent_flags.seed_mode
        handle = self._session.add_torrent(params)
        checking = (lt.torrent_status.checking_files, lt.torrent_status.checking_resume_data)
        self._lab.until(lambda: handle.status().state not in checking, within=30)  # before, it hangs up on everybody
        self._torrents[spec.info_hash] = handle
        return handle
