"""How unusual a large value is: one-sided, as minus the logarithm of the share of normal values that reach it."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from stages.alert.normal.flow_field import Floats

LAST = 0.01
"""From this share of the normal values on, the tail is taken for exponential."""
FEWEST = 10
"""Values that the tail's steepness is taken from, at least."""
KNOTS = 64
APART = 1e-300
"""Values that differ by less are equal: no slope between them can be told."""


@dataclass(frozen=True, slots=True)
class Tail:
    """Minus log p of values: learned up to the last knot, a straight line beyond it (an exponential tail)."""

    values: Floats
    """float64 (k,), increasing."""
    surprise: Floats
    """float64 (k,), increasing from 0 on: minus log of the share of normal values that are as large."""
    excess: float
    """Mean by which normal values beyond the last knot are over it."""

    def of_values(self, values: Floats) -> Floats:
        """float64 (n,): -log p of each; 0 for the usual, never decreasing with the value."""
        known = np.interp(values, self.values, self.surprise)
        return np.asarray(known + np.maximum(values - self.values[-1], 0.0) / self.excess)

    @property
    def least_p(self) -> float:
        """Down to this share it was measured; a smaller one is the exponential's word."""
        return float(np.exp(-self.surprise[-1]))

    def value(self, share: float) -> float:
        """What this share of the normal values reaches."""
        surprise = -float(np.log(share))
        beyond = max(surprise - float(self.surprise[-1]), 0.0) * self.excess if np.isfinite(self.excess) else 0.0
        return float(np.interp(surprise, self.surprise, self.values)) + beyond

    @classmethod
    def fit(cls, normal: Floats, *, least: float = 1e-6) -> Self:
        """From normal values, float64 (n,); with none at all, nothing is surprising. ``least``: of the excess."""
        if not len(normal):
            return cls(np.zeros(1), np.zeros(1), np.inf)
        ordered = np.sort(normal)
        last = min(max(LAST, FEWEST / len(ordered)), 1.0)
        shares = np.geomspace(1.0, last, KNOTS)
        values = np.quantile(ordered, 1.0 - shares)
        first = np.concatenate([[True], np.diff(values) > APART])  # of equal values the one that says least
        values, surprise = values[first], -np.log(shares[first])
        over = ordered[ordered > values[-1]] - values[-1]
        least = max(0.02 * abs(float(values[-1])), least)
        return cls(values, surprise + 0.0, max(float(over.mean()) if len(over) else 0.0, least))

    def array(self) -> Floats:
        """float64 (2 k + 1,), for storing."""
        return np.concatenate([self.values, self.surprise, [self.excess]])

    @classmethod
    def of(cls, array: Floats) -> Self:
        """From ``array()``. Raises ``ValueError`` for what is none."""
        half = (len(array) - 1) // 2
        values, surprise, excess = array[:half].copy(), array[half : 2 * half].copy(), float(array[-1])
        rising = (np.diff(values) > 0).all() and (np.diff(surprise) > 0).all()
        if len(array) != 2 * half + 1 or not half or not rising or not excess > 0:
            raise ValueError("a tail must be of rising values and rising surprise, with an excess above 0")
        return cls(values, surprise, excess)
