"""Whether a camera sees well: cheap numbers of each picture, against which a rule keeps its baselines.

The whole picture's light and sharpness come from every eighth row. How the view lies against what it usually is comes
from a small picture of gradients, a few times a second: light that is switched on leaves gradients where they were.
The shift is that of the peak of phase correlation (Kuglin and Hines, 1975), with its response.
"""

from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.clock import SECOND
from pipeline.stage import Picture, Plane

if TYPE_CHECKING:
    from stages.capture.options import CameraOptions

ROWS = 8
"""Every so many rows are read."""
DARK, BRIGHT = 16, 250
"""Grey levels up to and from which nothing is seen of a place."""
NEAR_EXACT = 0.02
"""Mean change in grey levels up to which a picture repeats the one before."""
VIEW = (128, 72)
"""Columns and rows of the picture of gradients."""
VIEW_NS = SECOND // 2
"""Time between two looks at the view; in between the last answer holds."""
_BLOCKS = (4, 4)
_TEXTURE = 10.0
"""Deviation of the gradients of a block from which on it can be known again."""
_KEPT = 0.35
"""Correlation of a block's gradients with the reference from which on it is the same."""
_FOLLOW_S = 30.0
"""Time constant of the reference."""
_SETTLED_NS = 60 * SECOND
"""A view that differs for this long is the usual one from then on."""
_MOVED = 0.02

Floats = npt.NDArray[np.float32]


