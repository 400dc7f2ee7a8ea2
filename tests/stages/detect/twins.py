"""Boxes of two runtimes that mean the same thing.

Sums in another order differ in the last digits, so with random weights a few boxes at the edge of a threshold come and
go, and neighbours in the order swap places. Real differences touch many boxes.
"""

import numpy as np
import numpy.typing as npt

from pipeline.detections import Detections


def twins(left: Detections, right: Detections) -> npt.NDArray[np.bool_]:
    """Which boxes are within a pixel and 0.01 of confidence and of one class: bool (n, m)."""
    near: npt.NDArray[np.bool_] = np.abs(left.xyxy[:, None] - right.xyxy[None]).max(axis=2) < 1
    near &= np.abs(left.confidence[:, None] - right.confidence[None]) < 0.01
    near &= left.class_id[:, None] == right.class_id[None]
    return near


def agree(left: Detections, right: Detections) -> float:
    """The share of boxes that have a twin, of the side where it is smaller; of no boxes and no boxes 1."""
    if not len(left) or not len(right):
        return float(len(left) == len(right))
    near = twins(left, right)
    return float(min(near.any(axis=1).mean(), near.any(axis=0).mean()))
