"""Media time of one camera: strictly increasing, from presentation times (PTS) within a session only.

Between sessions (the source was opened again, or a live stream's PTS jumped) a live camera goes on by this machine's
monotonic clock, and a recording by its usual step. PTS of different sessions are never compared.
"""

from collections import deque
from dataclasses import dataclass
from statistics import median_low

from pipeline.clock import SECOND

JUMP_NS = SECOND
"""A live stream whose PTS moves further than this at once begins a new session (unless it is that slow)."""
_STEP_NS = SECOND // 1000
"""Time given to a frame whose PTS repeats or falls back a little."""
_PATIENCE = 8
"""So many frames may fall back (B-frames at the start of a stream) before the PTS is taken as begun anew."""
_FILE_JUMP_NS = 24 * 3600 * SECOND
"""A recording's PTS may jump this far (time lapse, recording by motion); beyond it is damage."""
_NOMINAL_NS = SECOND // 25


@dataclass(frozen=True, slots=True)
class Stamp:
    """The session and media time of one frame."""

    session: int
    media_ns: int


class SessionClock:
    """Turns presentation and arrival times of one camera's frames, in order, into media times."""

    def __init__(self, *, live: bool, nominal_ns: int = _NOMINAL_NS) -> None:
        self._live = live
        self._session = -1
        self._media_ns = -1
        self._arrived_ns: int | None = None
        self._offset_ns: int | None = None
        self._first = True
        self._fallen_back = 0
        self._nominal_ns = nominal_ns
        self._steps: deque[int] = deque(maxlen=9)

    @property
    def session(self) -> int:
        """The session of the latest frame, or the one that begins with the next."""
        return self._session

    @property
    def interval_ns(self) -> int:
        """The usual time between two frames: the median of the latest steps."""
        return median_low(self._steps) if self._steps else self._nominal_ns

    def open(self, *, session: int, last_media_ns: int, opened_ns: int) -> None:
        """The source was opened: a new session, later than any before it and than ``last_media_ns`` (-1: none).

        ``opened_ns`` stands in for the arrival of a last frame that another process saw.
        """
        self._session = max(session, self._session + 1)
        if last_media_ns > self._media_ns:
            self._media_ns, self._arrived_ns = last_media_ns, opened_ns
        self._offset_ns = None
        self._first = True
        self._fallen_back = 0

    def stamp(self, *, pts_ns: int | None, arrived_ns: int) -> Stamp:
        """The next frame's session and media time; ``arrived_ns`` is the monotonic clock now (unused for files)."""
        media_ns = self._next(pts_ns, arrived_ns)
        if self._media_ns >= 0 and not self._first:
            self._steps.append(media_ns - self._media_ns)
        self._media_ns, self._arrived_ns, self._first = media_ns, arrived_ns, False
        return Stamp(self._session, media_ns)

    def _next(self, pts_ns: int | None, arrived_ns: int) -> int:
        if pts_ns is None:
            return self._elapsed(arrived_ns)
        if self._first or self._offset_ns is None:
            return self._anchor(pts_ns, arrived_ns)
        media_ns = pts_ns + self._offset_ns
        step = media_ns - self._media_ns
        if step > self._farthest() or step < -JUMP_NS:
            if self._live:
                self._session += 1
            return self._anchor(pts_ns, arrived_ns)
        if step > 0:
            self._fallen_back = 0
            return media_ns
        self._fallen_back += 1
        if self._fallen_back > _PATIENCE:
            return self._anchor(pts_ns, arrived_ns)
        return self._media_ns + _STEP_NS

    def _anchor(self, pts_ns: int, arrived_ns: int) -> int:
        """Tie this PTS to the media time that has come by other means; later ones are counted from it."""
        media_ns = self._elapsed(arrived_ns)
        self._offset_ns = media_ns - pts_ns
        return media_ns

    def _elapsed(self, arrived_ns: int) -> int:
        if self._media_ns < 0:
            return 0
        if not self._live or self._arrived_ns is None:
            return self._media_ns + self.interval_ns
        return self._media_ns + max(_STEP_NS, arrived_ns - self._arrived_ns)

    def _farthest(self) -> int:
        return max(JUMP_NS, 3 * self.interval_ns) if self._live else _FILE_JUMP_NS
