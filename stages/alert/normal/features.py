"""What is looked at of each object, and in which units."""

import numpy as np
import numpy.typing as npt

from stages.alert.normal.flow_field import Boxes, Floats
from stages.alert.normal.observed import Observed

_SPEED = "px/s of a picture with a longer side of 360"
UNITS = {
    "speed": _SPEED,
    "size": "share of the picture, root of the area",
    "class": "share of normal objects there",
    "window": _SPEED,
    "object": "sum of -ln p of the parts",
}
OBJECT = ("speed", "size")
"""Magnitudes of an object, each measured against its scale."""
FAST = 0.8
"""An object's speed is what a fifth of the cells in its box are faster than: boxes hold background too."""


def magnitudes(observed: Observed) -> dict[str, Floats]:
    """float64 (n,) for each feature of ``OBJECT`` that can be told of this frame."""
    box = observed.box
    found = {"size": np.sqrt((box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]))}
    if (flow := observed.flow) is not None:
        found["speed"] = flow.quantile(box, FAST)
    return {name: found[name] for name in OBJECT if name in found}


def feet(box: Boxes) -> npt.NDArray[np.float64]:
    """float64 (n,): the row where each object stands."""
    return np.asarray(box[:, 3])
