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


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line over the row of the feet, held level far beyond the rows where normal things were seen."""

    intercept: float
    slope: float
    top: float
    """Rows (0 is the upper edge of the picture, 1 the lower) between which it slopes."""
    bottom: float
    least: float
    """The scale nowhere is below this."""

    def at(self, rows: Floats) -> Floats:
        """float64 (n,): the scale of things whose feet are at ``rows``."""
        return np.maximum(self.intercept + self.slope * np.clip(rows, self.top, self.bottom), self.least)

    @classmethod
    def fit(cls, rows: Floats, values: Floats) -> Self:
        """Through the upper quantiles of normal values, row by row. ``rows``, ``values``: float64 (n,)."""
        if not len(rows):
            return cls(1.0, 0.0, 0.0, 1.0, 1.0)
        groups = np.array_split(np.lexsort((values, rows)), max(1, min(BINS, len(rows) // FEW)))
        middles = np.array([rows[group].mean() for group in groups])
        large = np.array([np.quantile(values[group], LEVEL) for group in groups])
        usual = max(float(np.median(large)), 1e-6)
        slope = 0.0
        if np.ptp(middles) > 0.02:
            slope = float(np.polyfit(middles, large, 1)[0])
        intercept = float(large.mean() - slope * middles.mean())
        top, bottom = np.quantile(rows, (EDGE, 1 - EDGE)).tolist()
        reach = REACH * (bottom - top)
        return cls(intercept, slope, top, min(bottom + reach, 1.0), FLOOR * usual)

    def array(self) -> Floats:
        """float64 (5,), for storing."""
        return np.array([self.intercept, self.slope, self.top, self.bottom, self.least])

    @classmethod
    def of(cls, array: Floats) -> Self:
        """From ``array()``. Raises ``ValueError`` for what is none."""
        if array.shape != (5,) or not np.isfinite(array).all() or not array[4] > 0:
            raise ValueError("a scale must be of five numbers, the least of them above 0")
        return cls(*array.tolist())
