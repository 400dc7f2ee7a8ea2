"""Pictures into the canvas of a flight, by several hands where there are several pictures."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from pipeline.stage import Picture
from stages.detect.engine import Canvas
from stages.detect.letterbox import Letterbox


class Drawing:
    """A GPU eats thousands of pictures a second, and resizing one takes a core a third of a millisecond: the pictures
    of a batch are shared out among threads. cv2 lets go of the interpreter while it works."""

    def __init__(self, *, threads: int, batch: int) -> None:
        import cv2

        self._threads = min(threads, batch)
        cv2.setNumThreads(threads if batch == 1 else 1)  # cv2 would take every core for each resize
        self._helpers = ThreadPoolExecutor(self._threads - 1, "drawing") if self._threads > 1 else None

    def draw(self, canvas: Canvas, letterboxes: Sequence[Letterbox], pictures: Sequence[Picture]) -> None:
        """Each picture into its place of ``canvas``. Raises ``ValueError`` for one that is of another kind."""
        hands = min(self._threads, len(pictures))

        def share(first: int) -> None:
            for number in range(first, len(pictures), hands):
                letterboxes[number].draw(pictures[number], canvas[number])

        if hands == 1 or self._helpers is None:
            share(0)
            return
        others = [self._helpers.submit(share, first) for first in range(1, hands)]
        try:
            share(0)
        finally:
            faults = [fault for other in others if (fault := other.exception())]
        if faults:
            raise faults[0]
