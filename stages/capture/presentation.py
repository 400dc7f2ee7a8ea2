"""When each picture of one opening is to be shown: what the decoder says, checked."""

from pipeline.clock import SECOND

_MOST_NS = 10 * 365 * 86400 * SECOND
_USUAL_RATE = 25.0


class PresentationTimes:
    """Takes the decoder's times and gives out those to be believed.

    A picture of a stream without a sensible time has none (``None``): the time it came must do. A picture of a
    recording follows the one before it by the nominal frame period, so that the same file always has the same times.
    Repeated and backward times pass: only the camera's session clock can tell what they mean.
    """

    def __init__(self, *, recording: bool, rate: float) -> None:
        self._recording = recording
        self._period_ns = round(SECOND / (rate if 0 < rate <= 1000 else _USUAL_RATE))
        self.last_ns: int | None = None
        """Of the newest picture that had one."""

    def next(self, stated_ns: int | None) -> int | None:
        """The time of the next picture, from what was stated for it."""
        if stated_ns is not None and not 0 <= stated_ns < _MOST_NS:
            stated_ns = None
        if stated_ns is None and self._recording:
            stated_ns = 0 if self.last_ns is None else self.last_ns + self._period_ns
        if stated_ns is not None:
            self.last_ns = stated_ns
        return stated_ns
