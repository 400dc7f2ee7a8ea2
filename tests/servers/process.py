"""A real server in a process of its own, which a test may kill, freeze and restart."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

STARTS_WITHIN_S = 120.0
"""No promise, only so that one which never starts is told."""
FREE_PORTS = range(10_000, 32_000)
"""Below those that the kernel hands out to whoever names none (ip_local_port_range): it gives none of them away between
the asking and the listening, nor while a server is down to be started again."""


class ServerProcess:
    """A server program on a loopback port; use it as a context manager, which leaves nothing running.

    The program exits when its standard input closes, so it does not outlive a test run that is killed.
    """

    def __init__(self, command: Sequence[str], *, port: int, url: str, directory: Path | None = None) -> None:
        self.url = url
        self.port = port
        self._command = list(command)
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """Of the running server."""
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._directory,
        )
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not listens(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the server did not start: {self._command}")
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL, also while frozen; safe to call twice."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, nothing is answered. Returns when it stands still."""
        os.kill(self.pid, signal.SIGSTOP)
        deadline = time.monotonic() + STARTS_WITHIN_S
        while psutil.Process(self.pid).status() != psutil.STATUS_STOPPED:
            assert time.monotonic() < deadline, "the server does not stop"
            time.sleep(0.005)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def restart(self) -> None:
        """Kill it and start it again on the same port."""
        self.kill()
        self.start()


def listens(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def free_port() -> int:
    """A loopback port on which nobody listens."""
    while True:
        port = secrets.choice(FREE_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
