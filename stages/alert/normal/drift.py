"""Is the camera still as it was when it was calibrated? The scores of its last hours against those of the footage."""

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
PARTS = 10


@dataclass(frozen=True, slots=True)
class Drift:
    """How recent blocks of 10 s differ from those of the calibration."""

    distance: float
    """Largest difference of the two distributions, 0 to 1 (Kolmogorov and Smirnov)."""
    p: float
    """Chance of as large a distance without any drift; blocks that hang together make it too small."""
    stability: float
    """Population stability index over tenths of the calibration."""
    louder: bool
    """The recent scores are the higher ones: more false alarms than the budget are to be expected."""

    @property
    def recalibrate(self) -> bool:
        """Whether to learn again: the difference is real and large."""
        return self.p < SURE and self.stability > LARGE


def drift(calibration: Calibration, recent: FloatArray) -> Drift | None:
    """Compare the largest scores of recent blocks, float64 (n,), as ``block_maxima`` gives them, to the calibration's.

    None for fewer than ten minutes on either side. Quiet hours differ from busy ones: compare like with like, or a
    whole day.
    """
    known = calibration.maxima
    if min(len(known), len(recent)) < FEWEST_BLOCKS:
        return None
    both = np.concatenate([known, recent])
    shares = [np.searchsorted(np.sort(each), both, "right") / len(each) for each in (known, recent)]
    distance = float(np.abs(shares[0] - shares[1]).max())
    louder = float(np.median(recent)) > float(np.median(known))
    return Drift(distance, _chance(distance, len(known), len(recent)), _stability(known, recent), louder)


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
    edges = np.unique(np.quantile(known, np.linspace(0, 1, PARTS + 1)[1:-1]))
    counts = [np.bincount(np.searchsorted(edges, each, "right"), minlength=len(edges) + 1) for each in (known, recent)]
    a, b = ((each + 0.5) / (each + 0.5).sum() for each in counts)
    parts: list[float] = ((a - b) * np.log(a / b)).tolist()
    return sum(parts)
