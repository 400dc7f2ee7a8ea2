"""Whether anomalies are found where they are: RBDC and TBDC (Ramachandra and Jones 2020, Street Scene).

A true region is found when a box of at least the threshold overlaps it by ``beta`` (intersection over union), a true
track when ``alpha`` of its regions are. A box that overlaps no region is a false alarm. Both rates over the false
alarms a frame, as the threshold falls, give a curve; the figure is the area under it up to one false alarm a frame.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from lab.evaluate.track import overlaps
from lab.statistics import FloatArray

ALPHA = 0.1
BETA = 0.1


@dataclass(frozen=True, slots=True)
class Boxes:
    """What was said of one frame: ``xyxy`` float64 (n, 4), shares of the picture, ``score`` float64 (n,)."""

    xyxy: FloatArray
    score: FloatArray


@dataclass(frozen=True, slots=True)
class Region:
    """One true region."""

    frame: int
    """From 0."""
    track: int
    """Unique within the clip."""
    box: tuple[float, float, float, float]
    """Left, top, right, bottom as shares of the picture."""


@dataclass(frozen=True, slots=True)
class Found:
    """The two figures, 0 to 1, and what they are made of."""

    rbdc: float
    tbdc: float
    regions: int
    tracks: int


def found_regions(
    said: Mapping[str, Sequence[Boxes]],
    truth: Mapping[str, Sequence[Region]],
    *,
    alpha: float = ALPHA,
    beta: float = BETA,
) -> Found:
    """Of these clips; ``said`` has one entry for each frame of each."""
    region_scores: list[float] = []
    track_scores: list[float] = []
    false: list[FloatArray] = [np.zeros(0)]
    for name, frames in said.items():
        tracks: dict[int, list[float]] = {}
        by_frame: dict[int, list[Region]] = {}
        for region in truth.get(name, ()):
            by_frame.setdefault(region.frame, []).append(region)
        for number, boxes in enumerate(frames):
            regions = by_frame.get(number, [])
            true = np.array([region.box for region in regions], np.float64).reshape(-1, 4)
            hits = overlaps(boxes.xyxy, true) >= beta
            false.append(boxes.score[~hits.any(axis=1)])
            for column, region in enumerate(regions):
                score = float(boxes.score[hits[:, column]].max(initial=-np.inf))
                region_scores.append(score)
                tracks.setdefault(region.track, []).append(score)
        for scores in tracks.values():
            track_scores.append(sorted(scores, reverse=True)[ceil(alpha * len(scores) - 1e-9) - 1])
    alarms, frames_in_all = np.concatenate(false), sum(map(len, said.values()))
    return Found(
        area(np.array(region_scores), alarms, frames_in_all),
        area(np.array(track_scores), alarms, frames_in_all),
        len(region_scores),
        len(track_scores),
    )


def area(found: FloatArray, false: FloatArray, frames: int) -> float:
    """Area under the share of ``found`` (scores, -inf: never) over ``false`` (scores) a frame, from 0 to 1.

    Between two thresholds straight on; where boxes end before one false alarm a frame, the last share goes on. NaN
    where nothing is to be found.
    """
    if not len(found) or not frames:
        return float("nan")
    thresholds = np.unique(np.concatenate([found[np.isfinite(found)], false]))[::-1]
    rate = (len(found) - np.searchsorted(np.sort(found), thresholds)) / len(found)
    alarms = (len(false) - np.searchsorted(np.sort(false), thresholds)) / frames
    return _under(np.concatenate([[0.0], alarms]), np.concatenate([[0.0], rate]))


def _under(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    """Area under a curve of rising ``x``, cut off at 1, or going on level up to it."""
    end = float(np.interp(1.0, x, y))
    inside = x < 1
    x, y = np.append(x[inside], 1.0), np.append(y[inside], end)
    return float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum())
