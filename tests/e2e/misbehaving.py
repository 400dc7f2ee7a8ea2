"""An HTTP receiver that answers 500, hangs, closes before, in and after its answer, and is not there for a while."""

import contextlib
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.servers.process import free_port

MOODS = {"take": 24, "500": 2, "429": 1, "hang": 1, "close": 1, "close in the answer": 1, "take and close": 1}
"""What it does with a request, and how often."""
LONGEST_HANG_S = 5.0
SLOW_S = 1.0
"""After which it takes a message in the mood `slow`, which is not drawn."""


class _QuietServer(ThreadingHTTPServer):
    """Says nothing of connections that broke, which is what tests are about."""

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@dataclass(frozen=True)
class Arrival:
    """A message that came, whatever became of the answer."""

    key: str
    body: bytes
    mood: str


@dataclass
class Misbehaving:
    """Notes every request that came as a whole; its moods are drawn from ``chance``."""

    port: int
    chance: random.Random
    arrivals: list[Arrival] = field(default_factory=list)
    well: bool = False
    """Takes everything from now on."""
    always: str = ""
    """The only mood, if there is one."""
    most: int | None = None
    """Requests; from then on it hangs."""
    noticed: tuple[int, Path] | None = None
    """A file that it removes when so many requests have come."""
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    _server: ThreadingHTTPServer | None = None
    _thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/alerts"

    @property
    def is_up(self) -> bool:
        return self._server is not None

    def count(self) -> int:
        """Requests so far."""
        return len(self.arrivals)

    def take(self, key: str, body: bytes) -> str:
        with self.lock:
            mood = self._mood()
            self.arrivals.append(Arrival(key, body, mood))
            if self.noticed is not None and len(self.arrivals) >= self.noticed[0]:
                self.noticed[1].unlink(missing_ok=True)
            return mood

    def _mood(self) -> str:
        if self.well:
            return "take"
        if self.most is not None and len(self.arrivals) >= self.most:
            return "hang"
        return self.always or self.chance.choices(list(MOODS), list(MOODS.values()))[0]

    def up(self) -> None:
        """Be there."""
        self._server = _QuietServer(("127.0.0.1", self.port), _handler(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def down(self) -> None:
        """Be gone: nothing listens."""
        assert self._server is not None
        assert self._thread is not None
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
        self._server = None

    def first_arrivals(self) -> dict[str, bytes]:
        """Bodies by key, in the order in which keys came first: what is left when others are dropped by their key.
        The same key always had the same body."""
        with self.lock:
            arrivals = list(self.arrivals)
        first: dict[str, bytes] = {}
        for arrival in arrivals:
            assert first.setdefault(arrival.key, arrival.body) == arrival.body
        return first


def _handler(receiver: Misbehaving) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            wanted = int(self.headers["Content-Length"])
            body = self.rfile.read(wanted)
            if len(body) < wanted:
                return  # who sent it was killed
            mood = receiver.take(self.headers["Idempotency-Key"], body)
            with contextlib.suppress(OSError):
                self._behave(mood)

        def _behave(self, mood: str) -> None:
            if mood == "slow":
                receiver.released.wait(SLOW_S)
            if mood == "hang":
                receiver.released.wait(LONGEST_HANG_S)
            if mood in ("hang", "close"):
                self.close_connection = True
                return
            if mood == "close in the answer":
                self.wfile.write(b"HTTP/1.1 20")
                self.close_connection = True
                return
            self.send_response({"500": 500, "429": 429}.get(mood, 200))
            self.send_header("Content-Length", "0")
            self.end_headers()
            self.close_connection = mood == "take and close"

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@contextlib.contextmanager
def misbehaving(seed: int) -> Iterator[Misbehaving]:
    """One that is up; left alone at the end."""
    receiver = Misbehaving(free_port(), random.Random(seed))
    receiver.up()
    try:
        yield receiver
    finally:
        receiver.released.set()
        if receiver.is_up:
            receiver.down()
