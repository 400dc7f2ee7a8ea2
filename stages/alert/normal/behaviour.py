"""The feature ``behaviour``: how much surer a behaviour classifier is of what somebody does than in normal time.

It is there only where a classifier judged the objects of the footage that was learned from, or their scenes. A scene's
score holds for everybody in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from stages.alert.normal.feature import QUIET, Arrays, Look, Told, nothing
from stages.alert.normal.flow_field import Floats
from stages.alert.normal.lessons import Lessons
from stages.alert.normal.looks import is_due
from stages.alert.normal.observed import Observed
from stages.alert.normal.tail import Tail
from stages.alert.sighting import Box

FEWEST = 50
"""Scores, a second apart for each object: with fewer there is nothing to tell the usual from."""
SUREST = 1e-4
"""No score is nearer to 0 or 1."""
STEEPEST = 0.5
"""The tail falls by e in no less than so much of log odds: footage in which nothing happened looks surer than it is."""
_TAIL = "tail.behaviour."


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Fulfils ``Feature``. Of several behaviours the most surprising counts."""

    name: ClassVar[str] = "behaviour"
    unit: ClassVar[str] = "score of a behaviour classifier"
    quiet: ClassVar[float] = QUIET
    tails: Mapping[str, Tail]
    """By what the classifier says: of the log odds of its score."""

    def look(self, look: Look) -> Told | None:
        """As ``Feature``."""
        value, surprise = nothing(len(look.observed)), nothing(len(look.observed))
        for name, tail in self.tails.items():
            if (score := look.observed.behaviour.get(name)) is not None:
                found = tail.of_values(log_odds(score))
                more = ~np.isnan(found) & ~(found <= surprise)
                value[more], surprise[more] = score[more], found[more]
        return Told(value, surprise)

    def rare(self, share: float, box: Box) -> float | None:
        """As ``Feature``: that of one behaviour, if it is the only one."""
        if len(self.tails) != 1:
            return None
        (tail,) = self.tails.values()
        return float(1 / (1 + np.exp(-tail.value(share))))

    @property
    def least_p(self) -> float | None:
        """As ``Feature``."""
        return max(tail.least_p for tail in self.tails.values())

    def arrays(self) -> Arrays:
        """As ``Feature``."""
        return {f"{_TAIL}{name}": tail.array() for name, tail in self.tails.items()}

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """As ``Feature``."""
        found = {key.removeprefix(_TAIL): Tail.of(each) for key, each in arrays.items() if key.startswith(_TAIL)}
        if not found:
            raise ValueError("behaviour without any")
        return cls(dict(sorted(found.items())))

    @classmethod
    def learn(cls, lessons: Lessons) -> Self | None:
        """As ``Feature``; None where no classifier judged enough.

        A classifier that says several things also says that all is normal: what it is surest of in this footage, and
        that is not looked at.
        """
        told: dict[str, list[float]] = {}
        for clip in lessons.clips:
            for name, scores in _scores(clip).items():
                told.setdefault(name, []).extend(scores)
        enough = {name: np.array(scores) for name, scores in sorted(told.items()) if len(scores) >= FEWEST}
        if len(enough) > 1:
            del enough[max(enough, key=lambda name: float(enough[name].mean()))]
        return cls({name: _tail(scores) for name, scores in enough.items()}) if enough else None


def log_odds(score: npt.NDArray[Any]) -> Floats:
    """Of scores from 0 to 1; NaN stays."""
    inside = np.clip(score.astype(np.float64), SUREST, 1 - SUREST)
    return np.asarray(np.log(inside / (1 - inside)))


def _tail(scores: Floats) -> Tail:
    found = Tail.fit(log_odds(scores))
    return replace(found, excess=max(found.excess, STEEPEST))


def _scores(clip: Sequence[Observed]) -> dict[str, list[float]]:
    """Of each object about once a second, by what is said."""
    last: dict[tuple[str, int], int] = {}
    found: dict[str, list[float]] = {}
    for frame in clip:
        for name, scores in frame.behaviour.items():
            for subject, score in zip(frame.subject.tolist(), scores.tolist(), strict=True):
                if not np.isnan(score) and is_due(last.get((name, subject)), frame.media_ns):
                    last[name, subject] = frame.media_ns
                    found.setdefault(name, []).append(score)
    return found
