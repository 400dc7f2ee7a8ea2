"""How many of something rare there may be: bounds and intervals of counts, in plain Python.

Counts of alarms are taken as Poisson: rare, and independent of one another. Alarms that come in clusters (a festival, a
storm) break this; the intervals are then too narrow.
"""

from collections.abc import Callable
from math import exp, inf, lgamma, log, sqrt

CONFIDENCE = 0.95
NORMAL_95 = 1.6448536269514722
_MANY = 20_000
"""Counts from which the sum over all smaller ones is replaced by Wilson and Hilferty's cube root (1931)."""


def upper_bound(count: int, *, confidence: float = CONFIDENCE) -> float:
    """The largest mean that still gives ``count`` or fewer with probability ``1 - confidence``: one-sided, exact.

    Garwood 1936. For 0 of them and 95 % it is 3.0, the "rule of three". It holds as well where the ``count + 1``-th
    largest score itself was made the threshold: the rate beyond it is then gamma distributed with the same quantile.
    """
    if count >= _MANY and confidence == CONFIDENCE:
        shape = count + 1
        return float(shape * (1 - 1 / (9 * shape) + NORMAL_95 / (3 * sqrt(shape))) ** 3)
    return _root(lambda mean: at_most(count, mean) - (1 - confidence), high=count + 10 * sqrt(count + 1) + 10)


def weighted_upper_bound(total: float, squares: float, heaviest: float, *, confidence: float = CONFIDENCE) -> float:
    """The same of a sum of weighted counts, such as of hours that were observed for unequal times.

    ``total``: each event times its weight, ``squares``: times its squared weight, ``heaviest``: the largest weight
    that an event can have. Fay and Feuer 1997 (a gamma distribution with the moments of one more event of that
    weight); with equal weights it is Garwood's bound.
    """
    mean, variance = total + heaviest, squares + heaviest**2
    shape, scale = mean**2 / variance, variance / mean
    return scale * _root(lambda value: _gamma_above(shape, value) - (1 - confidence), high=2 * shape + 10)


def at_most(count: int, mean: float) -> float:
    """Probability that a Poisson number with this mean is ``count`` or less."""
    if mean <= 0:
        return 1.0
    return min(sum(exp(n * log(mean) - mean - lgamma(n + 1)) for n in range(count + 1)), 1.0)


def interval(mean: float, *, confidence: float = CONFIDENCE) -> tuple[int, int]:
    """The numbers within which a Poisson number with this mean lies with at least this probability, central."""
    tail = (1 - confidence) / 2
    low, high = 0, 0
    while at_most(low, mean) <= tail:
        low += 1
    while at_most(high, mean) < 1 - tail:
        high += 1
    return low, high


def predictive_interval(calibrated: float, ratio: float, *, confidence: float = CONFIDENCE) -> tuple[int, int]:
    """As ``interval`` where the mean itself was set on data: negative binomial.

    ``calibrated``: the number of alarms that the budget allows in the footage the threshold was set on. ``ratio``: the
    length of the new footage over that footage. The rate beyond the k-th largest score of a Poisson process is gamma
    distributed with shape k, so the number in new footage is negative binomial (Nelson 1982, prediction of counts).
    """
    tail, heap, number, low = (1 - confidence) / 2, 0.0, 0, -1
    if calibrated <= 0:
        raise ValueError("nothing to predict from: the budget allows no alarm in the calibration footage")
    share = ratio / (1 + ratio)
    while True:
        chance = lgamma(number + calibrated) - lgamma(calibrated) - lgamma(number + 1)
        heap += exp(chance + number * log(share) + calibrated * log(1 - share))
        if low < 0 and heap > tail:
            low = number
        if heap >= 1 - tail:
            return low, number
        number += 1


def _gamma_above(shape: float, value: float) -> float:
    """Probability that a gamma variable of scale 1 exceeds this value: by series, or by continued fraction (Lentz)."""
    if value <= 0:
        return 1.0
    front = exp(shape * log(value) - value - lgamma(shape))
    if value < shape + 1:
        term = total = 1 / shape
        rank = shape
        while term > total * 1e-15:
            rank += 1
            term *= value / rank
            total += term
        return 1 - front * total
    b = value + 1 - shape
    c, d = 1e300, 1 / b
    fraction = d
    for step in range(1, 10_000):
        a = -step * (step - shape)
        b += 2
        d, c = 1 / (a * d + b), b + a / c
        fraction *= d * c
        if abs(d * c - 1) < 1e-14:
            break
    return front * fraction


def _root(falling: Callable[[float], float], *, high: float) -> float:
    low = 0.0
    while falling(high) > 0 and high < inf:
        low, high = high, high * 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return high
