"""Whether a box that claims 0.7 is right seven times of ten (Guo et al. 2017; of boxes: Küppers et al. 2020)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.evaluate.average_precision import Scores

FloatArray = npt.NDArray[np.float64]
BINS = 10
PASSED_ON = 0.1
"""Boxes below are left out: by default the detector passes them on to nobody."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """By bin of confidence: mean confidence, share of hits at IoU 0.5, number of boxes; float64 (bins,) each.

    ``error``: expected calibration error, the mean distance of confidence from share, each box counting once.
    """

    confidence: FloatArray
    rate: FloatArray
    boxes: FloatArray
    error: float


def calibration(scores: Scores, *, bins: int = BINS, least: float = PASSED_ON) -> Calibration:
    """Over all boxes that are at least ``least`` sure."""
    boxes, confidence, hits = (sums[0] for sums in _sums(scores, np.ones((1, scores.pictures)), bins, least))
    some = np.maximum(boxes, 1e-12)
    error = float(np.abs(confidence - hits).sum() / max(boxes.sum(), 1e-12)) if boxes.sum() else float("nan")
    return Calibration(confidence / some, hits / some, boxes, error)


def calibration_errors(
    scores: Scores, weights: FloatArray, *, bins: int = BINS, least: float = PASSED_ON
) -> FloatArray:
    """Expected calibration error for many weightings float64 (rounds, pictures): (rounds,); NaN without boxes."""
    boxes, confidence, hits = _sums(scores, weights, bins, least)
    total = boxes.sum(axis=1)
    errors: FloatArray = np.abs(confidence - hits).sum(axis=1) / np.where(total > 0, total, np.nan)
    return errors


def _sums(scores: Scores, weights: FloatArray, bins: int, least: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Number of boxes, their confidence and their hits in each bin: (rounds, bins) each."""
    confidence, hit, counted, picture = scores.boxes(iou=0.5)
    keep = counted & (confidence >= least)
    at = np.minimum((confidence[keep] * bins).astype(np.intp), bins - 1)
    each = []
    for values in (np.ones(int(keep.sum())), confidence[keep], hit[keep].astype(np.float64)):
        table = np.zeros((scores.pictures, bins))
        np.add.at(table, (picture[keep], at), values)
        each.append(weights @ table)
    return each[0], each[1], each[2]
