"""How long things last, of some of which the end was not seen."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from stages.alert.normal.flow_field import Floats

ENDS = 10
"""How fast things end that last longer than any was seen is told by the last so many ends, or, of many things, ..."""
LAST = 0.01
"""... this share of them; but ..."""
LATE = 0.5
"""... only by those that lasted more than this share of the longest: what stays for ever is of another kind."""
KNOTS = 32


@dataclass(frozen=True, slots=True)
class Survival:
    """Share of normal things that last as long as a time: learned up to the longest seen, extrapolated beyond it."""

    seconds: Floats
    """float64 (k,), increasing."""
    surprise: Floats
    """float64 (k,), increasing from 0 on: minus log of the share that lasts as long."""
    ends: float
    """Ends that tell how fast those end that last the longest, ..."""
    exposure_s: float
    """... and how many seconds all that lasted so long were there from then on, together."""

    def of_seconds(self, seconds: Floats) -> Floats:
        """float64 (n,): -log p of each; never decreasing.

        Beyond the longest seen things are taken to end at a constant rate, an exponential tail; and the rate is known
        only as well as the ends that were seen tell (its posterior is Gamma's, so what is predicted falls as a power).
        Where none was seen to end, longer is not rarer.
        """
        beyond = np.maximum(seconds - self.seconds[-1], 0.0)
        known = np.interp(seconds, self.seconds, self.surprise)
        return np.asarray(known + self.ends * np.log1p(beyond / max(self.exposure_s, 1e-3)))

    def value(self, share: float) -> float:
        """How long this share lasts; infinite where that cannot be told."""
        surprise = -float(np.log(share))
        beyond = surprise - float(self.surprise[-1])
        if beyond <= 0:
            return float(np.interp(surprise, self.surprise, self.seconds))
        return float(self.seconds[-1] + self.exposure_s * np.expm1(beyond / self.ends)) if self.ends else np.inf

    @property
    def least_p(self) -> float:
        """Down to this share it was measured."""
        return float(np.exp(-self.surprise[-1]))

    @classmethod
    def fit(cls, seconds: Floats, ended: npt.NDArray[np.bool_]) -> Self:
        """By Kaplan and Meier (1958). ``seconds``: float64 (n,), n at least 1; ``ended``: bool (n,), False where the
        footage ended first."""
        order = np.lexsort((~ended, seconds))
        seconds, ended = seconds[order], ended[order]
        with np.errstate(divide="ignore"):
            left = np.cumsum(np.log1p(-ended.astype(np.float64) / np.arange(len(seconds), 0, -1)))
        surprise = 0.0 - np.concatenate([[0.0], left[:-1]])
        last = np.concatenate([np.diff(surprise) > 1e-12, [True]])  # the longest of those that as many reach
        times, surprise = seconds[last], surprise[last]
        apart = np.concatenate([[True], np.diff(times) > 0])  # of several that ended at once the first
        ends = seconds[ended]
        few = max(ENDS, round(LAST * len(ends))) + 1
        late = max(LATE * times[-1], ends[-few] if len(ends) >= few else 0.0)
        exposure_s = float(np.maximum(seconds - late, 0).sum())
        return cls(*_thinned(times[apart], surprise[apart]), float((ends > late).sum()), exposure_s)

    def array(self) -> Floats:
        """float64 (2 k + 2,), for storing."""
        return np.concatenate([self.seconds, self.surprise, [self.ends, self.exposure_s]])

    @classmethod
    def of(cls, array: Floats) -> Self:
        """From ``array()``. Raises ``ValueError`` for what is none."""
        half = len(array) // 2 - 1
        if half < 1 or len(array) != 2 * half + 2 or not np.isfinite(array).all() or (array < 0).any():
            raise ValueError("a survival must be of as many times as surprises, of ends and exposure, none below 0")
        seconds, surprise = array[:half].copy(), array[half : 2 * half].copy()
        if not ((np.diff(seconds) > 0).all() and (np.diff(surprise) > 0).all()):
            raise ValueError("a survival must be of rising times and rising surprise")
        return cls(seconds, surprise, float(array[-2]), float(array[-1]))


def _thinned(times: Floats, surprise: Floats) -> tuple[Floats, Floats]:
    """At most ``KNOTS`` of them, as far apart in surprise as can be; first and last stay."""
    if len(times) <= KNOTS:
        return times, surprise
    wanted = np.linspace(surprise[0], surprise[-1], KNOTS)
    kept = np.unique(np.concatenate([[0], np.searchsorted(surprise, wanted[1:-1]), [len(times) - 1]]))
    return times[kept], surprise[kept]
