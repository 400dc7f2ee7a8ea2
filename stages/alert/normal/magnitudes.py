"""How fast and how large each object looks."""

import numpy as np

from stages.alert.normal.flow_field import Boxes, Floats, FlowField
from stages.alert.normal.observed import Observed

MAGNITUDES = ("speed", "size")
"""Each is measured against its scale."""
SPEED = "px/s of a picture with a longer side of 360"
"""Unit of what moves."""
FAST = 0.8
"""Boxes hold background too."""


def magnitudes(observed: Observed) -> dict[str, Floats]:
    """float64 (n,) for each of ``MAGNITUDES`` that can be told of this frame."""
    sizes = {"size": size_of(observed.box)}
    return sizes if (flow := observed.flow) is None else {"speed": speed_of(observed.box, flow), **sizes}


def speed_of(box: Boxes, flow: FlowField) -> Floats:
    """float64 (n,): what a fifth of the cells in each box are faster than."""
    return flow.quantile(box, FAST)


def size_of(box: Boxes) -> Floats:
    """float64 (n,): root of the area of each box."""
    return np.asarray(np.sqrt((box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])))
