"""A source that needs no camera: the test pattern, with faults on request."""

import time

from pipeline.clock import Clock
from pipeline.errors import SourceEnded, SourceError, SourceStalled
from pipeline.stage import Grab, Picture
from stages.capture.options import CameraOptions
from stages.capture.pattern import Pattern


class SyntheticSource:
    """Fulfils ``Source`` with the frames of a ``Pattern``, as fast as they are read."""

    Options = CameraOptions

    def __init__(self, options: CameraOptions, clock: Clock) -> None:
        self.pattern = Pattern.parse(options.source)
        self.live = options.live
        self.frames = self.pattern.frames
        self._name = options.source
        self._read_timeout_s = options.read_timeout_s
        self._next = 0

    def open(self) -> None:
        """Begin with frame 0."""
        self._next = 0

    def read(self, canvas: Picture | None) -> Grab:
        """Draw the next frame. Raises ``SourceEnded`` after the last one, and the errors the pattern asks for."""
        number, pattern = self._next, self.pattern
        if pattern.frames is not None and number >= pattern.frames:
            raise SourceEnded(f"{self._name}: over after {number} frames")
        self._next += 1
        if number in pattern.fail:
            raise SourceError(f"{self._name}: the connection broke at frame {number}, as asked")
        self._stall(pattern.stall.get(number, 0.0), number)
        return Grab(
            pattern.draw(number, canvas), pattern.media_ns(number), key_frame=True, corrupt=number in pattern.corrupt
        )

    def close(self) -> None:
        """Nothing to let go of."""

    def _stall(self, seconds: float, number: int) -> None:
        time.sleep(min(seconds, self._read_timeout_s))
        if seconds > self._read_timeout_s:
            raise SourceStalled(f"{self._name}: no frame within {self._read_timeout_s:g} s, at frame {number}")
