"""Decoding a recording again, masks applied, for whoever came too late for the slot: it gives the same pictures."""

from collections.abc import Callable, Collection

from pipeline.stage import Capture, Picture


class Replay:
    """One recording, read forward as long as that will do, from its beginning where a frame lies behind."""

    FRAMES = 8

    def __init__(self, make: Callable[[], Capture]) -> None:
        """``make``: builds the camera's capture stage."""
        self._make = make
        self._capture: Capture | None = None
        self._next = 0

    def step(self, wanted: Collection[int]) -> tuple[int, Picture] | None:
        """Decode a few frames; the first of ``wanted`` (indexes) among them with its picture, which is valid until
        the next step. Raises ``SourceError``."""
        if not wanted:
            return None
        if self._capture is None or min(wanted) < self._next:
            self.close()
            self._capture = self._make()
            self._capture.open(session=0, next_index=0, last_media_ns=-1)
            self._next = 0
        for _ in range(self.FRAMES):
            captured = self._capture.capture(None)
            self._next = captured.frame.index + 1
            if captured.frame.index in wanted:
                return captured.frame.index, captured.pixels
        return None

    def close(self) -> None:
        """Close the recording; safe to call twice."""
        if self._capture is not None:
            self._capture.close()
            self._capture = None
