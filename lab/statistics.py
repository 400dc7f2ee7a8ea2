"""How far a figure can be trusted: bootstrap intervals and paired differences.

The unit that is drawn again and again must be independent: a picture, a source video, a block of neighbouring frames
(Künsch 1989), never a single box of a crowd (Efron and Tibshirani 1993; paired as in Koehn 2004).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Measure = Callable[[FloatArray], float]
"""A figure from weights float64 (units,): how often each unit was drawn; all ones is the figure itself."""

Measures = Callable[[FloatArray], FloatArray]
"""Figures float64 (rounds, figures) from weights float64 (rounds, units): many of both at once."""

ROUNDS = 1000
AT_ONCE = 50
"""Rounds that ``intervals_of`` hands over together."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the range that holds its true value with the stated ``confidence`` (percentile bootstrap)."""

    value: float
    low: float
    high: float
    confidence: float = 0.95

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def draws(units: int, *, rounds: int = ROUNDS, seed: int = 0, block: int = 1) -> Iterator[FloatArray]:
    """Weights float64 (units,) of ``rounds`` resamples with replacement.

    With ``block`` above 1 the units are neighbours in time and whole runs of that many are drawn (circular, so that
    none is favoured). Raises ``ValueError`` without units.
    """
    if units < 1:
        raise ValueError("nothing to draw from: there are no units")
    generator = np.random.default_rng(seed)
    block = min(max(block, 1), units)
    starts_needed = -(-units // block)
    offsets = np.arange(block)
    for _ in range(rounds):
        starts = generator.integers(0, units, starts_needed)
        picked = ((starts[:, None] + offsets) % units).ravel()[:units]
        yield np.bincount(picked, minlength=units).astype(np.float64)


def interval_of(
    measure: Measure, units: int, *, rounds: int = ROUNDS, seed: int = 0, block: int = 1, confidence: float = 0.95
) -> Interval:
    """The figure and its interval. Rounds in which it is undefined (NaN) are left out."""
    value = measure(np.ones(units))
    drawn = np.array([measure(weights) for weights in draws(units, rounds=rounds, seed=seed, block=block)])
    return _interval(value, drawn, confidence)


def intervals_of(
    measures: Measures, units: int, *, rounds: int = ROUNDS, seed: int = 0, block: int = 1, confidence: float = 0.95
) -> list[Interval]:
    """As ``interval_of`` for several figures that share their draws, computed for many rounds at a time.

    The figures of two models and their difference belong into one call: the draws are then paired.
    """
    whole = measures(np.ones((1, units)))[0]
    weights = draws(units, rounds=rounds, seed=seed, block=block)
    drawn = [np.zeros((0, len(whole)))]
    while together := list(islice(weights, AT_ONCE)):
        drawn.append(measures(np.stack(together)))
    each = np.concatenate(drawn)
    return [_interval(float(value), each[:, i], confidence) for i, value in enumerate(whole)]


def paired_difference(
    a: Measure, b: Measure, units: int, *, rounds: int = ROUNDS, seed: int = 0, block: int = 1, confidence: float = 0.95
) -> Interval:
    """``b`` less ``a`` on the same units, with both drawn together: what the units share cancels out."""
    whole = np.ones(units)
    drawn = np.array([b(weights) - a(weights) for weights in draws(units, rounds=rounds, seed=seed, block=block)])
    return _interval(b(whole) - a(whole), drawn, confidence)


def _interval(value: float, drawn: FloatArray, confidence: float) -> Interval:
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return Interval(value, float("nan"), float("nan"), confidence)
    tail = (1 - confidence) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return Interval(value, float(low), float(high), confidence)
