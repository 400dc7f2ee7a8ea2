"""When the frames of a live camera were taken, by the times that its events go by."""

from bisect import bisect_right

from pipeline.clock import SECOND
from pipeline.errors import SourceError

STEP_NS = SECOND // 1000
"""Time goes on at least so much from one frame to the next."""
SET_NS = 2 * SECOND
"""A wall clock that moves further than this against media time was set."""
MOST_CHANGES = 4096


class Timeline:
    """UTC of frames, strictly rising, and from media time to it.

    The wall time of frames is media time and an offset, which changes a little as capture learns how late they come.
    What is remembered are the changes.
    """

    def __init__(self) -> None:
        self._media_ns: list[int] = []
        self._at_ns: list[int] = []
        self._last: tuple[int, int] | None = None

    def begin(self) -> None:
        """What comes next is another stream; what was said before stays known."""
        self._last = None

    def stamp(self, media_ns: int, wall_ns: int) -> int:
        """UTC in ns of the next frame. Raises ``SourceError`` if the clock was set meanwhile."""
        if self._last is not None:
            before_ns, at_ns = self._last
            if abs((wall_ns - at_ns) - (media_ns - before_ns)) > SET_NS:
                raise SourceError("the clock of this machine was set")
            wall_ns = max(wall_ns, at_ns + STEP_NS)
        self._last = media_ns, wall_ns
        return wall_ns

    def note(self, media_ns: int, at_ns: int) -> None:
        """Remember when a frame was taken."""
        if self._media_ns and at_ns - media_ns == self._at_ns[-1] - self._media_ns[-1]:
            return
        self._media_ns.append(media_ns)
        self._at_ns.append(at_ns)
        del self._media_ns[:-MOST_CHANGES], self._at_ns[:-MOST_CHANGES]

    def at(self, media_ns: int) -> int | None:
        """UTC in ns of this media time; None for what was before all that is remembered."""
        place = bisect_right(self._media_ns, media_ns) - 1
        return None if place < 0 else self._at_ns[place] + media_ns - self._media_ns[place]
