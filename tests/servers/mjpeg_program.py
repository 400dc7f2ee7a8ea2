"""Program: serve folders of JPEG files as MJPEG over HTTP, until standard input closes.

``/NAME`` streams FOLDER/NAME/*.jpg in order at RATE pictures a second, then closes, as a camera does that is
switched off. ``/NAME?late_s=0.8`` shows what there is now, the pictures over and over since the program began, so much
later. With USER:PASSWORD, Basic authentication is demanded.
Usage: mjpeg_program.py FOLDER PORT RATE [USER:PASSWORD]
"""

import base64
import http.server
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

BOUNDARY = "frame"


class Camera(http.server.BaseHTTPRequestHandler):
    folder: Path
    period_s: float
    began = time.monotonic()
    credentials: str | None

    def do_GET(self) -> None:
        path, _, late = self.path.partition("?late_s=")
        files = sorted((self.folder / path.strip("/")).glob("*.jpg"))
        if self.credentials and self.headers.get("Authorization") != f"Basic {self.credentials}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
        elif not files:
            self.send_error(404)
        else:
            self._stream(self._now(files, float(late)) if late else files)

    def _now(self, files: list[Path], late_s: float) -> Iterator[Path]:
        time.sleep(late_s)
        first = round((time.monotonic() - self.began - late_s) / self.period_s)
        return (files[number % len(files)] for number in count(first))

    def _stream(self, files: Iterable[Path]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.end_headers()
        due = time.monotonic()
        for file in files:
            picture = file.read_bytes()
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + picture + b"\r\n")
            except OSError:
                return
            due += self.period_s
            time.sleep(max(0.0, due - time.monotonic()))

    def log_message(self, format: str, *values: object) -> None:
        pass


def _exit_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    folder, port, rate, *credentials = sys.argv[1:]
    Camera.folder = Path(folder)
    Camera.period_s = 1 / float(rate)
    Camera.credentials = base64.b64encode(credentials[0].encode()).decode() if credentials else None
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Camera).serve_forever()


if __name__ == "__main__":
    main()
