"""From scores of normal time to a threshold: the user says how many false alarms a day, this says at which score.

Frames of one track say the same thing again and again, so frames are never counted: what is counted are alarms, as the
rule raises them, and blocks of 10 s, of which the largest score counts. Up to the data's end the ranks decide
(conformal prediction: Vovk, Gammerman and Shafer 2005); beyond it an exponential tail is assumed (peaks over a
threshold, here the highest score of each subject in each block: Pickands 1975), and whoever asks is told.

Where some hours were observed for longer than others, a rate is that of each part of the day, weighed by how much of
the day that part is (direct standardisation): what was seen of it for twice as long does not count twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline.clock import SECOND
from stages.alert.normal.counting import Counting, FloatArray, IntArray, Segment, confirmed_rows, count, tried_levels
from stages.alert.normal.hold import DAY_S as DAY_S
from stages.alert.normal.hold import Hold
from stages.alert.normal.poisson import upper_bound, weighted_upper_bound

BLOCK_S = 10.0
FEWEST_BLOCKS = 2
"""With less there is nothing to rank among; ``bartizan learn`` asks for more."""
TAIL = 0.1
"""Share of the peaks that the tail is fitted to at most; but no fewer than ``FEWEST_IN_TAIL``, of few peaks half."""
SHORTER = 0.8
"""A tail that does not look exponential is tried this much shorter."""
MOST_PEAKS = 2001
"""So many are kept, the highest."""
FEWEST_IN_TAIL = 10
UNIT = 1.0
"""A score is a sum of -ln p, and of one calibrated p the tail falls by e for each unit. A steeper one is not believed:
it comes of too little footage, or of a scene in which nothing ever happened, and that needs a threshold as well."""
LEAST = 1.0
"""No threshold is lower, whatever the budget: what is at least that unusual happens in a third of normal frames."""
_HAIR = 1e-6


@dataclass(frozen=True, slots=True)
class Calibration:
    """What normal time says of scores, and of alarms at each threshold. ``score >= threshold`` is above it."""

    counting: Counting
    seconds: float
    """Observed time, all segments together."""
    segments: int
    level: FloatArray
    """float64 (m,), falling: thresholds, and ..."""
    alarms: IntArray
    """int64 (m,), rising: ... how many alarms the rule would have raised at each in all this time."""
    maxima: FloatArray
    """float64 (n,), rising: the largest score of each block of 10 s."""
    peaks: FloatArray
    """float64 (k,), rising: the highest threshold that each subject confirmed in each block, the highest of them."""
    peaks_seen: int
    """How many there were in all."""
    weighed: FloatArray
    """float64 (m,): the alarms at each level, each times the weight of its part of the day. A weight is the share of
    the day over the share of the observed time: 1 where that is the same."""
    squares: FloatArray
    """float64 (m,): the same of squared weights."""
    maxima_weight: FloatArray
    """float64 (n,): of each block."""
    peak_weight: FloatArray
    """float64 (k,): of each peak."""
    heaviest: float = 1.0
    """The largest weight: that of the part of the day of which least was seen."""
    fewest: float = 1.0
    """Fewer weighed alarms in the observed time than this are extrapolated: no level says where they are."""

    @classmethod
    def of(
        cls,
        segments: Sequence[Segment],
        counting: Counting | None = None,
        *,
        strata: Sequence[int] | None = None,
        shares: Mapping[int, float] | None = None,
        holds: Sequence[Hold] = (),
    ) -> "Calibration":
        """From segments that the model which scored them had not learned from.

        ``strata``: which part of the day each is of; ``shares``: how much of the day each part is, of those that were
        observed in proportion. Without them all time is alike. ``holds``: what was left out of the segments because a
        threshold was reached, and how often that threshold is reached.

        Clips shorter than a block are laid end to end: a block is 10 s of observed time, and what is left over at the
        very end joins the last. Raises ``ValueError`` for fewer than two blocks.
        """
        counting = counting or Counting()
        parts = _parts(segments, strata)
        blocks = [block_maxima(part, [each.score for each in part]) for part in parts.values()]
        seconds = {number: sum(each.seconds for each in part) for number, part in parts.items()}
        total = sum(seconds.values())
        if sum(map(len, blocks)) < FEWEST_BLOCKS:
            raise ValueError(
                f"{total:.0f} s of normal footage to calibrate on; at least {FEWEST_BLOCKS * BLOCK_S:.0f} s are needed"
            )
        weights = _weights(seconds, shares)
        heaviest = max(weights)
        by_part = dict(zip(parts, weights, strict=True))
        held = [each for hold in holds for each in hold.points(by_part, heaviest)]
        held_level, held_weight = np.array(held, np.float64).reshape(-1, 2).T
        level = np.unique(np.concatenate([tried_levels(segments, counting), held_level]))[::-1]
        numbers = [np.maximum.accumulate(count(part, counting, level)) for part in parts.values()]
        reached = held_level[None, :] >= level[:, None]
        kept, kept_squares = reached @ held_weight, reached @ held_weight**2
        alarms = np.stack(numbers).sum(axis=0) + np.floor(kept + _HAIR).astype(np.int64)
        weighed = np.sum([weight * each for weight, each in zip(weights, numbers, strict=True)], axis=0) + kept
        more = np.diff(weighed, prepend=0) > 0
        peaks = [np.concatenate([subject_peaks(each, counting) for each in part]) for part in parts.values()]
        ones = [np.array([each]) for each in held_level]
        maxima, maxima_weight = _sorted([*blocks, *ones], [*weights, *held_weight])
        highest, peak_weight = _sorted([*peaks, *ones], [*weights, *held_weight])
        top = float(weighed[more][0]) if more.any() else heaviest
        return cls(
            counting,
            total,
            len(segments),
            level[more],
            alarms[more],
            maxima,
            highest[-MOST_PEAKS:],
            len(highest),
            weighed[more],
            (np.sum([weight**2 * each for weight, each in zip(weights, numbers, strict=True)], axis=0) + kept_squares)[
                more
            ],
            maxima_weight,
            peak_weight[-MOST_PEAKS:],
            heaviest,
            min(top, heaviest) if len(held) and level[more][0] == held_level.max() else heaviest,
        )

    def p_value(self, score: float) -> float:
        """Chance of a normal block of 10 s to reach this score: ``(1 + #{maxima >= score}) / (n + 1)``.

        Never below ``1 / (n + 1)``, which is as much as n blocks can say. Where blocks have weights these are counted,
        and 1 is the largest of them.
        """
        reach = float(self.maxima_weight[np.searchsorted(self.maxima, score, "left") :].sum())
        return (self.heaviest + reach) / (self.heaviest + float(self.maxima_weight.sum()))

    def threshold(self, false_alarms_per_day: float) -> float:
        """The score that normal time reaches, as alarms, so many times a day on average.

        The rate beyond the k-th highest level is k in the observed time, on average over what might have been
        observed; between two levels it is interpolated. Fewer than one in the observed time is extrapolated.
        """
        if not false_alarms_per_day > 0:
            raise ValueError("false_alarms_per_day must be above 0: no threshold promises that there is never one")
        wanted = false_alarms_per_day * self.seconds / DAY_S
        if wanted < self.fewest * (1 - _HAIR) or not len(self.level):
            return self._beyond(false_alarms_per_day)
        found = float(np.interp(wanted, self.weighed, self.level))
        if self._weighed_at(found) > wanted * (1 + _HAIR):  # several share this very score: stay above all of them
            found += _HAIR * max(1.0, abs(found))
        return max(found, LEAST)

    def alarms_at(self, threshold: float) -> int:
        """Alarms that this threshold would have raised in the observed time."""
        reached = self._reached(threshold)
        return int(self.alarms[reached - 1]) if reached else 0

    def expected_per_day(self, threshold: float) -> float:
        """Alarms a day of normal time at this threshold; beyond the data by the tail."""
        if self.extrapolated(threshold):
            return min(self._tail(threshold), self.smallest_budget_per_day)
        return float(np.interp(-threshold, -self.level, self.weighed)) * DAY_S / self.seconds

    def upper_rate_per_day(self, threshold: float) -> float:
        """The true rate is at most this, with 95 % confidence, if alarms are independent: assumes no tail.

        No alarm in T hours: at most 3/T an hour; 3/T times the largest weight, where there are weights.
        """
        if not self.is_weighed:
            return upper_bound(self.alarms_at(threshold)) * DAY_S / self.seconds
        reached = self._reached(threshold)
        squares = float(self.squares[reached - 1]) if reached else 0.0
        return weighted_upper_bound(self._weighed_at(threshold), squares, self.heaviest) * DAY_S / self.seconds

    @property
    def is_weighed(self) -> bool:
        """Whether parts of the day were observed for other than their share of it."""
        return bool((self.maxima_weight != 1.0).any())

    def extrapolated(self, threshold: float) -> bool:
        """Whether no alarm of the observed time reached this threshold, so that its rate is an assumption."""
        return not len(self.level) or threshold > float(self.level[0])

    @property
    def smallest_budget_per_day(self) -> float:
        """The fewest false alarms a day that the observed time can be asked for without extrapolation."""
        return self.fewest * DAY_S / self.seconds

    def arrays(self) -> dict[str, Any]:
        """The arrays, to be stored; ``facts`` is the rest."""
        plain = {"level": self.level, "alarms": self.alarms, "maxima": self.maxima, "peaks": self.peaks}
        return {**plain, **({name: getattr(self, name) for name in _WEIGHED} if self.is_weighed else {})}

    def facts(self) -> dict[str, Any]:
        """Plain values, to be stored beside ``arrays``."""
        return {
            "seconds": self.seconds,
            "segments": self.segments,
            "peaks_seen": self.peaks_seen,
            "block_s": BLOCK_S,
            **({"heaviest": self.heaviest, "fewest": self.fewest} if self.is_weighed else {}),
            "counting": asdict(self.counting),
        }

    @classmethod
    def stored(cls, arrays: Mapping[str, Any], facts: Mapping[str, Any]) -> "Calibration":
        """From what ``arrays`` and ``facts`` gave. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for others."""
        alarms = np.asarray(arrays["alarms"], np.int64)
        maxima, peaks = np.asarray(arrays["maxima"], np.float64), np.asarray(arrays["peaks"], np.float64)
        alike = (alarms, alarms, np.ones(len(maxima)), np.ones(len(peaks)))
        weighed = [np.asarray(arrays.get(name, each), np.float64) for name, each in zip(_WEIGHED, alike, strict=True)]
        made = cls(
            Counting(**facts["counting"]),
            float(facts["seconds"]),
            int(facts["segments"]),
            np.asarray(arrays["level"], np.float64),
            alarms,
            maxima,
            peaks,
            int(facts["peaks_seen"]),
            weighed[0],
            weighed[1],
            weighed[2],
            weighed[3],
            float(facts.get("heaviest", 1.0)),
            float(facts.get("fewest", facts.get("heaviest", 1.0))),
        )
        made._check()
        return made

    def _check(self) -> None:
        levels, weights = (self.level, self.alarms, self.weighed, self.squares), (self.maxima_weight, self.peak_weight)
        orders = (self.maxima, self.peaks, self.alarms, self.weighed, self.squares, -self.level)
        rising = all((np.diff(each) >= 0).all() for each in orders)
        if not rising or len({len(each) for each in levels}) > 1 or self.peaks_seen < len(self.peaks):
            raise ValueError("levels, alarms or blocks are out of order")
        if (len(self.maxima), len(self.peaks)) != tuple(map(len, weights)) or not self._is_fairly_weighed():
            raise ValueError("its weights do not fit")
        finite = all(np.isfinite(each).all() for each in (self.maxima, self.peaks, *levels))
        if not (self.seconds > 0 and min(len(self.maxima), len(self.peaks)) >= FEWEST_BLOCKS and finite):
            raise ValueError("it is of too few blocks, or not of numbers")

    def _is_fairly_weighed(self) -> bool:
        weights = np.concatenate([self.maxima_weight, self.peak_weight])
        fair = bool((weights > 0).all() and (weights <= self.heaviest + _HAIR).all() and np.isfinite(self.heaviest))
        return fair and 0 < self.fewest <= self.heaviest

    def _reached(self, threshold: float) -> int:
        """How many levels are at least this high."""
        return int(np.searchsorted(-self.level, -threshold, "right"))

    def _weighed_at(self, threshold: float) -> float:
        reached = self._reached(threshold)
        return float(self.weighed[reached - 1]) if reached else 0.0

    def _fit(self) -> tuple[float, int, float, float]:
        """Where the tail begins, how many peaks are in it, the sum of what they exceed it by, and of their weights.

        The longest tail that is no heavier than an exponential one: whose excesses scatter by no more than their mean
        and the standard error of that ratio.
        """
        most = min(self.peaks_seen // 2, len(self.peaks) - 1)
        inside = min(max(round(TAIL * self.peaks_seen), FEWEST_IN_TAIL), most)
        while True:
            start = float(self.peaks[-inside - 1])
            excess, weight = self.peaks[-inside:] - start, self.peak_weight[-inside:]
            mean = float(np.average(excess, weights=weight))
            heavy = float(np.average((excess - mean) ** 2, weights=weight)) ** 0.5 > mean * (1 + inside**-0.5)
            if not heavy or inside <= FEWEST_IN_TAIL:
                return start, inside, max(mean, UNIT) * inside, float(weight.sum())
            inside = max(int(inside * SHORTER), FEWEST_IN_TAIL)

    def _beyond(self, rate_per_day: float) -> float:
        """The threshold of the tail.

        Of exponential excesses with sum S, of which k were seen, the next exceeds x with probability
        ``(1 + x / S) ** -k``: the scale's own uncertainty is in it.
        """
        start, inside, excess, weight = self._fit()
        reached = (weight + self.heaviest) * DAY_S / self.seconds / rate_per_day
        found = start + excess * (float(reached ** (1 / inside)) - 1)
        return max(found, float(self.level[0]) if len(self.level) else found, LEAST) + _HAIR

    def _tail(self, threshold: float) -> float:
        start, inside, excess, weight = self._fit()
        beyond = 1 + max(threshold - start, 0.0) / excess
        return float((weight + self.heaviest) * DAY_S / self.seconds * beyond**-inside)


_WEIGHED = ("weighed", "squares", "maxima_weight", "peak_weight")
"""Arrays that are stored only where parts of the day have weights."""


def _parts(segments: Sequence[Segment], strata: Sequence[int] | None) -> dict[int, list[Segment]]:
    """By number; those of which nothing was observed are left out."""
    parts: dict[int, list[Segment]] = {}
    for number, segment in zip(strata or [0] * len(segments), segments, strict=True):
        if segment.lasts_ns:
            parts.setdefault(number, []).append(segment)
    return dict(sorted(parts.items()))


def _weights(seconds: Mapping[int, float], shares: Mapping[int, float] | None) -> list[float]:
    """Of each part its share of the day over its share of the observed time. They average 1 over that time."""
    if shares is None:
        return [1.0] * len(seconds)
    day, total = sum(shares[number] for number in seconds), sum(seconds.values())
    return [shares[number] / day * total / lasted for number, lasted in seconds.items()]


def _sorted(values: Sequence[FloatArray], weights: Sequence[float]) -> tuple[FloatArray, FloatArray]:
    """All values, rising, and the weight of each."""
    found = np.concatenate([np.zeros(0), *values])
    heavy = np.repeat(np.array(weights, np.float64), [len(each) for each in values])
    order = np.argsort(found, kind="stable")
    return found[order], heavy[order]


def subject_peaks(segment: Segment, counting: Counting) -> FloatArray:
    """float64 (n,): the highest threshold that each subject confirms in each block of 10 s in which it is there.

    Of one who confirms none, the lowest score of all: it was there, and nothing came of it.
    """
    if not len(segment.score):
        return np.zeros(0)
    confirmed = np.maximum(confirmed_rows(segment, counting), segment.score.min())
    who = np.zeros(len(confirmed), np.int64) if segment.subject is None else segment.subject
    where = np.stack([who, segment.clock_ns // round(BLOCK_S * SECOND)])
    _, number = np.unique(where, axis=1, return_inverse=True)
    peaks = np.full(int(number.max()) + 1, -np.inf)
    np.maximum.at(peaks, number.ravel(), confirmed)
    return peaks


def block_maxima(segments: Sequence[Segment], scores: Sequence[FloatArray], *, block_s: float = BLOCK_S) -> FloatArray:
    """float64 (n,): the largest of ``scores``, one for each row, in each ``block_s`` of observed time, in order.

    A block of which nothing is known counts as the lowest of the others.
    """
    clocks, before = [], 0
    for segment in segments:
        clocks.append(segment.clock_ns + before)
        before += segment.lasts_ns
    block_ns = round(block_s * SECOND)
    blocks = before // block_ns
    if not blocks:
        return np.zeros(0)
    number = np.minimum(np.concatenate(clocks) // block_ns, blocks - 1)
    maxima = np.full(blocks, -np.inf)
    np.maximum.at(maxima, number, np.concatenate(scores))
    known = np.isfinite(maxima)
    return np.where(known, maxima, maxima[known].min() if known.any() else 0.0)
