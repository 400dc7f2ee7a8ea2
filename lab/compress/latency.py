"""How long two models take for the same work, measured turn by turn, so that a busy machine slows both alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns

import numpy as np


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of one call, median over all turns; ``ratio`` is the median of each turn's after / before."""

    before_ms: float
    after_ms: float
    ratio: float


def compare(before: Callable[[int], object], after: Callable[[int], object], *, turns: int = 40) -> Latency:
    """Call both with the turn's number, one after the other, in alternating order; the first two turns warm up."""
    times = np.zeros((turns + 2, 2))
    for turn in range(turns + 2):
        order: Sequence[int] = (0, 1) if turn % 2 else (1, 0)
        for place in order:
            start = perf_counter_ns()
            (before, after)[place](turn)
            times[turn, place] = (perf_counter_ns() - start) / 1e6
    times = times[2:]
    first, second = np.median(times, axis=0)
    return Latency(float(first), float(second), float(np.median(times[:, 1] / times[:, 0])))
