"""Two models on the same pictures: whether the second may take the first one's place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lab.evaluate.average_precision import Scores
from lab.evaluate.metric import Metric
from lab.evaluate.stretches import of_stretches
from lab.statistics import Interval, intervals_of

FloatArray = npt.NDArray[np.float64]
Verdict = Literal["not worse", "worse", "cannot tell"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure of both models, and b less a; the pictures were drawn together for both (paired bootstrap)."""

    metric: str
    a: Interval
    b: Interval
    difference: Interval


def compare(
    a: Scores,
    b: Scores,
    metrics: Sequence[Metric],
    *,
    block: int = 1,
    stretch: npt.NDArray[np.intp] | None = None,
    rounds: int = 1000,
    seed: int = 0,
) -> list[Comparison]:
    """Compare on the same pictures. Of a sequence ``block`` neighbouring frames are drawn together (Künsch 1989).

    Of pictures whose order is none of time, those of one ``stretch`` are: its number for each, int (pictures,).
    """

    def measures(weights: FloatArray) -> FloatArray:
        columns = []
        for metric in metrics:
            first, second = metric.of(a, weights), metric.of(b, weights)
            columns += [first, second, second - first]
        return np.stack(columns, axis=1)

    if stretch is None:
        found = intervals_of(measures, a.pictures, block=block, rounds=rounds, seed=seed)
    else:
        found = intervals_of(of_stretches(measures, stretch), int(stretch.max()) + 1, rounds=rounds, seed=seed)
    return [Comparison(metric.words, *found[3 * i : 3 * i + 3]) for i, metric in enumerate(metrics)]


def judge(difference: Interval, *, tolerance: float) -> Verdict:
    """Whether b is worse than a by more than ``tolerance``, as far as the interval can say.

    ``not worse``: even its lower bound lies above -tolerance. ``worse``: even its upper bound lies below. An unknown
    interval cannot tell.
    """
    if difference.low >= -tolerance:
        return "not worse"
    return "worse" if difference.high < -tolerance else "cannot tell"


def said(
    verdict: Verdict, comparison: Comparison, *, tolerance: float, pictures: int, independent: int, each: str = "frame"
) -> str:
    """The verdict as a sentence, with what it rests on: so many pictures in ``independent`` blocks."""
    d = comparison.difference
    measured = f"{comparison.metric}: B - A = {d.value:+.3f}, 95 % interval [{d.low:+.3f}, {d.high:+.3f}]"
    counted = f"{pictures} pictures" if independent == pictures else f"{pictures} {each}s, {independent} blocks"
    match verdict:
        case "not worse":
            beyond = " (it is better)" if d.low > 0 else " (though it is worse)" if d.high < 0 else ""
            return f"PASS: B is not worse than A by more than {tolerance:g}{beyond}. {measured}; {counted}."
        case "worse":
            return f"FAIL: B is worse than A by more than {tolerance:g}. {measured}; {counted}."
        case _:
            return (
                f"UNCLEAR: cannot tell with {counted} whether B is worse than A by more than {tolerance:g}. "
                f"{measured}. More pictures, or a larger tolerance, would decide."
            )
