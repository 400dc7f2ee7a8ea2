"""The figures of a detector, each with its bootstrap interval over pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.evaluate.average_precision import Scores
from lab.evaluate.calibration import calibration_errors
from lab.statistics import Interval, intervals_of

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Point:
    """What a threshold of confidence gives, over the boxes of all classes together, at IoU 0.5."""

    threshold: float
    precision: Interval
    recall: Interval
    f1: Interval


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One class: average precision over IoU 0.5 to 0.95 and at 0.5; precision, recall and F1 at the threshold."""

    name: str
    truths: int
    ap: Interval
    ap50: Interval
    precision: Interval
    recall: Interval
    f1: Interval


@dataclass(frozen=True, slots=True)
class Figures:
    """All of them. ``recall_at_precision`` and ``precision_at_recall`` are keyed by what is demanded."""

    pictures: int
    truths: int
    boxes: int
    map: Interval
    map50: Interval
    map75: Interval
    chosen: Point
    best: Point
    """At the threshold of greatest F1; it was chosen on these very pictures, so it flatters a little."""
    recall_at_precision: dict[float, Interval]
    precision_at_recall: dict[float, Interval]
    calibration_error: Interval
    classes: tuple[ClassFigures, ...]


def figures(
    scores: Scores,
    names: Sequence[str],
    *,
    threshold: float,
    levels: Sequence[float] = (0.8, 0.85, 0.9, 0.95),
    rounds: int = 1000,
    seed: int = 0,
) -> Figures:
    """Everything about a set of pictures; all figures share their draws."""
    best = best_threshold(scores)
    classes = scores.classes

    def measures(weights: FloatArray) -> FloatArray:
        precisions = scores.average_precisions(weights)
        curve = scores.curves(weights)
        return np.concatenate(
            [
                mean_of_known(precisions.mean(axis=2))[:, None],
                mean_of_known(precisions[:, :, 0])[:, None],
                mean_of_known(precisions[:, :, 5])[:, None],
                _at(curve, threshold),
                _at(curve, best),
                np.stack([recalls_at_precision(curve, level) for level in levels], axis=1).reshape(len(weights), -1),
                np.stack([precisions_at_recall(curve, level) for level in levels], axis=1).reshape(len(weights), -1),
                calibration_errors(scores, weights)[:, None],
                *(
                    part
                    for place, c in enumerate(classes)
                    for part in (
                        precisions[:, place].mean(axis=1)[:, None],
                        precisions[:, place, :1],
                        _at(scores.curves(weights, c), threshold),
                    )
                ),
            ],
            axis=1,
        )

    found = iter(intervals_of(measures, scores.pictures, rounds=rounds, seed=seed))
    return Figures(
        pictures=scores.pictures,
        truths=int(scores.truths()),
        boxes=len(scores.confidence),
        map=next(found),
        map50=next(found),
        map75=next(found),
        chosen=Point(threshold, next(found), next(found), next(found)),
        best=Point(best, next(found), next(found), next(found)),
        recall_at_precision={level: next(found) for level in levels},
        precision_at_recall={level: next(found) for level in levels},
        calibration_error=next(found),
        classes=tuple(
            ClassFigures(
                names[c],
                int(scores.truths(c)),
                ap=next(found),
                ap50=next(found),
                precision=next(found),
                recall=next(found),
                f1=next(found),
            )
            for c in classes
        ),
    )


def best_threshold(scores: Scores) -> float:
    """The confidence at which F1 over all classes together is greatest (IoU 0.5); 1 where nothing was found."""
    confidence, precision, recall = scores.curve()
    if not len(confidence):
        return 1.0
    return float(confidence[np.argmax(f1(precision, recall))])


def f1(precision: FloatArray, recall: FloatArray) -> FloatArray:
    """Harmonic mean; 0 where both are."""
    score: FloatArray = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return score


def recalls_at_precision(curve: tuple[FloatArray, FloatArray, FloatArray], level: float) -> FloatArray:
    """The greatest recall with at least that precision, for each round: (rounds,)."""
    _, precision, recall = curve
    reached: FloatArray = np.where(precision >= level - 1e-9, recall, 0.0).max(axis=1, initial=0.0)
    return reached


def precisions_at_recall(curve: tuple[FloatArray, FloatArray, FloatArray], level: float) -> FloatArray:
    """The greatest precision with at least that recall, for each round: (rounds,); 0 where it is not reached."""
    _, precision, recall = curve
    reached: FloatArray = np.where(recall >= level - 1e-9, precision, 0.0).max(axis=1, initial=0.0)
    return reached


def mean_of_known(values: FloatArray) -> FloatArray:
    """Mean over the second axis of what is not NaN; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=1)
    mean: FloatArray = np.where(known, values, 0.0).sum(axis=1) / np.where(count > 0, count, np.nan)
    return mean


def _at(curve: tuple[FloatArray, FloatArray, FloatArray], threshold: float) -> FloatArray:
    """Precision, recall and F1 of the boxes at least that sure: (rounds, 3). Precision is NaN where there are none."""
    confidence, precision, recall = curve
    sure = np.flatnonzero(confidence >= threshold)
    if not len(sure):
        nothing = np.zeros(len(precision))
        return np.stack([nothing * np.nan, nothing, nothing], axis=1)
    p, r = precision[:, sure[-1]], recall[:, sure[-1]]
    return np.stack([p, r, f1(p, r)], axis=1)
