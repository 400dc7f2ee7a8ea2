"""Privacy masks: parts of the picture that are black before anything else sees the frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.stage import Picture

Polygon = Sequence[tuple[float, float]]
"""Corners as shares of the picture's width and height, 0 to 1."""


@dataclass(frozen=True, slots=True)
class _Patch:
    rows: slice
    columns: slice
    keep: npt.NDArray[np.uint8] | None
    """uint8 (h, w, 3): 0 where black, 255 elsewhere; None where the whole rectangle is black."""


class PrivacyMasks:
    """Polygons of one camera; rasterised once for each size of picture, edges included."""

    def __init__(self, polygons: Sequence[Polygon]) -> None:
        import cv2

        self._cv: Any = cv2
        self._polygons = [np.asarray(polygon, np.float64) for polygon in polygons]
        self._size: tuple[int, int] | None = None
        self._patches: list[_Patch] = []

    def paint(self, pixels: Picture) -> None:
        """Blacken the masked parts, in place."""
        if not self._polygons:
            return
        size = (pixels.shape[0], pixels.shape[1])
        if size != self._size:
            self._patches = [patch for polygon in self._polygons for patch in self._rasterise(polygon, size)]
            self._size = size
        for patch in self._patches:
            part = pixels[patch.rows, patch.columns]
            if patch.keep is None:
                part[...] = 0
            else:
                np.bitwise_and(part, patch.keep, out=part)

    def _rasterise(self, polygon: npt.NDArray[np.float64], size: tuple[int, int]) -> list[_Patch]:
        height, width = size
        corners = np.rint(polygon * [width, height]).astype(np.int32)
        drawn = np.zeros(size, np.uint8)
        self._cv.fillPoly(drawn, [corners], 255)
        # one pixel more on each side: decoders smear colour across that much
        drawn = self._cv.dilate(drawn, np.ones((3, 3), np.uint8))
        left, top, wide, high = self._cv.boundingRect(drawn)
        if not wide:
            return []
        rows, columns = slice(top, top + high), slice(left, left + wide)
        part = drawn[rows, columns]
        keep = None if part.all() else np.repeat((255 - part)[..., None], 3, axis=2)
        return [_Patch(rows, columns, keep)]
