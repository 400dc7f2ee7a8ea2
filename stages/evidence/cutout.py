"""The part of a picture that shows the object: cut out, and judged."""

import numpy as np

from pipeline.stage import Picture

_MARGIN = 0.15
"""Ground around the object on each side, as a share of its size."""
_HEIGHT_PX = 128
"""Boxes are brought to this height before they are judged, so that near and far ones can be compared."""


def cut_out(pixels: Picture, box: tuple[float, float, float, float], margin: float = _MARGIN) -> Picture:
    """What lies in a box and around it, at least one pixel; a view of ``pixels``, uint8 (h, w, 3)."""
    height, width = pixels.shape[:2]
    wide, high = (box[2] - box[0]) * margin, (box[3] - box[1]) * margin
    x1, y1 = min(max(int(box[0] - wide), 0), width - 1), min(max(int(box[1] - high), 0), height - 1)
    x2, y2 = max(min(int(box[2] + wide) + 1, width), x1 + 1), max(min(int(box[3] + high) + 1, height), y1 + 1)
    return pixels[y1:y2, x1:x2]


def sharpness(pixels: Picture, box: tuple[float, float, float, float]) -> float:
    """Standard deviation of the Laplacian of the grey picture in a box, at 128 pixels of height.

    After J. L. Pech-Pacheco and others, Diatom autofocusing in brightfield microscopy, ICPR 2000.
    """
    import cv2

    part = cut_out(pixels, box, 0.0)
    wide = max(round(part.shape[1] * _HEIGHT_PX / part.shape[0]), 3)
    shrinks = part.shape[0] > _HEIGHT_PX
    even = cv2.resize(part, (wide, _HEIGHT_PX), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return float(np.std(cv2.Laplacian(cv2.cvtColor(even, cv2.COLOR_BGR2GRAY), cv2.CV_32F)))
