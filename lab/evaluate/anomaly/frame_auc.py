"""Frame AUC: how well scores of single frames tell anomalous ones from normal ones.

``micro``: one ranking of all frames of all clips. ``macro``, strict: the mean over clips that hold both kinds; clips of
one kind have no AUC and are left out, not padded. Both in variants that differ by points and must not be mixed: causal
as scored; smoothed over neighbours, which looks ahead; and scaled within each clip, which needs its end before its
beginning is known, a leak shown only to say how much it is worth.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from lab.evaluate.anomaly.labels import Flags
from lab.statistics import FloatArray

SIGMA = 3.0
"""Frames, of the smoothing that others use."""
Scores = Mapping[str, FloatArray]
"""By clip: float64 (frames,)."""


@dataclass(frozen=True, slots=True)
class FrameAuc:
    """All variants of one score; NaN where undefined."""

    micro: float
    macro: float
    clips: int
    """With both kinds of frames: those that ``macro`` is a mean of."""
    micro_ahead: float
    macro_ahead: float
    micro_leak: float


def frame_auc(scores: Scores, truth: Mapping[str, Flags]) -> FrameAuc:
    """Of these clips."""
    names = list(truth)
    kinds = np.concatenate([truth[name] for name in names])
    both = [name for name in names if truth[name].any() and not truth[name].all()]
    ahead = {name: smooth(scores[name]) for name in names}

    def micro(values: Scores) -> float:
        return auc(np.concatenate([values[name] for name in names]), kinds)

    def macro(values: Scores) -> float:
        return float(np.mean([auc(values[name], truth[name]) for name in both])) if both else float("nan")

    leak = {name: _scaled(ahead[name]) for name in names}
    return FrameAuc(micro(scores), macro(scores), len(both), micro(ahead), macro(ahead), micro(leak))


def auc(scores: FloatArray, anomalous: Flags, weights: FloatArray | None = None) -> float:
    """Area under the ROC curve: how often an anomalous frame has the greater score, ties counting half (Mann and
    Whitney 1947). ``weights``: how often each frame counts. NaN where one kind is missing."""
    weights = np.ones(len(scores)) if weights is None else weights
    values, place = np.unique(scores, return_inverse=True)
    bad = np.bincount(place, weights * anomalous, len(values))
    good = np.bincount(place, weights * ~anomalous, len(values))
    pairs = bad.sum() * good.sum()
    if not pairs:
        return float("nan")
    below = np.cumsum(good) - good / 2
    return float((bad * below).sum() / pairs)


def smooth(scores: FloatArray) -> FloatArray:
    """A Gaussian over neighbouring frames, those to come included."""
    filters: Any = import_module("scipy.ndimage")
    smoothed: FloatArray = filters.gaussian_filter1d(scores, SIGMA)
    return smoothed


def _scaled(scores: FloatArray) -> FloatArray:
    spread = float(np.ptp(scores))
    return (scores - scores.min()) / spread if spread else np.zeros_like(scores)
