"""Average precision and operating points of a detector, from the tallies of its pictures.

Average precision is COCO's: precision made non-increasing, read at 101 recalls (Lin et al. 2014; definitions at
cocodataset.org/#detection-eval). Every figure takes weights for the pictures, so ``lab.statistics`` can draw them anew.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lab.evaluate.tally import COCO_IOUS, BoolArray, Tally

FloatArray = npt.NDArray[np.float64]
RECALLS = np.linspace(0, 1, 101)


class Scores:
    """Figures over a set of pictures, whose ``Tally``s share the IoU thresholds ``ious``.

    ``weights`` float64 (pictures,) says how often each picture counts; None is once each.
    """

    def __init__(self, tallies: Sequence[Tally], *, ious: tuple[float, ...] = COCO_IOUS) -> None:
        self.pictures = len(tallies)
        self.ious = ious
        self._tallies = tallies
        confidence = np.concatenate([each.confidence for each in tallies] or [np.zeros(0, np.float32)])
        order = np.argsort(-confidence, kind="stable")
        self.confidence = confidence[order]
        t = len(ious)
        self._picture = _owners([len(each.confidence) for each in tallies])[order]
        self._class = np.concatenate([each.class_id for each in tallies] or [np.zeros(0, np.int32)])[order]
        self._hit = np.concatenate([each.hit for each in tallies] or [np.zeros((0, t), np.bool_)])[order]
        self._counted = np.concatenate([each.counted for each in tallies] or [np.zeros((0, t), np.bool_)])[order]
        self._truth = np.concatenate([each.truth for each in tallies] or [np.zeros(0, np.int32)])
        self._truth_picture = _owners([len(each.truth) for each in tallies])

    @cached_property
    def classes(self) -> tuple[int, ...]:
        """Classes that occur in the truth; only those can be measured."""
        return tuple(int(number) for number in np.unique(self._truth))

    def boxes(self, *, iou: float = 0.5) -> tuple[FloatArray, BoolArray, BoolArray, npt.NDArray[np.intp]]:
        """The boxes found, surest first: confidence, whether a hit, whether counted, and the number of the picture."""
        column = self.ious.index(iou)
        return self.confidence.astype(np.float64), self._hit[:, column], self._counted[:, column], self._picture

    def truths(self, class_id: int | None = None, weights: FloatArray | None = None) -> float:
        """How many true boxes there are, of one class or of all."""
        mine = slice(None) if class_id is None else self._truth == class_id
        pictures = self._truth_picture[mine]
        return float(len(pictures) if weights is None else weights[pictures].sum())

    def average_precision(self, class_id: int, weights: FloatArray | None = None) -> FloatArray:
        """Average precision of one class at each IoU threshold: float64 (t,); NaN without true boxes."""
        drawn = np.ones((1, self.pictures)) if weights is None else weights[None]
        found: FloatArray = self._average_precisions(class_id, drawn)[0]
        return found

    def average_precisions(self, weights: FloatArray, *, classes: Sequence[int] | None = None) -> FloatArray:
        """For many weightings float64 (rounds, pictures) at once: float64 (rounds, classes, t), as above.

        The classes are those of the truth unless given.
        """
        each = [self._average_precisions(c, weights) for c in (self.classes if classes is None else classes)]
        return np.stack(each, axis=1) if each else np.zeros((len(weights), 0, len(self.ious)))

    def _average_precisions(self, class_id: int, weights: FloatArray) -> FloatArray:
        """Float64 (rounds, t). Recall grows, and precision has its peaks, at hits only: nothing else is looked at."""
        truths = weights[:, self._truth_picture[self._truth == class_id]].sum(axis=1)
        rows = self._rows_of.get(class_id, np.zeros(0, np.intp))
        weight = weights[:, self._picture[rows]]
        found = np.zeros((len(weights), len(self.ious)))
        seen = np.cumsum(weight, axis=1)
        for t in range(len(self.ious)):
            at = np.flatnonzero(self._hit[rows, t])
            if not len(at):
                continue
            counted = self._counted[rows, t]
            total = seen if counted.all() else np.cumsum(weight * counted, axis=1)
            hits = np.cumsum(weight[:, at], axis=1)
            precision = hits / np.maximum(total[:, at], 1e-12)
            precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
            reached = np.floor(hits / np.maximum(truths, 1e-12)[:, None] * 100 + 1e-9) + 1
            found[:, t] = (precision * np.diff(reached, axis=1, prepend=0)).sum(axis=1) / len(RECALLS)
        found[truths == 0] = np.nan
        return found

    def mean_average_precision(
        self, weights: FloatArray | None = None, *, classes: Sequence[int] | None = None, iou: float | None = None
    ) -> float:
        """Mean over classes (those of the truth) and IoU thresholds, or at one ``iou``; NaN without true boxes."""
        columns = slice(None) if iou is None else self.ious.index(iou)
        each = [self.average_precision(c, weights)[columns] for c in (self.classes if classes is None else classes)]
        known = [float(np.mean(precision)) for precision in each if np.isfinite(precision).all()]
        return float(np.mean(known)) if known else float("nan")

    def curve(
        self, class_id: int | None = None, *, iou: float = 0.5, weights: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Confidence falling, and precision and recall of all boxes at least that sure: three float64 (n,).

        Of one class, or of all boxes together. One point for each distinct confidence.
        """
        drawn = np.ones((1, self.pictures)) if weights is None else weights[None]
        confidence, precision, recall = self.curves(drawn, class_id, iou=iou)
        return confidence, precision[0], recall[0]

    def curves(
        self, weights: FloatArray, class_id: int | None = None, *, iou: float = 0.5
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """For many weightings float64 (rounds, pictures) at once: confidence (n,), precision and recall (rounds, n).

        Precision is 0 and recall 0 where a weighting has no box that sure.
        """
        rows = np.arange(len(self._class)) if class_id is None else self._rows_of.get(class_id, np.zeros(0, np.intp))
        column = self.ious.index(iou)
        confidence = self.confidence[rows].astype(np.float64)
        last = np.append(confidence[1:] != confidence[:-1], True) if len(rows) else np.zeros(0, np.bool_)
        weight = weights[:, self._picture[rows]]
        hits = np.cumsum(weight * self._hit[rows, column], axis=1)[:, last]
        seen = np.cumsum(weight * self._counted[rows, column], axis=1)[:, last]
        mine = slice(None) if class_id is None else self._truth == class_id
        truths = weights[:, self._truth_picture[mine]].sum(axis=1, keepdims=True)
        return confidence[last], hits / np.maximum(seen, 1e-12), hits / np.maximum(truths, 1e-12)

    def recall_at_precision(
        self,
        precision: float,
        class_id: int | None = None,
        *,
        iou: float = 0.5,
        weights: FloatArray | None = None,
    ) -> float:
        """The greatest recall that some threshold reaches with at least this precision; 0 where none does."""
        _, precisions, recalls = self.curve(class_id, iou=iou, weights=weights)
        reached = recalls[precisions >= precision]
        return float(reached.max()) if len(reached) else 0.0

    def precision_at_recall(
        self, recall: float, class_id: int | None = None, *, iou: float = 0.5, weights: FloatArray | None = None
    ) -> float:
        """The greatest precision that some threshold reaches with at least this recall; 0 where none does."""
        _, precisions, recalls = self.curve(class_id, iou=iou, weights=weights)
        reached = precisions[recalls >= recall]
        return float(reached.max()) if len(reached) else 0.0

    def at(
        self, confidence: float, class_id: int | None = None, *, iou: float = 0.5, weights: FloatArray | None = None
    ) -> tuple[float, float]:
        """Precision and recall of the boxes at least this sure; precision is 1 where there are none."""
        confidences, precisions, recalls = self.curve(class_id, iou=iou, weights=weights)
        sure = np.flatnonzero(confidences >= confidence)
        return (float(precisions[sure[-1]]), float(recalls[sure[-1]])) if len(sure) else (1.0, 0.0)

    @cached_property
    def _rows_of(self) -> dict[int, npt.NDArray[np.intp]]:
        return {int(number): np.flatnonzero(self._class == number) for number in np.unique(self._class)}


def _owners(lengths: list[int]) -> npt.NDArray[np.intp]:
    return np.repeat(np.arange(len(lengths)), lengths)
