"""One port for the whole run: ``/metrics`` for Prometheus and ``/healthz`` for whoever restarts or pages.

The supervisor's loop hands in what it knows (``Observatory`` is one of its observers); a thread serves the latest.
If the loop stops handing in, the answer is ``failed``, so a hung supervisor does not look healthy.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import msgspec

from pipeline.clock import SECOND, Clock
from pipeline.errors import CannotStart, MessageError
from pipeline.observability.exposition import CONTENT_TYPE, expose
from pipeline.observability.health import Health, State, health_of
from pipeline.observability.run_metrics import metrics_of
from pipeline.process import Process
from pipeline.supervisor.status import Status

logger = logging.getLogger(__name__)

INTERVAL_NS = SECOND // 2
STALE_S = 10.0
_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class _Known:
    """What the supervisor said last, and when."""

    health: Health
    snapshots: Sequence[dict[str, Any]]
    monotonic_ns: int


class Observatory:
    """Serves metrics and health over HTTP. ``port`` 0 takes a free one. Raises ``CannotStart`` if it is taken."""

    def __init__(self, host: str, port: int, clock: Clock) -> None:
        self._clock = clock
        starting = Health(State.DEGRADED, ["starting"], {}, {})
        self._known = _Known(starting, (), clock.monotonic_ns())
        self._due_ns = 0
        try:
            self._server = _Server((host, port), self)
        except OSError as error:
            raise CannotStart(f"metrics cannot be served on {host}:{port}: {error.strerror or error}") from error
        self.port = int(self._server.server_address[1])
        """Where it listens."""
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="metrics", daemon=True)
        self._thread.start()
        logger.info("metrics and health on http://%s:%d/metrics and /healthz", host, self.port)

    def __call__(self, status: Status, processes: list[Process]) -> None:
        """Take in what the supervisor knows, at most twice a second."""
        now = self._clock.monotonic_ns()
        if now >= self._due_ns:
            self._due_ns = now + INTERVAL_NS
            snapshots = [metrics_of(status), *status.metrics.values()]
            self._known = _Known(health_of(status, processes), snapshots, now)

    def health(self) -> Health:
        """The health as of now: ``failed`` when the supervisor has fallen silent."""
        known = self._known
        silent_s = (self._clock.monotonic_ns() - known.monotonic_ns) / SECOND
        if silent_s <= STALE_S:
            return known.health
        reason = f"the supervisor has said nothing for {silent_s:.0f} s"
        return msgspec.structs.replace(known.health, state=State.FAILED, reasons=[reason, *known.health.reasons])

    def metrics(self) -> bytes:
        """The page for Prometheus."""
        return expose(self._known.snapshots)

    def close(self) -> None:
        """Stop serving; safe to call twice."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], observatory: Observatory) -> None:
        self.observatory = observatory
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    """Answers GET; nothing a client sends changes anything."""

    server: _Server
    timeout = _TIMEOUT_S
    server_version = "bartizan"
    sys_version = ""

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/metrics":
                self._answer_metrics()
            case "/healthz":
                health = self.server.observatory.health()
                code = 503 if health.state is State.FAILED else 200
                self._answer(code, "application/json", msgspec.json.encode(health))
            case _:
                self._answer(404, "text/plain; charset=utf-8", b"there are /metrics and /healthz\n")

    def _answer_metrics(self) -> None:
        try:
            self._answer(200, CONTENT_TYPE, self.server.observatory.metrics())
        except MessageError as error:
            self._answer(500, "text/plain; charset=utf-8", f"{error}\n".encode())

    def _answer(self, code: int, content_type: str, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: they come every few seconds."""