class HealthMeter:
    """Fulfils ``Measurement`` under the name ``health``. It says, of each picture in grey levels:

    ``mean`` and ``spread`` (standard deviation); ``dark`` and ``bright``, the shares that show nothing; ``fine`` and
    ``coarse``, root mean square of the change between columns 2 and 16 apart (defocus takes the fine, a cover both);
    ``noise``, mean change since the picture before; ``same_s``, for how long the picture has been repeated exactly or
    nearly; ``shift``, how far the view lies from the reference, ``[x, y]`` in shares of the picture, with
    ``response``, 0 to 1, how clear that is; ``kept``, share of the blocks with texture that are as in the reference,
    None where no block has any; ``usual_s``, the age of the reference.
    """

    def __init__(self, options: "CameraOptions") -> None:
        """``options`` are not needed."""
        import cv2

        self._cv: Any = cv2
        self._window: Floats = cv2.createHanningWindow(VIEW, cv2.CV_32F)  # type: ignore[assignment]  # loosely typed
        self._reference: Floats | None = None
        self._size: tuple[int, ...] = ()
        self.reset()

    def reset(self) -> None:
        """The stream was opened again: the view should be what it was, the picture before is none."""
        self._before: Plane | None = None
        self._changed_ns = 0
        self._viewed_ns: int | None = None
        self._odd_ns: int | None = None
        self._view: dict[str, Any] = {}

    def measure(self, pixels: Picture, media_ns: int) -> dict[str, Any]:
        """Take in the next picture."""
        if pixels.shape != self._size:
            self._reference, self._size = None, pixels.shape
            self.reset()
        rows = np.ascontiguousarray(pixels[::ROWS, :, 1])
        said = self._light(rows) | self._change(rows, media_ns)
        if self._viewed_ns is None or media_ns - self._viewed_ns >= VIEW_NS:
            self._view = self._look(pixels, media_ns)
            self._viewed_ns = media_ns
        return said | self._view

    def _light(self, rows: Plane) -> dict[str, Any]:
        cv = self._cv
        mean, spread = (float(value[0, 0]) for value in cv.meanStdDev(rows))
        counts = np.ravel(cv.calcHist([rows], [0], None, [256], [0, 256]))
        total = float(rows.size)
        return {
            "mean": round(mean, 2),
            "spread": round(spread, 2),
            "dark": round(float(counts[: DARK + 1].sum()) / total, 4),
            "bright": round(float(counts[BRIGHT:].sum()) / total, 4),
            "fine": round(self._apart(rows, 2), 3),
            "coarse": round(self._apart(rows, 16), 3),
        }

    def _apart(self, rows: Plane, columns: int) -> float:
        """Root of the mean square of the change between columns that are so far apart: a blurred edge changes by as
        much, but more slowly."""
        if rows.shape[1] <= columns:
            return 0.0
        return float(self._cv.norm(rows[:, columns:], rows[:, :-columns], self._cv.NORM_L2)) / sqrt(rows.size)

    def _change(self, rows: Plane, media_ns: int) -> dict[str, Any]:
        cv = self._cv
        before, self._before = self._before, rows
        if before is None:
            self._changed_ns = media_ns
            return {"noise": 0.0, "same_s": 0.0}
        change = cv.absdiff(rows, before)
        mean = float(cv.mean(change)[0])
        if mean > NEAR_EXACT:
            self._changed_ns = media_ns
        same_s = (media_ns - self._changed_ns) / SECOND
        return {"noise": round(mean, 3), "same_s": round(same_s, 3)}

    def _look(self, pixels: Picture, media_ns: int) -> dict[str, Any]:
        now = self._gradients(pixels)
        if self._reference is None:
            self._reference, self._since_ns = now.copy(), media_ns
        reference = self._reference
        # it writes the window into what it is given (opencv 5.0)
        (x, y), response = self._cv.phaseCorrelate(reference.copy(), now.copy(), self._window)
        kept = self._same_blocks(reference, now)
        shift = (x / VIEW[0], y / VIEW[1])
        odd = (response > 0.1 and max(abs(shift[0]), abs(shift[1])) > _MOVED) or (kept is not None and kept < 0.5)
        self._follow(reference, now, media_ns, odd=odd)
        return {
            "shift": [round(float(x) / VIEW[0], 4), round(float(y) / VIEW[1], 4)],
            "response": round(float(response), 4),
            "kept": None if kept is None else round(kept, 3),
            "usual_s": round((media_ns - self._since_ns) / SECOND, 3),
        }

    def _gradients(self, pixels: Picture) -> Floats:
        cv = self._cv
        step = max(1, pixels.shape[0] // 360)
        small = cv.resize(pixels[::step, ::step, 1], VIEW, interpolation=cv.INTER_AREA)
        aside, down = cv.Sobel(small, cv.CV_32F, 1, 0), cv.Sobel(small, cv.CV_32F, 0, 1)
        gradients: Floats = cv.magnitude(aside, down)
        return gradients

    def _same_blocks(self, reference: Floats, now: Floats) -> float | None:
        high, wide = VIEW[1] // _BLOCKS[1], VIEW[0] // _BLOCKS[0]
        cut = [
            each.reshape(_BLOCKS[1], high, _BLOCKS[0], wide).swapaxes(1, 2).reshape(-1, high * wide)
            for each in (reference, now)
        ]
        before, after = (each - each.mean(axis=1, keepdims=True) for each in cut)
        spreads = before.std(axis=1), after.std(axis=1)
        known = spreads[0] > _TEXTURE
        if not known.any():
            return None
        alike = (before * after).mean(axis=1) / (np.maximum(spreads[0], 1e-6) * np.maximum(spreads[1], 1e-6))
        return float((alike[known] > _KEPT).mean())

    def _follow(self, reference: Floats, now: Floats, media_ns: int, *, odd: bool) -> None:
        if not odd:
            self._odd_ns = None
            elapsed_s = 0.0 if self._viewed_ns is None else (media_ns - self._viewed_ns) / SECOND
            rate = -np.expm1(-min(elapsed_s, 1.0) / _FOLLOW_S)
            self._cv.accumulateWeighted(now, reference, float(rate))
            return
        if self._odd_ns is None:
            self._odd_ns = media_ns
        if media_ns - self._odd_ns >= _SETTLED_NS:
            self._reference, self._since_ns, self._odd_ns = now.copy(), media_ns, None
