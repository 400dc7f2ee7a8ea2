"""Times that can be compared on a machine that does other things too.

All contenders work on the same pictures turn by turn, in changing order, so that whatever else the machine does slows
all of them alike. A median is not moved by a few slow turns; how far the turns lie apart is told beside it. The time
that the processor spent on it, which waiting for a core does not lengthen, is told as well.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter, process_time
from typing import Any

import numpy as np

_Column = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of one turn: the median, the best, the range that holds the middle 80 %, and the median of what
    this process' threads spent of the processor together."""

    median_ms: float
    best_ms: float
    low_ms: float
    high_ms: float
    cpu_ms: float
    turns: int

    @property
    def spread(self) -> float:
        """Width of the middle 80 % as a share of the median: over about 0.3 the machine was busy."""
        return (self.high_ms - self.low_ms) / self.median_ms

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"spread": self.spread}


def race(runners: Sequence[Callable[[int], object]], *, turns: int, warm_up: int = 2) -> list[Times]:
    """Call each runner ``turns`` times with the turn's number, one after the other, the first one changing."""
    taken = np.zeros((warm_up + turns, len(runners), 2))
    for turn in range(warm_up + turns):
        for step in range(len(runners)):
            number = (turn + step) % len(runners)
            began = perf_counter(), process_time()
            runners[number](turn)
            taken[turn, number] = perf_counter() - began[0], process_time() - began[1]
    return [_times(*(1e3 * column).T) for column in taken[warm_up:].swapaxes(0, 1)]


def _times(taken: _Column, spent: _Column) -> Times:
    low, median, high = np.percentile(taken, (10, 50, 90)).tolist()
    return Times(median, float(taken.min()), low, high, float(np.median(spent)), len(taken))
