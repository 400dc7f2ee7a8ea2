"""How good judgements of windows are: figures over the sources, not over the windows.

Windows of one recording resemble each other, so the sources are drawn anew for the intervals.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.statistics import ROUNDS, FloatArray, Interval, interval_of

IntArray = npt.NDArray[np.int64]
LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Thresholds for which it is said what they cost."""
FIGURES = ("accuracy", "precision", "recall", "f1", "roc_auc", "average_precision")


@dataclass(frozen=True, slots=True)
class Judged:
    """Windows with their truth. ``probability`` float64 (n, classes); ``truth`` int64 (n,); ``source`` int64 (n,),
    numbers of independent recordings from 0; ``decided`` int64 (n,), the class that was said.

    Raises ``ValueError`` for arrays that do not fit together.
    """

    probability: FloatArray
    truth: IntArray
    source: IntArray
    decided: IntArray

    def __post_init__(self) -> None:
        n = len(self.truth)
        if self.probability.ndim != 2 or not len(self.probability) == len(self.source) == len(self.decided) == n:
            raise ValueError(f"probability (n, classes), truth, source, decided must be of one length, got {n} truths")

    @property
    def classes(self) -> int:
        """How many there are."""
        return int(self.probability.shape[1])

    @property
    def sources(self) -> int:
        """How many independent recordings there are."""
        return int(self.source.max()) + 1 if len(self.source) else 0

    def figure(self, name: str, weights: FloatArray | None = None) -> float:
        """One of ``FIGURES``, each source counting as often as ``weights`` (sources,) say; NaN where undefined.

        Of two classes, precision, recall and F1 are those of the second; of more, the mean over all but the first,
        normal one. The areas under the curves are means over the same classes, each against the rest.
        """
        weight = np.ones(len(self.truth)) if weights is None else weights[self.source]
        if weight.sum() == 0:
            return float("nan")
        if name == "accuracy":
            return float(weight[self.truth == self.decided].sum() / weight.sum())
        each = [_OF_CLASS[name](self, class_id, weight) for class_id in range(1, self.classes)]
        known = [value for value in each if np.isfinite(value)]
        return float(np.mean(known)) if known else float("nan")

    def interval(self, name: str, *, rounds: int = ROUNDS, seed: int = 0) -> Interval:
        """One of ``FIGURES`` with the range that resampling the sources gives."""
        return interval_of(lambda weights: self.figure(name, weights), self.sources, rounds=rounds, seed=seed)

    def confusion(self) -> IntArray:
        """Counts (classes, classes): the truth downwards, what was said across."""
        counts = np.zeros((self.classes, self.classes), np.int64)
        np.add.at(counts, (self.truth, self.decided), 1)
        return counts


def decide(probability: FloatArray, thresholds: tuple[float, ...]) -> IntArray:
    """The class that is furthest above its threshold; of two classes, the second from its threshold on."""
    if len(thresholds) == 2:
        return (probability[:, 1] >= thresholds[1]).astype(np.int64)
    furthest: IntArray = np.argmax(probability / np.maximum(np.array(thresholds), 1e-9), axis=1).astype(np.int64)
    return furthest


def always(truth: IntArray, source: IntArray, classes: int) -> Judged:
    """What is said by one that looks at nothing and always says the most frequent class."""
    said = int(np.bincount(truth, minlength=classes).argmax())
    return Judged(np.full((len(truth), classes), 1 / classes), truth, source, np.full(len(truth), said))


def at_level(judged: Judged, level: float) -> tuple[float, float]:
    """Of two classes: share of the second's windows that reach the level, and of the first's that do."""
    said = judged.probability[:, 1] >= level
    return _share(said[judged.truth == 1].sum(), (judged.truth == 1).sum()), _share(
        said[judged.truth == 0].sum(), (judged.truth == 0).sum()
    )


def best_thresholds(probability: FloatArray, truth: IntArray) -> tuple[float, ...]:
    """Of two classes, the threshold with the best F1 of the second; in between two probabilities, so that it is not
    upset by a rounding. Of more classes, the same for each against the rest."""
    classes = probability.shape[1]
    chosen = [_best_threshold(probability[:, k], truth == k) for k in range(1, classes)]
    return (1 - chosen[0], chosen[0]) if classes == 2 else (1 / classes, *chosen)


def _best_threshold(probability: FloatArray, positive: npt.NDArray[np.bool_]) -> float:
    levels = np.unique(probability)
    if len(levels) < 2 or not positive.any():
        return 0.5
    middles = (levels[1:] + levels[:-1]) / 2
    said = probability[None, :] >= middles[:, None]
    hits = (said & positive).sum(1)
    f1 = 2 * hits / (said.sum(1) + positive.sum())
    best = middles[f1 >= f1.max() - 1e-12]
    return float(np.clip(best[np.argmin(np.abs(best - 0.5))], 0.02, 0.98))


def _precision(judged: Judged, class_id: int, weight: FloatArray) -> float:
    said = weight[judged.decided == class_id].sum()
    return _share(weight[(judged.decided == class_id) & (judged.truth == class_id)].sum(), said)


def _recall(judged: Judged, class_id: int, weight: FloatArray) -> float:
    there = weight[judged.truth == class_id].sum()
    return _share(weight[(judged.decided == class_id) & (judged.truth == class_id)].sum(), there)


def _f1(judged: Judged, class_id: int, weight: FloatArray) -> float:
    both = weight[judged.decided == class_id].sum() + weight[judged.truth == class_id].sum()
    return _share(2 * weight[(judged.decided == class_id) & (judged.truth == class_id)].sum(), both)


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")


def _roc_auc(judged: Judged, class_id: int, weight: FloatArray) -> float:
    """How often one of the class is ranked above one that is not; equal ranks count half (Hanley and McNeil 1982)."""
    of_it, of_others = _by_level(judged, class_id, weight)
    below = of_others[::-1].cumsum()[::-1] - of_others
    return _share((of_it * (below + of_others / 2)).sum(), of_it.sum() * of_others.sum())


def _average_precision(judged: Judged, class_id: int, weight: FloatArray) -> float:
    """Precision at each level of probability, weighted by the recall that is won there."""
    of_it, of_others = _by_level(judged, class_id, weight)
    if not of_others.sum() > 0:
        return float("nan")
    hits, said = of_it.cumsum(), (of_it + of_others).cumsum()
    return _share((of_it * hits / np.maximum(said, 1e-12)).sum(), hits[-1])


def _by_level(judged: Judged, class_id: int, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weight of windows of the class, and of the others, at each level of its probability, highest first.

    Written out, for a bootstrap asks thousands of times, and sklearn takes a millisecond for each.
    """
    levels, place = np.unique(-judged.probability[:, class_id], return_inverse=True)
    of_it = judged.truth == class_id
    return (
        np.bincount(place, weight * of_it, len(levels)).astype(np.float64),
        np.bincount(place, weight * ~of_it, len(levels)).astype(np.float64),
    )


_OF_CLASS: dict[str, Callable[[Judged, int, FloatArray], float]] = {
    "precision": _precision,
    "recall": _recall,
    "f1": _f1,
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
}
