"""One figure by its name, such as ``map`` or ``recall@0.85``."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.evaluate.average_precision import Scores
from lab.evaluate.figures import mean_of_known, precisions_at_recall, recalls_at_precision
from pipeline.errors import UsageError

FloatArray = npt.NDArray[np.float64]
KNOWN = "map, map50, recall@P (recall at precision P, such as recall@0.85), precision@R (precision at recall R)"


@dataclass(frozen=True, slots=True)
class Metric:
    """``of(scores, weights)``: the figure for weightings float64 (rounds, pictures), (rounds,)."""

    name: str
    words: str
    of: Callable[[Scores, FloatArray], FloatArray]


def metric_named(name: str) -> Metric:
    """Raises ``UsageError`` for any other name."""
    if name == "map":
        return Metric(name, "mAP50-95", lambda s, w: mean_of_known(s.average_precisions(w).mean(axis=2)))
    if name == "map50":
        return Metric(name, "mAP50", lambda s, w: mean_of_known(s.average_precisions(w)[:, :, 0]))
    found = re.fullmatch(r"(recall|precision)@(0?\.\d+|1(?:\.0*)?)", name)
    if found is None or float(found[2]) == 0:
        raise UsageError(f"--metric {name!r}: expected {KNOWN}")
    level = float(found[2])
    if found[1] == "recall":
        return Metric(
            name, f"recall at precision {level:g}, IoU 0.5", lambda s, w: recalls_at_precision(s.curves(w), level)
        )
    return Metric(
        name, f"precision at recall {level:g}, IoU 0.5", lambda s, w: precisions_at_recall(s.curves(w), level)
    )
