"""Datagrams on real sockets, beside the links of a transport: another fact, datagram(source, data)."""

from __future__ import annotations

import selectors
import socket
from typing import Any

from mock_peer.tcp import Loop, TcpTransport

MOST_AT_ONCE = 64
"""Datagrams that are read before others get their turn."""


class NetTransport(TcpTransport):
    """A transport that has one socket for datagrams, too."""

    _udp: socket.socket | None = None

    def open_udp(self, port: int) -> int:
        """Hears datagrams there; the port, for 0 means any."""
        with self.lock:
            self._udp = socket.socket(self._family, socket.SOCK_DGRAM)
            self._udp.setblocking(False)
            self._udp.bind((self._host, port))
            self._loop.watch(self._udp, selectors.EVENT_READ, self._hear)
            return int(self._udp.getsockname()[1])

    def send_to(self, address: tuple[str, int], data: bytes) -> None:
        """One datagram, as best it can."""
        if self._udp is not None:
            try:
                self._udp.sendto(data, address)
            except OSError:
                pass  # as if it was lost

    def _hear(self, mask: int) -> None:
        for _ in range(MOST_AT_ONCE):
            if self._udp is None:
                return
            try:
                data, source = self._udp.recvfrom(1 << 16)
            except BlockingIOError:
                return
            except OSError:
                continue  # an answer of before came nowhere
            facts: Any = self.facts
            facts.datagram(source[:2], data)

    def end(self) -> None:
        super().end()
        with self.lock:
            if self._udp is not None:
                self._loop.watch(self._udp, 0, self._hear)
                self._udp.close()
                self._udp = None


def net_transport(loop: Loop, host: str) -> NetTransport:
    """A transport of links and datagrams that ends with the loop."""
    made = NetTransport(loop, host)
    loop.add(made)
    return made


__all__ = ["MOST_AT_ONCE", "NetTransport", "net_transport"]
