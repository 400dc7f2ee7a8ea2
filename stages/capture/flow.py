"""How fast the picture moves, where: a coarse grid of optical flow, for rules that learn what is normal.

Dense inverse search (Kroeger, Timofte, Dai and Van Gool 2016, in OpenCV's medium setting) between two grey pictures of
``SIDE`` pixels on their longer side. What is said is small: one speed for each cell, in one byte.
"""

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.clock import SECOND
from pipeline.stage import Picture, Plane

if TYPE_CHECKING:
    from stages.capture.options import CameraOptions

SIDE = 360
"""Longer side of the small picture, whatever the camera's: a speed means the same share of the view everywhere."""
LEAST = 32
"""Its shorter side is never less: the search needs room."""
CELL = 6
"""Side of a cell in pixels of the small picture."""
APART_NS = 66_000_000
"""Pictures nearer in time than this are not compared: what is learned at 10 pictures a second holds at 30."""
STILL = 4
"""Grey levels; a picture none of whose cells changed by as much, on average, stands still."""
LOW = 4.0
"""Speeds well below this are told in equal steps, of a tenth of a pixel a second; well above, in equal shares ..."""
STEPS = 40.0
"""... of one in so many. The fastest that can be told is 2300 pixels a second."""

Floats = npt.NDArray[np.float32]


class FlowGrid:
    """Fulfils ``Measurement``: a map with ``cells`` (rows, columns), ``span`` (width and height of the picture in
    cells), ``speed``, ``low`` and ``steps``.

    ``speed``: zlib of uint8 (rows, columns), for each cell the mean speed ``low * expm1(q / steps)``, in pixels a
    second of a picture whose longer side has 360. None until there are two pictures to compare. Between two
    comparisons the last one is said again.
    """

    def __init__(self, options: "CameraOptions") -> None:
        """``options`` of the camera are not needed."""
        import cv2

        self._cv: Any = cv2
        self._flow: Any = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # type: ignore[attr-defined]  # missing in cv2's stub
        self._before: Plane | None = None
        self._before_ns = 0
        self._said: dict[str, Any] | None = None

    def reset(self) -> None:
        """There is no picture before the next one."""
        self._before = self._said = None

    def measure(self, pixels: Picture, media_ns: int) -> dict[str, Any] | None:
        """The grid of the motion that led to this picture."""
        passed_ns = media_ns - self._before_ns
        if self._before is not None and passed_ns < APART_NS:
            return self._said
        now = self._small(pixels)
        before, self._before, self._before_ns = self._before, now, media_ns
        if before is None or before.shape != now.shape:
            self._said = None
        else:
            self._said = self._tell(self._search(before, now) * np.float32(SECOND / passed_ns))
        return self._said

    def _search(self, before: Plane, now: Plane) -> Floats:
        """Pixels that each pixel moved, float32 (height, width, 2); nothing is searched where nothing changed."""
        change = self._cv.blur(self._cv.absdiff(before, now), (CELL, CELL))
        if int(change.max()) < STILL:
            return np.zeros((*now.shape, 2), np.float32)
        flow: Floats = self._flow.calc(before, now, None)
        return flow

    def _small(self, pixels: Picture) -> Plane:
        height, width = pixels.shape[:2]
        share = SIDE / max(height, width)
        size = (max(LEAST, round(width * share)), max(LEAST, round(height * share)))
        grey = self._cv.cvtColor(pixels, self._cv.COLOR_BGR2GRAY)
        small: Plane = self._cv.resize(
            grey, size, interpolation=self._cv.INTER_AREA if share < 1 else self._cv.INTER_LINEAR
        )
        return small

    def _tell(self, flow: Floats) -> dict[str, Any]:
        """``flow``: float32 (height, width, 2), pixels a second."""
        height, width = flow.shape[:2]
        rows, columns = -(-height // CELL), -(-width // CELL)
        speed = _cells(np.hypot(flow[..., 0], flow[..., 1]), rows, columns)
        steps = np.clip(np.rint(np.log1p(speed / LOW) * STEPS), 0, 255).astype(np.uint8)
        return {
            "cells": [rows, columns],
            "span": [round(width / CELL, 3), round(height / CELL, 3)],
            "low": LOW,
            "steps": STEPS,
            "speed": zlib.compress(steps.tobytes(), 1),
        }


def _cells(values: Floats, rows: int, columns: int) -> Floats:
    """Mean of each cell, float32 (rows, columns); those at the right and lower edge may be smaller."""
    height, width = values.shape
    sums = np.add.reduceat(
        np.add.reduceat(values, np.arange(0, height, CELL), axis=0), np.arange(0, width, CELL), axis=1
    )
    high = np.minimum(CELL, height - CELL * np.arange(rows))
    wide = np.minimum(CELL, width - CELL * np.arange(columns))
    return np.asarray(sums / (high[:, None] * wide[None]), np.float32)
