"""Is the camera still as it was when it was calibrated? The scores of its last hours against those of the footage.

What is compared is the largest score of each block of 10 s, counted by the tenths of the calibration, so that a day
takes no more room than an hour, and hours that were counted by one calibration and by the next can be added up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, sqrt

import numpy as np

from stages.alert.normal.calibration import Calibration
from stages.alert.normal.counting import FloatArray

FEWEST_BLOCKS = 60
"""Ten minutes: with less, nothing is said."""
SURE = 0.001
"""A difference that chance makes so rarely is real ..."""
LARGE = 0.25
"""... and one of this stability index matters (the usual reading: below 0.1 none, above 0.25 a shift)."""
SETTLED = 0.1
"""Below it nothing of a shift is left."""
PARTS = 10


@dataclass(frozen=True, slots=True)
class Drift:
    """How recent blocks of 10 s differ from those of the calibration."""

    distance: float
    """Largest difference of the two distributions at the edges of the tenths, 0 to 1 (Kolmogorov and Smirnov)."""
    p: float
    """Chance of as large a distance without any drift; blocks that hang together make it too small."""
    stability: float
    """Population stability index over tenths of the calibration."""
    louder: bool
    """The recent scores are the higher ones: more false alarms than the budget are to be expected."""

    def recalibrate(self, large: float = LARGE) -> bool:
        """Whether to learn again: the difference is real and large."""
        return self.p < SURE and self.stability >= large


def tenths(calibration: Calibration, maxima: FloatArray) -> FloatArray:
    """float64 (n, ``PARTS``): in which tenth of the calibration's blocks each of these largest scores lies; rows of sum
    1.

    A score that many of the calibration's blocks have lies in all tenths that they fill: where nine blocks in ten
    scored 0, a 0 lies in the lower nine tenths, and any other score in the last. So normal time fills all tenths alike,
    by whichever calibration.
    """
    known = calibration.maxima
    low, high = (np.searchsorted(known, maxima, side)[:, None] / len(known) for side in ("left", "right"))
    edges = np.arange(PARTS + 1) / PARTS
    within = np.diff(np.clip(edges, low, high), axis=1)
    alone = np.minimum((low * PARTS).astype(np.int64), PARTS - 1) == np.arange(PARTS)
    share = np.where(high > low, within / np.maximum(high - low, 1e-300), alone)
    return np.asarray(share, np.float64)


def drift(calibration: Calibration, recent: Sequence[float] | FloatArray) -> Drift | None:
    """Compare recent blocks, counted by ``tenths``, to the calibration's own. ``recent``: (``PARTS``,).

    None for fewer than ten minutes on either side. Quiet hours differ from busy ones: compare like with like, or a
    whole day.
    """
    known, now = len(calibration.maxima), round(float(np.sum(recent)))
    if min(known, now) < FEWEST_BLOCKS:
        return None
    counts = np.full(PARTS, known / PARTS), np.asarray(recent, np.float64)
    below = [np.cumsum(each) / each.sum() for each in counts]
    distance = float(np.abs(below[0] - below[1]).max())
    louder = float((below[0] - below[1]).sum()) > 0
    return Drift(distance, _chance(distance, known, now), _stability(*counts), louder)


def _chance(distance: float, known: int, recent: int) -> float:
    """Kolmogorov's limit with Stephens's correction (1970)."""
    size = sqrt(known * recent / (known + recent))
    scaled = (size + 0.12 + 0.11 / size) * distance
    if scaled < 0.3:
        return 1.0
    series = [(-1.0) ** (n - 1) * exp(-2 * (n * scaled) ** 2) for n in range(1, 101)]
    return min(max(2 * sum(series), 0.0), 1.0)


def _stability(known: FloatArray, recent: FloatArray) -> float:
    """Sum over parts of (a - b) ln(a / b), half a block added to each part."""
    a, b = ((each + 0.5) / (each + 0.5).sum() for each in (known, recent))
    parts: list[float] = ((a - b) * np.log(a / b)).tolist()
    return sum(parts)
