"""Signals, and the only place that knows them: SIGINT and SIGTERM become a request that a loop looks at."""

import contextlib
import signal
import socket
from types import FrameType
from typing import Self


class Shutdown:
    """Counts requests to stop: the first asks for a drain, the second for an end at once.

    Used as a context manager by the one process that owns the terminal. ``fileno`` becomes readable with the first
    request, so that a waiting loop wakes up.
    """

    def __init__(self) -> None:
        self.requests = 0
        self._ours, self._theirs = socket.socketpair()
        self._theirs.setblocking(False)
        self._before: dict[int, object] = {}

    def fileno(self) -> int:
        """For polling."""
        return self._ours.fileno()

    @property
    def asked(self) -> bool:
        """Somebody wants this to stop."""
        return self.requests > 0

    @property
    def urgent(self) -> bool:
        """Somebody wants this to stop at once."""
        return self.requests > 1

    def request(self) -> None:
        """Ask from within the program."""
        self.requests += 1
        with contextlib.suppress(BlockingIOError):  # full: it wakes up anyway
            self._theirs.send(b"\0")

    def drain(self) -> None:
        """Forget the wake-ups that were seen."""
        self._ours.setblocking(False)
        try:
            self._ours.recv(64)
        except BlockingIOError:
            return

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._on_signal)
        signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal gave is what it takes
        self._ours.close()
        self._theirs.close()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.requests += 1
