"""What is known of scores that were left out: how often the threshold is reached that they were left out for.

What alarmed may not be looked at, so time that a rule has watched says nothing of scores above its threshold but how
often that rule believed that normal time reaches it. That rate is taken as it was, neither more nor less: an estimate
from what alarmed, of which nobody knows what was false, would move with every update, always the same way.

How the rate falls above the threshold the alarms say, each with its own score: of n of them the k-th highest is reached
``k / (n + 1)`` times as often as the threshold, on average (order statistics of what exceeds it).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Hold:
    """Of time in which whatever reached a threshold was left out."""

    threshold: float
    per_day: float
    """How often normal time reaches it."""
    seconds: Mapping[int, float]
    """How much time that is, by part of the day."""
    alarms: Sequence[tuple[float, int]] = field(default=())
    """The score of each that was left out, and its part of the day. It may be lower than the threshold, where another
    model scores it."""

    def points(self, weight: Mapping[int, float], most: float) -> list[tuple[float, float]]:
        """Levels and their weights, none of which is more than ``most``: as often as all together the threshold is
        reached. ``weight``: of each part of the day."""
        total = self.expected(weight)
        shares = [(self.threshold, 1.0), *((level, weight[part]) for level, part in self.alarms if part in weight)]
        heavy = total / sum(share for _, share in shares)
        found: list[tuple[float, float]] = []
        for level, share in shares:
            copies = ceil(heavy * share / most)
            found += [(level, heavy * share / copies)] * copies
        return found

    def expected(self, weight: Mapping[int, float]) -> float:
        """How often the threshold is reached in this time, each part with its weight."""
        return self.per_day * sum(lasts * weight.get(part, 0.0) for part, lasts in self.seconds.items()) / DAY_S
