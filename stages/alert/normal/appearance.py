"""The feature ``appearance``: how little an object looks like anything that was normal on this camera.

Vectors of looks are the detector's own (``stages.detect.embedding``), made length 1 *before* their number of dimensions
is reduced: the length says how strong a pattern is, not which. An object's distance is that of its most similar normal
look. It is looked at about once a second, where it is seen well, and the median of the last three looks counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median_low
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from pipeline.clock import SECOND
from stages.alert.normal.bank import Bank
from stages.alert.normal.feature import QUIET, Arrays, Look, Notes, Told, nothing
from stages.alert.normal.lessons import Lessons
from stages.alert.normal.looks import Looks, is_due
from stages.alert.normal.observed import Observed
from stages.alert.normal.tail import Tail
from stages.alert.sighting import Box

LAST = 3
"""Looks of which the median counts: one wild crop is no event."""
SELF_NS = 20 * SECOND
"""While it is learned, nobody is compared with himself so long before and after: he would always look like himself.
What stays for longer is a part of the scene, and will be there again."""
FEWEST_LOOKS, FEWEST_OBJECTS = 50, 5
"""With less there is nothing to tell the usual from."""

_Owners = npt.NDArray[np.int64]
"""int64 (k, 3): clip, subject and media time in ns of each kept vector."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """Fulfils ``Feature``."""

    name: ClassVar[str] = "appearance"
    unit: ClassVar[str] = "cosine distance from the most similar normal look"
    quiet: ClassVar[float] = QUIET
    bank: Bank
    tail: Tail
    owners: _Owners | None = None
    """While it is learned."""
    clip: int | None = None
    """While it is learned: the clip that is looked at."""

    def look(self, look: Look) -> Told | None:
        """As ``Feature``."""
        self._take(look.observed, look.notes)
        value = nothing(len(look.observed))
        for row, notes in enumerate(look.notes):
            if kept := notes.get(self.name):
                value[row] = median_low(kept[1:])
        return Told(value, self.tail.of_values(value))

    def rare(self, share: float, box: Box) -> float | None:
        """As ``Feature``: the same everywhere."""
        return self.tail.value(share)

    @property
    def least_p(self) -> float | None:
        """As ``Feature``."""
        return self.tail.least_p

    def arrays(self) -> Arrays:
        """As ``Feature``."""
        return {**self.bank.arrays(self.name), f"tail.{self.name}": self.tail.array()}

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """As ``Feature``."""
        return cls(Bank.of(arrays, cls.name), Tail.of(arrays[f"tail.{cls.name}"]))

    @classmethod
    def learn(cls, lessons: Lessons) -> Self | None:
        """As ``Feature``; None for too few looks."""
        seen = [(each, owner) for clip, frames in enumerate(lessons.clips) for each, owner in _due(clip, frames)]
        if len(seen) < FEWEST_LOOKS or len({owner[:2] for _, owner in seen}) < FEWEST_OBJECTS:
            return None
        bank, kept = Bank.fit(np.stack([vector for vector, _ in seen]))
        owners = np.array([owner for _, owner in seen], np.int64)[kept]
        feature = cls(Bank.of(bank.arrays(cls.name), cls.name), Tail.fit(np.zeros(0)), owners)
        values = [value for clip, frames in enumerate(lessons.clips) for value in feature.apart(clip)._values(frames)]
        return replace(feature, tail=Tail.fit(np.array(values)))

    def apart(self, clip: int) -> Self:
        """As ``fitting.Apart``."""
        return self if self.owners is None else replace(self, clip=clip)

    def learned(self) -> Self:
        """As ``fitting.Apart``."""
        return replace(self, owners=None, clip=None)

    def fault(self, looks: Looks | None) -> str:
        """Why these are not the vectors that it was learned from; empty if they are."""
        if looks is None:
            return "the detector gives no vectors"
        width = looks.vector.shape[1]
        if width == self.bank.width:
            return ""
        return f"the detector gives vectors of {width} numbers, the model of normal was learned from {self.bank.width}"

    def _take(self, observed: Observed, notes: Sequence[Notes]) -> list[int]:
        """Look at whom it is time for; their rows."""
        looks, now = observed.looks, float(observed.media_ns)
        if looks is None or self.fault(looks):
            return []  # whoever runs it says so once
        before = [notes[row].get(self.name) for row in looks.row.tolist()]
        due = [place for place, kept in enumerate(before) if is_due(kept[0] if kept else None, now)]
        rows: list[int] = looks.row[due].tolist()
        if not due:
            return []
        distances = self.bank.distances(looks.vector[due], without=self._own(observed, rows)).tolist()
        for row, distance in zip(rows, distances, strict=True):
            kept = notes[row].get(self.name, [])[1:]
            notes[row][self.name] = [now, *[*kept, distance][-LAST:]]
        return rows

    def _own(self, observed: Observed, rows: Sequence[int]) -> npt.NDArray[np.bool_] | None:
        """bool (n, k): which kept vectors are of the objects themselves, of about then."""
        if self.owners is None or self.clip is None:
            return None
        clip, subject, when = self.owners.T
        about_now = (clip == self.clip) & (np.abs(when - observed.media_ns) <= SELF_NS)
        return np.asarray(about_now & (subject == observed.subject[rows, None].astype(np.int64)))

    def _values(self, frames: Sequence[Observed]) -> list[float]:
        """What it says of a clip, each time that somebody is looked at."""
        known: dict[int, Notes] = {}
        values = []
        for each in frames:
            notes = [known.setdefault(subject, {}) for subject in each.subject.tolist()]
            values += [median_low(notes[row][self.name][1:]) for row in self._take(each, notes)]
        return values


def _due(clip: int, frames: Sequence[Observed]) -> list[tuple[npt.NDArray[Any], tuple[int, int, int]]]:
    """The vectors of a clip that are looked at, each with clip, subject and media time."""
    last: dict[int, int] = {}
    found = []
    for each in frames:
        if each.looks is None:
            continue
        for row, vector in zip(each.looks.row.tolist(), each.looks.vector, strict=True):
            subject = int(each.subject[row])
            if is_due(last.get(subject), each.media_ns):
                last[subject] = each.media_ns
                found.append((vector, (clip, subject, each.media_ns)))
    return found
