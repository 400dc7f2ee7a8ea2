"""Which detection is which track: prices for all pairs, and the cheapest assignment.

The price of a pair is minus twice its log likelihood: the squared distance in standard deviations plus the logarithm
of the spread, so that a track whose place is only guessed does not take a detection from one that is sure of it
(global nearest neighbour, Blackman 1986), plus penalties for a strange size, a doubtful detection, another class.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stages.track.kalman import Floats
from stages.track.occlusion import complete

GATE = 12.0
"""Largest squared distance, and highest price, of a pair; 12 is beyond 99.7 % of two degrees of freedom."""
SMALLEST, LARGEST = 0.5, 2.2
"""Sizes of a detection, as shares of the track's, beyond which they are two objects."""
UNIT = 0.1
"""Spread, in heights, that costs nothing; it only shifts all prices."""
DOUBT_PRICE = 6.0
"""What the logarithm of the confidence costs."""
CLASS_PRICE = 3.0
"""What another class of the same group costs."""

Bools = npt.NDArray[np.bool_]
Pairs = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
"""Rows (tracks) and columns (detections) that belong together."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All tracks (t) against all detections (d)."""

    price: Floats
    """(t, d)"""
    possible: Bools
    """(t, d): within the gate, of a possible size and class."""
    boxes: Floats
    """(t, d, 4): the detection as the track would have it, hidden parts added; centre form."""
    overlap: Floats
    """(t, d): IoU of that box with the expected one."""


def compare(
    place: Floats, var_place: Floats, boxes: Floats, error: Floats, confidence: Floats, same_class: Floats
) -> Comparison:
    """Price every pair of expected boxes (t, 4) and detections (d, 4), both in centre form with variances.

    ``confidence`` (d,) is that of the detections. ``same_class`` (t, d): 1 for one class, 0 for a class of the same
    group, negative where they cannot be one object.
    """
    read = complete(place, var_place, boxes, error)
    height = place[:, 3]
    shares = boxes[None, :, 2:] / place[:, None, 2:]
    spread = np.log(read.spread[..., 0] * read.spread[..., 1] / (UNIT * height[:, None]) ** 4)
    price = read.distance + read.misfit + spread
    price += CLASS_PRICE * (1.0 - same_class) - DOUBT_PRICE * np.log(confidence)
    fits = (shares > SMALLEST) & (shares < LARGEST)
    possible = (read.distance < GATE) & fits[..., 0] & fits[..., 1] & (same_class >= 0)
    return Comparison(price, possible, read.boxes, _overlap(place[:, None], read.boxes))


def assign(price: Floats, possible: Bools, limit: float) -> Pairs:
    """The assignment with the lowest total price, where a pair that costs more than ``limit`` stays apart.

    Jonker and Volgenant 1987, by ``lap``.
    """
    if not possible.any():
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    import lap  # type: ignore[import-untyped]  # ships no stubs

    _, columns, _ = lap.lapjv(np.where(possible, price, 1e6), extend_cost=True, cost_limit=limit)
    rows = np.flatnonzero(columns >= 0)
    return rows, columns[rows].astype(np.intp)


def iou(a: Floats, b: Floats) -> Floats:
    """Intersection over union of all pairs of centre-form boxes: (n, 4) and (m, 4) give (n, m)."""
    return _overlap(a[:, None], b[None])


def without_duplicates(boxes: Floats, confidence: Floats, group: npt.NDArray[np.int32], limit: float) -> Bools:
    """Which centre-form boxes to keep: of two of a group with IoU above ``limit`` the surer one (ties: the first)."""
    clash = (iou(boxes, boxes) > limit) & (group[:, None] == group[None])
    keep = np.ones(len(boxes), bool)
    if np.count_nonzero(clash) > len(boxes):
        for row in np.argsort(-confidence, kind="stable"):
            if keep[row]:
                keep &= ~clash[row]
                keep[row] = True
    return keep


def _overlap(a: Floats, b: Floats) -> Floats:
    """IoU of centre-form boxes, broadcast over all axes but the last."""
    sides = (a[..., 2:] + b[..., 2:]) / 2 - np.abs(a[..., :2] - b[..., :2])
    sides = np.minimum(np.maximum(sides, 0.0), np.minimum(a[..., 2:], b[..., 2:]))
    common = sides[..., 0] * sides[..., 1]
    shares: Floats = common / (a[..., 2] * a[..., 3] + b[..., 2] * b[..., 3] - common)
    return shares
