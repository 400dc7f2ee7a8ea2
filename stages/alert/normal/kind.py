"""The feature ``class``: how rare an object's class is among those that came through that part of the picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from stages.alert.normal.feature import Arrays, Look, Told
from stages.alert.normal.lessons import Lessons
from stages.alert.normal.places import Places
from stages.alert.sighting import Box


@dataclass(frozen=True, slots=True)
class Kind:
    """Fulfils ``Feature``. An uncertain class surprises less."""

    name: ClassVar[str] = "class"
    unit: ClassVar[str] = "share of normal objects there"
    quiet: ClassVar[float] = 0.0
    places: Places

    def look(self, look: Look) -> Told | None:
        """As ``Feature``."""
        share = self.places.share(look.observed.class_id, look.observed.box)
        return Told(share, -np.log(share) * look.observed.confidence)

    def rare(self, share: float, box: Box) -> float | None:
        """As ``Feature``."""
        return None

    @property
    def least_p(self) -> float | None:
        """As ``Feature``."""
        return None

    def arrays(self) -> Arrays:
        """As ``Feature``."""
        return {"places.here": self.places.here, "places.anywhere": self.places.anywhere}

    @classmethod
    def learn(cls, lessons: Lessons) -> Self | None:
        """As ``Feature``. All tracks count, those of frames that nothing else is learned from as well."""
        return cls(Places.fit(lessons.whole, classes=lessons.classes, sources=lessons.sources))

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """As ``Feature``."""
        return cls(Places(arrays["places.here"], arrays["places.anywhere"]))
