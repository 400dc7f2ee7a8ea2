"""How good a classifier is: accuracy, precision, recall, F1, curves and calibration, with intervals.

Resampled are recordings, or pictures where recordings are few: crops of one recording resemble each other, and
counting them as independent would promise too much.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np
import numpy.typing as npt

from lab.statistics import FloatArray, Interval, interval_of
from pipeline.errors import UsageError

BINS = 15
FEWEST_UNITS = 10
"""With fewer recordings than this an interval over them means nothing, and pictures are drawn instead."""

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """What a classifier said of some crops, and what they are.

    ``labels``: int64 (n,), into ``names``. ``probability``: float32 (n, classes). ``groups``: each crop's recording;
    ``pictures``: each crop's file, or empty if every crop is a picture of its own. Raises ``UsageError`` without crops.
    """

    names: tuple[str, ...]
    labels: Labels
    probability: npt.NDArray[np.float32]
    groups: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.labels):
            raise UsageError("nothing to measure: there are no crops")
        if self.probability.shape != (len(self.labels), len(self.names)):
            wanted = f"({len(self.labels)}, {len(self.names)})"
            raise ValueError(f"probability must be float32 {wanted}, got {self.probability.shape}")

    @property
    def said(self) -> Labels:
        """The surest class of each crop."""
        said: Labels = self.probability.argmax(axis=1)
        return said

    @cached_property
    def unit(self) -> str:
        """What is resampled: recording, picture or crop."""
        if len(set(self.groups)) >= FEWEST_UNITS:
            return "recording"
        return "picture" if len(set(self.pictures)) >= FEWEST_UNITS else "crop"

    @cached_property
    def units(self) -> npt.NDArray[np.intp]:
        """Number of the unit that each crop belongs to."""
        of = {"recording": self.groups, "picture": self.pictures, "crop": tuple(map(str, range(len(self.labels))))}
        return np.unique(np.array(of[self.unit]), return_inverse=True)[1].reshape(-1)

    def select(self, keep: npt.NDArray[np.bool_]) -> "Answers":
        """Those crops that a mask picks."""
        at = np.flatnonzero(keep)
        groups = tuple(self.groups[i] for i in at) if self.groups else ()
        pictures = tuple(self.pictures[i] for i in at) if self.pictures else ()
        return Answers(self.names, self.labels[at], self.probability[at], groups, pictures)


class ClassFigures(msgspec.Struct, frozen=True):
    """Of one class. ``auc``: area under its ROC curve, ``average_precision`` under its precision-recall curve."""

    crops: int
    precision: Interval
    recall: Interval
    f1: Interval
    auc: float
    average_precision: float


class Figures(msgspec.Struct, frozen=True):
    """Of all classes. ``confusion[i][j]``: crops of class i that were called j.

    ``baseline``: accuracy of calling every crop by these crops' most frequent class; ``gain``: what the model's
    accuracy has over it, both drawn together.
    """

    crops: int
    unit: str
    units: int
    accuracy: Interval
    baseline: Interval
    gain: Interval
    balanced_accuracy: Interval
    macro_f1: Interval
    calibration_error: Interval
    log_loss: float
    classes: dict[str, ClassFigures]
    confusion: list[list[int]]


def measure(answers: Answers, *, rounds: int = 1000, seed: int = 0) -> Figures:
    """Every figure; classes that do not occur are left out of averages. Intervals hold 95 %."""
    tables = _tables(answers)
    sums = _calibration_sums(answers)
    units, classes = len(tables), len(answers.names)
    flat = tables.reshape(units, -1)

    def of(figure: Callable[[FloatArray], float]) -> Interval:
        return interval_of(
            lambda weights: figure((weights @ flat).reshape(classes, classes)), units, rounds=rounds, seed=seed
        )

    def calibration(weights: FloatArray) -> float:
        many, gap = (weights @ sums.reshape(units, -1)).reshape(2, BINS)
        return float(np.abs(gap).sum() / max(many.sum(), 1e-12))

    each = {
        name: ClassFigures(
            crops=int((answers.labels == k).sum()),
            precision=of(_entry(precisions, k)),
            recall=of(_entry(recalls, k)),
            f1=of(_entry(f1s, k)),
            auc=area_under_roc(answers, k),
            average_precision=average_precision(answers, k),
        )
        for k, name in enumerate(answers.names)
    }
    frequent = int(np.bincount(answers.labels, minlength=classes).argmax())
    true = np.maximum(answers.probability[np.arange(len(answers.labels)), answers.labels], 1e-12)
    return Figures(
        crops=len(answers.labels),
        unit=answers.unit,
        units=units,
        accuracy=of(lambda table: _of_all(np.trace(table), table)),
        baseline=of(lambda table: _of_all(table[frequent].sum(), table)),
        gain=of(lambda table: _of_all(np.trace(table) - table[frequent].sum(), table)),
        balanced_accuracy=of(lambda table: _mean(recalls(table))),
        macro_f1=of(lambda table: _mean(f1s(table))),
        calibration_error=interval_of(calibration, units, rounds=rounds, seed=seed),
        log_loss=float(-np.log(true).mean()),
        classes=each,
        confusion=tables.sum(axis=0).astype(int).tolist(),
    )


def recalls(table: FloatArray) -> FloatArray:
    """Share of each class that was recognised, from a confusion table (classes, classes); NaN where there is none."""
    return _share(np.diag(table), table.sum(axis=1))


def precisions(table: FloatArray) -> FloatArray:
    """Share of what was called each class that is one; NaN where nothing was."""
    return _share(np.diag(table), table.sum(axis=0))


def f1s(table: FloatArray) -> FloatArray:
    """Harmonic mean of both; NaN where a class neither is nor was said."""
    values = _share(2 * np.diag(table), table.sum(axis=0) + table.sum(axis=1))
    values[table.sum(axis=1) == 0] = np.nan
    return values


def area_under_roc(answers: Answers, k: int) -> float:
    """Chance that a crop of class ``k`` gets a higher probability of it than another; NaN without both."""
    from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]  # ships no types

    truth = answers.labels == k
    return float(roc_auc_score(truth, answers.probability[:, k])) if 0 < truth.sum() < len(truth) else float("nan")


def average_precision(answers: Answers, k: int) -> float:
    """Area under the precision-recall curve of class ``k``; NaN without such crops."""
    from sklearn.metrics import average_precision_score

    truth = answers.labels == k
    return float(average_precision_score(truth, answers.probability[:, k])) if truth.any() else float("nan")


def accuracy(answers: Answers, *, rounds: int = 300) -> Interval:
    """Balanced accuracy alone, over the classes that occur."""
    tables = _tables(answers)
    flat, shape = tables.reshape(len(tables), -1), tables.shape[1:]
    return interval_of(lambda weights: _mean(recalls((weights @ flat).reshape(shape))), len(tables), rounds=rounds)


def reliability(answers: Answers) -> tuple[FloatArray, FloatArray, FloatArray]:
    """By bin of stated confidence: its mean, share of right answers, number of crops; empty bins are left out."""
    stated, right = answers.probability.max(axis=1), answers.said == answers.labels
    place = np.minimum((stated * BINS).astype(int), BINS - 1)
    many = np.bincount(place, minlength=BINS).astype(np.float64)
    some = many > 0
    mean, share = (np.bincount(place, values, BINS)[some] / many[some] for values in (stated, right))
    return mean, share, many[some]


def _of_all(many: float, table: FloatArray) -> float:
    return float(many / max(table.sum(), 1e-12))


def _tables(answers: Answers) -> FloatArray:
    """A confusion table of each unit: float64 (units, classes, classes)."""
    classes = len(answers.names)
    tables = np.zeros((answers.units.max() + 1, classes, classes))
    np.add.at(tables, (answers.units, answers.labels, answers.said), 1)
    return tables


def _calibration_sums(answers: Answers) -> FloatArray:
    """Of each unit: crops and confidence less hits in each bin, float64 (units, 2, BINS)."""
    stated, right = answers.probability.max(axis=1), answers.said == answers.labels
    place = np.minimum((stated * BINS).astype(int), BINS - 1)
    sums = np.zeros((answers.units.max() + 1, 2, BINS))
    np.add.at(sums[:, 0], (answers.units, place), 1)
    np.add.at(sums[:, 1], (answers.units, place), stated - right)
    return sums


def _entry(figures: Callable[[FloatArray], FloatArray], k: int) -> Callable[[FloatArray], float]:
    return lambda table: float(figures(table)[k])


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.where(whole > 0, part / np.maximum(whole, 1e-12), np.nan)


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
