"""Wall time of a live camera's frames: this machine's UTC, freed from the jitter of arrival."""

from collections import deque
from dataclasses import dataclass

from pipeline.clock import SECOND

WINDOW_NS = 60 * SECOND
"""The least delay within this time is taken as the true one."""
PLAUSIBLE_NS = 2 * SECOND
"""A camera's own clock is believed if it differs from ours by no more."""
_SPAN_NS = 5 * SECOND
_STEPPED_NS = SECOND


@dataclass(frozen=True, slots=True)
class WallTime:
    """UTC of a frame in ns, and by how much the camera's own clock differs where that is too much to believe."""

    wall_ns: int
    drift_ns: int | None = None


class WallClock:
    """Adds to media time the least difference between wall time at arrival and media time, over about a minute.

    Frames come late (buffers, a burst after a stall) but never early, so the minimum is the best witness.
    """

    def __init__(self) -> None:
        self._lows: deque[tuple[int, int]] = deque()
        self._behind_ns: int | None = None

    def reset(self) -> None:
        """A new session has begun: earlier differences say nothing about it."""
        self._lows.clear()
        self._behind_ns = None

    def stamp(self, *, media_ns: int, arrived_ns: int, now_ns: int, camera_ns: int | None) -> WallTime:
        """Wall time of a frame that arrived at ``arrived_ns`` (monotonic), which is ``now_ns`` (UTC)."""
        behind_ns = now_ns - arrived_ns
        if self._behind_ns is not None and abs(behind_ns - self._behind_ns) > _STEPPED_NS:
            self._lows.clear()
        self._behind_ns = behind_ns
        wall_ns = media_ns + self._lowest(arrived_ns, now_ns - media_ns)
        if camera_ns is None:
            return WallTime(wall_ns)
        drift_ns = camera_ns - wall_ns
        return WallTime(camera_ns) if abs(drift_ns) <= PLAUSIBLE_NS else WallTime(wall_ns, drift_ns)

    def _lowest(self, arrived_ns: int, offset_ns: int) -> int:
        span = arrived_ns // _SPAN_NS
        while self._lows and (span - self._lows[0][0]) * _SPAN_NS >= WINDOW_NS:
            self._lows.popleft()
        if self._lows and self._lows[-1][0] == span:
            self._lows[-1] = (span, min(offset_ns, self._lows[-1][1]))
        else:
            self._lows.append((span, offset_ns))
        return min(low for _, low in self._lows)
