"""What is looked at: of each object, and of the whole picture without knowing any object."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stages.alert.normal.flow_field import Boxes, Floats, FlowField
from stages.alert.normal.observed import Observed
from stages.alert.normal.scale import Scale

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
WINDOW_ROWS, WINDOW_COLUMNS = 5, 4
"""Cells of the window that motion is looked for in: as large as a person at some distance."""


def magnitudes(observed: Observed) -> dict[str, Floats]:
    """float64 (n,) for each feature of ``OBJECT`` that can be told of this frame."""
    box = observed.box
    found = {"size": np.sqrt((box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]))}
    if observed.flow is not None:
        found["speed"] = observed.flow.quantile(box, FAST)
    return {name: found[name] for name in OBJECT if name in found}


@dataclass(frozen=True, slots=True)
class Windows:
    """The mean speed of every window of a frame."""

    speed: Floats
    """float64 (rows, columns)."""
    foot: Floats
    """float64 (rows,): lower edge of the windows of a row, as a share of the picture's height."""
    span: tuple[float, float]
    size: tuple[int, int]
    """Rows and columns of cells in a window."""

    @classmethod
    def of(cls, flow: FlowField) -> "Windows":
        """All windows of a field."""
        speed = flow.windows(WINDOW_ROWS, WINDOW_COLUMNS)
        rows = flow.speed.shape[0] - speed.shape[0] + 1
        columns = flow.speed.shape[1] - speed.shape[1] + 1
        foot = np.minimum((np.arange(speed.shape[0]) + rows) / flow.span[1], 1.0)
        return cls(speed, foot, flow.span, (rows, columns))

    def largest(self, scale: Scale) -> tuple[float, float, tuple[float, float, float, float]]:
        """The window that is fastest for its row: its speed, that over the scale, and its box as shares."""
        ratio = self.speed / scale.at(self.foot)[:, None]
        row, column = divmod(int(ratio.argmax()), ratio.shape[1])
        wide, high = self.span
        sides = (column / wide, row / high, (column + self.size[1]) / wide, (row + self.size[0]) / high)
        left, top, right, bottom = (min(side, 1.0) for side in sides)
        return float(self.speed[row, column]), float(ratio[row, column]), (left, top, right, bottom)


def feet(box: Boxes) -> npt.NDArray[np.float64]:
    """float64 (n,): the row where each object stands."""
    return np.asarray(box[:, 3])
