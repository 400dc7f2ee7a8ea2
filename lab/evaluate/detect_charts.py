"""The charts of a detector's report."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lab.evaluate.average_precision import RECALLS, Scores
from lab.evaluate.figures import f1
from lab.report.charts import curves, matrix
from lab.statistics import draws

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FloatArray = npt.NDArray[np.float64]
MOST_LINES = 6
MOST_CELLS = 20
BAND_ROUNDS = 200


def precision_recall_chart(scores: Scores, names: Sequence[str]) -> "Figure":
    """One line for all boxes together, with a bootstrap band, and one for each of the most frequent classes."""
    ranked = sorted(scores.classes, key=lambda c: -scores.truths(c))
    lines = {"all boxes": (RECALLS, precision_at_recalls(scores, np.ones((1, scores.pictures)))[0])}
    if len(ranked) > 1:
        for c in ranked[:MOST_LINES]:
            lines[names[c]] = (RECALLS, precision_at_recalls(scores, np.ones((1, scores.pictures)), c)[0])
    bands = {}
    if scores.pictures:
        rounds = np.stack(list(draws(scores.pictures, rounds=BAND_ROUNDS)))
        drawn = np.concatenate([precision_at_recalls(scores, part) for part in np.array_split(rounds, 10)])
        low, high = np.nanquantile(drawn, [0.025, 0.975], axis=0)
        bands["all boxes"] = (low, high)
    return curves(lines, x="recall", y="precision", bands=bands)


def precision_at_recalls(scores: Scores, weights: FloatArray, class_id: int | None = None) -> FloatArray:
    """Precision, made non-increasing, at 101 recalls: (rounds, 101); 0 where that recall is not reached."""
    _, precision, recall = scores.curves(weights, class_id)
    if not precision.shape[1]:
        return np.zeros((len(weights), len(RECALLS)))
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    at = np.zeros((len(weights), len(RECALLS)))
    for round_ in range(len(weights)):
        place = np.searchsorted(recall[round_], RECALLS - 1e-12)
        reached = place < recall.shape[1]
        at[round_, reached] = precision[round_, place[reached]]
    return at


def f1_chart(scores: Scores, *, chosen: float, best: float) -> "Figure":
    """Precision, recall and F1 against confidence; the two thresholds are marked."""
    confidence, precision, recall = scores.curve()
    # Read at even steps: most boxes are hardly sure, and few points would be left where it matters.
    steps = np.linspace(0.005, 1, 200)
    at = np.searchsorted(-confidence, -steps, side="right") - 1
    confidence, precision, recall = steps[at >= 0], precision[at[at >= 0]], recall[at[at >= 0]]
    figure = curves(
        {
            "precision": (confidence, precision),
            "recall": (confidence, recall),
            "F1": (confidence, f1(precision, recall)),
        },
        x="least confidence that counts",
        y="share",
    )
    (axes,) = figure.axes
    axes.axvline(chosen, color="#7f7f7f", linewidth=1, linestyle="--")
    axes.axvline(best, color="#7f7f7f", linewidth=1, linestyle=":")
    top = axes.get_xaxis_transform()
    right = best > chosen
    axes.text(
        chosen, 0.02, " chosen" if not right else "chosen ", transform=top, fontsize=8, ha="right" if right else "left"
    )
    axes.text(
        best, 0.07, "best F1 " if not right else " best F1", transform=top, fontsize=8, ha="left" if right else "right"
    )
    return figure


def confusion_chart(counts: npt.NDArray[np.int64], names: Sequence[str]) -> tuple["Figure", bool]:
    """The matrix, and whether it shows all classes; else those with the most mistakes."""
    background = len(names)
    used = np.flatnonzero(counts[:-1].sum(axis=1) + counts[:, :-1].sum(axis=0))
    shown = used
    if len(used) > MOST_CELLS:
        off = counts.copy()
        np.fill_diagonal(off, 0)
        wrong = off[:-1, :-1].sum(axis=1) + off[:-1, :-1].sum(axis=0) + off[-1, :-1] + off[:-1, -1]
        shown = np.sort(used[np.argsort(-wrong[used], kind="stable")[:MOST_CELLS]])
    places = [*shown.tolist(), background]
    labels = [*(names[int(c)] for c in shown), "background"]
    part = counts[np.ix_(places, places)]
    chart = matrix(part, rows=labels, columns=labels, row_title="there", column_title="found")
    return chart, len(shown) == len(used)
