"""A real HTTP receiver on loopback, with TLS or without, which behaves or misbehaves as told."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

Behaviour = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"


@dataclass
class Receiver:
    """Notes every request and answers with the next of ``behaviours``; the last one stays."""

    port: int = 0
    tls: bool = False
    requests: list[Request] = field(default_factory=list)
    behaviours: list[Behaviour] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"{'https://localhost' if self.tls else 'http://127.0.0.1'}:{self.port}/hook"

    def answer(self, *behaviours: Behaviour) -> None:
        self.behaviours[:] = behaviours

    def next(self, request: Request) -> Behaviour:
        with self.lock:
            self.requests.append(request)
            return self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]


def status(code: int, text: str = "", **headers: str) -> Behaviour:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text.encode())

    return behave


@pytest.fixture
def answers() -> Callable[..., Behaviour]:
    """Makes a behaviour: status code, text, headers."""
    return status


@dataclass
class Certificates:
    """An authority of the test's own, and certificates for ``localhost`` and 127.0.0.1 that it signed."""

    ca_file: Path
    server_file: Path
    expired_file: Path
    client_file: Path
    """Certificate and key in one, as the others."""


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    import trustme

    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    begun, over = datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)
    issued = {
        "server": authority.issue_cert("localhost", "127.0.0.1"),
        "expired": authority.issue_cert("localhost", "127.0.0.1", not_before=begun, not_after=over),
        "client": authority.issue_cert("bartizan@example.org"),
    }
    for name, certificate in issued.items():
        certificate.private_key_and_cert_chain_pem.write_to_path(folder / f"{name}.pem")
    return Certificates(folder / "ca.pem", *(folder / f"{name}.pem" for name in issued))


class QuietServer(ThreadingHTTPServer):
    """Says nothing of handshakes that were refused, which is what tests are about."""

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    yield from serve(None)


@pytest.fixture
def serve_tls(certificates: Certificates) -> Iterator[Callable[..., Receiver]]:
    """Starts receivers that speak TLS: with the certificate of this file, asking for the client's or not."""
    with ExitStack() as stack:

        def start(server_file: Path, *, ask_client: bool = False) -> Receiver:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(server_file)
            if ask_client:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(certificates.ca_file)
            return stack.enter_context(contextmanager(serve)(context))

        yield start


def serve(tls: ssl.SSLContext | None) -> Iterator[Receiver]:
    """A receiver on a free port."""
    noted = Receiver(behaviours=[status(200)], tls=tls is not None)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            noted.next(Request(self.path, dict(self.headers.items()), body, self.command))(self)

        do_PUT = do_POST  # noqa: N815  # as the library calls it

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = QuietServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    noted.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield noted
    finally:
        noted.released.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
