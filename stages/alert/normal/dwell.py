"""The feature ``dwell``: for how long an object has been there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from pipeline.clock import SECOND
from stages.alert.normal.feature import QUIET, Arrays, Look, Told, looks
from stages.alert.normal.flow_field import Floats
from stages.alert.normal.lessons import Lessons
from stages.alert.normal.observed import Observed
from stages.alert.normal.survival import Survival
from stages.alert.sighting import Box

LEAST_S = 1.0
"""Who is there longer than anybody was stays so much longer on average, at least."""
ALIVE_NS = SECOND
"""Who was seen this long before a clip's end had not gone yet."""


@dataclass(frozen=True, slots=True)
class Dwell:
    """Fulfils ``Feature``. Who was there when the footage began counts from then, as it does in use; in footage
    that was cut, from when he was first seen all the same."""

    name: ClassVar[str] = "dwell"
    unit: ClassVar[str] = "s since it was first seen"
    quiet: ClassVar[float] = QUIET
    survival: Survival

    def look(self, look: Look) -> Told | None:
        """As ``Feature``."""
        seconds = ages(look)
        return Told(seconds, self.survival.of_values(seconds))

    def rare(self, share: float, box: Box) -> float | None:
        """As ``Feature``."""
        reached = self.survival.value(share)
        return reached if np.isfinite(reached) else None

    @property
    def least_p(self) -> float | None:
        """As ``Feature``."""
        return self.survival.least_p

    def arrays(self) -> Arrays:
        """As ``Feature``."""
        return {"dwell.survival": self.survival.array()}

    @classmethod
    def learn(cls, lessons: Lessons) -> Self | None:
        """As ``Feature``. Each track of the footage as a whole counts once; of a track that is seen in pieces each
        tells of the time in which it was seen."""
        lasted = [each for clip in lessons.whole for each in _lasted(clip)]
        if not lasted:
            return None
        entered, seconds, ended = zip(*lasted, strict=True)
        return cls(Survival.fit(np.array(seconds), np.array(ended, np.bool_), least=LEAST_S, entered=np.array(entered)))

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """As ``Feature``."""
        return cls(Survival.of(arrays["dwell.survival"]))


def ages(look: Look) -> Floats:
    """float64 (n,): seconds."""
    observed = look.observed
    now_s = observed.media_ns / SECOND
    if observed.first_ns is not None:
        return np.asarray((observed.media_ns - observed.first_ns) / SECOND, np.float64)
    return np.array([now_s - notes.setdefault(Dwell.name, [now_s])[0] for notes in look.notes], np.float64)


def _lasted(clip: Sequence[Observed]) -> Iterator[tuple[float, float, bool]]:
    """Of each track how long it had been there when the clip begins, how long when it was last seen, and whether it was
    seen to go."""
    entered: dict[int, float] = {}
    reached: dict[int, tuple[float, int]] = {}
    for look in looks(clip):
        for subject, age in zip(look.observed.subject.tolist(), ages(look).tolist(), strict=True):
            entered.setdefault(subject, age)
            reached[subject] = age, look.observed.media_ns
    for subject, (age, last_ns) in reached.items():
        yield entered[subject], age, last_ns + ALIVE_NS < clip[-1].media_ns
