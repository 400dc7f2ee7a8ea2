"""The gate: a smaller model is let through only where it is shown that it loses no more than was allowed."""

from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np

from lab.statistics import FloatArray, Interval, Measures, intervals_of

MOST_FACTOR = 50
"""More than so many times the pictures there are is no advice."""

Decision = Literal["accepted", "refused", "unclear"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A model before and after, on the same pictures. ``loss`` is before less after, drawn in pairs.

    ``units``: how many pictures (or recordings) were drawn from. The interval of the loss decides, not its estimate:
    of a few pictures, a lucky estimate says little.
    """

    measure: str
    before: Interval
    after: Interval
    loss: Interval
    tolerance: float
    units: int
    unit: str = "picture"

    @property
    def decision(self) -> Decision:
        """``accepted`` if the whole interval of the loss is within the tolerance, ``refused`` if none of it is."""
        if self.loss.high <= self.tolerance:
            return "accepted"
        return "refused" if self.loss.low > self.tolerance else "unclear"

    @property
    def missing_units(self) -> int | None:
        """How many more pictures would settle an unclear case, if the loss stays what it seems to be.

        An interval shrinks with the root of their number. None where more pictures would not help it through, or so
        many that nobody has them.
        """
        room, reach = self.tolerance - self.loss.value, self.loss.high - self.loss.value
        if self.decision != "unclear" or not np.isfinite(reach) or room <= 0:
            return None
        needed = self.units * (reach / room) ** 2
        return max(ceil(needed) - self.units, 1) if needed <= MOST_FACTOR * self.units else None

    @property
    def sentence(self) -> str:
        """The decision and its reason in one line."""
        what = f"{self.measure} falls by {_signed(self.loss)}, allowed are {self.tolerance:g}"
        if self.decision == "accepted":
            return f"accepted: {what}"
        if self.decision == "refused":
            return f"refused: {what}"
        if not np.isfinite(self.loss.high):
            return f"refused: {self.measure} cannot be measured on these {self.units} {self.unit}s; give more of them"
        if self.missing_units is None:
            return f"refused: {what}; unclear, but too near to the limit or beyond it for more {self.unit}s to help"
        return (
            f"refused: {what}; unclear from {self.units} {self.unit}s, about {self.missing_units} more would settle it"
        )


def judge(
    measures: Measures,
    units: int,
    *,
    measure: str,
    tolerance: float,
    unit: str = "picture",
    rounds: int = 1000,
    seed: int = 0,
) -> Verdict:
    """Compare two models. ``measures``: weights float64 (rounds, units) to their figures (rounds, 2), before and after.

    Units must be independent: pictures, or stretches of one recording.
    """

    def with_loss(weights: FloatArray) -> FloatArray:
        pair = measures(weights)
        return np.column_stack([pair, pair[:, 0] - pair[:, 1]])

    before, after, loss = intervals_of(with_loss, units, rounds=rounds, seed=seed)
    return Verdict(measure, before, after, loss, tolerance, units, unit)


def _signed(interval: Interval) -> str:
    return f"{interval.value:+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]"
