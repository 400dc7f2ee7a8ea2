"""A real HTTP receiver on loopback, which acknowledges or refuses as told."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LONGEST_PAUSE_S = 300.0


@dataclass(frozen=True)
class Request:
    """What came, and the status that it was answered with."""

    headers: dict[str, str]
    body: bytes
    status: int


@dataclass
class Receiver:
    """Answers with ``refusals`` first, one after the other, then with 200."""

    port: int
    refusals: list[int] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    pauses: list[int] = field(default_factory=list)
    """The requests, by their number, that are answered only when it is resumed."""
    resumed: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/alerts"

    @property
    def acknowledged(self) -> list[Request]:
        return [request for request in self.requests if request.status == 200]

    def take(self, headers: dict[str, str], body: bytes) -> int:
        with self.lock:
            status = self.refusals.pop(0) if self.refusals else 200
            pause = len(self.requests) + 1 in self.pauses
            if pause:
                self.resumed.clear()
            self.requests.append(Request(headers, body, status))
        if pause:
            self.resumed.wait(LONGEST_PAUSE_S)
        return status


class _QuietServer(ThreadingHTTPServer):
    """Says nothing of senders that were killed, which is what tests are about."""

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@contextmanager
def receiving(port: int = 0, *, refusals: Sequence[int] = (), pauses: Sequence[int] = ()) -> Iterator[Receiver]:
    """A receiver on this port (0: a free one), as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(receiver.take(dict(self.headers.items()), body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = _QuietServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    receiver = Receiver(server.server_address[1], list(refusals), pauses=list(pauses))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.resumed.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
