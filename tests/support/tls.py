"""A TLS server on loopback, with one of the certificates of tests/support/certificates."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

CERTIFICATES = Path(__file__).parent / "certificates"
AUTHORITY = CERTIFICATES / "authority.pem"


class TlsServer:
    """Runs `serve` with each connection whose handshake was good, one after the other. None: the TCP connection stays silent."""

    def __init__(self, certificate: str, serve: Callable[[ssl.SSLSocket], None] | None, *,
                 most: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> None:  # fmt: skip
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(CERTIFICATES / f"{certificate}.pem")
        self._context.minimum_version, self._context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, most
        self._serve = serve
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.address = f"127.0.0.1:{self.port}"
        self.shaken = 0
        self.refused: list[str] = []
        self._silent: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            if self._serve is None:
                self._silent.append(plain)
                continue
            plain.settimeout(10)
            try:
                with self._context.wrap_socket(plain, server_side=True) as secured:
                    self.shaken += 1
                    self._serve(secured)
            except OSError as refused:  # ssl.SSLError is one
                self.refused.append(str(refused))
            finally:
                plain.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(15)
        for plain in self._silent:
            plain.close()


def answer_http(body: bytes) -> Callable[[ssl.SSLSocket], None]:
    """Reads one request and answers it."""

    def serve(sock: ssl.SSLSocket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            part = sock.recv(4096)
            if not part:
                return
            head += part
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    return serve
