"""Seeing whole objects behind half-hidden boxes.

Someone who walks behind a sign, a car or another person yields a box that ends where the cover begins: one edge is
where it was, the opposite one has jumped inwards. Taken at its word such a box throws the centre off, shrinks the
track, and the full box that follows no longer fits it; that is how most identities were lost on the test scenes.
So each axis of a detection is read against each track's expectation: a size that does not fit is believed little
(Cauchy weight, a robust M-estimator, Huber and Ronchetti 2009), less when it shrank than when it grew, and the
centre comes from the edge that agrees. A box that fits is left as it is.
"""

from dataclasses import dataclass

import numpy as np

from stages.track.kalman import Floats

SHRINK_KNEE, GROW_KNEE = 2.0, 6.0
"""Standard deviations at which a surprising size is believed by half: smaller (hidden) and larger (nearer, merged)."""


@dataclass(frozen=True, slots=True)
class Completed:
    """Detections as each track would have them: axes are tracks (t), detections (d), then coordinates."""

    boxes: Floats
    """(t, d, 4): centre x, centre y, width, height, hidden parts added."""
    distance: Floats
    """(t, d): squared distance between centres in standard deviations (Mahalanobis)."""
    misfit: Floats
    """(t, d): how surprising the sizes are, a penalty from 0."""
    spread: Floats
    """(t, d, 2): variance of the difference of the centres, pixels squared."""


def complete(place: Floats, var_place: Floats, boxes: Floats, error: Floats) -> Completed:
    """Read detections (d, 4) against expected boxes (t, 4), both in centre form, with variances of the same shapes."""
    total = var_place[:, None] + error[None]
    expected = place[:, None]
    seen = boxes[None]
    surprise = (seen[..., 2:] - expected[..., 2:]) / np.sqrt(total[..., 2:])
    odd = (surprise / np.where(surprise < 0, SHRINK_KNEE, GROW_KNEE)) ** 2
    size = expected[..., 2:] + (seen[..., 2:] - expected[..., 2:]) / (1.0 + odd)
    slack = (size - seen[..., 2:]) / 2
    spread = total[..., :2]
    offset = seen[..., :2] - expected[..., :2]
    by_low, by_high = offset + slack, offset - slack
    lean = np.minimum((by_low**2 - by_high**2) / (2 * spread), 50.0)
    miss = by_high + (by_low - by_high) / (1.0 + np.exp(lean))
    squares, strange = miss**2 / spread, np.log1p((surprise / SHRINK_KNEE) ** 2)
    return Completed(
        boxes=np.concatenate([expected[..., :2] + miss, size], axis=2),
        distance=squares[..., 0] + squares[..., 1],
        misfit=2.0 * (strange[..., 0] + strange[..., 1]),
        spread=spread,
    )
