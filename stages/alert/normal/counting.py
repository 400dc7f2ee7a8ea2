"""How many alarms a threshold would have raised: counted as the rule counts them, for every threshold at once."""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.clock import SECOND

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

GAP_S = 2.0
"""Time between two frames counts as observed up to this."""
EVERY = 300
"""So many of the highest thresholds are tried one by one, lower ones at growing distances."""
GROWTH = 1.02


@dataclass(frozen=True, slots=True)
class Counting:
    """What makes one alarm of many scores: the rule's own options."""

    enter_s: float = 0.3
    """The score must reach the threshold for this long, at every frame."""
    exit_s: float = 1.0
    """The alarm is over when it was below for this long."""
    rearm_s: float = 30.0
    """After that, no other of the same subject for this long."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Scores of a stretch of normal time that the scoring model did not learn from; n rows in order of time.

    ``media_ns`` int64 (n,), ``score`` float64 (n,), ``subject`` int64 (n,) or None: whom each score is about; several
    rows may have one time. A frame without any object has a row of its own, so that its time counts. Raises
    ``ValueError`` for arrays of other lengths, times that run backwards, scores that are not finite.
    """

    media_ns: IntArray
    score: FloatArray
    subject: IntArray | None = None

    def __post_init__(self) -> None:
        if not len(self.media_ns) == len(self.score) == len(self.subject if self.subject is not None else self.score):
            raise ValueError("a segment needs one time, one score and one subject a row")
        if (np.diff(self.media_ns) < 0).any():
            raise ValueError("the times of a segment must not run backwards")
        if not np.isfinite(self.score).all():
            raise ValueError("a score is not finite; a frame that cannot be scored scores 0")

    @property
    def clock_ns(self) -> IntArray:
        """int64 (n,): time observed before each row, in ns; a pause in the footage counts as ``GAP_S`` at most."""
        steps = np.minimum(np.diff(self.media_ns), round(GAP_S * SECOND))
        return np.concatenate([np.zeros(min(len(self.media_ns), 1), np.int64), np.cumsum(steps)])

    @property
    def step_ns(self) -> int:
        """Usual time between two frames."""
        steps = np.diff(np.unique(self.media_ns))
        return int(np.median(steps)) if len(steps) else 0

    @property
    def lasts_ns(self) -> int:
        """Time observed, the last frame's included."""
        return int(self.clock_ns[-1]) + self.step_ns if len(self.media_ns) else 0

    @property
    def seconds(self) -> float:
        """The same in seconds."""
        return self.lasts_ns / SECOND

    def courses(self) -> "list[tuple[IntArray, Course]]":
        """One for each subject, with its rows."""
        who = np.zeros(len(self.score), np.int64) if self.subject is None else self.subject
        order = np.argsort(who, kind="stable")
        rows = np.split(order, np.flatnonzero(np.diff(who[order])) + 1) if len(who) else []
        step_ns = self.step_ns
        return [(each, Course(self.media_ns[each], self.score[each], step_ns)) for each in rows]


class Course:
    """The scores of one subject, ready to be asked for alarms."""

    def __init__(self, media_ns: IntArray, score: FloatArray, step_ns: int) -> None:
        """``step_ns``: usual time between two frames of the camera."""
        self.media_ns = media_ns
        self.score = score
        self._step_ns = step_ns

    def confirmed(self, counting: Counting) -> FloatArray:
        """float64 (n,): the highest threshold that each row confirms, the least score of the last ``enter_s``.

        -inf where the subject has not been known for so long.
        """
        enter_ns, away_ns = round(counting.enter_s * SECOND), round(counting.exit_s * SECOND) + self._step_ns
        times, scores = self.media_ns.tolist(), self.score.tolist()
        found = [-np.inf] * len(times)
        least: deque[int] = deque()
        since = fresh = -1
        for row, (time, score) in enumerate(zip(times, scores, strict=True)):
            if row == 0 or time - times[row - 1] > away_ns:
                fresh, since = row, row - 1
                least.clear()
            while least and scores[least[-1]] >= score:
                least.pop()
            least.append(row)
            while since < row and times[since + 1] <= time - enter_ns:
                since += 1
            while least[0] < since:
                least.popleft()
            if since >= fresh:
                found[row] = scores[least[0]]
        return np.array(found)

    def alarms(self, threshold: float, confirmed: FloatArray, counting: Counting) -> int:
        """How many times it would have been reported at this threshold; ``confirmed`` as given by ``confirmed``."""
        ripe = self.media_ns[confirmed >= threshold].tolist()
        if not ripe:
            return 0
        above = self.media_ns[self.score >= threshold]
        apart = np.flatnonzero(np.diff(above) > round(counting.exit_s * SECOND) + self._step_ns)
        ends, begins = [*above[apart].tolist(), int(above[-1])], [int(above[0]), *above[apart + 1].tolist()]
        quiet_ns = round((counting.exit_s + counting.rearm_s) * SECOND) + self._step_ns
        number = row = 0
        while row < len(ripe):
            number += 1
            over = ends[bisect_right(begins, ripe[row]) - 1]
            row = bisect_left(ripe, over + quiet_ns, row + 1)
        return number


def count(segments: Sequence[Segment], counting: Counting, thresholds: FloatArray) -> IntArray:
    """int64 (len(thresholds),): the alarms that each threshold would have raised in all segments together."""
    courses = [course for each in segments for _, course in each.courses()]
    confirmed = [(course, rows, rows.max()) for course in courses for rows in [course.confirmed(counting)]]
    return np.array(
        [sum(each.alarms(t, rows, counting) for each, rows, top in confirmed if top >= t) for t in thresholds.tolist()],
        np.int64,
    )


def confirmed_rows(segment: Segment, counting: Counting) -> FloatArray:
    """float64 (n,): for each row of a segment the highest threshold that it confirms; see ``Course.confirmed``."""
    found = np.full(len(segment.score), -np.inf)
    for rows, course in segment.courses():
        found[rows] = course.confirmed(counting)
    return found


def tried_levels(segments: Sequence[Segment], counting: Counting) -> FloatArray:
    """Thresholds, falling, at which the number of alarms may change: those that some subject just confirms."""
    courses = [course for each in segments for _, course in each.courses()]
    tops = np.unique(np.concatenate([_tops(each.confirmed(counting)) for each in courses] or [np.zeros(0)]))[::-1]
    ranks = np.unique(np.concatenate([np.arange(min(EVERY, len(tops))), _ranks(len(tops))]))
    return tops[ranks.astype(np.int64)] if len(tops) else tops


def _ranks(length: int) -> IntArray:
    ranks, rank = [], float(EVERY)
    while rank < length:
        ranks.append(int(rank))
        rank *= GROWTH
    return np.array(ranks, np.int64)


def _tops(confirmed: FloatArray) -> FloatArray:
    """The local maxima: between them the number of alarms hardly changes."""
    padded = np.concatenate([[-np.inf], confirmed, [-np.inf]])
    top = (confirmed >= padded[:-2]) & (confirmed >= padded[2:]) & np.isfinite(confirmed)
    return confirmed[top]
