"""A minimal HTTP tracker: it answers every announce with the peers that it was given."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


class HttpTracker:
    """Serves announces on `host` until it is left. `announces` holds the paths that were asked for."""

    def __init__(self, peers: list[tuple[str, int]], host: str = "127.0.0.1") -> None:
        compact = b"".join(socket.inet_aton(address) + port.to_bytes(2, "big") for address, port in peers)
        body = b"d8:intervali1800e5:peers%d:%se" % (len(compact), compact)
        self.announces: list[str] = []
        asked = self.announces

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer((host, 0), Answer)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://{host}:{self._server.server_port}/announce"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
