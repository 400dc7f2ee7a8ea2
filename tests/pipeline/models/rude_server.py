"""A real HTTP server on loopback that behaves as badly as it is told."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request. The answers below write to it what they please."""

    protocol_version = "HTTP/1.1"
    server: "RudeServer"

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.path} {self.headers.get('Range', '')}".rstrip())
        self.close_connection = True
        answers = self.server.answers[self.path]
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def begin(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), str(value))
        self.end_headers()


class RudeServer(ThreadingHTTPServer):
    """``answers[path]`` are given one after the other, the last for ever; ``asked`` is what came in."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[str] = []
        self.over = threading.Event()

    def url(self, path: str, *answers: Answer) -> str:
        self.answers[path] = list(answers)
        return f"http://127.0.0.1:{self.server_port}{path}"


@contextmanager
def serving() -> Iterator[RudeServer]:
    with RudeServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


def whole(content: bytes, *, ranges: bool = True) -> Answer:
    """The content, or the part of it that was asked for."""

    def answer(request: Request) -> None:
        asked = request.headers.get("Range")
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked and ranges else 0
        if start >= len(content) > 0 and start:
            request.begin(416, Content_Length=0)
            return
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        extra = {"Content_Range": span} if start else {}
        request.begin(206 if start else 200, Content_Length=len(content) - start, **extra)
        request.wfile.write(content[start:])

    return answer


def cut(content: bytes, after: int) -> Answer:
    """Promises what was asked for, and hangs up after so many bytes of it."""

    def answer(request: Request) -> None:
        asked = request.headers.get("Range")
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
        extra = {"Content_Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        request.begin(206 if start else 200, Content_Length=len(content) - start, **extra)
        request.wfile.write(content[start : start + after])

    return answer


def silent(content: bytes, after: int) -> Answer:
    """Sends so many bytes and then nothing, for as long as the test lasts."""

    def answer(request: Request) -> None:
        request.begin(200, Content_Length=len(content))
        request.wfile.write(content[:after])
        request.wfile.flush()
        request.server.over.wait(30)

    return answer


def unannounced(content: bytes) -> Answer:
    """Does not say how much will come (RFC 9112, read until close)."""

    def answer(request: Request) -> None:
        request.begin(200, Connection="close")
        request.wfile.write(content)

    return answer


def status(code: int, **headers: object) -> Answer:
    """A status and no content."""
    return lambda request: request.begin(code, Content_Length=0, **headers)


def trickling(content: bytes, pieces: int) -> Answer:
    """Slow, but it comes."""

    def answer(request: Request) -> None:
        request.begin(200, Content_Length=len(content))
        size = len(content) // pieces + 1
        for start in range(0, len(content), size):
            request.wfile.write(content[start : start + size])
            request.wfile.flush()
            time.sleep(0.01)

    return answer
