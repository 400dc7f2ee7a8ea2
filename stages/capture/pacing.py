"""A recording at the speed it was recorded at, as if it were a camera."""

import time

from pipeline.clock import SECOND, Clock
from pipeline.stage import Grab, Picture, Source


class PacedSource:
    """Fulfils ``Source`` by holding each picture of another one back until its time has come."""

    live = True

    def __init__(self, source: Source, clock: Clock, *, longest_wait_s: float) -> None:
        self._source = source
        self._clock = clock
        self._longest_ns = round(longest_wait_s * SECOND)
        self._ahead_ns: int | None = None
        """Monotonic clock minus presentation time at the first picture."""
        self.frames: int | None = None

    def open(self) -> None:
        """Open the other source; its first picture is due at once."""
        self._ahead_ns = None
        self._source.open()
        self.frames = self._source.frames

    def read(self, canvas: Picture | None) -> Grab:
        """The next picture, not before its time. A reader that is late gets what is overdue at once."""
        grab = self._source.read(canvas)
        if grab.pts_ns is None:
            return grab
        now_ns = self._clock.monotonic_ns()
        if self._ahead_ns is None:
            self._ahead_ns = now_ns - grab.pts_ns
        wait_ns = grab.pts_ns + self._ahead_ns - now_ns
        if abs(wait_ns) > self._longest_ns:
            wait_ns = 0
            self._ahead_ns = now_ns - grab.pts_ns
        time.sleep(max(0, wait_ns) / SECOND)
        return grab

    def close(self) -> None:
        """Close the other source."""
        self._source.close()
