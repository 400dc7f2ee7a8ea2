"""From scores of normal time to a threshold: the user says how many false alarms a day, this says at which score.

Frames of one track say the same thing again and again, so frames are never counted: what is counted are alarms, as the
rule raises them, and blocks of 10 s, of which the largest score counts. Up to the data's end the ranks decide
(conformal prediction: Vovk, Gammerman and Shafer 2005); beyond it an exponential tail is assumed (peaks over a
threshold, here the highest score of each subject in each block: Pickands 1975), and whoever asks is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline.clock import SECOND
from stages.alert.normal.counting import Counting, FloatArray, IntArray, Segment, confirmed_rows, levels
from stages.alert.normal.poisson import upper_bound

DAY_S = 86_400.0
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

    @classmethod
    def of(cls, segments: Sequence[Segment], counting: Counting | None = None) -> "Calibration":
        """From segments that the model which scored them had not learned from.

        Clips shorter than a block are laid end to end: a block is 10 s of observed time, and what is left over at the
        very end joins the last. Raises ``ValueError`` for fewer than two blocks.
        """
        counting = counting or Counting()
        maxima = block_maxima(segments, [each.score for each in segments])
        if len(maxima) < FEWEST_BLOCKS:
            raise ValueError(
                f"{sum(each.seconds for each in segments):.0f} s of normal footage to calibrate on; "
                f"at least {FEWEST_BLOCKS * BLOCK_S:.0f} s are needed"
            )
        level, alarms = levels(segments, counting)
        peaks = np.sort(np.concatenate([subject_peaks(each, counting) for each in segments]))
        seconds = sum(each.seconds for each in segments)
        kept = peaks[-MOST_PEAKS:]
        return cls(counting, seconds, len(segments), level, alarms, np.sort(maxima), kept, len(peaks))

    def p_value(self, score: float) -> float:
        """Chance of a normal block of 10 s to reach this score: ``(1 + #{maxima >= score}) / (n + 1)``.

        Never below ``1 / (n + 1)``, which is as much as n blocks can say.
        """
        blocks = len(self.maxima)
        return (1 + blocks - int(np.searchsorted(self.maxima, score, "left"))) / (blocks + 1)

    def threshold(self, false_alarms_per_day: float) -> float:
        """The score that normal time reaches, as alarms, so many times a day on average.

        The rate beyond the k-th highest level is k in the observed time, on average over what might have been
        observed; between two levels it is interpolated. Fewer than one in the observed time is extrapolated.
        """
        if not false_alarms_per_day > 0:
            raise ValueError("false_alarms_per_day must be above 0: no threshold promises that there is never one")
        wanted = false_alarms_per_day * self.seconds / DAY_S
        if wanted < 1 or not len(self.level):
            return self._beyond(false_alarms_per_day)
        found = float(np.interp(wanted, self.alarms, self.level))
        if self.alarms_at(found) > wanted:  # several blocks share this very score: stay above all of them
            found += _HAIR * max(1.0, abs(found))
        return max(found, LEAST)

    def alarms_at(self, threshold: float) -> int:
        """Alarms that this threshold would have raised in the observed time."""
        reached = int(np.searchsorted(-self.level, -threshold, "right"))
        return int(self.alarms[reached - 1]) if reached else 0

    def expected_per_day(self, threshold: float) -> float:
        """Alarms a day of normal time at this threshold; beyond the data by the tail."""
        if self.extrapolated(threshold):
            return min(self._tail(threshold), DAY_S / self.seconds)
        return float(np.interp(-threshold, -self.level, self.alarms)) * DAY_S / self.seconds

    def upper_rate_per_day(self, threshold: float) -> float:
        """The true rate is at most this, with 95 % confidence, if alarms are independent: assumes no tail.

        No alarm in T hours: at most 3/T an hour.
        """
        return upper_bound(self.alarms_at(threshold)) * DAY_S / self.seconds

    def extrapolated(self, threshold: float) -> bool:
        """Whether no alarm of the observed time reached this threshold, so that its rate is an assumption."""
        return not len(self.level) or threshold > float(self.level[0])

    @property
    def smallest_budget_per_day(self) -> float:
        """The fewest false alarms a day that the observed time can be asked for without extrapolation."""
        return DAY_S / self.seconds

    def arrays(self) -> dict[str, Any]:
        """The arrays, to be stored; ``facts`` is the rest."""
        return {"level": self.level, "alarms": self.alarms, "maxima": self.maxima, "peaks": self.peaks}

    def facts(self) -> dict[str, Any]:
        """Plain values, to be stored beside ``arrays``."""
        return {
            "seconds": self.seconds,
            "segments": self.segments,
            "peaks_seen": self.peaks_seen,
            "block_s": BLOCK_S,
            "counting": asdict(self.counting),
        }

    @classmethod
    def stored(cls, arrays: Mapping[str, Any], facts: Mapping[str, Any]) -> "Calibration":
        """From what ``arrays`` and ``facts`` gave. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for others."""
        made = cls(
            Counting(**facts["counting"]),
            float(facts["seconds"]),
            int(facts["segments"]),
            np.asarray(arrays["level"], np.float64),
            np.asarray(arrays["alarms"], np.int64),
            np.asarray(arrays["maxima"], np.float64),
            np.asarray(arrays["peaks"], np.float64),
            int(facts["peaks_seen"]),
        )
        made._check()
        return made

    def _check(self) -> None:
        rising = all((np.diff(each) >= 0).all() for each in (self.maxima, self.peaks, self.alarms, -self.level))
        if not rising or len(self.level) != len(self.alarms) or self.peaks_seen < len(self.peaks):
            raise ValueError("levels, alarms or blocks are out of order")
        finite = all(np.isfinite(each).all() for each in (self.maxima, self.peaks, self.level))
        if not (self.seconds > 0 and min(len(self.maxima), len(self.peaks)) >= FEWEST_BLOCKS and finite):
            raise ValueError("it is of too few blocks, or not of numbers")

    def _fit(self) -> tuple[float, int, float]:
        """Where the tail begins, how many peaks are in it, and the sum of what they exceed it by.

        The longest tail that is no heavier than an exponential one: whose excesses scatter by no more than their mean
        and the standard error of that ratio.
        """
        most = min(self.peaks_seen // 2, len(self.peaks) - 1)
        inside = min(max(round(TAIL * self.peaks_seen), FEWEST_IN_TAIL), most)
        while True:
            start = float(self.peaks[-inside - 1])
            excess = self.peaks[-inside:] - start
            heavy = float(excess.std()) > float(excess.mean()) * (1 + inside**-0.5)
            if not heavy or inside <= FEWEST_IN_TAIL:
                return start, inside, max(float(excess.sum()), inside * UNIT)
            inside = max(int(inside * SHORTER), FEWEST_IN_TAIL)

    def _beyond(self, rate_per_day: float) -> float:
        """The threshold of the tail.

        Of exponential excesses with sum S, of which k were seen, the next exceeds x with probability
        ``(1 + x / S) ** -k``: the scale's own uncertainty is in it.
        """
        start, inside, excess = self._fit()
        reached = (inside + 1) * DAY_S / self.seconds / rate_per_day
        found = start + excess * (float(reached ** (1 / inside)) - 1)
        return max(found, float(self.level[0]) if len(self.level) else found, LEAST) + _HAIR

    def _tail(self, threshold: float) -> float:
        start, inside, excess = self._fit()
        beyond = 1 + max(threshold - start, 0.0) / excess
        return float((inside + 1) * DAY_S / self.seconds * beyond**-inside)


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
