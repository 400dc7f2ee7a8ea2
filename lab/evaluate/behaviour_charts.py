"""Charts of judged windows."""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.evaluate.behaviour import Judged
from lab.report import charts
from lab.statistics import FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 8


def confusion(judged: Judged, names: Sequence[str]) -> "Figure":
    """Counts of windows: truth downwards, what was said across."""
    return charts.matrix(judged.confusion(), rows=names, columns=names, row_title="is", column_title="said")


def roc(judged: Judged, names: Sequence[str]) -> "Figure":
    """Share of each behaviour that is found, over the share of all else that is taken for it."""
    metrics: Any = import_module("sklearn.metrics")
    lines = {"chance": (np.array([0.0, 1.0]), np.array([0.0, 1.0]))}
    for class_id in range(1, judged.classes):
        if _known(judged, class_id):
            false, true, _ = metrics.roc_curve(judged.truth == class_id, judged.probability[:, class_id])
            lines[names[class_id]] = (false, true)
    return charts.curves(lines, x="false alarms, share of other windows", y="found, share of its windows")


def precision_recall(judged: Judged, names: Sequence[str]) -> "Figure":
    """Share of what is said that is right, over the share of each behaviour that is found."""
    metrics: Any = import_module("sklearn.metrics")
    lines = {}
    for class_id in range(1, judged.classes):
        if _known(judged, class_id):
            right, found, _ = metrics.precision_recall_curve(judged.truth == class_id, judged.probability[:, class_id])
            lines[names[class_id]] = (found, right)
    return charts.curves(lines, x="recall", y="precision")


def reliability(judged: Judged) -> "Figure":
    """Stated probability of the last class against how often it is true, in bins."""
    stated = judged.probability[:, -1]
    true = judged.truth == judged.classes - 1
    edges = np.linspace(0, 1, BINS + 1)
    place = np.clip(np.digitize(stated, edges) - 1, 0, BINS - 1)
    filled = np.unique(place)
    return charts.reliability(
        [stated[place == k].mean() for k in filled],
        [true[place == k].mean() for k in filled],
        [int((place == k).sum()) for k in filled],
        width=1 / BINS,
    )


def timeline(
    time_s: FloatArray,
    probability: FloatArray,
    *,
    threshold: float,
    name: str,
    spans: Sequence[tuple[float, float]] = (),
    attention: tuple[FloatArray, FloatArray] | None = None,
) -> "Figure":
    """Probability of one behaviour over a recording, in seconds, with the true ``spans`` shaded.

    ``attention``: seconds and weights of what the judgements looked at, drawn below.
    """
    with charts.chart(8.0, 2.8) as (figure, (axes,)):
        for number, (start, end) in enumerate(spans):
            label = "truth" if number == 0 else None
            axes.axvspan(start, max(end, start + 0.02), color=charts.COLOURS[4], alpha=0.3, linewidth=0, label=label)
        axes.plot(time_s, probability, marker=".", color=charts.COLOURS[0], label=name)
        axes.axhline(threshold, color=charts.COLOURS[1], linestyle="--", linewidth=1, label="threshold")
        if attention is not None:
            peak = max(float(attention[1].max()), 1e-9)
            axes.fill_between(
                attention[0],
                0,
                attention[1] / peak * 0.25,
                color=charts.COLOURS[2],
                alpha=0.4,
                linewidth=0,
                label="attention",
            )
        axes.set(ylim=(0, 1.02), xlabel="seconds", ylabel="probability")
        axes.legend(loc="upper right", ncols=4)
    return figure


def _known(judged: Judged, class_id: int) -> bool:
    there = judged.truth == class_id
    return bool(there.any() and not there.all())
