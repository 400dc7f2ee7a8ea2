"""Wall time of a live camera's frames: this machine's UTC, freed from the jitter of arrival."""

from collections import deque
from dataclasses import dataclass

from pipeline.clock import SECOND

WINDOW_NS = 60 * SECOND
"""The least delay within this time is taken as the true one."""
PLAUSIBLE_NS = 2 * SECOND
"""A camera's own clock is believed as it is if it differs from ours by no more."""
CLOSE_NS = SECOND // 2
"""What a clock that is set right here is ahead is kept while it differs by no more from what a whole minute says."""
SETTLED_NS = 5 * SECOND
"""After so long a burst of old frames, which many servers begin with, is over."""
BURST_NS = 30 * SECOND
"""Until then frames may be so late."""
_SPAN_NS = 5 * SECOND
_STEPPED_NS = SECOND


@dataclass(frozen=True, slots=True)
class WallTime:
    """UTC of a frame in ns."""

    wall_ns: int
    drift_ns: int | None = None
    """By how much the camera's own clock differs, where that is too much to take it as it is."""
    ahead_ns: int | None = None
    """What was taken off the camera's own clock; None: it goes by when it came."""


class WallClock:
    """Adds to media time the least difference between wall time at arrival and media time, over about a minute.

    Frames come late (buffers, a burst after a stall) but never early, so the minimum is the best witness. Where a
    camera tells its own time, that is better still: it does not depend on the way. Its clock may be wrong by years, yet
    it goes nearly as evenly as any; so what it is ahead is found out by arrival, and kept until that is half a second
    off.
    """

    def __init__(self) -> None:
        self.known_ns: int | None = None
        """By how much the camera's clock is ahead of the times given by it; None: unknown. May be set to what was known
        before."""
        self._lows: deque[tuple[int, int]] = deque()
        self._behind_ns: int | None = None
        self._began_ns: int | None = None

    def reset(self) -> None:
        """A new session has begun: earlier differences say nothing about it. The camera's clock goes on."""
        self._lows.clear()
        self._behind_ns = self._began_ns = None

    def stamp(self, *, media_ns: int, arrived_ns: int, now_ns: int, camera_ns: int | None) -> WallTime:
        """Wall time of a frame that arrived at ``arrived_ns`` (monotonic), which is ``now_ns`` (UTC)."""
        wall_ns = self._by_arrival(media_ns, arrived_ns, now_ns)
        if camera_ns is None:
            return WallTime(wall_ns)
        drift_ns = camera_ns - wall_ns
        assert self._began_ns is not None  # something has arrived
        self.known_ns = _agreed(self.known_ns, drift_ns, arrived_ns - self._began_ns)
        told_ns = drift_ns if abs(drift_ns) > PLAUSIBLE_NS else None
        if self.known_ns is None:
            return WallTime(wall_ns, told_ns)
        return WallTime(camera_ns - self.known_ns, told_ns, self.known_ns)

    def follow(
        self, *, media_ns: int, arrived_ns: int, now_ns: int, camera_ns: int | None, ahead_ns: int | None
    ) -> WallTime:
        """The same for another stream of the camera, to which the difference that was found for the first applies:
        pictures of one moment then get one time, however long each stream takes."""
        wall_ns = self._by_arrival(media_ns, arrived_ns, now_ns)
        if camera_ns is None or ahead_ns is None or abs(camera_ns - ahead_ns - wall_ns) > PLAUSIBLE_NS:
            return WallTime(wall_ns)
        return WallTime(camera_ns - ahead_ns, ahead_ns=ahead_ns)

    def _by_arrival(self, media_ns: int, arrived_ns: int, now_ns: int) -> int:
        if self._began_ns is None:
            self._began_ns = arrived_ns
        behind_ns = now_ns - arrived_ns
        if self._behind_ns is not None and abs(behind_ns - self._behind_ns) > _STEPPED_NS:
            self._lows.clear()
        self._behind_ns = behind_ns
        return media_ns + self._lowest(arrived_ns, now_ns - media_ns)

    def _lowest(self, arrived_ns: int, offset_ns: int) -> int:
        span = arrived_ns // _SPAN_NS
        while self._lows and (span - self._lows[0][0]) * _SPAN_NS >= WINDOW_NS:
            self._lows.popleft()
        if self._lows and self._lows[-1][0] == span:
            self._lows[-1] = (span, min(offset_ns, self._lows[-1][1]))
        else:
            self._lows.append((span, offset_ns))
        return min(low for _, low in self._lows)


def _agreed(known_ns: int | None, drift_ns: int, since_ns: int) -> int | None:
    """What to take off the camera's clock, which is ahead of arrival by ``drift_ns``, ``since_ns`` into a session."""
    if known_ns is not None:
        is_sure = known_ns != 0 and since_ns >= WINDOW_NS
        off_ns = abs(drift_ns - known_ns)
        if off_ns <= (CLOSE_NS if is_sure else PLAUSIBLE_NS) or (since_ns < SETTLED_NS and off_ns <= BURST_NS):
            return known_ns
    if abs(drift_ns) <= PLAUSIBLE_NS:
        return 0
    return drift_ns if since_ns >= SETTLED_NS else None
