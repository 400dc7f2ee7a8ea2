"""Event scores by the rules of i-LIDS: which alarms are right, and what that makes (Home Office, i-LIDS user guide).

An alarm is right when it falls within a window after an event's alarm time; each event takes one alarm and each alarm
one event. Among all ways to pair them the one with most pairs counts, and among those the one with least time between.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class TrueEvent:
    """What should be told, and when."""

    time_s: float
    """Alarm time: the first moment at which the definition of the rule is fulfilled, its inertia included."""
    who: frozenset[int] = frozenset()
    """Objects of the truth that it may be said of; empty: of anyone, or of nobody."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """What was told, and when."""

    time_s: float
    who: int = 0
    """Object of the truth that it is about; 0: nobody."""


@dataclass(frozen=True, slots=True)
class Window:
    """When an alarm counts, in seconds about the alarm time. i-LIDS has nothing before and a few seconds after."""

    after_s: float = 3.0
    before_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Score:
    """Counts over any number of scripts; they add up."""

    events: int = 0
    alarms: int = 0
    errors_s: tuple[float, ...] = field(default=())
    """For each pair: the alarm's time less the event's alarm time."""

    @property
    def right(self) -> int:
        """Events that were told."""
        return len(self.errors_s)

    @property
    def recall(self) -> float:
        """Share of the events that were told; NaN without events."""
        return self.right / self.events if self.events else float("nan")

    @property
    def precision(self) -> float:
        """Share of the alarms that were right; NaN without alarms."""
        return self.right / self.alarms if self.alarms else float("nan")

    def f1(self, alpha: float = 1.0) -> float:
        """(alpha + 1) R P / (R + alpha P): above 1, ``alpha`` makes recall matter more, below 1 precision.

        0 when nothing was right, 1 where nothing was to be told and nothing was. It is F-beta with beta squared
        alpha (van Rijsbergen 1979).
        """
        if not self.events and not self.alarms:
            return 1.0
        if not self.right:
            return 0.0
        recall, precision = self.recall, self.precision
        return (alpha + 1) * recall * precision / (recall + alpha * precision)

    def exact(self, tolerance_s: float = 1e-6) -> int:
        """Events told at their alarm time to the frame."""
        return sum(abs(error) <= tolerance_s for error in self.errors_s)

    def __add__(self, other: "Score") -> "Score":
        return Score(self.events + other.events, self.alarms + other.alarms, self.errors_s + other.errors_s)


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which alarm tells which event."""

    pairs: list[tuple[int, int]]
    """Numbers of event and alarm."""
    missed: list[TrueEvent]
    false: list[Alarm]
    score: Score


def pair(events: Sequence[TrueEvent], alarms: Sequence[Alarm], window: Window) -> Pairing:
    """Give alarms to events."""
    late = np.array([[alarm.time_s - event.time_s for alarm in alarms] for event in events], np.float64)
    late = late.reshape(len(events), len(alarms))
    allowed = np.array([[not event.who or alarm.who in event.who for alarm in alarms] for event in events], np.bool_)
    allowed = allowed.reshape(late.shape) & (late >= -window.before_s - 1e-6) & (late <= window.after_s + 1e-6)
    pairs = _assigned(late, allowed)
    told, right = {event for event, _ in pairs}, {alarm for _, alarm in pairs}
    return Pairing(
        pairs,
        missed=[event for number, event in enumerate(events) if number not in told],
        false=[alarm for number, alarm in enumerate(alarms) if number not in right],
        score=Score(len(events), len(alarms), tuple(round(float(late[pair]), 6) for pair in pairs)),
    )


def total(scores: Iterable[Score]) -> Score:
    """All counts together."""
    return sum(scores, Score())


def _assigned(late: npt.NDArray[np.float64], allowed: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Most pairs, then least time: a pair is worth more than all the time that pairs can cost."""
    if not allowed.any():
        return []
    assign: Any = import_module("scipy.optimize").linear_sum_assignment
    worth = 1.0 + len(late) * np.abs(np.where(allowed, late, 0.0)).max()
    rows, columns = assign(np.where(allowed, np.abs(late) - worth, 0.0))
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if allowed[r, c]]
