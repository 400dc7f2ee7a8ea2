"""How far normal things go, in seconds or in sizes, when of some of them the end was not seen."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from stages.alert.normal.flow_field import Floats

ENDS = 10
"""How fast things end beyond the largest value seen is told by the last so many ends, or, of many things, ..."""
LAST = 0.01
"""... this share of them; but ..."""
LATE = 0.5
"""... only by those beyond this share of the largest: what goes on for ever is of another kind."""
KNOTS = 32


@dataclass(frozen=True, slots=True)
class Survival:
    """Minus log p of values, p being the share of normal things that reach them: learned up to the largest seen,
    extrapolated beyond it."""

    values: Floats
    """float64 (k,), increasing."""
    surprise: Floats
    """float64 (k,), increasing from 0 on: minus log of the share that reaches it."""
    ends: float
    """Ends that tell how fast those end that go the farthest, ..."""
    exposure: float
    """... and how far all that came there went from then on, together."""

    def of_values(self, values: Floats) -> Floats:
        """float64 (n,): -log p of each; never decreasing.

        Beyond the largest seen things are taken to end at a constant rate, an exponential tail; and the rate is known
        only as well as the ends that were seen tell (its posterior is Gamma's, so what is predicted falls as a power).
        Where none was seen to end, more is not rarer.
        """
        beyond = np.maximum(values - self.values[-1], 0.0)
        known = np.interp(values, self.values, self.surprise)
        return np.asarray(known + (self.ends * np.log1p(beyond / self.exposure) if self.ends else 0.0), np.float64)

    def value(self, share: float) -> float:
        """What this share reaches; infinite where that cannot be told."""
        surprise = -float(np.log(share))
        beyond = surprise - float(self.surprise[-1])
        if beyond <= 0:
            return float(np.interp(surprise, self.surprise, self.values))
        return float(self.values[-1] + self.exposure * np.expm1(beyond / self.ends)) if self.ends else np.inf

    @property
    def least_p(self) -> float:
        """Down to this share it was measured."""
        return float(np.exp(-self.surprise[-1]))

    @classmethod
    def fit(cls, values: Floats, ended: npt.NDArray[np.bool_], *, least: float, entered: Floats | None = None) -> Self:
        """By Kaplan and Meier (1958). ``values``: float64 (n,), n at least 1; ``ended``: bool (n,), False where the
        footage ended first; ``least``: how much farther things go on average beyond the largest, at least;
        ``entered``: float64 (n,), from where on each was seen, None from 0 on. Who was seen from later on is among
        those of whom one ended only from there (delayed entry: Kalbfleisch and Prentice 2002, 1.3), and the hazard is
        then Nelson's and Aalen's, as at some values hardly anybody may be known."""
        order = np.lexsort((~ended, values))
        values, ended = values[order], ended[order]
        since = np.zeros(len(values)) if entered is None else entered[order]
        if since.any():
            there = np.arange(len(values), 0, -1) - (len(values) - np.searchsorted(np.sort(since), values, "right"))
            left = -np.cumsum(ended / np.maximum(there, 1))
        else:
            with np.errstate(divide="ignore"):
                left = np.cumsum(np.log1p(-ended.astype(np.float64) / np.arange(len(values), 0, -1)))
        surprise = 0.0 - np.concatenate([[0.0], left[:-1]])
        last = np.concatenate([np.diff(surprise) > 1e-12, [True]])  # the largest of those that as many reach
        knots, known = values[last], surprise[last]
        apart = np.concatenate([[True], np.diff(knots) > 0])  # of several that ended at once the first
        late = _late(values[ended], float(values[-1]))
        ends = float((values[ended] > late).sum())
        if not ends and ended[values == values[-1]].any():  # nobody went anywhere: still somebody who does is rare
            ends = 1.0
        exposure = max(float(np.maximum(values - np.maximum(since, late), 0).sum()), ends * least)
        return cls(*_thinned(knots[apart], known[apart]), ends, exposure)

    def array(self) -> Floats:
        """float64 (2 k + 2,), for storing."""
        return np.concatenate([self.values, self.surprise, [self.ends, self.exposure]])

    @classmethod
    def of(cls, array: Floats) -> Self:
        """From ``array()``. Raises ``ValueError`` for what is none."""
        half = len(array) // 2 - 1
        if half < 1 or len(array) != 2 * half + 2 or not np.isfinite(array).all() or (array < 0).any():
            raise ValueError("a survival must be of as many values as surprises, of ends and exposure, none below 0")
        values, surprise = array[:half].copy(), array[half : 2 * half].copy()
        ends, exposure = float(array[-2]), float(array[-1])
        if not ((np.diff(values) > 0).all() and (np.diff(surprise) > 0).all() and (exposure > 0 or not ends)):
            raise ValueError("a survival must be of rising values and rising surprise, and of exposure to its ends")
        return cls(values, surprise, ends, exposure)


def _late(ends: Floats, largest: float) -> float:
    """Beyond which there are enough ends, or which is a share of the largest value. ``ends``: rising."""
    few = max(ENDS, round(LAST * len(ends)))
    enough = ends[: max(len(ends) - few, 0)]
    enough = enough[enough < ends[-few]] if len(enough) else enough
    return max(LATE * largest, float(enough[-1]) if len(enough) else 0.0)


def _thinned(values: Floats, surprise: Floats) -> tuple[Floats, Floats]:
    """At most ``KNOTS`` of them, as far apart in surprise as can be; first and last stay."""
    if len(values) <= KNOTS:
        return values, surprise
    wanted = np.linspace(surprise[0], surprise[-1], KNOTS)
    kept = np.unique(np.concatenate([[0], np.searchsorted(surprise, wanted[1:-1]), [len(values) - 1]]))
    return values[kept], surprise[kept]
