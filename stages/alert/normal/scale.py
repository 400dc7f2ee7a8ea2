"""How large things look, by how far down the picture they stand: the near is larger and faster than the far."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from stages.alert.normal.flow_field import Floats

BINS = 10
"""Groups of rows, each with as many samples."""
LEVEL = 0.9
"""What counts as large among the normal: this quantile."""
FLOOR = 0.25
"""No row's scale is less than this share of the middle one."""
EDGE = 0.01
"""This share of the normal things stood above, and below, the rows that count as seen."""
REACH = 0.25
"""Below them, nearer to the camera, the line goes on for this share of their span, and then level."""
FEW = 10
"""A group of fewer samples says nothing."""
CLEARLY = 0.5
"""A square is taken where it errs by less than this share of what a line errs by."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line over the row of the feet, or the square of one, held level far beyond the rows where normal
    things were seen.

    Before a camera that looks down on the ground, sizes and what moves across grow by a line from the horizon down;
    what moves along the depth by its square (Hartley and Zisserman 2004, homography of a plane).
    """

    intercept: float
    slope: float
    top: float
    """Rows (0 is the upper edge of the picture, 1 the lower) between which it slopes."""
    bottom: float
    least: float
    """The scale nowhere is below this."""
    power: int = 1
    """1: the line itself; 2: its square."""

    def at(self, rows: Floats) -> Floats:
        """float64 (n,): the scale of things whose feet are at ``rows``."""
        line = np.maximum(self.intercept + self.slope * np.clip(rows, self.top, self.bottom), 0.0)
        return np.asarray(np.maximum(line**self.power, self.least))

    @classmethod
    def fit(cls, rows: Floats, values: Floats) -> Self:
        """Through the upper quantiles of normal values, row by row. ``rows``, ``values``: float64 (n,)."""
        if not len(rows):
            return cls(1.0, 0.0, 0.0, 1.0, 1.0)
        groups = np.array_split(np.lexsort((values, rows)), max(1, min(BINS, len(rows) // FEW)))
        middles = np.array([rows[group].mean() for group in groups])
        large = np.array([np.quantile(values[group], LEVEL) for group in groups])
        usual = max(float(np.median(large)), 1e-6)
        top, bottom = np.quantile(rows, (EDGE, 1 - EDGE)).tolist()
        bottom = min(bottom + REACH * (bottom - top), 1.0)
        line, square = (cls(*_line(middles, large, power), top, bottom, FLOOR * usual, power) for power in (1, 2))
        told = np.maximum(large, FLOOR * usual)
        return square if square._error(middles, told) < CLEARLY * line._error(middles, told) else line

    def _error(self, rows: Floats, values: Floats) -> float:
        """Mean squared error in the logarithm: what is far counts as much as what is near."""
        return float(np.mean(np.log(values / self.at(rows)) ** 2))

    def array(self) -> Floats:
        """float64 (6,), for storing."""
        return np.array([self.intercept, self.slope, self.top, self.bottom, self.least, self.power])

    @classmethod
    def of(cls, array: Floats) -> Self:
        """From ``array()``, or from the five numbers of a line that earlier versions stored.

        Raises ``ValueError`` for what is none.
        """
        if array.shape not in ((5,), (6,)) or not np.isfinite(array).all():
            raise ValueError("a scale must be of six numbers")
        intercept, slope, top, bottom, least, power = [*array.tolist(), 1.0][:6]
        if not least > 0 or power not in (1, 2):
            raise ValueError("a scale must be of six numbers: the fifth, the least, above 0, the sixth 1 or 2")
        return cls(intercept, slope, top, bottom, least, int(power))


def _line(rows: Floats, values: Floats, power: int) -> tuple[float, float]:
    """Intercept and slope of a line through that root of the values; level where they are all on one row."""
    roots = values ** (1 / power)
    slope = float(np.polyfit(rows, roots, 1)[0]) if np.ptp(rows) > 0.02 else 0.0
    return float(roots.mean() - slope * rows.mean()), slope
